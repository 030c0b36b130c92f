"""Says which colour stands for which run of a blend."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.token_painting import part_color

_SIDE, _GAP, _BETWEEN = 12, 6, 14


class PartsLegend(QWidget):
    """A square in the colour of each part with its name beside it; a name without room is cut short."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._names: tuple[str, ...] = ()
        self.setProperty("verbatim", True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.current().changed.connect(self.updateGeometry)

    def show_names(self, names: Sequence[str]) -> None:
        """Name the parts, in the order of their colours."""
        self._names = tuple(names)
        self.setAccessibleName(self.tr("Colours: {names}").format(names=", ".join(names)) if names else "")
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        look = theme.current()
        metrics = QFontMetrics(look.font(theme.LABEL))
        words = sum(metrics.horizontalAdvance(name) for name in self._names)
        room = len(self._names) * look.pixels(_SIDE + _GAP + _BETWEEN)
        return QSize(words + room, look.pixels(20))

    def minimumSizeHint(self) -> QSize:
        look = theme.current()
        return QSize(len(self._names) * look.pixels(_SIDE + _GAP + _BETWEEN + 40), look.pixels(20))

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._names:
            return
        look = theme.current()
        painter = QPainter(self)
        painter.setFont(look.font(theme.LABEL))
        side, gap, between = look.pixels(_SIDE), look.pixels(_GAP), look.pixels(_BETWEEN)
        metrics, left = painter.fontMetrics(), 0.0
        most = self.width() / len(self._names) - side - gap - between
        cut = self.width() < self.sizeHint().width()
        for place, name in enumerate(self._names):
            painter.fillRect(QRectF(left, (self.height() - side) / 2, side, side), part_color(place, 1.0))
            left += side + gap
            words = metrics.elidedText(name, Qt.TextElideMode.ElideRight, int(most)) if cut else name
            painter.setPen(look.color("text2"))
            width = metrics.horizontalAdvance(words)
            painter.drawText(QRectF(left, 0, width + 1, self.height()), int(Qt.AlignmentFlag.AlignVCenter), words)
            left += width + between
