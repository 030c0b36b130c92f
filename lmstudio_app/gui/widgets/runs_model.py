"""The rows of a table of runs: what each cell says, how columns sort, what a filter finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSortFilterProxyModel, Qt, Signal
from PySide6.QtWidgets import QWidget

from lmstudio_app.gui.widgets import number_text

Index = QModelIndex | QPersistentModelIndex

ROW = Qt.ItemDataRole.UserRole + 1
FIGURE = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
WORDS = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True)
class RunRow:
    """A run as the table shows it. `curve` holds (step, loss) points; `state` are words, `tone` the token of their
    colour, `color` the run's place among the run colours; `search` is what the filter looks through besides."""

    name: str
    model: str = ""
    corpus: str = ""
    parameters: int = 0
    best: float | None = None
    curve: tuple[tuple[int, float], ...] = ()
    step: int = 0
    steps: int = 0
    seconds: float = 0.0
    created: str = ""
    state: str = ""
    tone: str = "text2"
    color: int | None = None
    search: str = ""


class Column(IntEnum):
    """The columns, from left to right."""

    NAME, MODEL, CORPUS, SIZE, BEST, LOSS, STEPS, TIME, STATE = range(9)


class RunsModel(QAbstractTableModel):
    """The rows. Signals: `renamed(str, str)` old and new name: the owner renames, or says why not."""

    renamed = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[RunRow] = []
        self._titles = (
            self.tr("Run"), self.tr("Model"), self.tr("Text"), self.tr("Size"), self.tr("Best, bits/byte"),
            self.tr("Loss by step"), self.tr("Steps"), self.tr("Time"), self.tr("State"),
        )  # fmt: skip

    def rows(self) -> list[RunRow]:
        """All rows, also those filtered out."""
        return self._rows

    def set_rows(self, rows: Sequence[RunRow]) -> None:
        """Show other rows; where only their values changed, selection and scroll position stay."""
        if [row.name for row in rows] == [row.name for row in self._rows]:
            for place, row in enumerate(rows):
                self.set_row(place, row)
            return
        self.beginResetModel()
        self._rows = list(rows)
        self.endResetModel()

    def set_row(self, place: int, row: RunRow) -> None:
        """Show other values in one row."""
        if self._rows[place] != row:
            self._rows[place] = row
            self.dataChanged.emit(self.index(place, 0), self.index(place, len(Column) - 1))

    def change(self, name: str, **values: Any) -> None:
        """Show other values of the run `name`, if it is there."""
        for place, row in enumerate(self._rows):
            if row.name == name:
                self.set_row(place, replace(row, **values))

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(Column)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._titles[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return FIGURE if Column(section) in _NUMBERS else WORDS
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        editable = Qt.ItemFlag.ItemIsEditable if index.column() == Column.NAME else Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | editable

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column = self._rows[index.row()], Column(index.column())
        if role in _SAID or (role == Qt.ItemDataRole.ToolTipRole and column in _LONG):
            return self.words(row, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return FIGURE if column in _NUMBERS else WORDS
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{self._titles[column]}: {self.words(row, column)}"
        return row if role == ROW else None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        old, new = self._rows[index.row()].name, str(value).strip()
        if role == Qt.ItemDataRole.EditRole and new != old:
            self.renamed.emit(old, new)
        return False  # the row changes once the folder has another name

    def words(self, row: RunRow, column: Column) -> str:
        """What a cell says, also to the clipboard and to a screen reader."""
        if column in (Column.SIZE, Column.BEST, Column.LOSS, Column.STEPS, Column.TIME):
            return self._figure(row, column)
        said = {Column.NAME: row.name, Column.MODEL: row.model, Column.CORPUS: row.corpus, Column.STATE: row.state}
        return said[column]

    def _figure(self, row: RunRow, column: Column) -> str:
        whole, loss = number_text.whole, number_text.loss
        if column == Column.SIZE:
            return number_text.short_count(row.parameters) if row.parameters else "–"
        if column == Column.BEST:
            return loss(row.best)
        if column == Column.TIME:
            return number_text.duration(row.seconds) if row.seconds else "–"
        if column == Column.LOSS and row.curve:
            return self.tr("from {first} to {last}").format(first=loss(row.curve[0][1]), last=loss(row.curve[-1][1]))
        if column == Column.LOSS:
            return "–"
        some = self.tr("{step} / {steps}").format(step=whole(row.step), steps=whole(row.steps))
        return whole(row.steps) if row.step == row.steps else some


_SAID = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole)
_LONG = frozenset({Column.MODEL, Column.CORPUS, Column.STATE})
_NUMBERS = frozenset({Column.SIZE, Column.BEST, Column.STEPS, Column.TIME})


def _sort_value(row: RunRow, column: Column) -> Any:
    """What a column sorts by; None where the row has nothing there."""
    return {
        Column.NAME: row.name.casefold(), Column.MODEL: row.model, Column.CORPUS: row.corpus.casefold(),
        Column.SIZE: row.parameters or None, Column.BEST: row.best,
        Column.LOSS: row.curve[-1][1] if row.curve else None, Column.STEPS: row.step, Column.TIME: row.seconds or None,
        Column.STATE: row.created,
    }[column]  # fmt: skip


class RunsFilter(QSortFilterProxyModel):
    """The rows in the order asked for, only those with every word of the filter in name, model, text, state or
    settings."""

    def __init__(self, source: RunsModel) -> None:
        super().__init__(source)
        self._terms: list[str] = []
        self.setDynamicSortFilter(True)
        self.setSourceModel(source)
        self._source = source

    def set_filter(self, words: str) -> None:
        """Show only rows with every one of these words."""
        self.beginFilterChange()
        self._terms = words.casefold().split()
        self.endFilterChange()

    def lessThan(self, left: Index, right: Index) -> bool:
        """Rows without a value stand last in either order."""
        column, rows = Column(left.column()), self._source.rows()
        one, other = _sort_value(rows[left.row()], column), _sort_value(rows[right.row()], column)
        if one is None or other is None:
            return (one is not None) != (self.sortOrder() == Qt.SortOrder.DescendingOrder) and one is not other
        return bool(one < other)

    def filterAcceptsRow(self, row: int, parent: Index) -> bool:
        shown = self._source.rows()[row]
        text = f"{shown.name} {shown.model} {shown.corpus} {shown.state} {shown.search}".casefold()
        return all(term in text for term in self._terms)
