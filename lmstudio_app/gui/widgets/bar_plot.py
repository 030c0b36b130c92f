"""A small plot painted without numpy: points or bars on logarithmic axes, with lines to compare with.

Cursor and arrow keys go from point to point; what stands there is said.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets import number_text
from lmstudio_app.gui.widgets.announce import announce
from lmstudio_app.gui.widgets.ticks import logarithmic_ticks, plain_ticks

_LEFT, _TOP, _RIGHT, _BOTTOM = 44, 14, 10, 36  # pixels at 100 % text size
_MOST_TICKS = 5


@dataclass(frozen=True)
class Mark:
    """One point, or one bar from `x` to `x2`: how high it is, what a person is told about it, and the word that stands
    beside it in the plot, if any."""

    x: float
    y: float
    told: str
    x2: float = 0.0
    word: str = ""


@dataclass(frozen=True)
class Rule:
    """A line to compare with: upright at `x`, or where `x` is 0 falling as 1/x from the first point."""

    words: str
    x: float = 0.0
    dashed: bool = False


class BarPlot(QWidget):
    """Points (both axes logarithmic) or bars (x logarithmic).

    Signals: `current_changed(int)` another mark is looked at, −1 for none.
    """

    current_changed = Signal(int)

    def __init__(self, name: str, kind: Literal["points", "bars"], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._kind = kind
        self._below = ""
        self.marks: tuple[Mark, ...] = ()
        self.rules: tuple[Rule, ...] = ()
        self.current = -1
        theme.current().changed.connect(self.update)

    def show_marks(self, marks: Sequence[Mark], rules: Sequence[Rule], below: str, summary: str) -> None:
        """Show these marks from left to right; `below` names the horizontal axis, `summary` is read aloud."""
        self.marks, self.rules, self._below = tuple(marks), tuple(rules), below
        self.setAccessibleDescription(summary)
        self._go(-1)
        self.update()

    def sizeHint(self) -> QSize:
        look = theme.current()
        return QSize(look.pixels(200), look.pixels(210))

    def minimumSizeHint(self) -> QSize:
        look = theme.current()
        return QSize(look.pixels(120), look.pixels(150))

    # Looking at one ---------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        last = len(self.marks) - 1
        places = {
            Qt.Key.Key_Left: max(0, self.current - 1),
            Qt.Key.Key_Right: min(last, self.current + 1),
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: last,
        }
        if self.marks and event.key() in places:
            self._go(places[Qt.Key(event.key())])
            announce(self, self.marks[self.current].told)
        else:
            super().keyPressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._go(self._at(event.position()))
        if self.current >= 0:
            QToolTip.showText(event.globalPosition().toPoint(), self.marks[self.current].told, self)

    def leaveEvent(self, event: QEvent) -> None:
        if not self.hasFocus():
            self._go(-1)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._go(-1)

    def _at(self, place: QPointF) -> int:
        """The mark under the cursor, or the nearest one beside it."""
        if not self.marks or not self._area().adjusted(-6, -6, 6, 6).contains(place):
            return -1
        area, low, high = self._area(), *self._ends()
        if self._kind == "bars":
            return next(
                (
                    number
                    for number, mark in enumerate(self.marks)
                    if self._x(area, mark.x, low, high) <= place.x() < self._x(area, mark.x2, low, high)
                ),
                -1,
            )
        distances = [abs(self._x(area, mark.x, low, high) - place.x()) for mark in self.marks]
        return distances.index(min(distances))

    def _go(self, number: int) -> None:
        if number != self.current:
            self.current = number
            self.current_changed.emit(number)
            self.update()

    # Painting ---------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.current().font(theme.HINT))
        area = self._area()
        if self.marks:
            self._paint_axes(painter, area)
            self._paint_marks(painter, area)
            self._paint_rules(painter, area)
            self._paint_words(painter, area)
        else:
            painter.setPen(theme.current().color("text3"))
            painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter), self.tr("Nothing to count here"))
        painter.end()

    def _area(self) -> QRectF:
        look = theme.current()
        left, top, right, bottom = (look.pixels(size) for size in (_LEFT, _TOP, _RIGHT, _BOTTOM))
        return QRectF(left, top, max(1, self.width() - left - right), max(1, self.height() - top - bottom))

    def _ends(self) -> tuple[float, float]:
        """The values at the left and right edge."""
        first, last = self.marks[0].x, max(self.marks[-1].x, self.marks[-1].x2)
        return (first / 1.15, last * 1.15) if self._kind == "points" else (first, max(last, first * 1.01))

    def _heights(self) -> tuple[float, float]:
        """The values at the lower and upper edge."""
        most = max(mark.y for mark in self.marks)
        return (0.8, max(2.0, most * 1.6)) if self._kind == "points" else (0.0, max(1.0, most * 1.08))

    def _x(self, area: QRectF, value: float, low: float, high: float) -> float:
        return area.left() + area.width() * math.log(max(value, low) / low) / math.log(high / low)

    def _y(self, area: QRectF, value: float, low: float, high: float) -> float:
        if self._kind == "points":
            return area.bottom() - area.height() * math.log(max(value, low) / low) / math.log(high / low)
        return area.bottom() - area.height() * (value - low) / (high - low)

    def _paint_axes(self, painter: QPainter, area: QRectF) -> None:
        look = theme.current()
        low, high = self._heights()
        ticks = (
            [10.0**power for power in range(int(math.log10(high)) + 1)]
            if self._kind == "points"
            else plain_ticks(low, high, 4, whole=True)
        )
        for value in ticks:
            height = self._y(area, value, low, high)
            painter.setPen(QPen(look.color("grid"), 1))
            painter.drawLine(QPointF(area.left(), height), QPointF(area.right(), height))
            painter.setPen(look.color("text3"))
            box = QRectF(0, height - 10, area.left() - 5, 20)
            painter.drawText(box, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), _short(value))
        painter.setPen(QPen(look.color("line2"), 1))
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        painter.drawLine(area.topLeft(), area.bottomLeft())
        painter.setPen(look.color("text3"))
        first, last = self._ends()
        taken = -1.0
        whole = [value for value in logarithmic_ticks(first, last, _MOST_TICKS) if value == round(value)]
        for value in whole:
            words = _short(value)
            wide = QFontMetricsF(painter.font()).horizontalAdvance(words) + 2
            left = min(self._x(area, value, first, last) - wide / 2, self.width() - wide)
            if left < taken:
                continue
            taken = left + wide + look.pixels(5)
            painter.drawText(
                QRectF(left, area.bottom() + 3, wide, look.pixels(16)), int(Qt.AlignmentFlag.AlignHCenter), words
            )
        box = QRectF(area.left(), area.bottom() + look.pixels(18), area.width(), look.pixels(17))
        painter.drawText(box, int(Qt.AlignmentFlag.AlignHCenter), self._below)

    def _paint_marks(self, painter: QPainter, area: QRectF) -> None:
        look = theme.current()
        first, last = self._ends()
        low, high = self._heights()
        painter.setPen(Qt.PenStyle.NoPen)
        for number, mark in enumerate(self.marks):
            painter.setBrush(look.color("text") if number == self.current else look.run_color(0))
            x, y = self._x(area, mark.x, first, last), self._y(area, mark.y, low, high)
            if self._kind == "points":
                side = look.pixels(4 if number == self.current else 2)
                painter.drawEllipse(QPointF(x, y), side, side)
            else:
                wide = self._x(area, mark.x2, first, last) - x
                painter.drawRect(QRectF(x + 0.5, y, max(1.0, wide - 1), area.bottom() - y))

    def _paint_rules(self, painter: QPainter, area: QRectF) -> None:
        look = theme.current()
        first, last = self._ends()
        low, high = self._heights()
        for rule in self.rules:
            style = Qt.PenStyle.DashLine if rule.dashed else Qt.PenStyle.SolidLine
            painter.setPen(QPen(look.color("ref" if rule.dashed else "text"), 1, style))
            if not rule.x:
                top = self.marks[0]
                end = min(last, top.x * top.y / low)
                start = QPointF(self._x(area, top.x, first, last), self._y(area, top.y, low, high))
                below = self._y(area, top.x * top.y / end, low, high)
                painter.drawLine(start, QPointF(self._x(area, end, first, last), below))
                continue
            if not first <= rule.x <= last:
                continue
            x = self._x(area, rule.x, first, last)
            painter.drawLine(QPointF(x, area.top() - look.pixels(8)), QPointF(x, area.bottom()))
        line, taken = 0, area.right() + look.pixels(_RIGHT)
        for rule in self.rules:  # after all lines, so that none goes through words
            if not rule.x or not first <= rule.x <= last:
                continue
            x = self._x(area, rule.x, first, last)
            painter.setPen(look.color("text2" if rule.dashed else "text"))
            wide = QFontMetricsF(painter.font()).horizontalAdvance(rule.words) + 4
            left = x + 4 if x + 4 + wide < taken else x - 4 - wide
            box = QRectF(left, area.top() - look.pixels(11) + line * look.pixels(14), wide, look.pixels(15))
            painter.fillRect(box, look.color("surface"))
            painter.drawText(box, int(Qt.AlignmentFlag.AlignVCenter), rule.words)
            line += 1

    def _paint_words(self, painter: QPainter, area: QRectF) -> None:
        look = theme.current()
        first, last = self._ends()
        low, high = self._heights()
        painter.setPen(look.color("text"))
        free = 0.0  # up to where words stand already
        for mark in self.marks:
            if mark.word:
                x, y = self._x(area, mark.x, first, last), self._y(area, mark.y, low, high)
                wide = QFontMetricsF(painter.font()).horizontalAdvance(mark.word)
                if x + 5 + wide < self.width() and x > free:
                    painter.drawText(QPointF(x + look.pixels(5), y - look.pixels(3)), mark.word)
                    free = x + wide + look.pixels(2)


def _short(value: float) -> str:
    """A number on an axis: 10, 1,000, 20k, 3M."""
    return number_text.short_count(round(value)) if value >= 10_000 else number_text.whole(round(value))
