"""A loss curve the size of a word, painted into a cell of a table."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF


def paint_sparkline(
    painter: QPainter, area: QRectF, points: Sequence[tuple[float, float]], color: QColor, *, longest: float = 0.0
) -> None:
    """Draw `points` (step, loss) into `area`, a dot at the last one; values above 0 on a logarithmic scale.

    `longest` is the step at the right edge, so that runs of different length compare; 0 takes the last step. The lowest
    value of the line stands at the bottom.
    """
    known = [(step, loss) for step, loss in points if math.isfinite(loss)]
    if not known:
        return
    logarithmic = all(loss > 0 for _, loss in known)
    heights = [math.log(loss) if logarithmic else loss for _, loss in known]
    low, high = min(heights), max(heights)
    room = area.adjusted(2, 3, -4, -3)
    across = max(longest, known[-1][0]) or 1.0
    line: list[QPointF] = []
    for (step, _), height in zip(known, heights, strict=True):
        up = (height - low) / (high - low) if high > low else 0.0
        line.append(QPointF(room.left() + room.width() * step / across, room.bottom() - up * room.height()))
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(color, 1.6, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
    painter.drawPolyline(QPolygonF(line))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    painter.drawEllipse(line[-1], 2.4, 2.4)
    painter.restore()
