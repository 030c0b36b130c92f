"""Find the size of a model that suits this machine: as large as half of the free memory and some minutes allow.

settings → a plain product of matrices (once a session) → a ladder of sizes → the settings with the largest that fits
"""

from __future__ import annotations

import functools
from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from lmstudio_app.engine import devices
from lmstudio_app.engine.data.corpus import Corpus
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.settings import SettingsError, read
from lmstudio_app.engine.study import sizes
from lmstudio_app.engine.study.bench import MatrixProduct
from lmstudio_app.engine.study.sizes import Machine
from lmstudio_app.engine.training import execution
from lmstudio_app.engine.training.run_config import RunConfig
from lmstudio_app.engine.training.settings import TrainingSettings

if TYPE_CHECKING:
    from lmstudio_app.engine.workspace import Workspace

SECONDS = 600.0
"""About as long the training may take."""
MEMORY_SHARE = 0.5
"""What of the free memory it may take."""
MEASURED = 3


@functools.cache
def operations_per_second(device: str, threads: int) -> float:
    """What a plain product of matrices reaches here, measured once: the middle of three tenths of a second."""
    with execution.torch_threads(threads):
        product = MatrixProduct(device)
        return sorted(product.measure() for _ in range(MEASURED))[MEASURED // 2]


def this_machine(config: RunConfig) -> Machine:
    """What the device of `config` can do and has free. Imports torch, and measures where that was not done yet."""
    device = devices.choose_device(config.execution.device)
    threads = (config.execution.threads or devices.cores()) if device.kind == "cpu" else 1
    return Machine(operations_per_second(device.name, threads), devices.memory_free_bytes(device))


def fit_machine(
    workspace: Workspace,
    config: RunConfig,
    machine: Machine | None = None,
    *,
    style: str | None = None,
    kept: Collection[str] = (),
) -> tuple[RunConfig, float]:
    """`config` with the largest size that needs at most half of the free memory of `machine` (None: this one) and takes
    its steps within about ten minutes, and the seconds that they take then. `style` says how the size is built;
    settings of the model that are `kept` stay as they are. The smallest where none does.

    The same for the same figures. Raises `UserError` for a family that counts.
    """
    family = config.described
    if not isinstance(config.training, TrainingSettings):
        raise UserError(
            "The family “{family}” learns by counting: its size does not depend on the machine. Choose another preset.",
            field="preset",
            choices=tuple(family.presets),
            family=family.title,
        )
    machine = machine or this_machine(config)
    vocabulary = _vocabulary(workspace.corpus(config.corpus), config)
    best: tuple[RunConfig, float] | None = None
    refused: SettingsError | None = None
    for size in sizes.ladder(family):
        own = config.model.model_dump()
        values = own | size | {name: own[name] for name in kept}
        styled = {n: v for n, v in family.styles[style].model(values).items() if n not in kept} if style else {}
        try:
            tried = replace(config, model=read(family.settings, values | styled, "model"))
        except SettingsError as error:  # what is kept does not go with this size
            refused = error
            continue
        seconds = _seconds(tried, vocabulary, machine)
        if best is None or (
            seconds <= SECONDS and tried.training_bytes(vocabulary) <= MEMORY_SHARE * machine.free_bytes
        ):
            best = tried, seconds
    if best is None and refused is not None:
        raise refused
    return cast("tuple[RunConfig, float]", best)


def _seconds(config: RunConfig, vocabulary: int, machine: Machine) -> float:
    training = cast(TrainingSettings, config.training)
    each = sizes.seconds_of_step(config.described, config.model, vocabulary, training.batch, machine)
    return each * training.steps


def _vocabulary(corpus: Corpus, config: RunConfig) -> int:
    """The kinds of tokens that the model will know; those wanted where the corpus is not in these tokens yet."""
    made = corpus.made_tokenization(config.tokenizer)
    return made.tokenizer.vocabulary if made is not None else config.tokenizer.vocabulary
