"""The only training loop. It knows a `Learner`, what is due at which step, and what a person asks of it.

Its heart: take a step, then do whatever is due (metrics read, validation, sample, checkpoint), always between steps.
Everything is on disk before it is reported.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from lmstudio_app.engine.data.batches import Batches
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import (
    CheckpointSaved,
    Event,
    JobPaused,
    JobResumed,
    Noted,
    SampleWritten,
    StepDone,
    Validated,
)
from lmstudio_app.engine.model import Learner, Likelihood, Model, State
from lmstudio_app.engine.storage.atomic import DiskFull
from lmstudio_app.engine.training.checkpoint import Checkpoint, Progress
from lmstudio_app.engine.training.control import Control
from lmstudio_app.engine.training.plan import Plan
from lmstudio_app.engine.training.text_bytes import TextBytes, bits_per_byte

READ_SECONDS = 0.2
"""How long measurements may stay on the device."""

Result = TypeVar("Result")


class Keeper(Protocol):
    """Where the results of a training go; `Record` keeps them in the run's folder. What raises `UserError` has kept
    nothing."""

    def rows(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Keep rows of metrics."""

    def sample(self, row: Mapping[str, Any]) -> None:
        """Keep a sample."""

    def checkpoint(self, state: State, progress: Progress) -> tuple[Checkpoint, bool]:
        """Keep everything needed to go on; says whether it is the best so far."""


@dataclass(frozen=True)
class Job:
    """What is trained, on what, for how long, and what the loop needs of the world around it.

    `training_bytes` and `validation_bytes` know the text behind tokens; `write_sample(model, stopping)` lets the model
    write and gives prompt and text; `memory_bytes()` is what is in use now. It goes on from `progress`.
    """

    learner: Learner
    batches: Batches
    plan: Plan
    keeper: Keeper
    training_bytes: TextBytes
    validation_bytes: TextBytes
    write_sample: Callable[[Model, Callable[[], bool]], tuple[str, str]]
    memory_bytes: Callable[[], int]
    progress: Progress


class Diverged(UserError):  # noqa: N818  (the name says what happened)
    """The loss or a gradient is no finite number any more."""

    def __init__(self, step: int) -> None:
        super().__init__(
            "The loss is not a finite number since step {step}: the training has diverged. The checkpoints before it "
            "are kept. Train again with a lower learning rate.",
            field="training.learning_rate",
            step=step,
        )


class _GivenUp(Exception):  # noqa: N818
    """The person stopped the job while something could not be kept, since the disk is `full`."""

    def __init__(self, full: DiskFull) -> None:
        super().__init__(str(full))
        self.full = full


@dataclass
class _Step:
    """What the loop itself knows of a step whose measurements are still on the device."""

    tokens: int
    text_bytes: float
    code_bits: float
    seconds: float


def train(job: Job, control: Control) -> Iterator[Event]:
    """Train to the end of the plan, or until `control` says stop.

    Yields every row, sample, checkpoint and pause. Ends with a checkpoint of the last step, also when the generator is
    closed. Raises `Diverged`, or `UserError` when results cannot be kept; a full disk pauses the job instead. Where it
    is stopped then, it notes what is lost.
    """
    loop = _Loop(job, control)
    try:
        yield from loop.run()
    except _GivenUp as given_up:
        yield from loop.lost(given_up.full)
    except GeneratorExit:
        loop.save_unheard()
        raise


