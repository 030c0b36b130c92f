"""Whether a run can take its first step: what shows only beside its tokens and the device it computes on."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from lmstudio_app.engine.data.tokenizer import listed
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.settings import Problem, SettingsError
from lmstudio_app.engine.storage.sizes import describe_bytes
from lmstudio_app.engine.task import LANGUAGE_MODELLING, Drawing, Splits, task
from lmstudio_app.engine.training import budget
from lmstudio_app.engine.training.settings import TrainingSettings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lmstudio_app.engine.data.batches import Batches
    from lmstudio_app.engine.data.corpus import Corpus, Tokenization
    from lmstudio_app.engine.data.splits import Split
    from lmstudio_app.engine.devices import Device
    from lmstudio_app.engine.events import Progress
    from lmstudio_app.engine.run import RunConfig
    from lmstudio_app.engine.training.control import Control


def batches(config: RunConfig, tokens: Tokenization) -> Batches:
    """What the run learns from at each step. Raises `UserError` where its text is too short for that."""
    training, drawing = config.training, None
    store: Splits = tokens.store
    if isinstance(training, TrainingSettings):
        context = cast(Any, config.model).context
        consecutive = bool(getattr(config.model, "carry_state", False))
        drawing = Drawing(training.batch, context, training.seed, training.validation_tokens, consecutive)
        store = _Beginning(store, training.held_out)
    return task(LANGUAGE_MODELLING).batches(store, drawing)


@dataclass(frozen=True)
class _Beginning:
    """The splits of a corpus, the training text without the share `held_out` at its end."""

    whole: Splits
    held_out: float

    def split(self, name: Split) -> NDArray[np.unsignedinteger[Any]]:
        """The token ids (N,) of one split."""
        found = self.whole.split(name)
        return found[: budget.learned_from(len(found), self.held_out)] if name == "training" else found


def tokens(config: RunConfig, corpus: Corpus, control: Control) -> Generator[Progress, None, Tokenization | None]:
    """The corpus in the tokens of the run, made and kept beside it now if they never were. None when it was stopped
    meanwhile."""
    making = corpus.tokenize(config.tokenizer)
    while True:
        try:
            yield next(making)
        except StopIteration as end:
            found: Tokenization = end.value
            return found
        if control.stopping:
            making.close()
            return None


def check_tokens(config: RunConfig, tokens: Tokenization) -> None:
    """Raises `SettingsError` naming each setting that does not suit the tokens: the sample's prompt, the context."""
    problems = []
    if missing := tokens.tokenizer.missing(config.training.sample_prompt):
        sentence = "The vocabulary lacks what is in the sample prompt: {characters}. Leave it out."
        problems.append(Problem("training.sample_prompt", sentence, {"characters": listed(missing)}))
    try:
        batches(config, tokens)
    except UserError as error:
        problems.append(Problem(error.field, error.template, error.values, error.choices))
    if problems:
        raise SettingsError(problems)


def check_memory(config: RunConfig, vocabulary: int, device: Device) -> None:
    """Raises `SettingsError` where the training needs more than all the memory that `device` has."""
    training = config.training
    if not isinstance(training, TrainingSettings):
        return

    def needed(windows: int) -> int:
        return config.training_bytes(vocabulary, windows)

    if needed(0) <= device.memory_bytes:
        return
    values = {
        "needed": describe_bytes(needed(0)),
        "device": device.title,
        "total": describe_bytes(device.memory_bytes),
    }
    if needed(1) > device.memory_bytes:
        sentence = "Training needs about {needed} of memory, and {device} has {total}. Make the model smaller."
        raise SettingsError([Problem("model.width", sentence, values)])
    fits = training.batch
    while needed(fits) > device.memory_bytes:
        fits //= 2
    sentence = (
        "Training needs about {needed} of memory, and {device} has {total}. Compute {fits} windows at once or less; "
        "the batch stays the same."
    )
    raise SettingsError([Problem("execution.micro_batch", sentence, values | {"fits": fits}, (fits,))])
