"""A table of runs: plain rows in, what the person picks, renames and sorts out."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QKeySequence, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.runs_model import FIGURE, ROW, WORDS, Column, Index, RunRow, RunsFilter, RunsModel
from lmstudio_app.gui.widgets.sparkline import paint_sparkline


class RunsDelegate(QStyledItemDelegate):
    """Paints what is no plain word: the run's dot, its loss curve, its state."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.longest = 0

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        editor = super().createEditor(parent, option, index)
        editor.setAccessibleName(self.tr("Name of the run"))
        return editor

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        column, row = Column(index.column()), index.data(ROW)
        if column not in (Column.NAME, Column.BEST, Column.LOSS, Column.STATE) or not isinstance(row, RunRow):
            super().paint(painter, option, index)
            return
        blank = QStyleOptionViewItem(option)
        self.initStyleOption(blank, index)
        blank.text = ""
        view = option.widget
        style = view.style() if isinstance(view, QWidget) else QApplication.style()
        style.drawControl(style.ControlElement.CE_ItemViewItem, blank, painter, view)
        look, cell = theme.current(), QRectF(option.rect).adjusted(0, 0, 0, -1)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if column == Column.LOSS:
            paint_sparkline(painter, cell.adjusted(6, 3, -6, -4), row.curve, _color(row), longest=self.longest)
        elif column == Column.NAME:
            self._dot(painter, cell, row)
            self._words(painter, cell.adjusted(look.pixels(24), 0, -6, 0), row.name, "text", 600)
        elif column == Column.BEST:
            self._words(painter, cell.adjusted(6, 0, -6, 0), index.data(), "text", 600, right=True)
        else:
            self._words(painter, cell.adjusted(6, 0, -6, 0), row.state, row.tone, 400)
        painter.restore()

    def _dot(self, painter: QPainter, cell: QRectF, row: RunRow) -> None:
        side = theme.current().pixels(8)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_color(row))
        painter.drawEllipse(QRectF(cell.left() + 8, cell.center().y() - side / 2, side, side))

    def _words(
        self, painter: QPainter, cell: QRectF, words: str, token: str, weight: int, *, right: bool = False
    ) -> None:
        look = theme.current()
        painter.setFont(look.font(theme.BODY, weight))
        painter.setPen(look.color(token))
        fitting = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, int(cell.width()))
        painter.drawText(cell, int(FIGURE if right else WORDS), fitting)


def _color(row: RunRow) -> QColor:
    look = theme.current()
    return look.color("text3") if row.color is None else look.run_color(row.color)


class RunsTable(QTableView):
    """The table itself. Enter or a double click opens, F2 renames in place, Delete deletes, copying gives TSV.

    Signals: `opened(str)`, `renamed(str, str)`, `delete_pressed()`, `picked()` another selection.
    """

    opened = Signal(str)
    renamed = Signal(str, str)
    delete_pressed = Signal()
    picked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.runs = RunsModel(self)
        self.filtered = RunsFilter(self.runs)
        self._delegate = RunsDelegate(self)
        self.setModel(self.filtered)
        self.setItemDelegate(self._delegate)
        self.setAccessibleName(self.tr("Runs"))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self.setSortingEnabled(True)
        self.sortByColumn(Column.STATE, Qt.SortOrder.DescendingOrder)
        self.runs.renamed.connect(self.renamed)
        self.doubleClicked.connect(lambda index: self.opened.emit(index.data(ROW).name))
        self.selectionModel().selectionChanged.connect(lambda chosen, left: self.picked.emit())
        self._scale = 0.0
        theme.current().changed.connect(self._lay)
        self._lay()

    def set_rows(self, rows: Sequence[RunRow]) -> None:
        """Show these runs; those that were picked stay so."""
        picked = self.picked_names()
        self._delegate.longest = max((row.steps for row in rows), default=0)
        self.runs.set_rows(rows)
        if picked and self.picked_names() != picked:
            self.pick(picked)

    def picked_names(self) -> list[str]:
        """The names of the runs that are picked, from top to bottom."""
        rows = sorted(self.selectionModel().selectedRows(), key=lambda index: index.row())
        return [index.data(ROW).name for index in rows]

    def pick(self, names: Sequence[str]) -> None:
        """Pick the runs of these names."""
        self.clearSelection()
        mode = self.selectionModel().SelectionFlag
        for place in range(self.filtered.rowCount()):
            index = self.filtered.index(place, Column.NAME)
            if index.data(ROW).name in names:
                self.selectionModel().select(index, mode.Select | mode.Rows)
                self.selectionModel().setCurrentIndex(index, mode.NoUpdate)

    def rename_picked(self) -> None:
        """Let the person type another name in place."""
        index = self.currentIndex()
        if index.isValid():
            self.edit(index.siblingAtColumn(Column.NAME))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self._copy()
        elif (
            event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            and not event.modifiers()
            and self.currentIndex().isValid()
        ):
            self.opened.emit(self.currentIndex().data(ROW).name)
        elif event.key() == Qt.Key.Key_F2:
            self.rename_picked()
        elif event.matches(QKeySequence.StandardKey.Delete):
            self.delete_pressed.emit()
        else:
            super().keyPressEvent(event)

    def _copy(self) -> None:
        model, columns = self.filtered, range(len(Column))
        header = "\t".join(str(self.runs.headerData(c, Qt.Orientation.Horizontal)) for c in columns)
        picked = sorted(index.row() for index in self.selectionModel().selectedRows())
        if not picked:
            return
        lines = ["\t".join(str(model.index(place, c).data()) for c in columns) for place in picked]
        QApplication.clipboard().setText("\n".join([header, *lines]))

    def _lay(self) -> None:
        look = theme.current()
        self.verticalHeader().setDefaultSectionSize(look.pixels(30))
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(look.pixels(50))
        self._set_widths(look.scale)

    def _set_widths(self, scale: float) -> None:
        """Columns grow with the text; otherwise they stay as wide as the person made them."""
        if scale == self._scale:
            return
        widths = {Column.NAME: 150, Column.MODEL: 220, Column.CORPUS: 120, Column.SIZE: 70, Column.BEST: 112,
                  Column.LOSS: 140, Column.STEPS: 110, Column.TIME: 100}  # fmt: skip
        for column, width in widths.items():
            before = self.columnWidth(column) / self._scale if self._scale else width
            self.setColumnWidth(column, round(before * scale))
        self.horizontalHeader().setSectionResizeMode(Column.STATE, QHeaderView.ResizeMode.Stretch)
        self._scale = scale
