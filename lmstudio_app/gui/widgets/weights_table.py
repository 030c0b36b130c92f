"""The numbers of a heatmap as a table: a row for each token that looks, a column for each it looks at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QTableView, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.token_text import label

Index = QModelIndex | QPersistentModelIndex
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)


class _Weights(QAbstractTableModel):
    """Weights (T, T) with the tokens as headings, counted from 1."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._weights: NDArray[np.floating] = np.zeros((0, 0))
        self._tokens: list[str] = []

    def show(self, weights: NDArray[np.floating], tokens: Sequence[str]) -> None:
        """Hold these numbers from now on."""
        self.beginResetModel()
        self._weights, self._tokens = weights, list(tokens)
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._tokens)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._tokens)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT
        return self.words(index.row(), index.column()) if role == Qt.ItemDataRole.DisplayRole else None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and section < len(self._tokens):
            return f"{section + 1}  {label(self._tokens[section])}"
        return None

    def words(self, row: int, column: int) -> str:
        """What stands in a cell; nothing where a token cannot look."""
        return f"{float(self._weights[row, column]):.3f}" if column <= row else ""


class WeightsTable(QTableView):
    """The table view of a heatmap. Copying takes the selected cells, with their headings, as tab-separated text.

    Signals: `cell_marked(row, column)` when a person goes to a cell.
    """

    cell_marked = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.numbers = _Weights(self)
        self.setModel(self.numbers)
        self.setAccessibleName(self.tr("Attention weights as a table"))
        self.setProperty("verbatim", True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ContiguousSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.selectionModel().currentChanged.connect(self._told)
        theme.current().changed.connect(self._resize)
        self._resize()

    def set_weights(self, weights: NDArray[np.floating], tokens: Sequence[str]) -> None:
        """Show `weights` (T, T) between `tokens` (T)."""
        self.numbers.show(weights, tokens)

    def mark(self, row: int, column: int) -> None:
        """Go to a cell without telling anybody."""
        index = self.numbers.index(row, column)
        if index.isValid() and index != self.currentIndex():
            self.blockSignals(True)
            self.setCurrentIndex(index)
            self.blockSignals(False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy gives tab-separated text."""
        if event.matches(QKeySequence.StandardKey.Copy):
            if self.selectedIndexes():
                QGuiApplication.clipboard().setText(self.selected_text())
        elif event.text() and not event.modifiers():
            event.ignore()  # no search by letters: the pane has keys of its own
        else:
            super().keyPressEvent(event)

    def selected_text(self) -> str:
        """The selected cells with their headings, tab-separated."""
        cells = self.selectedIndexes()
        rows, columns = sorted({c.row() for c in cells}), sorted({c.column() for c in cells})
        across, down = Qt.Orientation.Horizontal, Qt.Orientation.Vertical
        lines = [["", *(str(self.numbers.headerData(column, across)) for column in columns)]]
        lines += [[str(self.numbers.headerData(r, down)), *(self.numbers.words(r, c) for c in columns)] for r in rows]
        return "\n".join("\t".join(line) for line in lines)

    def _told(self, now: QModelIndex, before: QModelIndex) -> None:
        if now.isValid() and now.column() <= now.row():
            self.cell_marked.emit(now.row(), now.column())

    def _resize(self) -> None:
        look = theme.current()
        font = look.font(theme.LABEL, mono=True)
        for header in (self.horizontalHeader(), self.verticalHeader()):
            header.setFont(font)
        self.verticalHeader().setDefaultSectionSize(look.pixels(26))
        self.horizontalHeader().setDefaultSectionSize(look.pixels(78))
