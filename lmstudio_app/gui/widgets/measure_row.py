"""A figure with its name and a bar, so that several of them can be compared at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from lmstudio_app.gui import theme

_MIDDLE = Qt.AlignmentFlag.AlignVCenter


class Measure(NamedTuple):
    """What a row shows: `share` (0–1) is the length of its bar, `hint` what it means; a `strong` one stands out."""

    title: str
    figure: str
    share: float
    hint: str = ""
    strong: bool = False


class MeasureRow(QWidget):
    """Name, meaning and figure in a line with the bar below; a `compact` one has its bar between name and figure."""

    def __init__(self, parent: QWidget | None = None, *, compact: bool = False) -> None:
        super().__init__(parent)
        self._compact = compact
        self._shown = Measure("", "", 0.0)
        self._figures: Sequence[str] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.current().changed.connect(self.updateGeometry)

    def show_measure(self, measure: Measure, figures: Sequence[str] = ()) -> None:
        """Show one, which stands among others with these `figures`: their bars are as long as each other."""
        self._shown, self._figures = measure, tuple(figures)
        self.setAccessibleName(f"{measure.title}: {measure.figure}")
        self.setAccessibleDescription(measure.hint)
        self.setToolTip(measure.hint)
        self.update()

    def measure(self) -> Measure:
        """What is shown."""
        return self._shown

    def sizeHint(self) -> QSize:
        look = theme.current()
        return QSize(look.pixels(160), look.pixels(21 if self._compact else 38))

    def minimumSizeHint(self) -> QSize:
        return QSize(theme.current().pixels(100), self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self._compact:
            self._paint_compact(painter)
        else:
            self._paint_tall(painter)
        painter.end()

    def _paint_tall(self, painter: QPainter) -> None:
        look, shown = theme.current(), self._shown
        line = QRectF(0, 0, self.width(), look.pixels(20))
        title, figure = self._paint_ends(painter, line)
        painter.setFont(look.font(theme.HINT))
        painter.setPen(look.color("text3"))
        room = line.adjusted(title + look.pixels(8), 0, -figure - look.pixels(8), 0)
        hint = painter.fontMetrics().elidedText(shown.hint, Qt.TextElideMode.ElideRight, int(max(0, room.width())))
        painter.drawText(room, int(_MIDDLE), hint)
        self._paint_bar(painter, QRectF(0, look.pixels(24), self.width(), look.pixels(6)))

    def _paint_compact(self, painter: QPainter) -> None:
        look = theme.current()
        line = QRectF(self.rect())
        title, figure = self._paint_ends(painter, line)
        left = max(float(title + look.pixels(8)), 0.4 * line.width())
        high = look.pixels(8)
        widest = max((painter.fontMetrics().horizontalAdvance(words) for words in self._figures), default=figure)
        right = max(look.pixels(38), max(figure, widest) + look.pixels(10))
        track = QRectF(left, (line.height() - high) / 2, line.width() - left - right, high)
        if track.width() > look.pixels(12) and figure:
            self._paint_bar(painter, track)

    def _paint_ends(self, painter: QPainter, line: QRectF) -> tuple[int, int]:
        """The name at the left, the figure at the right; returns their widths."""
        look, shown = theme.current(), self._shown
        painter.setFont(look.font(theme.LABEL, 600 if shown.strong else 500 if not self._compact else 400))
        painter.setPen(look.color("text" if shown.strong or not self._compact else "text2"))
        painter.drawText(line, int(_MIDDLE), shown.title)
        title = painter.fontMetrics().horizontalAdvance(shown.title)
        painter.setFont(look.font(theme.LABEL, 600 if shown.strong or not self._compact else 400))
        painter.drawText(line, int(_MIDDLE | Qt.AlignmentFlag.AlignRight), shown.figure)
        return title, painter.fontMetrics().horizontalAdvance(shown.figure)

    def _paint_bar(self, painter: QPainter, track: QRectF) -> None:
        look = theme.current()
        painter.fillRect(track, look.color("grid"))
        bar = QRectF(track)
        bar.setWidth(track.width() * min(1.0, max(0.0, self._shown.share)))
        painter.fillRect(bar, look.color("ink" if self._shown.strong else "field"))
