"""The loss plot: heading and controls above a plot that follows a run, or the same numbers as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QMenu,
    QSlider,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.button import Button
from lmstudio_app.gui.widgets.plot_curve import Look, Reference
from lmstudio_app.gui.widgets.plot_surface import PlotSurface
from lmstudio_app.gui.widgets.plot_table import PlotTable
from lmstudio_app.gui.widgets.segmented import Segmented
from lmstudio_app.gui.widgets.still_wheel import still_wheel
from lmstudio_app.gui.widgets.wrapping_row import WrappingRow

__all__ = ["LinePlot", "Look", "Reference"]

_SMOOTHING = 0.9


class LinePlot(QWidget):
    """A plot with its header: smoothing, log or linear, steps or time, table (also by the key T), export.

    Feed it with `add_series`, then `extend` as numbers arrive; `replace` lays a whole series from disk.

    Signals: `export_requested(format)` with "png", "svg" or "csv"; `cursor_moved(step or None)`;
    `range_changed(low, high)` along x; `axis_changed("steps" | "time")`.
    """

    export_requested = Signal(str)
    cursor_moved = Signal(object)
    range_changed = Signal(float, float)
    axis_changed = Signal(str)

    def __init__(self, title: str, hint: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.surface = PlotSurface(self)
        self.surface.setAccessibleName(title)
        self.surface.unit_words = self.tr("steps")
        self.surface.cursor_moved.connect(self.cursor_moved)
        self.surface.range_changed.connect(self.range_changed)
        self.table = PlotTable(self.surface.curves, self.tr("{title}, as a table").format(title=title), self)
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self.surface)
        self._stack.addWidget(self.table)
        self._calm = QTimer(self)
        self._calm.setSingleShot(True)
        self._calm.setInterval(1000)
        self._calm.timeout.connect(self._settle)
        self.surface.redrawn.connect(self._redrawn)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(self._header(title, hint))
        column.addWidget(self._stack, 1)
        theme.current().changed.connect(self._redress)
        self._redress()

    # Numbers ------------------------------------------------------------------------------------------------------

    def add_series(self, key: str, title: str, look: Look | None = None) -> None:
        """Add an empty series called `key`, shown as `title`."""
        self.surface.add_curve(key, title, look or Look())
        self.surface.curves[key].series.smooth(self.smoothing)

    def extend(
        self, key: str, steps: Iterable[float], seconds: Iterable[float | None], values: Iterable[float | None]
    ) -> None:
        """Append points to a series; drawn at most 33 ms later."""
        self.surface.extend(key, steps, seconds, values)

    def replace(
        self, key: str, steps: Iterable[float], seconds: Iterable[float | None], values: Iterable[float | None]
    ) -> None:
        """Show these points instead of what the series had."""
        self.surface.curves[key].series.clear()
        self.surface.extend(key, steps, seconds, values)

    def clear(self) -> None:
        """Empty every series; forget levels, marks and cursor."""
        self.surface.clear_points()

    def set_references(self, references: Sequence[Reference]) -> None:
        """Show these levels, and no others."""
        self.surface.set_references(references)

    def set_kept_step(self, step: int | None) -> None:
        """Say which step's checkpoint is kept as the best one."""
        self.surface.kept_step = step
        self.surface.schedule()

    # Controls -----------------------------------------------------------------------------------------------------

    @property
    def smoothing(self) -> float:
        """How much of the past the smoothed line keeps, 0 to 0.99."""
        return self._slider.value() / 100

    def set_logarithmic(self, on: bool) -> None:
        """Choose the logarithmic or the plain axis."""
        self._scale.set_value("log" if on else "linear")
        self.surface.set_logarithmic(on)

    def set_axis(self, axis: str) -> None:
        """Choose "steps" or "time"."""
        self._axis.set_value(axis)
        self._choose_axis(axis)

    def show_table(self, on: bool) -> None:
        """Show the numbers as a table, or the plot."""
        self._table_button.setChecked(on)
        before, after = (self.surface, self.table) if on else (self.table, self.surface)
        had_focus = before.hasFocus()
        self._stack.setCurrentWidget(after)
        if had_focus:
            after.setFocus(Qt.FocusReason.OtherFocusReason)
        if on:
            self.table.refresh()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """T changes between plot and table."""
        if event.key() == Qt.Key.Key_T and not event.modifiers():
            self._table_button.toggle()
        else:
            super().keyPressEvent(event)

    def _header(self, title: str, hint: str) -> WrappingRow:
        row = WrappingRow()
        heading = QLabel(title)
        heading.setProperty("role", "card-title")
        aside = QLabel(hint)
        aside.setProperty("role", "hint")
        row.addWidget(heading)
        row.addWidget(aside)
        row.add_gap()
        row.addWidget(self._smoothing_control())
        self._scale = Segmented([("log", self.tr("Log")), ("linear", self.tr("Linear"))], self.tr("Value axis"))
        self._scale.changed.connect(lambda value: self.surface.set_logarithmic(value == "log"))
        self._axis = Segmented([("steps", self.tr("Steps")), ("time", self.tr("Time"))], self.tr("Horizontal axis"))
        self._axis.changed.connect(self._choose_axis)
        self.surface.set_logarithmic(True)
        row.addWidget(self._scale)
        row.addWidget(self._axis)
        self._table_button = Button(self.tr("Table"), "table")
        self._table_button.setCheckable(True)
        self._table_button.setAccessibleName(self.tr("Show the numbers as a table"))
        self._table_button.set_hint(self.tr("Show the numbers as a table"), "T")
        self._table_button.toggled.connect(self.show_table)
        row.addWidget(self._table_button)
        row.addWidget(self._export_control())
        return row

    def _smoothing_control(self) -> QWidget:
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 4, 0)
        row.setSpacing(8)
        words = QLabel(self.tr("Smoothing"))
        words.setProperty("role", "label")
        self._slider = still_wheel(QSlider(Qt.Orientation.Horizontal))
        self._slider.setRange(0, 99)
        self._slider.setAccessibleName(self.tr("Smoothing"))
        self._slider.setAccessibleDescription(self.tr("Share of the past that the smoothed line keeps"))
        words.setBuddy(self._slider)
        self._amount = QLabel()
        self._amount.setProperty("role", "label")
        self._slider.valueChanged.connect(self._smooth)
        self._slider.setValue(round(100 * _SMOOTHING))
        for widget in (words, self._slider, self._amount):
            row.addWidget(widget)
        return box

    def _export_control(self) -> Button:
        self.export = Button(self.tr("Export"), "export")
        self.export.setAccessibleName(self.tr("Export the plot"))
        self.export.set_hint(self.tr("Export the plot"), "Ctrl+E")
        menu = QMenu(self.export)
        for kind, words in (
            ("png", self.tr("Picture (PNG)…")),
            ("svg", self.tr("Drawing (SVG)…")),
            ("csv", self.tr("Numbers (CSV)…")),
        ):
            menu.addAction(words).triggered.connect(lambda checked=False, kind=kind: self.export_requested.emit(kind))
        self.export.setMenu(menu)
        return self.export

    def _smooth(self) -> None:
        self._amount.setText(f"{self.smoothing:.2f}")
        for curve in self.surface.curves.values():
            curve.series.smooth(self.smoothing)
        self.surface.schedule()

    def _choose_axis(self, axis: str) -> None:
        self.surface.set_by_seconds(axis == "time")
        self.axis_changed.emit(axis)

    def _redrawn(self) -> None:
        if not self._calm.isActive():
            self._calm.start()

    def _settle(self) -> None:
        """What need not follow every frame: the table, and the words for people who do not see the plot."""
        self.surface.setAccessibleDescription(self.surface.summary())
        if self._stack.currentWidget() is self.table:
            self.table.refresh()

    def _redress(self) -> None:
        look = theme.current()
        self._amount.setFixedWidth(look.pixels(28))
        self._slider.setFixedWidth(look.pixels(84))
        self._stack.setMinimumHeight(look.pixels(200))
