"""A table of numbers beside a plot: sortable, and copied as tab-separated text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSortFilterProxyModel, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets import number_text

_Index = QModelIndex | QPersistentModelIndex


class Share(float):
    """A part of a whole, written in percent."""


class Numbers(QAbstractTableModel):
    """Rows of words and numbers."""

    def __init__(self, columns: Sequence[str], rows: Sequence[Sequence[Any]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.columns, self.rows = tuple(columns), tuple(rows)

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008  (Qt's own default)
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        value = self.rows[index.row()][index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return shown(value)
        if role == Qt.ItemDataRole.UserRole:
            return value
        if role == Qt.ItemDataRole.TextAlignmentRole and not isinstance(value, str):
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None

    def headerData(self, section: int, way: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if way == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self.columns[section]
        return None


class NumbersTable(QTableView):
    """Show rows with `show_rows`."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSortRole(Qt.ItemDataRole.UserRole)
        self.setModel(self._sorted)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setProperty("verbatim", True)
        self.verticalHeader().hide()
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        theme.current().changed.connect(self._resize_rows)
        self._resize_rows()

    def show_rows(self, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Show these rows, in the order given until a person sorts them."""
        self.setSortingEnabled(False)
        before = self._sorted.sourceModel()
        self._sorted.setSourceModel(Numbers(columns, rows, self))
        if before is not None:
            before.deleteLater()
        self._sorted.sort(-1)
        widest = next((place for place, value in enumerate(rows[0]) if isinstance(value, str)), 0) if rows else 0
        for place in range(len(columns)):
            mode = QHeaderView.ResizeMode.Stretch if place == widest else QHeaderView.ResizeMode.ResizeToContents
            self.horizontalHeader().setSectionResizeMode(place, mode)
        self.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)

    def search(self, words: str) -> None:
        """Show only rows that have `words` in one of their cells, upper and lower case alike."""
        self._sorted.setFilterKeyColumn(-1)
        self._sorted.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self._sorted.setFilterFixedString(words)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy gives tab-separated text."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self._copy()
        else:
            super().keyPressEvent(event)

    def _copy(self) -> None:
        model = self._sorted
        rows = [index.row() for index in self.selectionModel().selectedRows()]
        columns = range(model.columnCount())
        head = [str(model.headerData(column, Qt.Orientation.Horizontal)) for column in columns]
        lines = [[str(model.index(row, column).data()) for column in columns] for row in sorted(rows)]
        QGuiApplication.clipboard().setText("\n".join("\t".join(line) for line in [head, *lines]))

    def _resize_rows(self) -> None:
        self.verticalHeader().setDefaultSectionSize(theme.current().pixels(26))


def shown(value: Any) -> str:
    """A cell as it is written."""
    if isinstance(value, Share):
        return number_text.percent(value)
    if isinstance(value, float):
        return f"{value:,.2f}"
    return number_text.whole(value) if isinstance(value, int) else str(value)
