"""The numbers of a plot as a table: one row for each step at which any line has a point."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets import number_text
from lmstudio_app.gui.widgets.plot_curve import Curve

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
        """Take over what the lines hold now."""
        self.beginResetModel()
        self._columns = list(self._curves.values())
        steps = [curve.series.steps for curve in self._columns if len(curve.series)]
        self._steps = np.unique(np.concatenate(steps)) if steps else np.empty(0)
        self.endResetModel()

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
        step = float(self._steps[row])
        if column == 0:
            return number_text.whole(step)
        if column == 1:
            seconds = (self._at(curve, step, "seconds") for curve in self._columns)
            return next((number_text.duration(s) for s in seconds if math.isfinite(s)), "–")
        return number_text.loss(self._at(self._columns[column - 2], step, "values"), 4)

    @staticmethod
    def _at(curve: Curve, step: float, what: str) -> float:
        index = int(np.searchsorted(curve.series.steps, step))
        if index < len(curve.series) and curve.series.steps[index] == step:
            return float(getattr(curve.series, what)[index])
        return math.nan


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
        bar.setValue(bar.maximum() if at_end else place)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy gives tab-separated text."""
        if event.matches(QKeySequence.StandardKey.Copy):
            rows = sorted({index.row() for index in self.selectedIndexes()})
            if not rows:
                return
            columns = range(self.numbers.columnCount())
            head = [str(self.numbers.headerData(c, Qt.Orientation.Horizontal)) for c in columns]
            lines = [[self.numbers.words(row, column) for column in columns] for row in rows]
            QGuiApplication.clipboard().setText("\n".join("\t".join(line) for line in [head, *lines]))
            return
        super().keyPressEvent(event)

    def _resize_rows(self) -> None:
        self.verticalHeader().setDefaultSectionSize(theme.current().pixels(26))
