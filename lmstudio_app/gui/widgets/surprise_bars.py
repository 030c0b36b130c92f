"""How surprising each token was, as a row of thin bars."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.announce import announce

LEAST_CHANCE = 1e-300
_LEAST_TOP = 8.0
_WIDEST = 9.0


def surprise(chance: float) -> float:
    """The surprise of a token that had this probability, in bits."""
    return -math.log2(max(chance, LEAST_CHANCE))


class SurpriseBars(QWidget):
    """One bar for each written token, its height the surprise in bits, −log2 of its probability.

    Where there are more tokens than pixels, a bar stands for several and shows the most surprising one. Arrow keys
    move the marked token. Signals: `chosen(index)` when a person clicked or went to a token.
    """

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Surprise of each token, bits"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setProperty("verbatim", True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.bits = array("d")
        self.current = -1
        self._hovered = -1
        self._top = _LEAST_TOP
        self._first = 0
        theme.current().changed.connect(self.updateGeometry)

    def clear(self, first: int = 0) -> None:
        """Show nothing; the next token is the text's token number `first`, counted from 0."""
        self.bits = array("d")
        self._first = first
        self.current = self._hovered = -1
        self._top = _LEAST_TOP
        self._describe()

    def append(self, bits: Sequence[float]) -> None:
        """Add the surprise of tokens at the end, in bits."""
        self.bits.extend(bits)
        self._top = max(self._top, 2 * math.ceil(max(bits, default=0.0) / 2))
        self._describe()

    def set_current(self, index: int) -> None:
        """Mark a token (−1: none) without telling anybody."""
        self.current = index if 0 <= index < len(self.bits) else -1
        self.update()

    @property
    def mean(self) -> float | None:
        """The mean surprise in bits; None before the first token."""
        return math.fsum(self.bits) / len(self.bits) if self.bits else None

    def sizeHint(self) -> QSize:
        look = theme.current()
        return QSize(look.pixels(320), look.pixels(66))

    def minimumSizeHint(self) -> QSize:
        return QSize(theme.current().pixels(120), self.sizeHint().height())

    # Geometry -----------------------------------------------------------------------------------------------------

    def area(self) -> QRectF:
        """Where the bars stand."""
        look = theme.current()
        left = look.pixels(22)
        return QRectF(left, look.pixels(5), max(1, self.width() - left), max(1, self.height() - look.pixels(10)))

    def step(self) -> float:
        """The distance between tokens in pixels; below 1 where several share one."""
        return min(_WIDEST, self.area().width() / max(1, len(self.bits)))

    def token_at(self, place: QPointF) -> int:
        """The token at a place, or −1."""
        index = int((place.x() - self.area().left()) // self.step())
        return index if 0 <= index < len(self.bits) else -1

    # Painting -----------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        look, area = theme.current(), self.area()
        painter = QPainter(self)
        painter.setFont(look.font(theme.HINT))
        height = QFontMetricsF(painter.font()).height()
        every = 4
        while area.height() * every / self._top < 0.9 * height:
            every *= 2
        for tick in range(0, int(self._top) + 1, every):
            y = round(area.bottom() - area.height() * tick / self._top) + 0.5
            painter.setPen(QPen(look.color("line2" if tick == 0 else "grid"), 1))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(look.color("text3"))
            box = QRectF(0, y - height / 2, area.left() - 6, height)
            painter.drawText(box, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), str(tick))
        self._paint_bars(painter, area)

    def _paint_bars(self, painter: QPainter, area: QRectF) -> None:
        look, step = theme.current(), self.step()
        together = max(1, math.ceil(1.0 / step)) if step < 1 else 1
        gap = 1.0 if step >= 3 else 0.0
        hue = look.color("surprise").hsvHue()
        plain = QColor.fromHsv(hue, 190, 225) if look.dark else QColor.fromHsv(hue, 215, 192)
        for first in range(0, len(self.bits), together):
            bits = max(self.bits[first : first + together])
            high = area.height() * min(bits, self._top) / self._top
            marked = first <= self.current < first + together
            hovered = first <= self._hovered < first + together
            wide = max(1.0, step * together - gap)
            box = QRectF(area.left() + first * step, area.bottom() - max(high, 1.0), wide, max(high, 1.0))
            painter.fillRect(box, look.color("ink") if marked else look.color("text2") if hovered else plain)

    # Mouse and keys -----------------------------------------------------------------------------------------------

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        found = self.token_at(event.position())
        if found != self._hovered:
            self._hovered = found
            self.update()
            QToolTip.showText(event.globalPosition().toPoint(), self.words(found) if found >= 0 else "", self)

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = -1
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        found = self.token_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and found >= 0:
            self._choose(found)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows, Home and End mark a token."""
        key, last = Qt.Key, len(self.bits) - 1
        moves = {
            key.Key_Left: max(self.current - 1, 0),
            key.Key_Right: min(self.current + 1, last),
            key.Key_Home: 0,
            key.Key_End: last,
        }
        if self.bits and event.key() in moves:
            self._choose(moves[key(event.key())])
            announce(self, self.words(self.current))
        else:
            super().keyPressEvent(event)

    def words(self, index: int) -> str:
        """A token's surprise in words."""
        return self.tr("token {place}: {bits} bits").format(
            place=f"{self._first + index + 1:,}", bits=f"{self.bits[index]:.1f}"
        )

    def _choose(self, index: int) -> None:
        self.set_current(index)
        self.chosen.emit(index)

    def _describe(self) -> None:
        mean = self.mean
        words = self.tr("{count} tokens, mean {mean} bits")
        self.setAccessibleDescription(
            self.tr("Nothing yet.") if mean is None else words.format(count=f"{len(self.bits):,}", mean=f"{mean:.1f}")
        )
        self.update()
