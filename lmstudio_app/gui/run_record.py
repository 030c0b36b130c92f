"""Keeps the view of a run true to its folder and to the reports of its training, so that both show the same."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from lmstudio_app.engine import events
from lmstudio_app.engine.errors import UserError
from lmstudio_app.gui import corpus_words
from lmstudio_app.gui.job_thread import JobThread, Stopping
from lmstudio_app.gui.run_states import RESUMABLE, live_words, saved_words
from lmstudio_app.gui.session import Session
from lmstudio_app.gui.translation import declared
from lmstudio_app.gui.widgets import number_text
from lmstudio_app.gui.widgets.line_plot import Reference
from lmstudio_app.gui.widgets.run_header import RunButtons, RunWords
from lmstudio_app.gui.widgets.training_view import Plan, TrainingView

if TYPE_CHECKING:
    from lmstudio_app.engine.run import Run
    from lmstudio_app.engine.workspace import Workspace

CHUNK = 5000
"""Rows read from disk are shown in pieces, so that the window stays alive while a long record is read."""

Part = tuple[str, Any]
Levels = dict[str, float]


class RunRecord(QObject):
    """Ties a `TrainingView` to the opened run of a `Session`.

    The folder is read on a thread; reports that arrive meanwhile wait, and rows that are in both are shown once.
    `reason` says why the run waits or has failed where no person wanted it; `resumable` whether it can go on.

    Signals: `reason_changed()`.
    """

    reason_changed = Signal()

    def __init__(self, session: Session, view: TrainingView) -> None:
        super().__init__(view)
        self._session = session
        self._view = view
        self._run: Run | None = None
        self._reading: JobThread | None = None
        self._parts: deque[Part] = deque()
        self._next_part = QTimer(self)
        self._next_part.timeout.connect(self._show_part)
        self._waiting: list[events.Event] = []
        self.reason = ""
        self.resumable = False
        self._parameters = 0
        self._levels_of = ""
        session.draft_changed.connect(self._read_levels)
        session.run_changed.connect(self.show)
        session.events_arrived.connect(self._take)
        for changed in (session.job_changed, session.runs_changed):
            changed.connect(self.show_words)
        self.show()

    @property
    def reading(self) -> bool:
        """Whether the folder of the opened run is still being read."""
        return self._reading is not None

    def show(self) -> None:
        """Show the opened run from its folder."""
        self._forget_reading()
        self._run = self._session.run
        self._parameters = 0
        self._levels_of = ""
        if self._run is None:
            self._view.begin(Plan())
            self._read_levels()
        else:
            self._view.begin(self._plan(self._run), gradient=self._run.config.described.learning == "gradient")
            self._read(self._run)
        self.show_words()

    # From disk ----------------------------------------------------------------------------------------------------

    def _read(self, run: Run) -> None:
        def work(stopping: Stopping) -> Iterator[Part]:
            rows: list[Any] = []
            for row in run.each_row():
                rows.append(row)
                if len(rows) == CHUNK:
                    yield "rows", rows
                    rows = []
                    if stopping():
                        return
            yield "rows", rows
            yield "samples", run.samples()
            best = run.best
            yield "kept", best.step if best else None
            yield "levels", _levels_of(run)

        def ended(failure: BaseException | None) -> None:
            if self._reading is reading:  # else another run was opened meanwhile
                self._take_part(("end", None))
                if failure is not None:
                    self._session.failed.emit(failure)

        def arrived(items: list[Part]) -> None:
            if self._reading is reading:
                for item in items:
                    self._take_part(item)

        reading = self._reading = self._session.jobs.start(work, arrived, ended, self)

    def _forget_reading(self) -> None:
        if self._reading is not None:
            self._reading.stop()
        self._reading, self._waiting = None, []
        self._parts.clear()
        self._next_part.stop()

    def _take_part(self, part: Part) -> None:
        self._parts.append(part)
        self._next_part.start(0)

    def _show_part(self) -> None:
        """Show the next piece of what was read; what else the window has to do comes in between."""
        kind, found = self._parts.popleft()
        if not self._parts:
            self._next_part.stop()
        if kind == "rows":
            self._view.take(found)
        elif kind == "samples":
            self._view.take_samples(found)
        elif kind == "kept":
            self._view.set_kept_step(found)
        elif kind == "levels":
            self._show_levels(found)
        else:
            self._reading = None
            waiting, self._waiting = self._waiting, []
            self._take(waiting)
            self.show_words()

    def _read_levels(self) -> None:
        """Before the first run, show what the next one will be compared with."""
        session = self._session
        name = session.draft.corpus if session.opened else ""
        if self._run is not None or name == self._levels_of:
            return
        self._levels_of = name
        self._view.set_references([])
        if not name:
            return
        workspace = session.workspace

        def arrived(items: list[Levels]) -> None:
            if self._run is None and self._levels_of == name:
                self._show_levels(items[-1])

        session.jobs.start(lambda stopping: [_levels(workspace, name)], arrived, None, self)

    def _read_levels_of(self, run: Run) -> None:
        """Show what a run is compared with whose tokens were made only when it began."""

        def arrived(items: list[Levels]) -> None:
            if run is self._run:
                self._show_levels(items[-1])

        self._session.jobs.start(lambda stopping: [_levels_of(run)], arrived, None, self)

    def _show_levels(self, levels: Levels) -> None:
        from lmstudio_app.engine.pipeline.loss import TITLES

        self._view.set_references(
            [
                Reference(declared(TITLES[name]), value, "solid" if name == "entropy" else "dotted")
                for name, value in levels.items()
            ]
        )

    # From the training --------------------------------------------------------------------------------------------

    def _take(self, arrived: list[events.Event]) -> None:
        run, job = self._run, self._session.job
        if run is None or job is None or job.run != run.name:
            return
        if self.reading:
            self._waiting += arrived
            return
        rows: list[Any] = []
        samples: list[Any] = []
        for place, event in enumerate(arrived):
            match event:
                case events.StepDone() | events.Validated():
                    rows.append(event.row)
                case events.SampleWritten():
                    samples.append({"step": event.step, "text": event.text})
                case events.CheckpointSaved():
                    if event.best:
                        self._view.set_kept_step(event.step)
                case events.RunStarted():
                    if event.step < self._view.last_step():
                        # Resumed from an older checkpoint: what came after it was cut from the record.
                        self._begin_again(run, arrived[place + 1 :])
                        return
                    if not self._view.plot.surface.references:
                        self._read_levels_of(run)
        self._view.take(rows)
        self._view.take_samples(samples)
        self.show_words()

    def _begin_again(self, run: Run, later: list[events.Event]) -> None:
        self._forget_reading()
        self._view.begin(self._plan(run), gradient=run.config.described.learning == "gradient")
        self._waiting = later
        self._read(run)

    def _plan(self, run: Run) -> Plan:
        training = run.config.training
        device = self._session.chosen_device()
        if run.execution is not None:
            device = next((d for d in self._session.devices if d.kind == run.execution.device), None)
        return Plan(
            learning_rate=getattr(training, "learning_rate", 0.0),
            gradient_clip=getattr(training, "gradient_clip", 0.0),
            sample_every=run.config.plan.sample_every,
            sample_prompt=getattr(training, "sample_prompt", ""),
            memory_bytes=device.memory_bytes if device is not None else 0,
            gpu=device is not None and device.kind != "cpu",
        )

    # Words --------------------------------------------------------------------------------------------------------

    def show_words(self) -> None:
        """Say in the header where the run stands."""
        run = self._run
        if run is None:
            words = RunWords(name=self.tr("No run is open"), model=self.tr("Press Train, or open one in Runs."))
            self._view.header.show_run(words, RunButtons())
            self._set_reason("", resumable=False)
            return
        job = self._session.job
        if job is not None and job.run == run.name and job.active:
            state, buttons = live_words(job.state), self._live_buttons(job.state)
            reason = job.reason if job.state == "paused" else ""
            left = ""
            if job.state == "training" and job.seconds_left is not None:
                left = self.tr("{time} left").format(time=number_text.duration(round(job.seconds_left)))
            self._parameters = job.parameters or self._parameters
            step, steps = job.step, job.steps or run.config.plan.steps
        else:
            status = run.status
            waits = run.name in self._session.queued
            state = self.tr("Queued") if waits else saved_words(status.state)
            buttons = RunButtons(resume=status.state in RESUMABLE and not (waits and self._session.busy))
            told = job is not None and job.run == run.name and job.failure is not None  # above the pane
            reason, left = "" if told else status.reason, status.reason
            self._parameters = status.parameters or self._parameters
            step, steps = status.step, run.config.plan.steps
        progress = self.tr("{step} / {steps} steps").format(
            step=number_text.whole(step), steps=number_text.whole(steps)
        )
        color = self._session.run_color(run.name)
        words = RunWords(state, run.name, self._model_words(run), progress, left or reason, color)
        self._view.header.show_run(words, buttons)
        self._set_reason(reason, resumable=buttons.resume)

    def _live_buttons(self, state: str) -> RunButtons:
        paused = state in ("pausing", "paused")
        return RunButtons(checkpoint=True, pause=not paused, resume=paused, stop=True, waiting=state == "stopping")

    def _set_reason(self, reason: str, *, resumable: bool) -> None:
        if (reason, resumable) != (self.reason, self.resumable):
            self.reason, self.resumable = reason, resumable
            self.reason_changed.emit()

    def _model_words(self, run: Run) -> str:
        config = run.config
        parts = [f"{declared(config.described.title).partition(' (')[0]} {config.described.outline(config.model)}"]
        if self._parameters:
            parts.append(self.tr("{count} parameters").format(count=number_text.short_count(self._parameters)))
        parts.append(corpus_words.tokenizer_title(config.tokenizer))
        return " · ".join(parts)


def _levels(workspace: Workspace, name: str) -> Levels:
    """What a loss on the corpus `name` is compared with, in bits per byte; empty when the text is gone."""
    from lmstudio_app.engine import pipeline

    try:
        corpus = workspace.corpus(name)
        return pipeline.yardsticks(corpus, corpus.settings.tokenizer)
    except UserError:
        return {}


def _levels_of(run: Run) -> Levels:
    from lmstudio_app.engine import pipeline

    return pipeline.yardsticks_of(run)
