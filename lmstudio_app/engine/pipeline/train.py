"""Train a run: fresh, or on from its last checkpoint, in the same way.

corpus → tokens → batches ┐
settings → model → learner ┴→ the loop → rows, samples and checkpoints in the run's folder → events
"""

from __future__ import annotations

import contextlib
import itertools
import traceback
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from lmstudio_app.engine import devices
from lmstudio_app.engine.data.corpus import Corpus
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import Event, GenerationEnded, JobPaused, JobResumed, Noted, RunEnded, RunStarted
from lmstudio_app.engine.generation.settings import SamplingSettings
from lmstudio_app.engine.pipeline import distributed, readiness
from lmstudio_app.engine.run import Run
from lmstudio_app.engine.storage.atomic import present
from lmstudio_app.engine.training import budget, checkpoint, execution, learners, loop, status
from lmstudio_app.engine.training.checkpoint import Damaged, Progress
from lmstudio_app.engine.training.control import Control
from lmstudio_app.engine.training.loop import Job
from lmstudio_app.engine.training.record import METRICS, Record
from lmstudio_app.engine.training.settings import TrainingSettings
from lmstudio_app.engine.training.text_bytes import TextBytes

if TYPE_CHECKING:
    from lmstudio_app.engine.data.corpus import Tokenization
    from lmstudio_app.engine.devices import Device
    from lmstudio_app.engine.model import Model, State
    from lmstudio_app.engine.training.execution import Execution


HALVED = (
    "A step did not fit into the memory; {windows} windows are computed at once from now on. The batch is the same."
)
ENDED_EARLY = "Ended early after step {step}: the last {validations} validations were no better than one before."


@dataclass(frozen=True)
class _Start:
    """Where a run goes on: the saved state, None for a fresh one, and how many ranks computed it so far
    (0: none), and what had to be passed over."""

    state: State | None
    progress: Progress
    ranks: int
    damaged: tuple[Damaged, ...] = ()


def train(
    run: Run, control: Control | None = None, *, execution: Mapping[str, Any] | None = None
) -> Generator[Event, None, None]:
    """Train `run` to its end. `execution` changes device or threads of a run that has begun ({"device": "cpu"}).

    `RunStarted` comes first, but for the `Progress` of tokens made now; `RunEnded` comes last. Closing the generator
    or `control.stop()` ends the training after its present step and keeps a checkpoint; both can be resumed. A full
    disk pauses it (`JobPaused` with a reason) until `control.resume()` or `stop()`.

    Raises `Held` when somebody else trains the run, `UserError` for what a person can mend, and whatever else goes
    wrong; the run is then "failed" and its last checkpoint stays.
    """
    control = control or Control()
    try:
        with run.lock(), _awake():
            yield from _followed(run, control, execution)
    finally:
        control.end()


def _followed(run: Run, control: Control, wanted: Mapping[str, Any] | None) -> Iterator[Event]:
    """The training, with `log.txt` and the run's state kept up to date."""
    with contextlib.ExitStack() as stack:
        note: Callable[..., None] = partial(_note, run)
        waiting = ""  # why it waits by itself, as for a full disk
        try:
            start = _start(run)
            yield from _noted(run, [Noted(damage.template, damage.values) for damage in start.damaged])
            note("running")
            tokens = yield from _tokens(run, control, fresh=start.state is None)
            if tokens is None:
                note("stopped")
                saved = start.progress.step
                yield RunEnded(run.name, str(run.folder), saved, "stopped", saved)
                return
            record, job, device = _prepared(run, start, tokens, wanted, stack)
            note = record.state
            step, steps = start.progress.step, job.plan.steps
            run.log(f"{'Resumed after' if step else 'Started at'} step {step} of {steps} on {device.title}.")
            parameters = record.parameters
            yield RunStarted(run.name, str(run.folder), step, steps, parameters, device.title)
            yield from _noted(run, [*distributed.changed_ranks(run, start.ranks), *_lost_rows(run, record)])
            told: list[str] = []
            for event in itertools.chain(_learned(run, job, control), _early_end(job, record)):
                if isinstance(event, JobPaused):
                    waiting = event.reason
                    note("paused", waiting)
                    run.log(f"Paused after step {event.step}. {event.reason}".rstrip())
                elif isinstance(event, JobResumed):
                    waiting = ""
                    note("running")
                    run.log(f"Went on after step {event.step}.")
                elif isinstance(event, Noted):
                    told.append(event.sentence.format(**event.values))
                yield event
            outcome: Literal["finished", "stopped"] = "finished" if _complete(job, record) else "stopped"
            note(outcome, " ".join(told))
            run.log(" ".join([f"{outcome.capitalize()} after step {record.step}.", *told]))
            yield RunEnded(run.name, str(run.folder), record.step, outcome, record.progress.step)
        except (GeneratorExit, KeyboardInterrupt):
            if run.status.state not in ("finished", "stopped"):
                with contextlib.suppress(UserError):
                    note("stopped", waiting)
                run.log(f"Stopped. {waiting}".rstrip())
            raise
        except Exception as error:
            expected = isinstance(error, UserError)
            reason = str(error) if expected else f"{type(error).__name__}: {error}"
            with contextlib.suppress(UserError):  # what it failed of may be that nothing can be written
                note("failed", reason)
            run.log(f"Failed. {reason}" if expected else f"Failed. {reason}\n{traceback.format_exc()}".rstrip())
            raise


