"""The strip at the bottom: the job with its buttons at the left, the machine at the right."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.button import Button
from lmstudio_app.gui.widgets.card import strip
from lmstudio_app.gui.widgets.progress_strip import show_share
from lmstudio_app.gui.widgets.text import ElidedText, Text


class Dot(QWidget):
    """A small disc in a run's colour. What it says must stand in words beside it."""

    def __init__(self, diameter: int = 8, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._diameter = diameter
        self._index: int | None = 0
        theme.current().changed.connect(self._lay)
        self._lay()

    def set_run(self, index: int | None) -> None:
        """Take the colour of run `index`; None is grey."""
        self._index = index
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme.current()
        colour: QColor = look.color("text3") if self._index is None else look.run_color(self._index)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawEllipse(QRectF(self.rect()))
        painter.end()

    def _lay(self) -> None:
        side = theme.current().pixels(self._diameter)
        self.setFixedSize(QSize(side, side))


class StatusStrip(QWidget):
    """What goes on, and what the machine has. It is told plain words and numbers.

    Signals: `pause_pressed()` (also goes on), `stop_pressed()`.
    """

    pause_pressed = Signal()
    stop_pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._dot = Dot()
        self._state = ElidedText("", "small-strong", least=60)
        self._name = ElidedText("", "label", verbatim=True, least=60)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setProperty("kind", "training")
        self._bar.setAccessibleName(self.tr("Progress of the job"))
        self._steps = Text("", "label")
        self._left_rule = strip("vrule")
        self._left = ElidedText("", "label", least=60)
        self._working = False
        self.pause = Button(self.tr("Pause"), "pause", compact=True)
        self.pause.set_hint(self.tr("Pause or go on"), "Ctrl+P")
        self.pause.clicked.connect(self.pause_pressed)
        self.stop = Button(self.tr("Stop"), "stop", compact=True)
        self.stop.set_hint(self.tr("Stop and keep a checkpoint"), "Ctrl+.")
        self.stop.clicked.connect(self.stop_pressed)
        self._chip, self._lock = QLabel(), QLabel()
        self._device = Text("", "label", verbatim=True)
        self._gpu = Text("", "label")
        self._memory = Text("", "label")
        self._right_rule = strip("vrule")
        self._offline = Text(self.tr("Offline: no network used"), "label")
        self._lay_out()
        theme.current().changed.connect(self._tint)
        self._tint()
        self.show_idle(self.tr("No job running"))

    def show_idle(self, words: str) -> None:
        """Nothing trains; `words` say so (or what happened last)."""
        self._working = False
        self._state.set_words(words)
        self._state.set_role("label")
        for widget in self._job_parts:
            widget.hide()
        self._fit()

    def show_job(self, state: str, name: str, *, run: int | None = 0, done: int = 0, total: int = 0) -> None:
        """Something goes on: `state` in words, the run's (or corpus') name, its colour, and how far it is."""
        self._working = True
        self._state.set_words(state)
        self._state.set_role("small-strong")
        self._name.set_words(name)
        self._dot.set_run(run)
        show_share(self._bar, done, total)
        for widget in (self._dot, self._name):
            widget.show()
        self._fit()

    def show_detail(self, steps: str, left: str) -> None:
        """How far in words, and how long it will take."""
        self._steps.setText(steps)
        self._left.set_words(left)
        self._fit()

    def show_buttons(self, *, pause: bool, stop: bool, paused: bool = False, stopping: bool = False) -> None:
        """Which of the two there are, and whether the job is paused or about to end."""
        if paused:
            self.pause.set_words(self.tr("Resume"), "play")
        else:
            self.pause.set_words(self.tr("Pause"), "pause")
        self.pause.setVisible(pause)
        self.stop.setVisible(stop)
        self.stop.setEnabled(not stopping)
        self.pause.setEnabled(not stopping)
        self._fit()

    def show_machine(self, device: str, memory: str, gpu: str = "") -> None:
        """The device that computes, memory in use, and the GPU's where there is one."""
        self._device.setText(device)
        self._memory.setText(memory)
        self._gpu.setText(gpu)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _lay_out(self) -> None:
        line = QHBoxLayout(self)
        line.setContentsMargins(16, 0, 12, 0)
        line.setSpacing(12)
        left: tuple[QWidget, ...] = (
            self._dot, self._state, self._name, self._bar, self._steps, self._left_rule, self._left,
            self.pause, self.stop,
        )  # fmt: skip
        for widget in left:
            line.addWidget(widget, 0, Qt.AlignmentFlag.AlignVCenter)
        self._job_parts = tuple(widget for widget in left if widget is not self._state)
        line.addStretch(1)
        for icon, widget in ((self._chip, self._device), (None, self._gpu), (None, self._memory)):
            if icon is not None:
                line.addWidget(icon)
            line.addWidget(widget)
        line.addWidget(self._right_rule, 0, Qt.AlignmentFlag.AlignVCenter)
        line.addWidget(self._lock)
        line.addWidget(self._offline)

    def _fit(self) -> None:
        """Leave out what matters least where the window is narrow."""
        groups: tuple[tuple[bool, tuple[QWidget, ...]], ...] = (
            (True, (self._offline,)),
            (bool(self._memory.text()), (self._memory,)),
            (bool(self._gpu.text()), (self._gpu,)),
            (bool(self._device.text()), (self._device, self._chip)),
            (True, (self._right_rule, self._lock)),
            (self._working and bool(self._left.words()), (self._left, self._left_rule)),
            (self._working and bool(self._steps.text()), (self._steps,)),
            (self._working, (self._bar,)),
        )
        for there, group in groups:
            for widget in group:
                widget.setVisible(there)
        for _, group in groups:
            if self.minimumSizeHint().width() <= self.width():
                return
            for widget in group:
                widget.hide()

    def _tint(self) -> None:
        look = theme.current()
        ratio = self.devicePixelRatioF()
        self._chip.setPixmap(look.pixmap("chip", "text2", 15, ratio))
        self._lock.setPixmap(look.pixmap("lock", "text2", 14, ratio))
        self._bar.setFixedWidth(look.pixels(140))
        for rule in (self._left_rule, self._right_rule):
            rule.setFixedHeight(look.pixels(14))
        self.setFixedHeight(look.pixels(26))
        self._fit()
