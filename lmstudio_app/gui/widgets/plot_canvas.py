"""The canvas of a plot that follows a training run: its lines, its reference levels, the range that is shown.

It redraws at most thirty times a second however fast numbers arrive, and never more points than twice its pixels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, QSize, QTimer, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QPushButton, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets import number_text, plot_overlay, ticks
from lmstudio_app.gui.widgets.plot_axis import Axis
from lmstudio_app.gui.widgets.plot_curve import Curve, Look, Reference
from lmstudio_app.gui.widgets.plot_view import PlotView

FRAME_MILLISECONDS = 33

_PATTERNS = {"dotted": [1.0, 3.0], "dashed": [5.0, 3.0], "solid": []}


class PlotCanvas(pg.PlotWidget):  # type: ignore[misc]
    """Axes, lines and cursor of one plot. A `compact` one has no gutter, box or marks, and nobody zooms or pans it:
    another plot says what it shows along x.

    Signals: `range_changed(low, high)` along x, `redrawn()` after each frame.
    """

    range_changed = Signal(float, float)
    redrawn = Signal()

    def __init__(self, parent: QWidget | None = None, *, compact: bool = False) -> None:
        self._view = PlotView(still=compact)
        self._left = Axis("left", compact=compact)
        self._bottom = Axis("bottom", "whole", compact=compact)
        super().__init__(parent, viewBox=self._view, axisItems={"left": self._left, "bottom": self._bottom})
        menu = self.plotItem.ctrlMenu
        menu.setParent(self, menu.windowFlags())  # never shown; without a parent it would outlive the plot
        self.compact = compact
        self.curves: dict[str, Curve] = {}
        self.references: list[Reference] = []
        self.cursor_step: float | None = None
        self.kept_step: int | None = None
        self.by_seconds = False
        self.logarithmic = False
        self.following = True
        self.digits = 2
        self.unit_words = ""
        self._levels: list[pg.InfiniteLine] = []
        self._linked = False
        self._gutter = 0.0
        self._frame = QTimer(self)
        self._frame.setSingleShot(True)
        self._frame.setInterval(FRAME_MILLISECONDS)
        self._frame.timeout.connect(self.redraw)
        self._prepare()

    def _prepare(self) -> None:
        self.setMenuEnabled(False)
        self.hideButtons()
        self.setFrameShape(self.Shape.NoFrame)
        self.setMouseTracking(True)
        self.viewport().setMouseTracking(True)
        self.viewport().setProperty("verbatim", True)
        self.setMinimumSize(60, 40)
        self.plotItem.getAxis("top").hide()
        self._view.taken_over.connect(self._take_over)
        self._view.sigXRangeChanged.connect(self._x_changed)
        self._follow_button = QPushButton(self.tr("Follow"), self.viewport())
        self._follow_button.setAccessibleName(self.tr("Follow the newest step again"))
        self._follow_button.setToolTip(self.tr("Show everything and follow the newest step (A)"))
        self._follow_button.setProperty("compact", "true")
        self._follow_button.clicked.connect(self.fit)
        self._follow_button.hide()
        theme.current().changed.connect(self.recolor)
        self.recolor()

    # Numbers ------------------------------------------------------------------------------------------------------

    def add_curve(self, key: str, title: str, look: Look, *, width: float = 2.0, color: str = "") -> None:
        """Add an empty line called `key`; `color` is a token of the theme where it is no run's."""
        self.curves[key] = Curve(title, look, self._view, width=width, color=color)

    def extend(
        self, key: str, steps: Iterable[float], seconds: Iterable[float | None], values: Iterable[float | None]
    ) -> None:
        """Append points to a line; it is drawn with the next frame."""
        self.curves[key].series.extend(steps, seconds, values)
        self.schedule()

    def clear_points(self) -> None:
        """Empty every line and forget cursor and reference levels."""
        for curve in self.curves.values():
            curve.series.clear()
        self.kept_step = None
        self.set_references([])
        self.set_cursor(None)
        self.fit()

    def set_references(self, references: Sequence[Reference]) -> None:
        """Show these levels, and no others."""
        for line in self._levels:
            self._view.removeItem(line)
        self.references = [r for r in references if math.isfinite(r.value)]
        self._levels = [pg.InfiniteLine(angle=0) for _ in self.references]
        for line in self._levels:
            line.setZValue(-5)
            self._view.addItem(line, ignoreBounds=True)
        self._place_references()
        self.schedule()

    def set_logarithmic(self, on: bool) -> None:
        """Show the logarithm of values, or the values."""
        self.logarithmic = on
        self._left.set_scale("logarithmic" if on else "plain")
        self._place_references()
        self._fit_y()
        self.schedule()

    def set_by_seconds(self, on: bool) -> None:
        """Lay the points along the time they took, or along steps."""
        self.by_seconds = on
        self._bottom.set_scale("seconds" if on else "whole")
        self.fit()

    # Range --------------------------------------------------------------------------------------------------------

    def fit(self) -> None:
        """Show everything, and follow the newest step from now on."""
        self.following = True
        self._follow_button.hide()
        self.schedule()

    def show_range(self, low: float, high: float) -> None:
        """Show x from `low` to `high` (for a plot that is linked to another)."""
        self._linked = True
        self._view.setXRange(low, high, padding=0)
        self.schedule()

    def _take_over(self) -> None:
        self.following = False
        self._follow_button.show()
        self.schedule()

    def _x_changed(self, view: Any, bounds: tuple[float, float]) -> None:
        self.schedule()
        self.range_changed.emit(float(bounds[0]), float(bounds[1]))

    def _fit_x(self) -> None:
        if self._linked:
            return
        ends = [curve.positions(self.by_seconds)[-1] for curve in self.curves.values() if len(curve.series)]
        end = ticks.padded_end(float(max(ends)) if ends else 0.0, seconds=self.by_seconds)
        self._view.setXRange(-0.006 * end, 1.002 * end, padding=0)

    def _fit_y(self) -> None:
        values: list[float] = [reference.value for reference in self.references]
        for curve in self.curves.values():
            series = curve.series
            if len(series):
                values += [series.lowest_positive if self.logarithmic else series.lowest, series.highest]
        if self.references and not any(len(curve.series) for curve in self.curves.values()):
            values.append(0.5 * min(values))  # room for the line that is to come
        shown = [v for v in (self.to_view(value) for value in values) if math.isfinite(v)]
        if not shown:
            shown = [0.0, 1.0]
        low, high = min(shown), max(shown)
        if self.compact:
            low = min(low, 0.0)
        room = (high - low) or abs(high) or 1.0
        below = 0.0 if self.compact and low == 0.0 else 0.05 * room
        self._view.setYRange(low - below, high + 0.06 * room, padding=0)

    def to_view(self, value: float) -> float:
        """A value as the view counts it."""
        if not self.logarithmic:
            return value
        return math.log10(value) if value > 0 else math.nan

    # Drawing ------------------------------------------------------------------------------------------------------

    def schedule(self) -> None:
        """Have the next frame drawn, at most 33 ms from now."""
        if not self._frame.isActive():
            self._frame.start()

    def redraw(self) -> None:
        """Draw a frame now."""
        self._frame.stop()
        if self.following:
            self._fit_x()
            self._fit_y()
        self._left.make_room()
        self._make_room()
        (low, high), _ = self._view.viewRange()
        pixels = max(16, int(self._view.width() * self.devicePixelRatioF()))
        for curve in self.curves.values():
            curve.redraw(low, high, pixels, by_seconds=self.by_seconds, logarithmic=self.logarithmic)
        self._place_button()
        self.viewport().update()
        self.redrawn.emit()

    def recolor(self) -> None:
        """Take the colours and the text size of the theme."""
        self.setBackground(theme.current().color("surface"))
        for axis in (self._left, self._bottom):
            axis.recolor()
        for curve in self.curves.values():
            curve.recolor()
        self._place_references()
        self.schedule()

    def _place_references(self) -> None:
        look = theme.current()
        for line, reference in zip(self._levels, self.references, strict=True):
            value = self.to_view(reference.value)
            line.setVisible(math.isfinite(value))
            if math.isfinite(value):
                line.setValue(value)
            pen = pg.mkPen(look.color("ref"), width=1)
            if pattern := _PATTERNS[reference.style]:
                pen.setDashPattern(pattern)
            line.setPen(pen)

    def _make_room(self) -> None:
        """Leave a gutter at the right for the labels."""
        wanted = theme.current().pixels(20) if self.compact else plot_overlay.wanted_gutter(self)
        if abs(wanted - self._gutter) > 1:
            self._gutter = wanted
            self.plotItem.layout.setContentsMargins(0, 6, wanted, 0)
            self.plotItem.layout.activate()

    def plot_area(self) -> QRectF:
        """Where the lines are, in pixels of this widget."""
        return QRectF(self._view.sceneBoundingRect())

    def place(self, x: float, value: float) -> QPointF | None:
        """Where a point is, in pixels of this widget."""
        y = self.to_view(value)
        if not math.isfinite(y):
            return None
        return QPointF(self._view.mapViewToScene(QPointF(x, y)))

    def x_of(self, step: float) -> float:
        """Where `step` stands along the axis: itself, or the seconds it was reached after."""
        if not self.by_seconds:
            return step
        for curve in self.curves.values():
            index = curve.series.nearest(step)
            if index is not None and curve.series.steps[index] == step:
                return float(curve.series.seconds[index])
        return step

    def drawForeground(self, painter: QPainter, rect: QRectF | Any) -> None:
        """Write labels, marks and the cursor over the lines."""
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        plot_overlay.paint(self, painter)
        painter.restore()

    def sizeHint(self) -> QSize:
        """As little as can be: what shows it says how large it is."""
        return QSize(self.minimumWidth(), self.minimumHeight())

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        if hasattr(self, "_frame"):  # pyqtgraph resizes while it is being made
            self.schedule()

    def _place_button(self) -> None:
        button, area = self._follow_button, self.plot_area()
        button.adjustSize()
        button.move(int(area.right()) - button.width() - 8, int(area.bottom()) - button.height() - 8)

    def set_cursor(self, step: float | None) -> None:
        """Put the cursor on a step, or take it away."""
        if step != self.cursor_step:
            self.cursor_step = step
            self.viewport().update()

    def number(self, value: float) -> str:
        """A value as the labels of this plot write it."""
        return number_text.loss(value, self.digits)
