"""Try a training before it is begun: two real steps, thrown away, tell its pace, its memory and when it would end.

settings → tokens → a process of its own → a step to warm up, two that count, a validation → `TrialDone`

The process keeps the window smooth, can be ended at once, may run out of memory alone, and its memory holds nothing of
an earlier training.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import threading
from collections.abc import Generator, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from lmstudio_app.engine import devices
from lmstudio_app.engine.data import child_process
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import Event, Progress, TrialDone
from lmstudio_app.engine.pipeline import readiness
from lmstudio_app.engine.storage.sizes import describe_bytes
from lmstudio_app.engine.study import trial
from lmstudio_app.engine.task import LANGUAGE_MODELLING, task
from lmstudio_app.engine.training import budget, execution, learners, run_config
from lmstudio_app.engine.training.control import Control
from lmstudio_app.engine.training.settings import TrainingSettings
from lmstudio_app.engine.workspace import Workspace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lmstudio_app.engine.data.corpus import Tokenization
    from lmstudio_app.engine.devices import Device
    from lmstudio_app.engine.run import RunConfig
    from lmstudio_app.engine.training.execution import Execution

STAGE = "Trying two steps"
COUNTED_TOKENS = 200_000
"""As many tokens of the text are counted at most, by a family that counts."""
TICK_SECONDS = 0.1


def preflight(workspace: Workspace, config: RunConfig, control: Control | None = None) -> Generator[Event, None, None]:
    """Take two real steps of the training of `config`, after one that warms up, and validate one batch.

    `Progress` while tokens are made and while the steps are taken, then `TrialDone`, unless `control` stopped it. No
    run is made and nothing of this process changes; tokens that the corpus lacks are made first and kept beside it, as
    a training does. Closing the generator ends it at once. Raises `UserError` where the settings do not suit the text,
    or the memory cannot do by the estimate or in fact.
    """
    control = control or Control()
    try:
        tokens = yield from readiness.tokens(config, workspace.corpus(config.corpus), control)
        if tokens is None:
            return
        readiness.check_tokens(config, tokens)
        vocabulary = tokens.tokenizer.vocabulary
        settled, device = execution.settle(config.execution, learners.work(config, vocabulary))
        readiness.check_memory(config, vocabulary, device)
        _check_free(config, vocabulary, device)
        found = yield from _in_a_process(workspace, replace(config, execution=settled.settings()), control)
        if found is not None:
            yield _summed_up(config, tokens, settled, device, trial.Trial(**found))
    finally:
        control.end()


def _check_free(config: RunConfig, vocabulary: int, device: Device) -> None:
    """Raises `UserError` where the steps need more memory than is free now, by the estimate."""
    needed, free = config.training_bytes(vocabulary), devices.memory_free_bytes(device)
    if needed > free:
        raise UserError(
            "Two steps need about {needed} of memory, and {device} has {free} free. Close other programs, or make the "
            "model smaller.",
            field="model.width",
            needed=describe_bytes(needed),
            device=device.title,
            free=describe_bytes(free),
        )


def _summed_up(
    config: RunConfig, tokens: Tokenization, settled: Execution, device: Device, found: trial.Trial
) -> TrialDone:
    """What the whole training takes at this pace."""
    training, plan, splits = config.training, config.plan, tokens.store.splits
    steps, share, validated = plan.steps, 1.0, splits["validation"].tokens
    if isinstance(training, TrainingSettings):
        validated = min(validated, training.validation_tokens)
        if training.budget in ("epochs", "tokens"):
            steps = budget.steps_of_text(training, cast(Any, config.model).context, splits["training"].tokens)
    else:
        share = min(1.0, (found.step_tokens + 1) / max(1, splits["training"].tokens))  # the first is no target
    checked = found.validation_seconds * validated / max(1, found.validation_tokens)
    each = found.step_seconds / share + checked / plan.validate_every
    each += found.checkpoint_seconds / plan.checkpoint_every if plan.checkpoint_every else 0.0
    if isinstance(training, TrainingSettings) and training.budget == "minutes":
        steps = max(1, math.ceil(60 * training.amount / each))
    sentence = "" if found.finite else DIVERGED
    return TrialDone(
        device=device.title,
        threads=settled.threads,
        steps=steps,
        step_seconds=found.step_seconds / share,
        tokens_per_second=found.step_tokens / found.step_seconds if found.step_seconds else 0.0,
        validation_seconds=checked,
        checkpoint_seconds=found.checkpoint_seconds,
        seconds=steps * each + checked + found.checkpoint_seconds,  # the first validation and the last checkpoint
        memory_bytes=round(found.memory_bytes / share),
        estimated_bytes=config.training_bytes(tokens.tokenizer.vocabulary),
        share=share,
        sentence=sentence,
    )


DIVERGED = "The loss is not a finite number within the first steps: choose a lower learning rate."


# The process ------------------------------------------------------------------------------------------------------


def _in_a_process(
    workspace: Workspace, config: RunConfig, control: Control
) -> Generator[Progress, None, dict[str, Any] | None]:
    """What `main` says in a process of its own; None when it was stopped. Raises `UserError`."""
    program = f"from {__name__} import main; main()"
    process = subprocess.Popen(
        child_process.command(program, str(workspace.folder), json.dumps(config.to_mapping())),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=child_process.environment(),
    )
    said, complaints = list[bytes](), list[bytes]()
    threads = [
        threading.Thread(target=partial(heard.extend, stream), daemon=True)
        for heard, stream in ((said, process.stdout), (complaints, process.stderr))
        if stream is not None
    ]
    for thread in threads:
        thread.start()
    try:
        while process.poll() is None:
            yield Progress(STAGE, 0, 0, "steps")
            try:
                process.wait(TICK_SECONDS)
            except subprocess.TimeoutExpired:
                if control.stopping:
                    return None
    finally:
        process.kill()
        process.wait()
        for thread in threads:
            thread.join()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()
    if process.returncode:
        raise _failure(complaints, process.returncode)
    found: dict[str, Any] = json.loads(said[-1])
    return found


def _failure(complaints: Sequence[bytes], code: int) -> Exception:
    """Why the process ended: in its own sentence, or as a mistake of ours; without a word it was killed."""
    try:
        told = json.loads(complaints[-1])
        return UserError(told["template"], field=told["field"], **told["values"])
    except (ValueError, LookupError, TypeError):
        if code < 0 or not complaints:
            return UserError(
                "The trial was ended from outside, as happens when memory runs out. Make the model or the batch "
                "smaller, or close other programs.",
                field="model.width",
            )
        return RuntimeError(b"".join(complaints).decode("utf-8", "replace"))


def main() -> None:
    """`python -c … WORKSPACE CONFIG`: take the steps and print a `trial.Trial` as JSON."""
    child_process.end_with_parent()
    try:
        workspace = Workspace.open(Path(sys.argv[1]))
        found = _tried(workspace, run_config.from_mapping(json.loads(sys.argv[2])))
    except UserError as error:
        values = {name: str(value) for name, value in error.values.items()}
        told = {"template": error.template, "field": error.field, "values": values}
        sys.stderr.write("\n" + json.dumps(told) + "\n")
        sys.exit(1)
    print(json.dumps(asdict(found)), flush=True)


def _tried(workspace: Workspace, config: RunConfig) -> trial.Trial:
    made = workspace.corpus(config.corpus).made_tokenization(config.tokenizer)
    assert made is not None, "the tokens were made before"
    vocabulary = made.tokenizer.vocabulary
    work = learners.work(config, vocabulary)
    settled, device = execution.settle(config.execution, work)
    make = partial(learners.make_learner, config, vocabulary, device, settled)
    if not work:
        part = task(LANGUAGE_MODELLING).batches(_Part(made), None)
        return trial.counting(make, part, device, config.plan.steps)
    with execution.torch_threads(settled.threads):
        _load(config, device, settled)
        return trial.steps(make, readiness.batches(config, made), device)


def _load(config: RunConfig, device: Device, settled: Execution) -> None:
    """Let a model of next to nothing learn once: the parts of torch that it loads are no memory of the training's."""
    least = {"layers": 1, "width": 16, "heads": 1, "key_value_heads": 0, "context": 8}
    known = {name: value for name, value in least.items() if name in config.described.settings.model_fields}
    training = config.training.model_copy(update={"batch": 2})
    tiny = replace(config, model=config.model.model_copy(update=known), training=training)
    import numpy as np

    from lmstudio_app.engine.data.batches import Batch

    learner = learners.make_learner(tiny, 50, device, settled)
    tokens: NDArray[np.int64] = np.arange(16, dtype=np.int64).reshape(2, 8)
    batch = Batch(tokens, tokens)
    learner.step(1, batch)
    learner.measured()
    learner.check(batch)


class _Part:
    """The first tokens of the training text, and its validation; `Splits` for a family that counts."""

    def __init__(self, made: Tokenization) -> None:
        self._made = made

    def split(self, name: Literal["training", "validation", "test"]) -> NDArray[Any]:
        """The tokens of a split."""
        return self._made.store.split(name)[:COUNTED_TOKENS]
