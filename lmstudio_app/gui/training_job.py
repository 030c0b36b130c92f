"""The run that is being trained, where it stands according to its reports, and the runs that wait behind it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from PySide6.QtCore import QObject, QTimer, Signal

from lmstudio_app.gui.job_thread import Jobs, Stopping, failure_event
from lmstudio_app.gui.pace import LONGEST_SECONDS, Pace
from lmstudio_app.gui.translation import declared

if TYPE_CHECKING:
    from concurrent.futures import Future

    from lmstudio_app.engine import events
    from lmstudio_app.engine.model import Model
    from lmstudio_app.engine.run import Run
    from lmstudio_app.engine.training.control import Control

JobState = Literal["starting", "training", "pausing", "paused", "stopping", "ended"]

RATE_ROWS = 200
"""Time left is judged from this many of the latest rows."""


class TrainingJob:
    """One training. Read its fields; call its methods to ask something of it.

    `state`: "starting" until the first step, then "training"; "pausing" and "stopping" until the loop has heard it.
    `steps` is 0 until it has begun, `saved_step` the step of its last checkpoint, 0 when there is none. `failure` is
    set when it died.
    """

    def __init__(self, run: str, corpus: str, control: Control) -> None:
        self.run = run
        self.corpus = corpus
        self.control = control
        self.state: JobState = "starting"
        self.step = 0
        self.steps = 0
        self.saved_step = 0
        self.parameters = 0
        self.reason = ""
        self.outcome = ""
        self.failure: events.JobFailed | None = None
        self._pace: deque[tuple[int, float]] = deque(maxlen=RATE_ROWS)

    @property
    def active(self) -> bool:
        """Whether it still goes on."""
        return self.state != "ended"

    @property
    def lost(self) -> bool:
        """Whether it ended without a checkpoint of what it learned last."""
        return not self.active and self.saved_step < self.step

    @property
    def seconds_left(self) -> float | None:
        """How long it will take at the pace of the latest rows; None before there are two."""
        if len(self._pace) < 2 or not self.active:
            return None
        (first, began), (last, now) = self._pace[0], self._pace[-1]
        if last <= first:
            return None
        return max(0.0, (self.steps - last) * (now - began) / (last - first))

    def pause(self) -> None:
        """Wait after the present step."""
        if self.state == "training":
            self.state = "pausing"
        self.control.pause()

    def resume(self) -> None:
        """Go on after a pause."""
        if self.state in ("pausing", "paused"):
            self.state, self.reason = "training", ""
        self.control.resume()

    def stop(self) -> None:
        """End after the present step, with a checkpoint to go on from."""
        if self.active:
            self.state = "stopping"
        self.control.stop()

    def checkpoint(self) -> None:
        """Save a checkpoint after the present step."""
        self.control.checkpoint()

    def snapshot(self) -> Future[Model]:
        """Ask for a copy of the model as it is between two steps."""
        return self.control.snapshot()

    def take(self, event: events.Event) -> None:
        """Note what `event` says."""
        from lmstudio_app.engine import events

        match event:
            case events.RunStarted():
                self.step, self.steps = event.step, event.steps
                self.saved_step, self.parameters = event.step, event.parameters
                self._begun()
            case events.StepDone():
                self._begun()
                self.step = int(event.row["step"])
                if isinstance(seconds := event.row.get("seconds"), int | float):
                    self._pace.append((self.step, float(seconds)))
            case events.CheckpointSaved():
                self.saved_step = event.step
            case events.JobPaused():
                self.step, self.reason = event.step, declared(event.template, **event.values)
                if self.state != "stopping":
                    self.state = "paused"
            case events.JobResumed():
                if self.state != "stopping":
                    self.state, self.reason = "training", ""
            case events.RunEnded():
                # On a full disk the last steps may have no row, so that the run knows less of them than was seen here.
                self.step, self.saved_step = max(self.step, event.step), event.saved_step
                self.outcome = event.outcome
            case events.JobFailed():
                self.failure, self.outcome = event, "failed"

    def _begun(self) -> None:
        if self.state == "starting":
            self.state = "training"


class Waiting(NamedTuple):
    """A run that waits for its turn, the corpus it learns from, and what it changes of how it computes."""

    run: str
    corpus: str
    execution: Mapping[str, Any] | None = None


class Trainings(QObject):
    """One training at a time (`job`: the present or last one), and those that wait behind it (`waiting`).

    Signals:
        changed(): a training began, paused or ended, or the queue is another.
        arrived(list): reports of the training since the last time, oldest first.
        failed(object): the exception that ended a training.
        noted(list): the `events.Noted` that came together, worth telling.
    """

    changed = Signal()
    arrived = Signal(list)
    failed = Signal(object)
    noted = Signal(list)

    def __init__(self, jobs: Jobs, open_run: Callable[[str], Run], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._open_run = open_run
        self._holding = False
        self.waiting: list[Waiting] = []
        self._held: list[events.Event] = []
        self._pace = Pace()
        self._latest = QTimer(self)
        self._latest.setSingleShot(True)
        self._latest.setInterval(round(1000 * LONGEST_SECONDS))
        self._latest.timeout.connect(self._hand_on)
        self._outcomes: dict[str, str] = {}
        self.job: TrainingJob | None = None

    @property
    def busy(self) -> bool:
        """Whether a run is training or paused."""
        return self.job is not None and self.job.active

    @property
    def queued(self) -> list[str]:
        """The names of the runs that wait."""
        return [waiting.run for waiting in self.waiting]

    def outcome(self, run: str) -> str:
        """How the last training of `run` in this window ended ("finished", "stopped", "failed"); empty without one."""
        return self._outcomes.get(run, "")

    def learning_from(self, corpus: str) -> list[str]:
        """The runs that learn from a corpus now or wait to, by name."""
        job = [self.job.run] if self.job is not None and self.job.active and self.job.corpus == corpus else []
        return [*job, *(waiting.run for waiting in self.waiting if waiting.corpus == corpus)]

    def start(self, name: str, corpus: str, execution: Mapping[str, Any] | None = None, *, first: bool = False) -> None:
        """Train the run `name`, or line it up behind the one that trains; `first` stops that one for it.

        Where none trains, this one begins, before those that were waiting.
        """
        waiting = [other for other in self.waiting if other.run != name]
        if execution is None:
            execution = next((other.execution for other in self.waiting if other.run == name), None)
        waiting.insert(len(waiting) if self.busy and not first else 0, Waiting(name, corpus, execution))
        self.waiting, self._holding = waiting, False
        if self.job is not None and self.job.active:
            if first:
                self.job.stop()
            self.changed.emit()
        else:
            self._next()

    def remove(self, name: str) -> None:
        """Take a waiting run out of the queue; one that does not wait is fine."""
        if name in self.queued:
            self.waiting = [waiting for waiting in self.waiting if waiting.run != name]
            self.changed.emit()

    def rename_run(self, old: str, new: str) -> None:
        """Say that a run has another name now; it keeps its place in the queue."""
        self.waiting = [one._replace(run=new) if one.run == old else one for one in self.waiting]
        if self.job is not None and self.job.run == old:
            self.job.run = new
        if old in self._outcomes:
            self._outcomes[new] = self._outcomes.pop(old)
        self.changed.emit()

    def rename_corpus(self, old: str, new: str) -> None:
        """Say that a corpus has another name now."""
        self.waiting = [one._replace(corpus=new) if one.corpus == old else one for one in self.waiting]

    def ask(self, request: Callable[[TrainingJob], None]) -> None:
        """Hand a request (`TrainingJob.pause` …) to the training, if there is one."""
        if self.job is not None and self.job.active:
            request(self.job)
            self.changed.emit()

    def stop(self) -> None:
        """End the training after its present step, keeping a checkpoint. Those that wait go on waiting."""
        self._holding = True
        self.ask(TrainingJob.stop)

    def forget(self) -> None:
        """Empty the queue and drop the training that has ended: another workspace is opened."""
        self.waiting, self.job, self._outcomes = [], None, {}
        self.changed.emit()

    def _next(self) -> None:
        if self.waiting and not self._holding:
            waiting = self.waiting.pop(0)
            try:
                self._begin(waiting)
            except Exception as error:  # the folder of a waiting run may have gone meanwhile
                self.failed.emit(error)
                self._next()
                return
        self.changed.emit()

    def _begin(self, waiting: Waiting) -> None:
        from lmstudio_app.engine import pipeline
        from lmstudio_app.engine.training.control import Control

        run, control = self._open_run(waiting.run), Control()

        def work(stopping: Stopping) -> Iterable[events.Event]:
            return pipeline.train(run, control, execution=waiting.execution)

        self.job = TrainingJob(run.name, run.config.corpus, control)
        self._outcomes.pop(run.name, None)
        self._jobs.start(work, self._arrived, self._ended)

    def _arrived(self, items: list[events.Event]) -> None:
        """Hand on what arrived; steps alone may wait until it is time to draw again."""
        from lmstudio_app.engine.events import StepDone

        self._held += items
        if self._pace.due() or any(not isinstance(event, StepDone) for event in items):
            self._hand_on()
        elif not self._latest.isActive():
            self._latest.start()

    def _hand_on(self) -> None:
        from lmstudio_app.engine.events import Noted

        self._latest.stop()
        items, self._held = self._held, []
        job = self.job
        if job is None or not items:
            return
        before = job.state
        for event in items:
            job.take(event)
        if notes := [event for event in items if isinstance(event, Noted)]:
            self.noted.emit(notes)
        self.arrived.emit(items)
        if job.state != before:
            self.changed.emit()

    def _ended(self, failure: BaseException | None) -> None:
        if failure is not None:
            self._held.append(failure_event(failure))
        self._hand_on()
        if failure is not None:
            self.failed.emit(failure)
        if self.job is not None:
            self.job.state = "ended"
            self._outcomes[self.job.run] = self.job.outcome
        self._next()


def wait_for(copy: Future[Model], stopping: Stopping) -> Model | None:
    """The copy of a model in training; None when the training ends first, whose checkpoint is then as new."""
    from concurrent.futures import TimeoutError as TooLate

    from lmstudio_app.engine.errors import UserError

    while not stopping():
        try:
            return copy.result(timeout=0.1)
        except TooLate:
            continue
        except UserError:
            return None
    return None
