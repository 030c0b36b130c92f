"""The head of the Train pane's plot: what runs, how far it is, and the buttons that steer it."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.button import Button
from lmstudio_app.gui.widgets.card import strip
from lmstudio_app.gui.widgets.status import Dot
from lmstudio_app.gui.widgets.text import ElidedText, Text


@dataclass(frozen=True)
class RunWords:
    """What the header says: `state` in words, the run's name and model, how far it is. `color` is the run's place."""

    state: str = ""
    name: str = ""
    model: str = ""
    progress: str = ""
    left: str = ""
    color: int | None = None


@dataclass(frozen=True)
class RunButtons:
    """Which buttons there are; `waiting` greys them out while the training has not heard yet."""

    checkpoint: bool = False
    pause: bool = False
    resume: bool = False
    stop: bool = False
    waiting: bool = False


class RunHeader(QFrame):
    """State, name, model, progress and buttons of one run.

    Signals: `checkpoint_pressed()`, `pause_pressed()`, `resume_pressed()`, `stop_pressed()`.
    """

    checkpoint_pressed = Signal()
    pause_pressed = Signal()
    resume_pressed = Signal()
    stop_pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("class", "head")
        self._dot = Dot(9)
        self._state = ElidedText("", "small-strong", least=40)
        self._name = ElidedText("", "card-title", verbatim=True, least=120)
        self._model = ElidedText("", "label", verbatim=True)
        self._progress = Text("", "small-strong")
        self._left = ElidedText("", "label", least=140)
        self.checkpoint = Button(self.tr("Checkpoint"), "checkpoint")
        self.checkpoint.set_hint(self.tr("Save everything now"), "Ctrl+S")
        self.pause = Button(self.tr("Pause"), "pause")
        self.pause.set_hint(self.tr("Wait after the present step"), "Ctrl+P")
        self.resume = Button(self.tr("Resume"), "play")
        self.resume.set_hint(self.tr("Go on from where it stopped"))
        self.stop = Button(self.tr("Stop"), "stop")
        self.stop.set_hint(self.tr("Stop and keep a checkpoint"), "Ctrl+.")
        pressed = (self.checkpoint_pressed, self.pause_pressed, self.resume_pressed, self.stop_pressed)
        for button, signal in zip(self.buttons(), pressed, strict=True):
            button.clicked.connect(signal)
        self._words = [button.text() for button in self.buttons()]
        self._lay()
        theme.current().changed.connect(self._fit)
        self.show_run(RunWords(), RunButtons())

    def buttons(self) -> tuple[Button, Button, Button, Button]:
        """Checkpoint, pause, resume, stop."""
        return self.checkpoint, self.pause, self.resume, self.stop

    def show_run(self, words: RunWords, buttons: RunButtons) -> None:
        """Say where a run stands, and offer what can be done."""
        self._pill.setVisible(bool(words.state))
        self._state.set_words(words.state)
        self._dot.set_run(words.color)
        self._name.set_words(words.name)
        self._model.set_words(words.model)
        self._progress.setText(words.progress)
        self._left.set_words(words.left)
        offered = (buttons.checkpoint, buttons.pause, buttons.resume, buttons.stop)
        for button, there in zip(self.buttons(), offered, strict=True):
            button.setVisible(there)
            button.setEnabled(not buttons.waiting)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Where there is little room the model goes, then the words of the buttons, then how long it takes, how far it
        is: those two become the tooltip."""
        look = theme.current()
        self._pill.setFixedHeight(look.pixels(24))
        self.setMinimumHeight(look.pixels(44))
        remarks = {self._left: self._left.words(), self._progress: self._progress.text()}
        for remark, told in remarks.items():
            remark.setVisible(bool(told))
        for button, words in zip(self.buttons(), self._words, strict=True):
            button.setText(words)
        self._model.setVisible(self._wanted() + look.pixels(60) <= self.width())
        if self._wanted() > self.width():
            for button in self.buttons():
                button.setText("")
        for remark in remarks:
            if self._wanted() > self.width():
                remark.hide()
        self.setToolTip("\n".join(told for remark, told in remarks.items() if told and remark.isHidden()))

    def _wanted(self) -> int:
        """The width of all that is shown, without the model; a long name or reason counts with the least of it."""
        parts = (self._pill, self._name, self._progress, self._left, *self.buttons())
        hints = [
            part.minimumSizeHint() if isinstance(part, ElidedText) else part.sizeHint()
            for part in parts
            if not part.isHidden()
        ]
        return sum(hint.width() + 9 for hint in hints) + 22

    def words(self) -> tuple[str, str, str]:
        """State, name and progress as they are told."""
        return self._state.words(), self._name.words(), self._progress.text()

    def _lay(self) -> None:
        self._pill = strip("pill")
        inside = QHBoxLayout(self._pill)
        inside.setContentsMargins(9, 2, 10, 2)
        inside.setSpacing(6)
        inside.addWidget(self._dot, 0, Qt.AlignmentFlag.AlignVCenter)
        inside.addWidget(self._state)
        line = QHBoxLayout(self)
        line.setContentsMargins(12, 6, 10, 6)
        line.setSpacing(9)
        self.setMinimumWidth(300)
        middle = Qt.AlignmentFlag.AlignVCenter
        line.addWidget(self._pill, 0, middle)
        line.addWidget(self._name, 0, middle)
        line.addWidget(self._model, 1, middle)
        line.addStretch(0)
        for widget in (self._progress, self._left, *self.buttons()):
            line.addWidget(widget, 0, middle)
