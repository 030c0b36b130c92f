"""How quick this machine is, measured in a window of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QDialog, QProgressBar, QVBoxLayout, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.translation import declared, sentence
from lmstudio_app.gui.widgets.button import Button
from lmstudio_app.gui.widgets.card import row
from lmstudio_app.gui.widgets.numbers_table import NumbersTable, Share, shown_value
from lmstudio_app.gui.widgets.progress_strip import show_share
from lmstudio_app.gui.widgets.text import Text

if TYPE_CHECKING:
    from lmstudio_app.engine.events import BenchMeasured, Event
    from lmstudio_app.gui.job_thread import JobThread
    from lmstudio_app.gui.session import Session


class MachineSpeed(QDialog):
    """Runs `pipeline.bench` as a job and fills a table as its figures arrive; not while something else computes.

    Closing it stops the measuring; nothing is left behind.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Measure this machine"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._session = session
        self._thread: JobThread | None = None
        self._rows: list[list[Any]] = []
        self._notes: list[str] = []
        self._refused = False
        self._build()
        session.job_changed.connect(self._show_state)
        session.preparing_changed.connect(self._show_state)
        self._show_state()

    def measure(self) -> None:
        """Begin anew."""
        if self._thread is not None or self._reason():
            return
        from lmstudio_app.engine import pipeline
        from lmstudio_app.gui.job_thread import until

        self._rows, self._notes = [], []
        self.table.show_rows(self._columns(), self._rows)
        show_share(self._bar, 0, 0)
        self._thread = self._session.jobs.start(
            lambda stopping: until(stopping, pipeline.bench()), self._arrived, self._ended, owner=self
        )
        self._words.setText(self.tr("Measuring. Anything else that the machine does makes it look slower."))
        self._show_state()

    def stop(self) -> None:
        """Measure no more; the figures so far stay."""
        if self._thread is not None and not self._thread.stopping():
            self._thread.stop()
            self._words.setText(self.tr("Stopping after this step."))
            self._show_state()

    def copy(self) -> None:
        """The table as tab-separated text."""
        lines = [self._columns(), *([shown_value(cell) for cell in cells] for cells in self._rows)]
        QApplication.clipboard().setText("\n".join("\t".join(line) for line in lines))

    def _build(self) -> None:
        intro = self.tr(
            "How quick this computer imports text, trains and writes, for each model and size. It takes about two "
            "minutes on two cores, and nothing of it is kept."
        )
        self._words = Text("", "hint", wrap=True)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName(self.tr("How much is measured"))
        self.table = NumbersTable(self.tr("What was measured"))
        self.table.show_rows(self._columns(), [])
        self.start = Button(self.tr("Measure"), "play", "primary")
        self.start.clicked.connect(self.measure)
        self.halt = Button(self.tr("Stop"), "stop")
        self.halt.clicked.connect(self.stop)
        self.copying = Button(self.tr("Copy as text"))
        self.copying.clicked.connect(self.copy)
        close = Button(self.tr("Close"))
        close.clicked.connect(self.accept)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(10)
        column.addWidget(Text(intro, "body2", wrap=True))
        column.addWidget(self.table, 1)
        column.addWidget(self._bar)
        column.addWidget(self._words)
        column.addLayout(row(self.start, self.halt, self.copying, None, close))
        self.resize(theme.current().pixels(760), theme.current().pixels(560))

    def _columns(self) -> list[str]:
        return [
            self.tr("Of"), self.tr("What"), self.tr("Speed"), self.tr("Unit"), self.tr("Threads"),
            self.tr("GFLOP/s"), self.tr("Of a plain product"),
        ]  # fmt: skip

    def _arrived(self, items: list[Event]) -> None:
        from lmstudio_app.engine.events import BenchDone, BenchMeasured, Noted, Progress

        for event in items:
            if isinstance(event, Progress):
                show_share(self._bar, event.done, event.total)
            elif isinstance(event, BenchMeasured):
                self._rows.append(self._row(event))
            elif isinstance(event, Noted):
                self._notes.append(declared(event.sentence, **event.values))
            elif isinstance(event, BenchDone):
                words = self.tr("Measured on {processor}, {cores} cores.")
                self._notes.insert(0, words.format(processor=event.processor, cores=event.cores))
        self.table.show_rows(self._columns(), self._rows)
        self._show_state()

    def _row(self, event: BenchMeasured) -> list[Any]:
        what = {
            "import": self.tr("Import"),
            "training": self.tr("Training"),
            "counting": self.tr("Counting"),
            "writing": self.tr("Writing"),
            "first token": self.tr("First token"),
            "matrix product": self.tr("Plain product of matrices"),
        }
        of = event.tokenizer or f"{event.family} {event.preset}".strip()
        value = round(event.value) if event.value >= 100 else event.value
        share = Share(event.share) if event.share is not None else ""
        gflops = "" if event.gflops is None else event.gflops
        return [of, what.get(event.what, event.what), value, event.unit, event.threads or "", gflops, share]

    def _ended(self, failure: BaseException | None) -> None:
        self._thread = None
        if failure is not None:
            self._notes.append(sentence(failure))
        self._words.setText(" ".join(self._notes) or self.tr("Stopped."))
        show_share(self._bar, 0, 1)
        self._show_state()

    def _reason(self) -> str:
        """Why nothing can be measured just now; empty when it can."""
        if self._session.busy:
            return self.tr("A run is training, so the figures would be wrong. Stop it or wait for its end.")
        if self._session.preparing is not None:
            return self.tr("A text is being prepared, so the figures would be wrong. Wait for its end.")
        return ""

    def _show_state(self) -> None:
        reason, thread = self._reason(), self._thread
        self.start.setEnabled(thread is None and not reason)
        self.start.setToolTip(reason)
        self.halt.setEnabled(thread is not None and not thread.stopping())
        self.copying.setEnabled(bool(self._rows))
        if reason and thread is not None:
            self.stop()
        if reason:
            self._refused = True
            self._words.setText(reason)
        elif self._refused:
            self._refused = False
            self._words.setText("")
