"""The numbers of a plot as a table: one row for each step at which any line has a point."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets import number_text
from lmstudio_app.gui.widgets.plot_curve import Curve
from lmstudio_app.gui.widgets.series import Floats

Index = QModelIndex | QPersistentModelIndex
_ALIGN_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)


class PlotNumbers(QAbstractTableModel):
    """Step, time and the value of each line, read from the lines themselves: no copy of the values."""

    def __init__(self, curves: dict[str, Curve], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._curves = curves
        self._columns: list[Curve] = []
        self._steps = np.empty(0)

    def refresh(self) -> None:
        """Take over what the lines hold now. Rows that are only added to stay, and with them what is selected."""
        columns = list(self._curves.values())
        held = [curve.series.steps for curve in columns if len(curve.series)]
        steps = np.unique(np.concatenate(held)) if held else np.empty(0)
        known = len(self._steps)
        if columns != self._columns or not np.array_equal(steps[:known], self._steps):
            self.beginResetModel()
            self._columns, self._steps = columns, steps
            self.endResetModel()
            return
        if known:  # a line may have come to a step that another had reached before
            self.dataChanged.emit(self.index(0, 0), self.index(known - 1, self.columnCount() - 1))
        if len(steps) > known:
            self.beginInsertRows(QModelIndex(), known, len(steps) - 1)
            self._steps = steps
            self.endInsertRows()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._steps)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else 2 + len(self._columns)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _ALIGN_RIGHT
        if role == Qt.ItemDataRole.DisplayRole:
            return self.words(index.row(), index.column())
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _ALIGN_RIGHT
        if role != Qt.ItemDataRole.DisplayRole or orientation != Qt.Orientation.Horizontal:
            return None
        titles = [self.tr("step"), self.tr("time"), *(curve.title for curve in self._columns)]
        return titles[section] if section < len(titles) else None

    def words(self, row: int, column: int) -> str:
        """What stands in a cell; “–” where a line has no point."""
        return self.column([row], column)[0]

    def column(self, rows: Sequence[int], column: int) -> list[str]:
        """What stands in the cells of `rows` in one column, looked up for all of them at once."""
        steps = self._steps[rows]
        if column == 0:
            return [number_text.whole(step) for step in steps]
        if column > 1:
            return [number_text.loss(value, 4) for value in _at(self._columns[column - 2], steps, "values")]
        seconds = np.full(len(steps), np.nan)
        for curve in self._columns:
            seconds = np.where(np.isnan(seconds), _at(curve, steps, "seconds"), seconds)
        return [number_text.duration(moment) if math.isfinite(moment) else "–" for moment in seconds]


def _at(curve: Curve, steps: Floats, what: str) -> Floats:
    """What a line holds at each of `steps`; NaN where it has no point."""
    held, values = curve.series.steps, getattr(curve.series, what)
    if not len(held):
        return np.full(len(steps), np.nan)
    places = np.minimum(np.searchsorted(held, steps), len(held) - 1)
    return np.where(held[places] == steps, values[places], np.nan)


class PlotTable(QTableView):
    """The table view of a plot. Copying takes the selected rows as tab-separated text."""

    def __init__(self, curves: dict[str, Curve], name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.numbers = PlotNumbers(curves, self)
        self.setModel(self.numbers)
        self.setAccessibleName(name)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.verticalHeader().hide()
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        theme.current().changed.connect(self._resize_rows)
        self._resize_rows()

    def refresh(self) -> None:
        """Show the newest numbers; a view at its end stays at its end."""
        bar = self.verticalScrollBar()
        at_end = bar.value() >= bar.maximum() - 1
        place = bar.value()
        self.numbers.refresh()
        if at_end:
            self.scrollToBottom()
        else:
            bar.setValue(place)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy gives tab-separated text."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self._copy()
        elif event.text() and not event.modifiers():
            event.ignore()  # no search by letters: the plot has keys of its own
        else:
            super().keyPressEvent(event)

    def _copy(self) -> None:
        chosen = self.selectionModel().selection()  # ranges of rows, where `selectedRows` asks for each row's cells
        parts = (chosen.at(place) for place in range(chosen.count()))
        rows = sorted({row for part in parts for row in range(part.top(), part.bottom() + 1)})
        if not rows:
            return
        columns = range(self.numbers.columnCount())
        head = [str(self.numbers.headerData(column, Qt.Orientation.Horizontal)) for column in columns]
        lines = zip(*(self.numbers.column(rows, column) for column in columns), strict=True)
        QGuiApplication.clipboard().setText("\n".join("\t".join(line) for line in (head, *lines)))

    def _resize_rows(self) -> None:
        self.verticalHeader().setDefaultSectionSize(theme.current().pixels(26))
