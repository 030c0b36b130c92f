"""A finished training as a picture: how the loss fell, between guessing and what is possible. Painted without numpy."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets import number_text
from lmstudio_app.gui.widgets.ticks import logarithmic_ticks, plain_ticks, spread

SMOOTHING = 0.8


@dataclass(frozen=True)
class Example:
    """A recorded run: rows of (step, training, validation) in bits per byte, levels to compare with, and what it wrote
    as (step, text)."""

    title: str
    rows: tuple[tuple[int, float | None, float | None], ...]
    uniform: float | None
    unigram: float | None
    entropy: float | None
    samples: tuple[tuple[int, str], ...]

    @classmethod
    def from_json(cls, recorded: Mapping[str, Any]) -> Example:
        """The example in a file of `resources/examples/`. Raises `KeyError`, `TypeError` or `ValueError`."""
        rows = tuple((int(step), training, validation) for step, training, validation in recorded["rows"])
        samples = tuple((int(step), str(text)) for step, text in recorded["samples"])
        if not rows:
            raise ValueError("no rows")
        uniform, unigram, entropy = (recorded.get(name) for name in ("uniform", "unigram", "entropy"))
        return cls(str(recorded["title"]), rows, uniform, unigram, entropy, samples)

    @property
    def last_step(self) -> int:
        """The step at which it ended."""
        return self.rows[-1][0]


def smoothed(points: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """Each value averaged with those before it, the nearest counting most; the first ones as they are."""
    found: list[tuple[int, float]] = []
    total = weight = 0.0
    for step, value in points:
        total, weight = SMOOTHING * total + value, SMOOTHING * weight + 1
        found.append((step, total / weight))
    return found


class ExamplePlot(QWidget):
    """The curve of an `Example` with its levels, on a logarithmic axis, labels at the right."""

    def __init__(self, example: Example, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._example = example
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(self.tr("Loss of a finished example"))
        self._values = [v for row in example.rows for v in row[1:] if v is not None]
        levels = [v for v in (example.uniform, example.unigram, example.entropy) if v is not None]
        self._low, self._high = min(self._values + levels) * 0.93, max(self._values + levels) * 1.05
        words = self.tr("From {first} down to {last} bits per byte in {steps} steps.")
        self.setAccessibleDescription(
            words.format(first=f"{self._values[0]:.2f}", last=f"{self._values[-1]:.2f}", steps=example.last_step)
        )
        theme.current().changed.connect(self.update)

    def sizeHint(self) -> QSize:
        look = theme.current()
        return QSize(look.pixels(340), look.pixels(190))

    def minimumSizeHint(self) -> QSize:
        look = theme.current()
        return QSize(look.pixels(220), look.pixels(130))

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics = QFontMetrics(look.font(theme.HINT))
        labels = self._labels()
        gutter = max(metrics.horizontalAdvance(words) for words, _, _, _ in labels) + look.pixels(14)
        area = QRectF(look.pixels(28), look.pixels(8), self.width() - look.pixels(28) - gutter,
                      self.height() - look.pixels(8) - look.pixels(22))  # fmt: skip
        painter.setFont(look.font(theme.HINT))
        self._paint_axes(painter, area)
        self._paint_levels(painter, area)
        self._paint_training(painter, area, look.run_color(0))
        self._paint_validation(painter, area, look.run_color(1))
        self._paint_labels(painter, area, labels)
        painter.end()

    def _y(self, area: QRectF, value: float) -> float:
        share = (math.log(value) - math.log(self._low)) / (math.log(self._high) - math.log(self._low))
        return area.bottom() - share * area.height()

    def _x(self, area: QRectF, step: float) -> float:
        return area.left() + area.width() * step / max(1, self._example.last_step)

    def _labels(self) -> list[tuple[str, float, QColor, bool]]:
        """What stands in the right gutter: words, value, colour, bold."""
        look, example = theme.current(), self._example
        grey = look.color("text2")
        found: list[tuple[str, float, QColor, bool]] = []
        if example.uniform is not None:
            found.append((self.tr("uniform guess"), example.uniform, grey, False))
        if example.unigram is not None:
            found.append((self.tr("token counts"), example.unigram, grey, False))
        if example.entropy is not None:
            found.append((self.tr("entropy floor (exact)"), example.entropy, grey, False))
        for column, words in ((1, self.tr("training")), (2, self.tr("validation"))):
            last = [row[column] for row in example.rows if row[column] is not None]
            if last and last[-1] is not None:
                found.append((words, float(last[-1]), look.run_color(column - 1), True))
        return found

    def _paint_axes(self, painter: QPainter, area: QRectF) -> None:
        look = theme.current()
        for value in logarithmic_ticks(self._low, self._high, 5):
            height = self._y(area, value)
            painter.setPen(QPen(look.color("grid"), 1))
            painter.drawLine(QPointF(area.left(), height), QPointF(area.right(), height))
            painter.setPen(look.color("text3"))
            box = QRectF(0, height - 10, area.left() - 6, 20)
            painter.drawText(box, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), f"{value:g}")
        painter.setPen(QPen(look.color("line2"), 1))
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        painter.drawLine(area.topLeft(), area.bottomLeft())
        painter.setPen(look.color("text3"))
        ticks = plain_ticks(0, self._example.last_step, max(2, int(area.width() / look.pixels(70))), whole=True)
        taken = -1.0
        for step in ticks:
            words = number_text.whole(step)
            if step == ticks[-1]:
                words = self.tr("{step} steps").format(step=words)
            wide = QFontMetrics(painter.font()).horizontalAdvance(words) + 4
            box = QRectF(self._x(area, step) - wide / 2, area.bottom() + 4, wide, look.pixels(18))
            if box.left() < taken:
                continue
            taken = box.right() + look.pixels(6)
            painter.drawText(box, int(Qt.AlignmentFlag.AlignHCenter), words)

    def _paint_levels(self, painter: QPainter, area: QRectF) -> None:
        look, example = theme.current(), self._example
        solid, dotted = Qt.PenStyle.SolidLine, Qt.PenStyle.DotLine
        for value, style in ((example.uniform, dotted), (example.unigram, dotted), (example.entropy, solid)):
            if value is not None:
                painter.setPen(QPen(look.color("ref"), 1.2, style))
                height = self._y(area, value)
                painter.drawLine(QPointF(area.left(), height), QPointF(area.right(), height))

    def _paint_curve(self, painter: QPainter, area: QRectF, points: Sequence[tuple[int, float]], pen: QPen) -> None:
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPolyline(QPolygonF([QPointF(self._x(area, step), self._y(area, value)) for step, value in points]))

    def _paint_training(self, painter: QPainter, area: QRectF, colour: QColor) -> None:
        """What was measured, pale, under its smoothed line."""
        measured = [(step, value) for step, value, _ in self._example.rows if value is not None]
        pale = QColor(colour)
        pale.setAlphaF(0.34)
        self._paint_curve(painter, area, measured, QPen(pale, 1))
        self._paint_curve(painter, area, smoothed(measured), QPen(colour, 2))

    def _paint_validation(self, painter: QPainter, area: QRectF, colour: QColor) -> None:
        measured = [(step, value) for step, _, value in self._example.rows if value is not None]
        self._paint_curve(painter, area, measured, QPen(colour, 2))
        painter.setPen(QPen(colour, 1.4))
        painter.setBrush(theme.current().color("surface"))
        for step, _, value in self._example.rows:
            if value is not None:
                painter.drawEllipse(QPointF(self._x(area, step), self._y(area, value)), 2.4, 2.4)

    def _paint_labels(self, painter: QPainter, area: QRectF, labels: Sequence[tuple[str, float, QColor, bool]]) -> None:
        look = theme.current()
        height = look.pixels(14)
        wanted = [self._y(area, value) for _, value, _, _ in labels]
        places = spread(wanted, height, height / 2, self.height() - height / 2)
        for (words, _, colour, bold), place in zip(labels, places, strict=True):
            painter.setFont(look.font(theme.HINT, 600 if bold else 400))
            painter.setPen(colour)
            box = QRectF(area.right() + look.pixels(8), place - height / 2, self.width(), height)
            painter.drawText(box, int(Qt.AlignmentFlag.AlignVCenter), words)
