"""All runs of the workspace: compare, open, rename, resume, delete."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QMenu, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import Event, StepDone, Validated
from lmstudio_app.gui.job_thread import Stopping
from lmstudio_app.gui.pane import Pane, run_alone
from lmstudio_app.gui.run_settings import setting_groups, setting_words
from lmstudio_app.gui.run_states import RESUMABLE, live_words, saved_words
from lmstudio_app.gui.session import Session
from lmstudio_app.gui.translation import model_words
from lmstudio_app.gui.widgets import number_text
from lmstudio_app.gui.widgets.button import Button
from lmstudio_app.gui.widgets.empty_state import EmptyState
from lmstudio_app.gui.widgets.run_details import RunDetails
from lmstudio_app.gui.widgets.runs_model import RunRow
from lmstudio_app.gui.widgets.runs_table import RunsTable
from lmstudio_app.gui.widgets.search_field import SearchField
from lmstudio_app.gui.widgets.text import Text
from lmstudio_app.gui.widgets.wrapping_card import WrappingCard

if TYPE_CHECKING:
    from lmstudio_app.engine.run import Run, RunSummary

Key = tuple[str, str, bool]


class RunsPane(Pane):
    """A table of runs, what can be done with those that are picked, and the settings of one."""

    name = "runs"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self._settings: dict[Key, str] = {}
        self._blending = False
        self._build()
        self._connect()
        self._show_runs()

    def title(self) -> str:
        return self.tr("Runs")

    def crumbs(self) -> list[str]:
        return [self.session.workspace.folder.name]

    def primary_action(self) -> None:
        self.open.click()

    def regions(self) -> list[QWidget]:
        return [self.filter, self.table]

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.session.list_runs()  # a training has gone on since they were read

    # Building ---------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.table = RunsTable()
        self.filter = SearchField(self.tr("Filter by name or setting"))
        self.count = Text("", "card-title")
        self.open = Button(self.tr("Open"), "arrow-right", "primary")
        self.resume = Button(self.tr("Resume"), "resume")
        self.unqueue = Button(self.tr("Take out of the queue"), "close")
        self.blend = Button(self.tr("Blend"), "plus")
        self.blend.set_hint(self.tr("Mix what the picked runs expect, as one new run"))
        self.rename = Button(self.tr("Rename"), "rename")
        self.delete = Button(self.tr("Delete"), "trash")
        self.details = RunDetails()
        self._devices = QMenu(self)
        card = WrappingCard(self.tr("Runs"))
        card.title.hide()
        self.filter.setMinimumWidth(230)
        buttons = (self.unqueue, self.resume, self.blend, self.rename, self.delete, self.open)
        card.arrange_head((self.count, self.filter), buttons)
        card.body.addWidget(self.table)
        split = QSplitter(Qt.Orientation.Vertical)
        split.addWidget(card)
        split.addWidget(self.details)
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 1)
        split.setChildrenCollapsible(False)
        split.setHandleWidth(12)
        split.setSizes([560, 250])
        self.empty = EmptyState("runs")
        self.empty.say(
            self.tr("No runs yet"), self.tr("Every model you train is kept here."), self.tr("Train the first"), "play"
        )
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(split)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 12, 12, 12)
        column.addWidget(self.stack)

    def _connect(self) -> None:
        session = self.session
        self.table.opened.connect(self._open)
        self.table.renamed.connect(self._rename)
        self.table.delete_pressed.connect(self._delete)
        self.table.picked.connect(self._picked)
        self.filter.searched.connect(self._filter)
        self.open.clicked.connect(lambda: self._with_picked(self._open))
        self.resume.clicked.connect(lambda: self._with_picked(self._resume))
        self.unqueue.clicked.connect(lambda: self._with_picked(self.session.unqueue))
        self.blend.clicked.connect(self._blend)
        self.rename.clicked.connect(self.table.rename_picked)
        self.delete.clicked.connect(self._delete)
        self.empty.acted.connect(lambda: self.go.emit("train"))
        undo = QShortcut(QKeySequence.StandardKey.Undo, self)
        undo.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        undo.activated.connect(self._undo)
        session.runs_changed.connect(self._show_runs)
        session.job_changed.connect(self._show_runs)
        session.events_arrived.connect(self._live)
        session.devices_changed.connect(self._offer_devices)
        self._offer_devices()

    # Showing ----------------------------------------------------------------------------------------------------

    def _show_runs(self) -> None:
        rows = [self._row(summary) for summary in self.session.runs]
        self.table.set_rows(rows)
        if rows and not self.table.picked_names():
            opened = self.session.run.name if self.session.run is not None else rows[0].name
            self.table.pick([opened])
        self.stack.setCurrentIndex(1 if rows else 0)
        self._count()
        self._picked()

    def _count(self) -> None:
        there, shown = len(self.session.runs), self.table.filtered.rowCount()
        if shown == there:
            words = self.tr("{count} runs") if there != 1 else self.tr("{count} run")
        else:
            words = self.tr("{shown} of {count} runs")
        self.count.setText(words.format(count=there, shown=shown))

    def _row(self, summary: RunSummary) -> RunRow:
        words, tone = self._state(summary)
        job = self.session.job if self.session.is_training(summary.name) else None
        return RunRow(
            name=summary.name,
            model=model_words(summary.family, summary.outline) if summary.family else "",
            corpus=summary.corpus,
            parameters=summary.parameters or (job.parameters if job is not None else 0),
            best=summary.best_bits_per_byte,
            curve=summary.curve,
            step=max(summary.step, job.step if job is not None else 0),
            steps=summary.steps,
            seconds=summary.seconds,
            created=summary.created,
            state=words,
            tone=tone,
            color=self.session.run_color(summary.name),
            search=self._search(summary),
        )

    def _state(self, summary: RunSummary) -> tuple[str, str]:
        """What is said of a run's state, and the token of its colour."""
        job = self.session.job
        if job is not None and self.session.is_training(summary.name):
            return live_words(job.state), "text"
        if summary.name in self.session.queued:
            place = self.session.queued.index(summary.name) + 1
            return self.tr("Queued, place {place}").format(place=place), "text2"
        state: str = summary.state
        if state in ("running", "paused"):  # an end is known here before the list of runs is read again
            state = self.session.trainings.outcome(summary.name) or state
        words = saved_words(state)
        if state in ("stopped", "interrupted"):
            words = self.tr("{state}, can be resumed").format(state=words)
        elif summary.reason:
            words = self.tr("{state}: {reason}").format(state=words, reason=summary.reason)
        tones = {"interrupted": "warn", "finished": "ok", "failed": "err", "damaged": "err"}
        return words, tones.get(state, "text2")

    def _live(self, events: list[Event]) -> None:
        """Keep the row of the run in training up to date without reading the disk."""
        job = self.session.job
        row = next((row for row in self.table.runs.rows() if job is not None and row.name == job.run), None)
        if job is None or row is None:
            return
        values: dict[str, Any] = {"step": job.step, "parameters": job.parameters or row.parameters}
        values["steps"] = job.steps or row.steps
        curve = list(row.curve)
        for event in events:
            if isinstance(event, StepDone | Validated):
                values["seconds"] = float(event.row.get("seconds") or row.seconds)
            loss = event.row.get("validation_bits_per_byte") if isinstance(event, Validated) else None
            if isinstance(event, Validated) and loss is not None and (not curve or event.row["step"] > curve[-1][0]):
                curve.append((int(event.row["step"]), float(loss)))
        if curve:
            values |= {"curve": tuple(curve), "best": min([row.best or curve[-1][1], *(bits for _, bits in curve)])}
        self.table.runs.change(job.run, **values)

    def _picked(self) -> None:
        names = self.table.picked_names()
        summary = self._summary(names[0]) if len(names) == 1 else None
        damaged = summary is not None and summary.state == "damaged"
        self.open.setEnabled(summary is not None and not damaged)
        busy = any(self.session.is_training(name) for name in names)
        self.rename.setEnabled(summary is not None and not damaged and not busy)
        self.resume.setEnabled(summary is not None and self._resumable(summary))
        self.delete.setEnabled(bool(names) and not busy)
        self.blend.setEnabled(len(names) > 1 and all(self._blendable(name) for name in names) and not self._blending)
        self.unqueue.setVisible(summary is not None and summary.name in self.session.queued)
        self._show_details(summary)

    def _resumable(self, summary: RunSummary) -> bool:
        job = self.session.job
        if job is not None and self.session.is_training(summary.name):
            return job.state in ("paused", "pausing")
        waits = summary.name in self.session.queued
        return summary.state in RESUMABLE and not (waits and self.session.busy)

    def _blendable(self, name: str) -> bool:
        summary = self._summary(name)
        return summary is not None and summary.saved and summary.state != "damaged"

    def _show_details(self, summary: RunSummary | None) -> None:
        if summary is None:
            self.details.show_nothing(self.tr("Pick one run to see its settings."))
            return
        try:
            run = self.session.workspace.run(summary.name)
        except UserError:
            self.details.show_nothing(summary.reason)
            return
        groups = setting_groups(run.config)
        if summary.config is not None and summary.config.described.composed:
            groups.insert(0, (self.tr("Shares"), self._shares(run)))
        self.details.show_run(run.name, str(run.folder), groups)

    def _shares(self, run: Run) -> list[tuple[str, str]]:
        from lmstudio_app.engine import pipeline

        return [(member, number_text.percent(share)) for member, share in pipeline.shares(run)]

    def _summary(self, name: str) -> RunSummary | None:
        return next((summary for summary in self.session.runs if summary.name == name), None)

    # Doing ------------------------------------------------------------------------------------------------------

    def _with_picked(self, act: Any) -> None:
        if names := self.table.picked_names():
            act(names[0])

    def _open(self, name: str) -> None:
        try:
            self.session.open_run(name)
        except UserError as error:
            self.tell(error)
        else:
            self.go.emit("train")

    def _resume(self, name: str, device: str | None = None) -> None:
        self.resume_run(name, device)

    def _blend(self) -> None:
        """Make a run of the picked ones beside the window, for their models have to be read, and let its shares be
        fitted."""
        workspace, names = self.session.workspace, self.table.picked_names()

        def work(stopping: Stopping) -> Iterator[str]:
            from lmstudio_app.engine import pipeline

            yield pipeline.blend(workspace, names).name

        def ended(failure: BaseException | None) -> None:
            self._blending = False
            self._picked()
            if failure is not None:
                self.tell(failure)

        self._blending = True
        self._picked()
        self.session.jobs.start(work, lambda made: self.resume_run(made[-1]), ended, self)

    def _rename(self, old: str, new: str) -> None:
        try:
            self.session.rename_run(old, new)
        except UserError as error:
            self.tell(error)

    def _delete(self) -> None:
        deleted = []
        for name in self.table.picked_names():
            try:
                self.session.delete_run(name)
                deleted.append(name)
            except UserError as error:
                self.tell(error)
        if not deleted:
            return
        if len(deleted) == 1:
            words = self.tr("“{name}” is in the bin.").format(name=deleted[0])
        else:
            words = self.tr("{count} runs are in the bin.").format(count=len(deleted))
        self.offered.emit(words, "info", self.tr("Undo"), lambda: self._undo(len(deleted)))

    def _undo(self, count: int = 1) -> None:
        for _ in range(count):
            try:
                self.session.undo_delete()
            except UserError as error:
                self.tell(error)

    def _offer_devices(self) -> None:
        """Where there are several devices, Resume asks on which."""
        self._devices.clear()
        devices = self.session.devices
        for device in devices if len(devices) > 1 else ():
            action = QAction(self.tr("Resume on {device}").format(device=device.title), self._devices)
            action.triggered.connect(lambda checked=False, kind=device.kind: self._resume_on(kind))
            self._devices.addAction(action)
        if len(devices) > 1:
            self.resume.setMenu(self._devices)

    def _resume_on(self, kind: str) -> None:
        self._with_picked(lambda name: self._resume(name, kind))

    # Filtering --------------------------------------------------------------------------------------------------

    def _filter(self, words: str) -> None:
        self.table.filtered.set_filter(words)
        self._count()

    def _search(self, summary: RunSummary) -> str:
        """The settings of a run in words that the filter finds; put into words once."""
        key = _key(summary)
        if key not in self._settings and summary.config is not None:
            self._settings[key] = setting_words(summary.config.to_mapping())
        return self._settings.get(key, "")


def _key(summary: RunSummary) -> Key:
    """What a run's settings are known by; they are settled with its first step."""
    return summary.name, summary.created, summary.step > 0


if __name__ == "__main__":
    raise SystemExit(run_alone(RunsPane))
