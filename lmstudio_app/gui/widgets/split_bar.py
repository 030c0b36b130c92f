"""The shares of a whole as one bar of coloured parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from lmstudio_app.gui import theme

_GAP = 2
_LEAST = 6.0  # pixels: a small share stays visible


class Part(NamedTuple):
    """A share of the whole (0–1), what it is called, and the run colour it is painted in."""

    name: str
    share: float
    color: int


class SplitBar(QWidget):
    """Parts side by side, the first ones labelled where there is room. What it says must stand in words beside it."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parts: tuple[Part, ...] = ()
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.current().changed.connect(self.updateGeometry)

    def show_parts(self, parts: Sequence[Part]) -> None:
        """Show these parts."""
        self._parts = tuple(parts)
        self.setAccessibleDescription(", ".join(_words(part) for part in self._parts))
        self.update()

    def parts(self) -> tuple[Part, ...]:
        """What is shown."""
        return self._parts

    def sizeHint(self) -> QSize:
        return QSize(theme.current().pixels(240), theme.current().pixels(22))

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        outline = QPainterPath()
        outline.addRoundedRect(QRectF(self.rect()), 4, 4)
        painter.setClipPath(outline)
        shown = [part for part in self._parts if part.share > 0]
        if not shown:
            painter.fillRect(self.rect(), look.color("hover"))
        room = self.width() - _GAP * max(0, len(shown) - 1)
        wide = [max(_LEAST, part.share * room) for part in shown]
        scale = room / sum(wide) if wide else 1.0
        left = 0.0
        for part, width in zip(shown, wide, strict=True):
            box = QRectF(left, 0, width * scale, self.height())
            painter.fillRect(box, look.run_color(part.color))
            self._paint_words(painter, box, part)
            left = box.right() + _GAP
        painter.end()

    def _paint_words(self, painter: QPainter, box: QRectF, part: Part) -> None:
        look = theme.current()
        font = look.font(theme.HINT, 600)
        words, inside = _words(part), box.adjusted(look.pixels(8), 0, -4, 0)
        if QFontMetricsF(font).horizontalAdvance(words) > inside.width():
            return
        painter.setFont(font)
        painter.setPen(look.color("surface" if look.dark else "onink"))
        painter.drawText(inside, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), words)


def _words(part: Part) -> str:
    return f"{part.name} {100 * part.share:.3g} %"
