"""A table of numbers beside a plot: sortable, and copied as tab-separated text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets import number_text

_Index = QModelIndex | QPersistentModelIndex
_MEASURED = 60  # rows after whose cells columns are made
_WIDEST = 210
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)


class Share(float):
    """A part of a whole, written in percent."""


class Numbers(QAbstractTableModel):
    """Rows of words and numbers, of which some may be hidden, in an order of their own."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.columns: Sequence[str] = ()
        self.rows: Sequence[Sequence[Any]] = ()
        self._shown: Sequence[int] = ()
        self._texts: Sequence[str] = ()  # each row in small letters, made for the first search
        self._order: tuple[int, Qt.SortOrder] = (-1, Qt.SortOrder.AscendingOrder)
        self._words = ""

    def show_rows(self, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Show these rows in the order given; what was searched for still holds."""
        self.columns, self.rows, self._texts = tuple(columns), tuple(rows), ()
        self._order = (-1, Qt.SortOrder.AscendingOrder)
        self._arrange()

    def search(self, words: str) -> None:
        """Hide rows that have these words in none of their cells, upper and lower case alike."""
        self._words = words.casefold()
        self._arrange()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """By the values of a column; −1 is the order given."""
        self._order = (column, order)
        self._arrange()

    def _arrange(self) -> None:
        self.beginResetModel()
        shown: Sequence[int] = range(len(self.rows))
        if self._words:
            if not self._texts:
                self._texts = ["\n".join(map(shown_value, row)).casefold() for row in self.rows]
            shown = [place for place, text in enumerate(self._texts) if self._words in text]
        column, order = self._order
        if 0 <= column < len(self.columns):
            values = [(isinstance(row[column], str), row[column]) for row in self.rows]
            shown = sorted(shown, key=values.__getitem__, reverse=order == Qt.SortOrder.DescendingOrder)
        self._shown = shown
        self.endResetModel()

    def is_number(self, column: int) -> bool:
        """Whether a column holds numbers, as its first row says."""
        return bool(self.rows) and not isinstance(self.rows[0][column], str)

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008  (Qt's own default)
        return 0 if parent.isValid() else len(self._shown)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        value = self.rows[self._shown[index.row()]][index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return shown_value(value)
        if role == Qt.ItemDataRole.UserRole:
            return value
        if role == Qt.ItemDataRole.TextAlignmentRole and not isinstance(value, str):
            return _RIGHT
        return None

    def headerData(self, section: int, way: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if way == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self.columns[section]
        if way == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if self.is_number(section) else _LEFT
        return None


class NumbersTable(QTableView):
    """Show rows with `show_rows`."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self._numbers = Numbers(self)
        self.setModel(self._numbers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setProperty("verbatim", True)
        self.verticalHeader().hide()
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        theme.current().changed.connect(self._resize)
        self._resize()

    def show_rows(self, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Show these rows, in the order given until a person sorts them."""
        self.setSortingEnabled(False)
        self.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self._numbers.show_rows(columns, rows)
        self._resize()
        self.setSortingEnabled(True)

    def search(self, words: str) -> None:
        """Show only rows that have `words` in one of their cells, upper and lower case alike."""
        self._numbers.search(words)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy gives tab-separated text."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self._copy()
        else:
            super().keyPressEvent(event)

    def _copy(self) -> None:
        model = self._numbers
        rows = [index.row() for index in self.selectionModel().selectedRows()]
        columns = range(model.columnCount())
        head = [str(model.headerData(column, Qt.Orientation.Horizontal)) for column in columns]
        lines = [[str(model.index(row, column).data()) for column in columns] for row in sorted(rows)]
        QGuiApplication.clipboard().setText("\n".join("\t".join(line) for line in [head, *lines]))

    def _resize(self) -> None:
        """Columns are as wide as what stands in some of their rows, within reason; the first words get the rest."""
        look, numbers, header = theme.current(), self._numbers, self.horizontalHeader()
        self.verticalHeader().setDefaultSectionSize(look.pixels(26))
        words = next((place for place in range(len(numbers.columns)) if not numbers.is_number(place)), 0)
        some = numbers.rows[:: max(1, len(numbers.rows) // _MEASURED)]
        metrics, around = self.fontMetrics(), look.pixels(28)
        for place, title in enumerate(numbers.columns):
            mode = QHeaderView.ResizeMode.Stretch if place == words else QHeaderView.ResizeMode.Interactive
            header.setSectionResizeMode(place, mode)
            texts = [title, *(shown_value(row[place]) for row in some)]
            width = max(metrics.horizontalAdvance(text) for text in texts) + around
            header.resizeSection(place, min(width, look.pixels(_WIDEST)))


def shown_value(value: Any) -> str:
    """A cell as it is written."""
    if isinstance(value, Share):
        return number_text.percent(value)
    if isinstance(value, float):
        return f"{value:,.2f}"
    return number_text.whole(value) if isinstance(value, int) else str(value)
