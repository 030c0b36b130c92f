"""A card of the start page: a numbered badge, a title and a quiet note."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.card import Card
from lmstudio_app.gui.widgets.text import ElidedText, Text


class Badge(QWidget):
    """A number in a circle; a tick on ink once the step is done."""

    def __init__(self, number: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._number = number
        self._done = False
        theme.current().changed.connect(self._lay)
        self._lay()

    def set_done(self, done: bool) -> None:
        """Show the tick or the number."""
        self._done = done
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(look.color("ink"), 1.2))
        painter.setBrush(look.color("ink" if self._done else "surface"))
        circle = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter.drawEllipse(circle)
        if self._done:
            side = look.pixels(14)
            tick = look.pixmap("check", "onink", 14, self.devicePixelRatioF())
            painter.drawPixmap(int(circle.center().x() - side / 2), int(circle.center().y() - side / 2), tick)
        else:
            painter.setPen(look.color("text"))
            painter.setFont(look.font(theme.BODY, 600))
            painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter), str(self._number))
        painter.end()

    def _lay(self) -> None:
        side = theme.current().pixels(26)
        self.setFixedSize(QSize(side, side))


class StepCard(Card):
    """A card with a badge; `remark` is the quiet note at the right of its title."""

    def __init__(self, number: int, title: str, remark: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self.badge = Badge(number)
        self.remark = ElidedText(remark, "label")
        self.remark.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        line = QHBoxLayout()
        line.setContentsMargins(16, 14, 16, 12)
        line.setSpacing(10)
        line.addWidget(self.badge)
        line.addWidget(Text(title, "step"))
        line.addWidget(self.remark, 1)
        self.body.addLayout(line)