class _Loop:
    def __init__(self, job: Job, control: Control) -> None:
        self._job, self._control = job, control
        self._learner, self._plan, self._keeper = job.learner, job.plan, job.keeper
        self._progress = job.progress
        self._saved = _place(job.progress)
        self._started = time.perf_counter() - job.progress.seconds
        self._unread: dict[int, _Step] = {}
        self._unread_since = 0.0
        self._rows: list[dict[str, Any]] = []  # read, not kept yet
        self._diverged: int | None = None
        self._pausing = False

    # Steps ------------------------------------------------------------------------------------------------------

    def run(self) -> Iterator[Event]:
        yield from self._due()  # step 0, or what an interrupted training still owes
        while not self._ended and not self._control.stopping:
            self._step(self._progress.step + 1)
            if time.perf_counter() - self._unread_since > READ_SECONDS:
                yield from self._read()
            yield from self._due()
            yield from self._requests()
        yield from self._save()

    @property
    def _ended(self) -> bool:
        return self._progress.step >= self._plan.steps or self._plan.ends_early(self._progress.waited)

    def _step(self, number: int) -> None:
        if not self._unread:
            self._unread_since = time.perf_counter()
        batch = self._job.batches.at(number)
        self._learner.step(number, batch)
        text_bytes, code_bits = self._job.training_bytes.measure(batch.targets)
        self._unread[number] = _Step(batch.targets.size, text_bytes, code_bits, self._seconds())
        self._progress = replace(self._progress, step=number, validation_loss=None, validation_bits_per_byte=None)

    def _due(self) -> Iterator[Event]:
        step, plan = self._progress.step, self._plan
        if plan.validates(step) and self._progress.validated < step:
            yield from self._validate()
        if plan.samples(step) and self._progress.sampled < step and not self._control.stopping:
            yield from self._sample()
        if plan.saves(step):
            yield from self._save()

    # What is measured -------------------------------------------------------------------------------------------

    def _read(self) -> Iterator[Event]:
        """Fetch the measurements of the steps since the last time, put them on disk, report them."""
        if self._unread:
            self._rows += self._fetched()
        if rows := self._rows:
            yield from self._kept(lambda: self._keeper.rows(rows))
            self._rows = []
        for row in rows:
            yield StepDone(row)
        self._refuse_divergence()

    def _fetched(self) -> list[dict[str, Any]]:
        measured = self._learner.measured()
        elapsed = time.perf_counter() - self._unread_since
        tokens = sum(step.tokens for step in self._unread.values())
        shared = {
            "tokens_per_second": round(tokens / elapsed, 1) if elapsed else None,
            "memory_bytes": self._job.memory_bytes(),
        }
        rows = [self._row(row, self._unread[row["step"]]) | shared for row in measured]
        self._unread.clear()
        for row in rows:
            broken = row["training_loss"] is None or row.get("gradient_norm", 0) is None
            if broken and self._diverged is None and not row.get("skipped"):
                self._diverged = row["step"]
        return rows

    def _row(self, measured: Mapping[str, Any], step: _Step) -> dict[str, Any]:
        nats = float(measured["training_loss"]) * step.tokens
        row = {
            "step": measured["step"],
            "training_bits_per_byte": bits_per_byte(nats, step.text_bytes, step.code_bits),
            **measured,
            "seconds": round(step.seconds, 4),
        }
        return {name: _finite(value) for name, value in row.items()}

    def _validate(self) -> Iterator[Event]:
        """Score the validation batches; a stop leaves it undone, to be done after a resume."""
        yield from self._read()
        total, text_bytes, code_bits = Likelihood(0.0, 0), 0.0, 0.0
        for batch in self._job.batches.validation():
            yield from self._requests()
            if self._control.stopping:
                return
            total += self._learner.check(batch)
            batch_bytes, batch_code = self._job.validation_bytes.measure(batch.targets)
            text_bytes, code_bits = text_bytes + batch_bytes, code_bits + batch_code
        step, loss = self._progress.step, _finite(total.nats / total.tokens)
        bits = bits_per_byte(total.nats, text_bytes, code_bits)
        row = {"step": step, "validation_bits_per_byte": bits, "validation_loss": loss}
        row["seconds"] = round(self._seconds(), 4)
        yield from self._kept(lambda: self._keeper.rows([row]))
        self._progress = self._progress.validated_with(loss, bits)
        if loss is None:
            self._diverged = step
        else:
            self._learner.validated(loss)
        yield Validated(row)
        self._refuse_divergence()

    def _sample(self) -> Iterator[Event]:
        yield from self._read()
        step = self._progress.step
        prompt, text = self._job.write_sample(self._learner.snapshot(), lambda: self._control.stopping)
        if self._control.stopping:
            return  # cut short; it is written after a resume
        row = {"step": step, "prompt": prompt, "text": text}
        yield from self._kept(lambda: self._keeper.sample(row))
        self._progress = replace(self._progress, sampled=step)
        yield SampleWritten(step, prompt, text)

    def _refuse_divergence(self) -> None:
        if self._diverged is not None:
            raise Diverged(self._diverged)

    # Saving -----------------------------------------------------------------------------------------------------

    def _save(self) -> Iterator[Event]:
        """A checkpoint of the present step, unless there is one. At step 0 there is nothing to keep."""
        yield from self._read()
        if self._progress.step == 0 or self._saved == _place(self._progress):
            return
        saved, best = yield from self._kept(self._checkpoint)
        yield CheckpointSaved(saved.step, str(saved.folder), best)

    def _checkpoint(self) -> tuple[Checkpoint, bool]:
        progress = replace(self._progress, seconds=self._seconds())
        result = self._keeper.checkpoint(self._learner.state(), progress)
        self._saved = _place(progress)
        return result

    def lost(self, full: DiskFull) -> Iterator[Event]:
        """Say what could not be saved, and why."""
        if self._progress.step > self._saved[0]:
            yield Noted(full.template, full.values)
            yield Noted("What was learned since step {step} could not be saved.", {"step": self._saved[0]})

    def save_unheard(self) -> None:
        """Keep what can be kept while nobody listens any more."""
        self._control.stop()  # so that a full disk does not wait for somebody
        try:
            for _ in self._save():
                pass
        except (UserError, _GivenUp):
            return  # the last checkpoint stays

    # Requests ---------------------------------------------------------------------------------------------------

    def _requests(self) -> Iterator[Event]:
        """Do what was asked for."""
        self._control.serve(self._learner.snapshot)
        if self._control.take_checkpoint():
            yield from self._save()
        if self._control.paused and not self._control.stopping:
            yield from self._read()
            yield from self._pause()

    def _pause(self, full: DiskFull | None = None) -> Iterator[Event]:
        """Wait until told otherwise. On a `full` disk nothing can be saved meanwhile."""
        saving = full is None
        began, outermost = time.perf_counter(), not self._pausing
        self._pausing = True
        step = self._progress.step
        yield JobPaused(step) if full is None else JobPaused(step, str(full), full.template, full.values)
        while self._control.paused and not self._control.stopping:
            self._control.serve(self._learner.snapshot)
            if saving and self._control.take_checkpoint():
                yield from self._save()
            self._control.wait(checkpoints=saving)
        if outermost:
            self._pausing = False
            self._started += time.perf_counter() - began
        if not self._control.stopping:
            yield JobResumed(self._progress.step)

    def _kept(self, keep: Callable[[], Result]) -> Generator[Event, None, Result]:
        """`keep()`; on a full disk the job pauses, and tries again when it is told to go on."""
        while True:
            try:
                return keep()
            except DiskFull as error:
                if not self._control.stopping:
                    self._control.pause()
                    yield from self._pause(error)
                if self._control.stopping:
                    raise _GivenUp(error) from error

    def _seconds(self) -> float:
        return time.perf_counter() - self._started


def _place(progress: Progress) -> tuple[int, int, int]:
    """What makes a checkpoint another one."""
    return progress.step, progress.validated, progress.sampled


def _finite(value: Any) -> Any:
    """`value`, or None where JSON has no number for it."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
