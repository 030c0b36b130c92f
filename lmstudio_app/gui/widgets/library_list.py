"""A list of texts: an icon, a name and a line about it; renamed in place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QKeySequence, QPainter, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QFrame,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from lmstudio_app.gui import theme

Index = QModelIndex | QPersistentModelIndex
ITEM = Qt.ItemDataRole.UserRole
_LEFT, _TEXT, _RIGHT = 13, 39, 10


class LibraryItem(NamedTuple):
    """One line of the list. `key` is handed back; `tone` is the colour token of the words; `share` (0–1) is how far it
    is, where it is being made; `renamable` ones can be renamed."""

    key: str
    title: str
    words: str
    icon: str = "file"
    tone: str = "text3"
    share: float | None = None
    renamable: bool = False


class LibraryModel(QAbstractListModel):
    """The items. Signals: `renamed(key, title)` when a person typed another title."""

    renamed = Signal(str, str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.items: list[LibraryItem] = []

    def set_items(self, items: Sequence[LibraryItem]) -> None:
        """Show these items; the view keeps its place where they have the same keys."""
        if [item.key for item in items] != [item.key for item in self.items]:
            self.beginResetModel()
            self.items = list(items)
            self.endResetModel()
            return
        for place, item in enumerate(items):
            if item != self.items[place]:
                self.items[place] = item
                self.dataChanged.emit(self.index(place), self.index(place))

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.items)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid() or index.row() >= len(self.items):
            return None
        item = self.items[index.row()]
        shown = {
            Qt.ItemDataRole.DisplayRole: item.title,
            Qt.ItemDataRole.EditRole: item.title,
            Qt.ItemDataRole.ToolTipRole: f"{item.title}\n{item.words}",
            Qt.ItemDataRole.AccessibleTextRole: f"{item.title}, {item.words}",
            ITEM: item,
        }
        return shown.get(Qt.ItemDataRole(role)) if role <= ITEM else None

    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        item = self.items[index.row()]
        title = str(value).strip()
        if title and title != item.title:
            self.renamed.emit(item.key, title)
        return False  # whoever renames it answers with other items

    def flags(self, index: Index) -> Qt.ItemFlag:
        usual = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemNeverHasChildren
        renamable = index.isValid() and self.items[index.row()].renamable
        return usual | Qt.ItemFlag.ItemIsEditable if renamable else usual


class LibraryDelegate(QStyledItemDelegate):
    """Paints an item in two lines."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        look = theme.current()
        return QSize(look.pixels(120), look.pixels(50))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        item = index.data(ITEM)
        if not isinstance(item, LibraryItem):
            return
        look, box = theme.current(), QRect(option.rect)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        painter.save()
        if chosen or hovered:
            painter.fillRect(box, look.color("sel" if chosen else "hover"))
        if chosen:
            painter.fillRect(QRect(box.left(), box.top(), 3, box.height()), look.color("ink"))
        painter.fillRect(QRect(box.left(), box.bottom(), box.width(), 1), look.color("line"))
        icon = look.icon(item.icon, "text2", 16)
        side = look.pixels(16)
        icon.paint(painter, QRect(box.left() + look.pixels(_LEFT), box.top() + look.pixels(9), side, side))
        painter.setFont(look.font(theme.BODY, 600))
        painter.setPen(look.color("text"))
        self._words(painter, self._line(box, 7, 20), item.title)
        painter.setFont(look.font(theme.HINT))
        painter.setPen(look.color(item.tone))
        self._words(painter, self._line(box, 26, 17), item.words)
        if item.share is not None:
            self._progress(painter, box, item.share)
        painter.restore()

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        field = QLineEdit(parent)
        field.setAccessibleName(self.tr("Name of the corpus"))
        field.setProperty("verbatim", True)
        return field

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Index) -> None:
        line = self._line(QRect(option.rect), 10, 28)
        editor.setGeometry(line.adjusted(-8, 0, 4, 0))

    def _line(self, box: QRect, top: int, height: int) -> QRect:
        look = theme.current()
        left, right = look.pixels(_TEXT), look.pixels(_RIGHT)
        return QRect(box.left() + left, box.top() + look.pixels(top), box.width() - left - right, look.pixels(height))

    def _words(self, painter: QPainter, line: QRect, words: str) -> None:
        fitting = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, line.width())
        painter.drawText(line, int(Qt.AlignmentFlag.AlignVCenter), fitting)

    def _progress(self, painter: QPainter, box: QRect, share: float) -> None:
        look = theme.current()
        track = QRectF(self._line(box, 44, 2))
        painter.fillRect(track, look.color("line"))
        track.setWidth(track.width() * min(1.0, share))
        painter.fillRect(track, look.color("focus"))


