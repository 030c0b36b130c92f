"""How far something is that a person waits for, with a button to stop it."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QWidget

from lmstudio_app.gui.widgets.button import Button
from lmstudio_app.gui.widgets.text import Text

PATIENCE_MILLISECONDS = 300
"""What is over sooner is not worth a bar."""


class ProgressStrip(QFrame):
    """Words, a bar, Pause and Stop in one line. Hidden while there is nothing to wait for, and for its first moment.

    Signals: `stop_pressed()`, `pause_pressed()`.
    """

    stop_pressed = Signal()
    pause_pressed = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        """`name` is what a screen reader calls the bar."""
        super().__init__(parent)
        self.setProperty("class", "head")
        self._words = Text("", "label")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName(name)
        self.stop = Button(self.tr("Stop"), "stop", compact=True)
        self.stop.clicked.connect(self.stop_pressed)
        self.pause = Button(self.tr("Pause"), "pause", compact=True)
        self.pause.clicked.connect(self.pause_pressed)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(PATIENCE_MILLISECONDS)
        self._soon.timeout.connect(self.show)
        line = QHBoxLayout(self)
        line.setContentsMargins(12, 4, 8, 4)
        line.setSpacing(10)
        line.addWidget(self._words)
        line.addWidget(self._bar, 1)
        line.addWidget(self.pause)
        line.addWidget(self.stop)
        self.hide()

    def show_progress(self, words: str, done: int, total: int) -> None:
        """Show `words` and a bar at `done` of `total`; a `total` of 0 is a bar that only moves."""
        self._words.setText(words)
        show_share(self._bar, done, total)
        if self.isHidden() and not self._soon.isActive():
            self._soon.start()

    def show_paused(self, paused: bool, *, there: bool) -> None:
        """Whether it can be paused, and whether it is."""
        self.pause.setVisible(there)
        self.pause.set_words(self.tr("Continue") if paused else self.tr("Pause"), "play" if paused else "pause")

    def show_nothing(self) -> None:
        """It is over."""
        self._soon.stop()
        self.hide()

    def words(self) -> str:
        """What it says now; empty while there is nothing to wait for."""
        return self._words.text() if not self.isHidden() or self._soon.isActive() else ""


def show_share(bar: QProgressBar, done: int, total: int) -> None:
    """Put `bar` at `done` of `total`, in thousandths: bytes can be more than it counts. A `total` of 0 only moves."""
    bar.setRange(0, 1000 if total > 0 else 0)
    bar.setValue(round(1000 * min(1.0, done / total)) if total > 0 else 0)
