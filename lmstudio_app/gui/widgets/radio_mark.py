"""The mark of a radio button that paints itself."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPainter, QPen

from lmstudio_app.gui import theme


def paint_radio(painter: QPainter, x: float, y: float, *, checked: bool) -> None:
    """Paint it around a place."""
    look = theme.current()
    radius = look.pixels(6)
    painter.setPen(QPen(look.color("ink" if checked else "field"), 1.2))
    painter.setBrush(look.color("surface"))
    painter.drawEllipse(QPointF(x, y), radius, radius)
    if checked:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(look.color("ink"))
        painter.drawEllipse(QPointF(x, y), radius * 0.6, radius * 0.6)