def _learned(run: Run, job: Job, control: Control) -> Iterator[Event]:
    """The loop itself, on all ranks where there are several."""
    return _kept_small(run, job, distributed.together(run, job, loop.train, control))


def _kept_small(run: Run, job: Job, events: Iterator[Event]) -> Iterator[Event]:
    """`events`, and word of a micro-batch that had to become smaller, which is the run's own from then on."""
    learner: Any = job.learner
    for event in events:
        now = getattr(learner, "micro_batch", None)  # a family that counts has none
        if run.execution is not None and now is not None and now != run.execution.micro_batch:
            run.settle(replace(run.execution, micro_batch=now), run.config.corpus_hash)
            yield from _noted(run, [Noted(HALVED, {"windows": now})])
        yield event


def _early_end(job: Job, record: Record) -> Iterator[Noted]:
    """Say so where a training ended before its last step by itself; to be asked when it has ended."""
    if record.step < job.plan.steps and _complete(job, record):
        yield Noted(ENDED_EARLY, {"step": record.step, "validations": record.progress.waited})


def _lost_rows(run: Run, record: Record) -> list[Noted]:
    sentence = "{count} rows of earlier steps are missing in “{path}”; the training goes on without them."
    missing = record.lost_rows
    return [Noted(sentence, {"count": missing, "path": str(run.folder / METRICS)})] if missing > 0 else []


def _noted(run: Run, notes: list[Noted]) -> Iterator[Noted]:
    """Tell what was found at the start, in `log.txt` too."""
    for note in notes:
        run.log(note.sentence.format(**note.values))
        yield note


def _complete(job: Job, record: Record) -> bool:
    done = record.progress
    return job.plan.complete(done.step, done.validated, done.sampled, done.waited)


def _start(run: Run) -> _Start:
    """The newest sound checkpoint. Raises `UserError` when there are some and none is sound."""
    damaged: list[Damaged] = []
    ranks = run.execution.ranks if run.execution is not None else 0
    for saved in reversed(run.checkpoints()):
        try:
            state, progress = checkpoint.load(saved.folder)
        except Damaged as error:
            damaged.append(error)
        else:
            return _Start(state, progress, ranks, tuple(damaged))
    if damaged:
        raise UserError(
            "The run “{name}” cannot go on: all its checkpoints are damaged. {reason}",
            name=run.name,
            reason=str(damaged[0]),
        )
    return _Start(None, Progress(), ranks)


def _prepared(
    run: Run, start: _Start, tokens: Tokenization, wanted: Mapping[str, Any] | None, stack: contextlib.ExitStack
) -> tuple[Record, Job, Device]:
    """Everything the loop needs. Files that it opens are closed, and threads set back, by `stack`."""
    tokenizer = tokens.tokenizer
    device = _settled(run, tokens, wanted, stack)
    config = run.config
    assert run.execution is not None
    learner = learners.make_learner(config, tokenizer.vocabulary, device, run.execution, state=start.state)
    parameters = config.described.parameters(config.model, tokenizer.vocabulary)
    record = Record(run.folder, start.progress, parameters, config.plan.keep_every)
    stack.callback(record.close)
    job = Job(
        learner=learner,
        batches=readiness.batches(config, tokens),
        plan=config.plan,
        keeper=record,
        training_bytes=TextBytes.of(tokens, "training"),
        validation_bytes=TextBytes.of(tokens, "validation"),
        write_sample=_sampler(run, tokens),
        memory_bytes=lambda: devices.memory_used_bytes(device.name),
        progress=start.progress,
    )
    return record, job, device


