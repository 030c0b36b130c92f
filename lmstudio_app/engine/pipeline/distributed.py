"""A training that torchrun has started as several processes: what rank 0 does beside it, and all that the others do."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import Event, Noted
from lmstudio_app.engine.pipeline import readiness
from lmstudio_app.engine.run import Run, RunConfig
from lmstudio_app.engine.training import checkpoint, execution, learners, ranks
from lmstudio_app.engine.training.control import Control
from lmstudio_app.engine.training.lines import RankLost
from lmstudio_app.engine.training.settings import TrainingSettings
from lmstudio_app.engine.training.status import read_status, write_status

if TYPE_CHECKING:
    from lmstudio_app.engine.devices import Device
    from lmstudio_app.engine.training.execution import Execution
    from lmstudio_app.engine.training.loop import Job
    from lmstudio_app.engine.training.ranks import Place


def place_of(config: RunConfig) -> Place | None:
    """The place of this process among those that share the run's batches; None where it works alone, as always for a
    family that counts. Raises `UserError` for settings that cannot be shared."""
    place, training = ranks.launched(), config.training
    if place is None or not isinstance(training, TrainingSettings):
        return None
    carries = bool(getattr(config.model, "carry_state", False))
    ranks.check_shareable(place.ranks, batch=training.batch, carries_state=carries)
    if training.budget == "minutes":
        raise UserError(
            "A budget in minutes is timed on one process. Give it in steps, epochs or tokens here.",
            field="training.budget",
        )
    return place


def settled(before: Execution, device: Device, place: Place | None, *, chosen: bool) -> tuple[Execution, Device]:
    """How each rank computes, and on which device this one; threads that were not `chosen` share the machine."""
    if place is None:
        return before, device
    threads = before.threads if chosen else ranks.threads_beside(before.threads, place)
    return replace(before, ranks=place.ranks, threads=threads), place.device(device)


def changed_ranks(run: Run, before: int) -> list[Noted]:
    """Word of another number of processes than `before`, which is 0 for a fresh run."""
    now = run.execution.ranks if run.execution is not None else 1
    if before in (0, now):
        return []
    sentence = (
        "It was computed by {before} ranks so far and is by {now} from now on. The batches are the same; the last bits "
        "of the losses may differ."
    )
    return [Noted(sentence, {"before": before, "now": now})]


def together(run: Run, job: Job, train: Callable[[Job, Control], Iterator[Event]], control: Control) -> Iterator[Event]:
    """`train(job, control)`, on all ranks where there are several. Raises `RankLost`."""
    place = ranks.launched()
    if place is None:
        yield from train(job, control)
        return
    with ranks.leading(place, partial(_given_up, run)) as lines:
        training = run.config.training
        if not isinstance(training, TrainingSettings):
            lines.say({"end": True})
            yield from train(job, control)
            return
        learner: Any = job.learner
        lines.say({"run": str(run.folder.resolve()), "after": job.progress.step})
        with ranks.explained(lines):
            ranks.same_weights(learner, place, training.batch)
        yield from train(replace(job, learner=ranks.Leading(learner, lines, place)), control)


def _given_up(run: Run, why: UserError) -> None:
    """The end of rank 0 whose own thread waits for a rank that is gone, as NCCL lets it."""
    with contextlib.suppress(UserError):
        write_status(run.folder, replace(read_status(run.folder), state="failed", reason=str(why)))
    run.log(f"Failed. {why}")
    _ended(why)


def _ended(why: UserError) -> None:
    """End this process at once, with the sentence."""
    with contextlib.suppress(OSError):
        print(f"Error: {why}", file=sys.stderr, flush=True)
    os._exit(1)


def follow_ranks(met: Callable[[], None] = lambda: None) -> None:
    """All that a rank other than 0 does: what rank 0 says, until the training is over. `met()` is called once rank 0
    is there. Raises `RankLost`."""
    place = ranks.launched()
    assert place is not None
    run: Run | None = None
    try:
        with ranks.following(place, _ended) as line, contextlib.ExitStack() as stack:
            met()
            message = line.hear()
            if "run" not in message:
                return
            run = Run.open(Path(message["run"]))
            learner, batches = _prepared(run, int(message["after"]), place, stack)
            ranks.follow(learner, batches, line, place)
    except RankLost as error:
        if run is not None and place.rank == 1:
            run.log(f"Failed. {error}")
        raise


def _prepared(run: Run, step: int, place: Place, stack: contextlib.ExitStack) -> tuple[Any, Any]:
    """The same learner as that of rank 0 after `step`, and its batches."""
    from lmstudio_app.engine.data.corpus import Corpus

    config, settled = run.config, run.execution
    assert settled is not None and isinstance(config.training, TrainingSettings)
    making = readiness.tokens(config, Corpus.open(run.corpus_folder), Control())
    tokens = None
    while tokens is None:
        try:
            next(making)
        except StopIteration as end:
            tokens = end.value
    state = None
    for saved in run.checkpoints():
        if saved.step == step:
            state, _ = checkpoint.load(saved.folder)
    if step and state is None:
        raise UserError("The checkpoint of step {step} cannot be seen from here: {path}.", step=step, path=run.folder)
    _, device = execution.settle(settled.settings(), 1.0)
    stack.enter_context(execution.torch_threads(settled.threads))
    learner: Any = learners.make_learner(
        config, tokens.tokenizer.vocabulary, place.device(device), settled, state=state
    )
    ranks.same_weights(learner, place, config.training.batch)
    return learner, readiness.batches(config, tokens)
