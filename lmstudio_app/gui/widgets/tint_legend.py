"""Says what the tint of tokens means: from expected to surprising."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QLinearGradient, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.text import Text
from lmstudio_app.gui.widgets.token_painting import surprise_color

_STOPS = (1.0, 0.5, 0.2, 0.1, 0.03, 0.01)


class TintLegend(QWidget):
    """Two words with a strip of the tint between them, and the chances at its ends."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(6)
        words = (
            self.tr("Tint shows surprise:"),
            self.tr("expected"),
            self.tr("surprising"),
            self.tr("chance 100 % → under 1 %"),
        )
        self._parts: list[QWidget] = [Text(part, "label", copyable=False) for part in words]
        self._parts.insert(2, _Ramp())
        for part in self._parts:
            line.addWidget(part)

    def set_shown(self, shown: bool) -> None:
        """Show it, or keep its room empty."""
        for part in self._parts:
            part.setVisible(shown)


class _Ramp(QWidget):
    """The tints themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.current().changed.connect(self.updateGeometry)

    def sizeHint(self) -> QSize:
        look = theme.current()
        return QSize(look.pixels(110), look.pixels(12))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        ramp = QLinearGradient(0, 0, self.width(), 0)
        for number, chance in enumerate(_STOPS):
            ramp.setColorAt(number / (len(_STOPS) - 1), surprise_color(chance))
        painter.setPen(QPen(theme.current().color("line2"), 1))
        painter.setBrush(ramp)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.drawRect(QRectF(0, 0, self.width() - 1, self.height() - 1))
