"""The merges of a tokenizer, played forward and back: a button, how far it is, and the pair that was joined last."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QSlider, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets import number_text
from lmstudio_app.gui.widgets.button import IconButton
from lmstudio_app.gui.widgets.still_wheel import still_wheel
from lmstudio_app.gui.widgets.text import ElidedText, Text

STEP_MILLISECONDS = 220


class MergeRow(QWidget):
    """Playing goes from one merge that changes the text to the next; arrow keys go one merge at a time.

    Signals: `moved(int)` so many merges are made now.
    """

    moved = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._stops: Sequence[int] = ()
        self.play = IconButton(self.tr("Play the merges"), "play", size=14)
        self.play.clicked.connect(self._toggle)
        self._count = Text("", "label", copyable=False)
        self.slider = still_wheel(QSlider(Qt.Orientation.Horizontal))
        self.slider.setAccessibleName(self.tr("Merges"))
        self.slider.setToolTip(self.tr("Each merge joins the pair that was most frequent when it was learned."))
        self.slider.valueChanged.connect(self._move)
        self._pair = ElidedText("", "label", verbatim=True)
        line = QHBoxLayout(self)
        line.setContentsMargins(12, 4, 12, 4)
        line.setSpacing(8)
        for part in (self.play, self._count):
            line.addWidget(part)
        line.addWidget(self.slider, 3)
        line.addWidget(self._pair, 3)
        self._timer = QTimer(self)
        self._timer.setInterval(STEP_MILLISECONDS)
        self._timer.timeout.connect(self._step)
        theme.current().changed.connect(self._dress)
        self._dress()

    def show_merges(self, merges: int, stops: Sequence[int]) -> None:
        """There are so many merges, of which `stops` change the text; all are made."""
        self.stop()
        self._stops = tuple(stops)
        self.slider.blockSignals(True)
        self.slider.setRange(0, merges)
        self.slider.setPageStep(max(1, merges // 20))
        self.slider.setValue(merges)
        self.slider.blockSignals(False)
        self._say()

    def show_pair(self, words: str) -> None:
        """Say which pair the last merge joined."""
        self._pair.set_words(words)

    @property
    def merges(self) -> int:
        """How many merges are made."""
        return self.slider.value()

    @property
    def all_made(self) -> bool:
        """Whether every merge is made."""
        return self.slider.value() == self.slider.maximum()

    def count_words(self) -> str:
        """What is said about how far it is."""
        return self._count.text()

    def stop(self) -> None:
        """Play no further."""
        self._timer.stop()
        self.play.set_words(self.tr("Play the merges"), "play")

    def _toggle(self) -> None:
        if self._timer.isActive():
            self.stop()
            return
        if not any(stop > self.merges for stop in self._stops):
            self.slider.setValue(0)
        self.play.set_words(self.tr("Pause"), "pause")
        self._timer.start()

    def _step(self) -> None:
        following = next((stop for stop in self._stops if stop > self.merges), None)
        if following is None:
            self.slider.setValue(self.slider.maximum())
            self.stop()
        else:
            self.slider.setValue(following)

    def _move(self, merges: int) -> None:
        self._say()
        self.moved.emit(merges)

    def _say(self) -> None:
        words = self.tr("Merge {done} of {all}")
        done, every = number_text.whole(self.slider.value()), number_text.whole(self.slider.maximum())
        self._count.setText(words.format(done=done, all=every))

    def _dress(self) -> None:
        self._pair.setFont(theme.current().font(theme.LABEL, mono=True))