def _tokens(run: Run, control: Control, *, fresh: bool) -> Generator[Event, None, Tokenization | None]:
    """The corpus in the run's tokens, made now if it never was; a fresh run gets its own copy of the tokenizer.

    None when it was stopped meanwhile.
    """
    if not present(run.corpus_folder):
        raise UserError(
            "The corpus “{corpus}” of the run “{run}” is not in the workspace. Put it back, or start a new run.",
            corpus=run.config.corpus,
            run=run.name,
        )
    corpus = Corpus.open(run.corpus_folder)
    if run.config.corpus_hash and corpus.data_hash != run.config.corpus_hash:
        raise UserError(
            "The corpus “{corpus}” has changed since the run “{run}” was made. Start a new run on it.",
            corpus=corpus.name,
            run=run.name,
        )
    tokens = yield from readiness.tokens(run.config, corpus, control)
    if tokens is None:
        return None
    if fresh:
        run.keep_tokenizer(tokens.tokenizer)
    else:
        own, every = run.tokenizer(), np.arange(tokens.tokenizer.vocabulary)
        if own.vocabulary != len(every) or list(own.pieces(every)) != list(tokens.tokenizer.pieces(every)):
            raise UserError(
                "The tokenizer of the corpus “{corpus}” is not that of the run “{run}”. Start a new run.",
                corpus=corpus.name,
                run=run.name,
            )
    readiness.check_tokens(run.config, tokens)
    return tokens


def _settled(run: Run, tokens: Tokenization, wanted: Mapping[str, Any] | None, stack: contextlib.ExitStack) -> Device:
    """Settle what depends on the machine, once for all resumes, and note it in `run.toml`."""
    config, vocabulary, fresh = run.config, tokens.tokenizer.vocabulary, run.execution is None
    work, place = learners.work(config, vocabulary), distributed.place_of(config)
    if place is not None:
        work /= place.ranks
    if run.execution is None:
        settled, device = execution.settle(execution.changed(config.execution, wanted), work)
    else:
        settled, device = execution.settle_again(run.execution, wanted, work)
    settled, device = distributed.settled(settled, device, place, chosen=bool(config.execution.threads))
    readiness.check_memory(replace(config, execution=settled.settings()), vocabulary, device)
    if work or config.described.composed:
        stack.enter_context(execution.torch_threads(settled.threads))
    if settled != run.execution:
        steps = _steps(run, tokens, device, settled) if fresh else None
        run.settle(settled, config.corpus_hash, steps)
    return device


def _steps(run: Run, tokens: Tokenization, device: Device, settled: Execution) -> int | None:
    """How many steps the budget of a fresh run comes to; None where it is in steps."""
    training = run.config.training
    if not isinstance(training, TrainingSettings) or training.budget == "steps":
        return None
    if training.budget == "minutes":
        trial = learners.make_learner(run.config, tokens.tokenizer.vocabulary, device, settled)
        return budget.steps_of_time(training, trial, readiness.batches(run.config, tokens))
    context = cast(Any, run.config.model).context
    return budget.steps_of_text(training, context, tokens.store.splits["training"].tokens)


def _sampler(run: Run, tokens: Tokenization) -> Callable[[Model, Callable[[], bool]], tuple[str, str]]:
    """Lets a model write the run's sample, always with the same chances."""
    from lmstudio_app.engine.generation.stream import write

    training = run.config.training
    settings = SamplingSettings(length=training.sample_length, seed=training.seed)

    def sample(model: Model, stopping: Callable[[], bool]) -> tuple[str, str]:
        text = ""
        for event in write(model, tokens.tokenizer, training.sample_prompt, settings, stopping):
            if isinstance(event, GenerationEnded):
                text = event.text
        return training.sample_prompt, text

    return sample


def _note(run: Run, state: status.RunState, reason: str = "") -> None:
    """Note the state of a run that has not come as far as to have a `Record`."""
    status.write_status(run.folder, replace(status.read_status(run.folder), state=state, reason=reason))


@contextlib.contextmanager
def _awake() -> Iterator[None]:
    """Keep the computer from falling asleep, where its system lets us."""
    from wakepy import keep

    with keep.running(on_fail="pass"):
        yield
