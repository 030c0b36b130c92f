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
    """Two words with a strip of the tint between them; before and after them, where there is room, what they mean."""

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
        self._shown, self._room = True, 0
        theme.current().changed.connect(self._fit)

    def set_shown(self, shown: bool) -> None:
        """Show it, or keep its room empty."""
        self._shown = shown
        self._fit()

    def set_room(self, width: int) -> None:
        """Say how wide it may be."""
        self._room = width
        self._fit()

    def minimumSizeHint(self) -> QSize:
        inner = sum(part.sizeHint().width() + 6 for part in self._parts[1:-1]) - 6
        return QSize(inner, super().minimumSizeHint().height())

    def _fit(self) -> None:
        wide = sum(part.sizeHint().width() + 6 for part in self._parts) - 6
        for part in self._parts:
            outer = part in (self._parts[0], self._parts[-1])
            part.setVisible(self._shown and (wide <= self._room or not outer))


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
