"""Train: the settings of the next run at the left, the run that learns at the right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QFileDialog, QFrame, QScrollArea, QVBoxLayout, QWidget

from lmstudio_app.engine.errors import UserError
from lmstudio_app.gui.next_run import NextRun
from lmstudio_app.gui.pane import Pane, run_alone
from lmstudio_app.gui.run_record import RunRecord
from lmstudio_app.gui.session import Session
from lmstudio_app.gui.widgets.banner import Banner
from lmstudio_app.gui.widgets.folding_columns import FoldingColumns
from lmstudio_app.gui.widgets.next_run_form import NextRunForm
from lmstudio_app.gui.widgets.training_view import TrainingView


class TrainPane(Pane):
    """The form of the next run, and the opened run as it learns."""

    name = "train"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.form = NextRunForm()
        self.view = TrainingView()
        self.banner = Banner()
        self.columns = FoldingColumns(660)
        self._lay()
        self.next_run = NextRun(session, self.form)
        self.record = RunRecord(session, self.view)
        self.form.train_pressed.connect(self.train)
        self.form.find_pressed.connect(self.find_rate)
        session.run_changed.connect(self._follow)
        header = self.view.header
        header.checkpoint_pressed.connect(session.checkpoint)
        header.pause_pressed.connect(session.pause)
        header.resume_pressed.connect(self._resume)
        header.stop_pressed.connect(session.stop)
        self.view.export_requested.connect(self._choose_file)
        QShortcut(QKeySequence("Ctrl+E"), self).activated.connect(self.view.plot.export.showMenu)
        self.view.sample_activated.connect(lambda step: self.go.emit("console"))
        self.record.reason_changed.connect(self._show_reason)
        session.run_changed.connect(self.crumbs_changed)
        self._show_reason()

    def title(self) -> str:
        return self.tr("Train")

    def crumbs(self) -> list[str]:
        run = self.session.run
        return [run.config.corpus, run.name] if run is not None else []

    def primary_action(self) -> None:
        if self.form.train.isEnabled():
            self.train()

    def find_rate(self) -> None:
        """Open the window that looks for a learning rate with the settings of the form as they are now."""
        self.next_run.check()
        config, find = self.next_run.config, self.form.find_rate
        if config is not None and find is not None and find.isEnabled():
            from lmstudio_app.gui.rate_finder import RateFinder

            RateFinder(self.session, config, self).open()

    def regions(self) -> list[QWidget]:
        return [self.form.corpus, self.view.plot.surface, self.view.samples]

    def export(self, path: Path) -> None:
        """Save the loss of the opened run as the picture or table that the ending of `path` names."""
        run, plot = self.session.run, self.view.plot
        if run is None:
            return
        smoothing, logarithmic = plot.smoothing, plot.surface.logarithmic

        def work(stopping: object) -> Iterator[Path]:
            from lmstudio_app.engine import pipeline

            pipeline.save_loss(run, path, smoothing=smoothing, logarithmic=logarithmic)
            yield path

        def arrived(saved: list[Path]) -> None:
            self.said.emit(self.tr("Saved as {path}.").format(path=saved[-1]), "ok")

        def ended(failure: BaseException | None) -> None:
            if isinstance(failure, UserError):
                self.tell(failure)
            elif failure is not None:
                self.session.failed.emit(failure)

        self.session.jobs.start(work, arrived, ended, self)

    def _choose_file(self, kind: str) -> None:
        if self.session.run is None:
            return
        suggested = self.tr("{run} loss").format(run=self.session.run.name) + f".{kind}"
        chosen, _ = QFileDialog.getSaveFileName(
            self, self.tr("Export the loss"), suggested, f"{kind.upper()} (*.{kind})"
        )
        if chosen:
            path = Path(chosen)
            self.export(path if path.suffix else path.with_name(f"{path.name}.{kind}"))

    def _resume(self) -> None:
        if self.session.run is not None:
            self.resume_run(self.session.run.name)

    def _follow(self) -> None:
        """Bring the run into sight that has just begun to train."""
        run = self.session.run
        if run is not None and self.session.is_training(run.name):
            self.columns.reveal(self._seen)

    def _show_reason(self) -> None:
        """Say why the run waits or has failed, for as long as it does."""
        reason = self.record.reason
        if reason and self.record.resumable:
            self.banner.say(reason, "warn", self.tr("Resume"), self._resume)
        elif reason:
            self.banner.say(reason, "warn")
        else:
            self.banner.hide()

    def _lay(self) -> None:
        self.view.setProperty("scrolled", True)
        scroll = self._seen = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(self.view)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.columns.add(self.form, width=308, height=460)
        self.columns.add(scroll, 1, height=560)
        framed = QVBoxLayout()
        framed.setContentsMargins(12, 12, 12, 12)
        framed.addWidget(self.columns)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.banner)
        column.addLayout(framed, 1)


if __name__ == "__main__":
    raise SystemExit(run_alone(TrainPane))