class LibraryList(QListView):
    """The list itself. F2 renames in place, Delete deletes, copying gives the names.

    Signals: `picked(key)` another item is chosen, `renamed(key, title)`, `delete_pressed()`,
    `menu_wanted(QPoint)` where, on the screen.
    """

    picked = Signal(str)
    renamed = Signal(str, str)
    delete_pressed = Signal()
    menu_wanted = Signal(object)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._quiet = False
        self._fresh = False
        self.texts = LibraryModel(self)
        self.setModel(self.texts)
        self.setItemDelegate(LibraryDelegate(self))
        self.setAccessibleName(name)
        self.setProperty("verbatim", True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.texts.renamed.connect(self.renamed)
        theme.current().changed.connect(self.doItemsLayout)

    def set_items(self, items: Sequence[LibraryItem], chosen: str) -> None:
        """Show these items, the one with the key `chosen` picked, without telling anybody."""
        self._quiet = True
        try:
            others = [item.key for item in items] != [item.key for item in self.texts.items]
            self.texts.set_items(items)
            place = next((place for place, item in enumerate(items) if item.key == chosen), -1)
            if place < 0:
                self.selectionModel().clear()
            elif self.currentIndex().row() != place or not self.selectionModel().hasSelection():
                self.setCurrentIndex(self.texts.index(place))
            if others:
                self._fresh = True
                self._show_top()
        finally:
            self._quiet = False

    def items(self) -> list[LibraryItem]:
        """What is shown."""
        return list(self.texts.items)

    def chosen(self) -> str:
        """The key of the picked item; empty for none."""
        item = self.currentIndex().data(ITEM)
        return item.key if isinstance(item, LibraryItem) else ""

    def pick(self, key: str) -> None:
        """Pick the item with this key, as a click does."""
        for place, item in enumerate(self.texts.items):
            if item.key == key:
                self.setCurrentIndex(self.texts.index(place))

    def rename_chosen(self) -> None:
        """Let the person type another title in place."""
        index = self.currentIndex()
        if index.isValid() and self.texts.flags(index) & Qt.ItemFlag.ItemIsEditable:
            self.edit(index)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._fresh:  # it was filled before it had its place in the window
            self._show_top()

    def wheelEvent(self, event: QWheelEvent) -> None:
        self._fresh = False
        super().wheelEvent(event)

    def _show_top(self) -> None:
        self.scrollToTop()
        self.scrollTo(self.currentIndex())

    def currentChanged(self, current: Index, previous: Index) -> None:
        super().currentChanged(current, previous)
        item = current.data(ITEM)
        if not self._quiet and isinstance(item, LibraryItem):
            self._fresh = False
            self.picked.emit(item.key)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            QApplication.clipboard().setText("\n".join(index.data() for index in self.selectedIndexes()))
        elif event.key() == Qt.Key.Key_F2:
            self.rename_chosen()
        elif event.matches(QKeySequence.StandardKey.Delete):
            self.delete_pressed.emit()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        place = self.visualRect(self.currentIndex()).center()
        by_mouse = event.reason() == QContextMenuEvent.Reason.Mouse
        self.menu_wanted.emit(event.globalPos() if by_mouse else self.viewport().mapToGlobal(place))
