"""A field for one value, its unit written inside at the right."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.state import set_state


class UnitField(QLineEdit):
    """A line edit with a pale unit; the unit makes way where the field is too narrow for both."""

    def __init__(self, unit: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._unit = ""
        self._fits = True
        self.setMinimumWidth(72)
        self.textChanged.connect(self._fit)
        theme.current().changed.connect(self._fit)
        self.set_unit(unit)

    @property
    def unit(self) -> str:
        """The unit, or a remark that stands in its place."""
        return self._unit

    def set_unit(self, unit: str) -> None:
        """Show another unit."""
        self._unit = unit
        self._fit()

    def set_invalid(self, invalid: bool) -> None:
        """Give the field the red edge of an error, or take it away."""
        set_state(self, "invalid", invalid)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._unit or not self._fits:
            return
        look = theme.current()
        painter = QPainter(self)
        painter.setFont(look.font(theme.HINT))
        painter.setPen(look.color("text3"))
        room = QRect(0, 0, self.width() - 9, self.height())
        painter.drawText(room, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), self._unit)
        painter.end()

    def _fit(self) -> None:
        look = theme.current()
        unit = QFontMetrics(look.font(theme.HINT)).horizontalAdvance(self._unit) + 6 if self._unit else 0
        text = QFontMetrics(look.font(theme.BODY)).horizontalAdvance(self.text() or "0")
        self._fits = text + unit + 22 <= self.width()
        self.setTextMargins(0, 0, unit if self._fits else 0, 0)
        self.update()
