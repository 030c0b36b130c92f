"""The axes of a plot: four to six round ticks, a horizontal grid, thousands set off."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Literal

import pyqtgraph as pg
from PySide6.QtCore import QRectF
from PySide6.QtGui import QFontMetricsF

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets import number_text, ticks

Scale = Literal["plain", "whole", "seconds", "logarithmic"]

_TEXT_OFFSET = 6
_BESIDE_WORDS = _TEXT_OFFSET + 4
"""Pixels between the words of the ticks and the lines, and at the other side of the words."""


class Axis(pg.AxisItem):  # type: ignore[misc]
    """An axis of round ticks. With the scale "logarithmic" the view counts in powers of ten."""

    def __init__(self, orientation: str, scale: Scale = "plain", *, compact: bool = False) -> None:
        super().__init__(orientation)
        self._scale = scale
        self._compact = compact
        self._across = orientation == "left"
        self.enableAutoSIPrefix(False)
        self.setStyle(
            tickTextOffset=_TEXT_OFFSET, tickLength=0, autoExpandTextSpace=False, autoReduceTextSpace=False,
            hideOverlappingLabels=40,
        )  # fmt: skip
        self.recolor()

    def set_scale(self, scale: Scale) -> None:
        """Count in another way from now on."""
        self._scale = scale
        self.picture = None
        self.update()

    def recolor(self) -> None:
        """Take the colours and the text size of the theme."""
        look = theme.current()
        self.setPen(pg.mkPen(look.color("line2"), width=1))
        self.setTickPen(pg.mkPen(look.color("grid"), width=1))
        self.setTextPen(pg.mkPen(look.color("text3")))
        self.setTickFont(look.font(theme.HINT))
        if self._across:
            self.setGrid(255)
            self.make_room()
        else:
            self.setHeight(look.pixels(18 if self._compact else 22))
        self.setZValue(-1)

    def make_room(self) -> None:
        """Be as wide as its words: zoomed in, they take more figures to be told apart."""
        look = theme.current()
        low, high = self.range
        values = [value for _, level in self.tickValues(low, high, self.size().height()) for value in level]
        metrics = QFontMetricsF(look.font(theme.HINT))
        words = max((metrics.horizontalAdvance(text) for text in self.tickStrings(values, 1.0, 1.0)), default=0.0)
        wide = max(look.pixels(34 if self._compact else 40), math.ceil(words) + _BESIDE_WORDS)
        if wide != self.fixedWidth:
            self.setWidth(wide)

    def boundingRect(self) -> QRectF:
        """Room for the labels of ticks at the very ends, which would else be left out."""
        return QRectF(super().boundingRect()).adjusted(0, -10, 0, 10)

    def tickValues(self, low: float, high: float, length: float) -> list[tuple[float, list[float]]]:
        """One level of ticks, as many as the axis has room for."""
        room = (17 if self._across else 40) if self._compact else (24 if self._across else 74)
        most = max(2, min(4 if self._compact else 7, int(length / theme.current().pixels(room))))
        if self._scale == "logarithmic":
            low, high = max(low, -300.0), min(high, 300.0)
            return [(1.0, [math.log10(v) for v in ticks.logarithmic_ticks(10.0**low, 10.0**high, most)])]
        if self._scale == "seconds":
            return [(1.0, [v for v in ticks.time_ticks(low, high, most) if v >= 0])]
        values = ticks.plain_ticks(low, high, most, whole=self._scale == "whole")
        return [(1.0, [v for v in values if v >= 0 or self._scale == "plain"])]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        """The words of each tick."""
        if self._scale == "seconds":
            return [number_text.moment(round(value, 6)) for value in values]
        if self._scale == "whole":
            return [number_text.whole(value) for value in values]
        numbers = [10.0**value if self._scale == "logarithmic" else round(value, 12) for value in values]
        apart = min((abs(after - before) for before, after in pairwise(numbers)), default=0.0)
        return [number_text.plain(number, apart) for number in numbers]
