"""The plot of a learning-rate search: what each rate cost, along the logarithm of the rate."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.plot_canvas import PlotCanvas
from lmstudio_app.gui.widgets.plot_curve import Look

_LOSS, _SMOOTHED = "loss", "smoothed"
_ROOM = 0.02


class RatePlot(PlotCanvas):
    """Losses in bits per byte over learning rates from `lowest` to `highest`, the smoothed ones in front; one rate can
    be marked."""

    def __init__(self, title: str, lowest: float, highest: float, parent: QWidget | None = None) -> None:
        self._ends = math.log10(lowest), math.log10(highest)
        self._mark = pg.InfiniteLine(
            angle=90, label="", labelOpts={"position": 0.94, "anchors": [(-0.08, 0.5), (1.08, 0.5)]}
        )
        super().__init__(parent, compact=True)
        self.setAccessibleName(title)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # there is nothing to do in it; its words say what it shows
        self._bottom.set_scale("logarithmic")
        self.add_curve(_LOSS, self.tr("Loss"), Look(), width=1.0, color="line2")
        self.add_curve(_SMOOTHED, self.tr("Smoothed loss"), Look())
        self._mark.hide()
        self._view.addItem(self._mark, ignoreBounds=True)
        self.recolor()

    def add_losses(self, rates: Sequence[float], losses: Sequence[float], smoothed: Sequence[float]) -> None:
        """Append what these rates cost, in bits per byte, alone and smoothed."""
        places = [math.log10(rate) for rate in rates]
        unknown = [None] * len(places)
        self.extend(_LOSS, places, unknown, losses)
        self.extend(_SMOOTHED, places, unknown, smoothed)

    def mark(self, rate: float, words: str) -> None:
        """Mark a rate by an upright line with `words` at its top."""
        self._mark.show()  # first: a hidden label takes no words
        self._mark.setValue(math.log10(rate))
        self._mark.label.setFormat(words)

    def marked(self) -> float | None:
        """The rate that is marked."""
        return 10.0 ** float(self._mark.value()) if self._mark.isVisible() else None

    def shown_points(self) -> int:
        """How many rates are shown."""
        return len(self.curves[_SMOOTHED].series)

    def recolor(self) -> None:
        super().recolor()
        look = theme.current()
        self._mark.setPen(pg.mkPen(look.color("text"), width=1, style=Qt.PenStyle.DashLine))
        self._mark.label.setColor(look.color("text"))
        self._mark.label.setFont(look.font(theme.HINT))

    def sizeHint(self) -> QSize:
        look = theme.current()
        return QSize(look.pixels(520), look.pixels(260))

    def _fit_x(self) -> None:
        low, high = self._ends
        room = _ROOM * (high - low)
        self._view.setXRange(low - room, high + room, padding=0)

    def _fit_y(self) -> None:
        """The smoothed losses fill the height; a single one may stick out."""
        series = self.curves[_SMOOTHED].series if _SMOOTHED in self.curves else None
        low, high = (series.lowest, series.highest) if series is not None and len(series) else (0.0, 1.0)
        room = 0.1 * ((high - low) or 1.0)
        self._view.setYRange(low - room, high + room, padding=0)
