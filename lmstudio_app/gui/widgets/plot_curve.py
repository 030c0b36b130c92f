"""One line of a plot: its numbers, how it is drawn, and the graphics items that show it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.series import Floats, Series, thin

RAW_OPACITY = 0.34
_DASHES = (Qt.PenStyle.SolidLine, Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DashDotLine)


@dataclass(frozen=True)
class Reference:
    """A level to compare with: "dotted" for guesses, "dashed" for another model, "solid" for an exact floor."""

    title: str
    value: float
    style: Literal["dotted", "dashed", "solid"] = "dotted"


@dataclass(frozen=True)
class Look:
    """How a curve is drawn: `run` is the colour of a run counted from 0; `smoothed` draws the raw line pale under a
    smoothed one; `points` marks each value; `best` marks the lowest one."""

    run: int = 0
    smoothed: bool = False
    points: bool = False
    best: bool = False


class Curve:
    """A named series in a plot, with one or two lines drawn by pyqtgraph."""

    def __init__(self, title: str, look: Look, view: pg.ViewBox, *, width: float = 2.0, color: str = "") -> None:
        self.title = title
        self.look = look
        self.series = Series()
        self._width = width
        self._color = color
        self._raw = pg.PlotCurveItem(antialias=True, connect="finite")
        self._line = pg.PlotCurveItem(antialias=True, connect="finite")
        for item in (self._raw, self._line):
            view.addItem(item, ignoreBounds=True)
        self.recolor()

    def color(self) -> QColor:
        """The colour of the line."""
        look = theme.current()
        return look.color(self._color) if self._color else look.run_color(self.look.run)

    def label_color(self) -> QColor:
        """The colour of its label: that of the line where it can be read on the surface (4.5:1), else text."""
        look = theme.current()
        pale = not look.dark and self.look.run % 8 in (2, 3, 6) and not self._color
        return look.color("text") if pale else self.color()

    def recolor(self) -> None:
        """Take the colours of the theme."""
        pale = self.color()
        pale.setAlphaF(RAW_OPACITY)
        self._raw.setPen(pg.mkPen(pale, width=1))
        # From the third line on the dash differs too, so that colour is never alone.
        dash = _DASHES[min(self.look.run, 3)] if not self._color else Qt.PenStyle.SolidLine
        pen = pg.mkPen(self.color(), width=self._width, style=dash)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        self._line.setPen(pen)

    def shown(self) -> Floats:
        """The values of the main line."""
        return self.series.smoothed if self.look.smoothed else self.series.values

    def positions(self, by_seconds: bool) -> Floats:
        """Where the points stand along the axis."""
        return self.series.seconds if by_seconds else self.series.steps

    def redraw(self, low: float, high: float, pixels: int, *, by_seconds: bool, logarithmic: bool) -> None:
        """Draw what lies between `low` and `high`, thinned to the pixels there are."""
        x = self.positions(by_seconds)
        line = thin(x, self.shown(), low, high, pixels, average=self.look.smoothed)
        _draw(self._line, *line, logarithmic)
        if self.look.smoothed:
            _draw(self._raw, *thin(x, self.series.values, low, high, pixels), logarithmic)

    def marks(self, low: float, high: float, most: int, by_seconds: bool) -> list[tuple[float, float]]:
        """The points to mark between `low` and `high`, at most `most` of them."""
        x = self.positions(by_seconds)
        first, last = int(np.searchsorted(x, low)), int(np.searchsorted(x, high, side="right"))
        step = max(1, -(-(last - first) // max(1, most)))
        first = -(-first // step) * step
        values = self.shown()
        return [(float(x[i]), float(values[i])) for i in range(first, last, step) if math.isfinite(values[i])]


def _draw(item: pg.PlotCurveItem, x: Floats, y: Floats, logarithmic: bool) -> None:
    if logarithmic:
        with np.errstate(divide="ignore", invalid="ignore"):
            y = np.where(y > 0, np.log10(y), np.nan)
    item.setData(x, y)
