"""What is written over a plot: labels in the right gutter, the box at the cursor, the mark of the best value."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.ticks import spread


@dataclass(frozen=True)
class Label:
    """A line of the gutter. `at` is the height it belongs to; `end` where its curve ends, for a leader; `strong` sets
    it in the weight of data."""

    title: str
    value: str
    at: float
    color: QColor
    strong: bool = False
    end: QPointF | None = None
    swatch: QColor | None = None


@dataclass(frozen=True)
class Reading:
    """A line of the box at the cursor: a swatch, a name, a value, and a remark in paler text."""

    color: QColor | None
    title: str
    value: str
    remark: str = ""


def gutter_width(labels: list[Label]) -> float:
    """How wide the gutter has to be for these labels."""
    if not labels:
        return 0.0
    look = theme.current()
    gap = look.pixels(16)
    return max(_metrics(label).horizontalAdvance(label.title) for label in labels) + gap + _value_width(labels)


def paint_gutter(painter: QPainter, area: QRectF, labels: list[Label]) -> None:
    """Write `labels` into `area`, spread so that none covers another, with leaders to those that moved."""
    if not labels or area.width() < 8:
        return
    look = theme.current()
    height = look.pixels(15)
    places = spread([label.at for label in labels], height, area.top() + height / 2, area.bottom() - height / 2)
    values = _value_width(labels)
    for label, place in zip(labels, places, strict=True):
        row = QRectF(area.left(), place - height / 2, area.width(), height)
        _paint_leader(painter, label, QPointF(area.left() - 4, place))
        left = row.left()
        if label.swatch is not None:
            painter.fillRect(QRectF(left, place - 4, 8, 8), label.swatch)
            left += 12
        painter.setFont(look.font(theme.HINT, 600 if label.strong else 400))
        painter.setPen(label.color)
        room = row.right() - values - 6 - left
        title = _metrics(label).elidedText(label.title, Qt.TextElideMode.ElideRight, room)
        painter.drawText(QRectF(left, row.top(), room, height), _LEFT, title)
        painter.drawText(row, _RIGHT, label.value)


_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine)
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine)


def _paint_leader(painter: QPainter, label: Label, target: QPointF) -> None:
    if label.end is None or (abs(label.end.y() - target.y()) < 2 and target.x() - label.end.x() < 12):
        return
    faint = QColor(label.swatch or label.color)
    faint.setAlphaF(0.55)
    painter.setPen(QPen(faint, 1))
    painter.drawLine(label.end + QPointF(5, 0), target)


def _metrics(label: Label) -> QFontMetricsF:
    return QFontMetricsF(theme.current().font(theme.HINT, 600 if label.strong else 400))


def _value_width(labels: list[Label]) -> float:
    return max(_metrics(label).horizontalAdvance(label.value) for label in labels)


def readout_size(title: str, aside: str, readings: list[Reading]) -> QSizeF:
    """How much room the box at the cursor takes."""
    look = theme.current()
    strong, normal = QFontMetricsF(look.font(theme.LABEL, 600)), QFontMetricsF(look.font(theme.LABEL))
    widths = [strong.horizontalAdvance(title) + normal.horizontalAdvance(aside) + 24]
    for reading in readings:
        words = normal.horizontalAdvance(reading.title + reading.remark) + strong.horizontalAdvance(reading.value)
        widths.append(words + 50)
    height = look.pixels(18)
    return QSizeF(max(look.pixels(132), *widths) + 20, height * (1 + len(readings)) + 14)


def paint_readout(painter: QPainter, box: QRectF, title: str, aside: str, readings: list[Reading]) -> None:
    """Draw the box at the cursor: a heading, then one line per curve."""
    look = theme.current()
    painter.setPen(QPen(look.color("line2"), 1))
    painter.setBrush(look.color("surface"))
    painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
    height = look.pixels(18)
    row = QRectF(box.left() + 10, box.top() + 7, box.width() - 20, height)
    _write(painter, row, _LEFT, title, "text", 600)
    _write(painter, row, _RIGHT, aside, "text3", 400)
    for reading in readings:
        row.translate(0, height)
        if reading.color is not None:
            middle = row.center().y()
            painter.setPen(QPen(reading.color, 2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawLine(QPointF(row.left() + 1, middle), QPointF(row.left() + 11, middle))
        words = row.adjusted(22, 0, 0, 0)
        _write(painter, words, _LEFT, reading.title, "text2", 400)
        if reading.remark:
            metrics = QFontMetricsF(look.font(theme.LABEL))
            after = words.adjusted(metrics.horizontalAdvance(reading.title) + 6, 0, 0, 0)
            _write(painter, after, _LEFT, reading.remark, "text3", 400)
        _write(painter, row, _RIGHT, reading.value, "text", 600)


def paint_best(painter: QPainter, area: QRectF, point: QPointF, lines: tuple[str, str], color: QColor) -> None:
    """Mark the best value: a dot, a stem to where there is room, and two lines of words."""
    look = theme.current()
    title, detail = lines
    metrics = QFontMetricsF(look.font(theme.LABEL))
    height = look.pixels(15)
    upwards = point.y() - area.top() > 2.6 * height + 30
    tip = point.y() - 56 if upwards and point.y() - area.top() > 56 + height else point.y() + (-34 if upwards else 34)
    painter.setPen(QPen(color, 1.5))
    painter.drawLine(point, QPointF(point.x(), tip))
    painter.setPen(QPen(look.color("surface"), 1.5))
    painter.setBrush(color)
    painter.drawEllipse(point, 5, 5)
    width = max(metrics.horizontalAdvance(title) * 1.1, metrics.horizontalAdvance(detail)) + 4
    left = point.x() + 7 if point.x() + 7 + width < area.right() else point.x() - 7 - width
    top = tip - 2 if upwards else tip - 2 * height
    flags = _LEFT if left > point.x() else _RIGHT
    _write(painter, QRectF(left, top, width, height), flags, title, "text", 600)
    _write(painter, QRectF(left, top + height, width, height), flags, detail, "text2", 400, theme.HINT)


def _write(  # noqa: PLR0917
    painter: QPainter, row: QRectF, flags: int, words: str, token: str, weight: int, size: int = theme.LABEL
) -> None:
    look = theme.current()
    painter.setFont(look.font(size, weight))
    painter.setPen(look.color(token))
    painter.drawText(row, flags, words)
