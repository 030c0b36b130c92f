"""A row of controls that goes on in a second line where one is too short for it."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtWidgets import QLayout, QLayoutItem, QWidget


class WrappingRow(QLayout):
    """Lays items from left to right; those after `add_gap` stand at the right edge. What does not fit wraps.

    The lines of a `centred` one stand in the middle.
    """

    def __init__(self, parent: QWidget | None = None, spacing: int = 8, *, centred: bool = False) -> None:
        super().__init__(parent)
        self._centred = centred
        self._items: list[QLayoutItem] = []
        self._gap: int | None = None
        self.setSpacing(spacing)
        self.setContentsMargins(0, 0, 0, 0)

    def add_gap(self) -> None:
        """Everything added from now on stands at the right."""
        self._gap = len(self._items)

    def addItem(self, item: QLayoutItem) -> None:
        self._items.append(item)

    def count(self) -> int:
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:
        return Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._lay(QRect(0, 0, width, 0), move=False)

    def sizeHint(self) -> QSize:
        shown = self._shown()
        width = sum(item.sizeHint().width() for item in shown) + self.spacing() * max(0, len(shown) - 1)
        height = max((item.sizeHint().height() for item in shown), default=0)
        margins = self.contentsMargins()
        return QSize(width + margins.left() + margins.right(), height + margins.top() + margins.bottom())

    def minimumSize(self) -> QSize:
        margins = self.contentsMargins()
        width = max((item.minimumSize().width() for item in self._shown()), default=0)
        height = max((item.minimumSize().height() for item in self._shown()), default=0)
        return QSize(width + margins.left() + margins.right(), height + margins.top() + margins.bottom())

    def setGeometry(self, area: QRect) -> None:
        super().setGeometry(area)
        self._lay(area, move=True)

    def _shown(self) -> list[QLayoutItem]:
        return [item for item in self._items if not item.isEmpty()]

    def _lay(self, area: QRect, *, move: bool) -> int:
        margins = self.contentsMargins()
        area = area.adjusted(margins.left(), margins.top(), -margins.right(), -margins.bottom())
        lines = self._lines(area.width())
        top = area.top()
        for line in lines:
            height = max(item.sizeHint().height() for item in line)
            if move:
                self._place(line, QRect(area.left(), top, area.width(), height))
            top += height + self.spacing()
        used = top - self.spacing() - area.top() if lines else 0
        return used + margins.top() + margins.bottom()

    def _lines(self, width: int) -> list[list[QLayoutItem]]:
        lines: list[list[QLayoutItem]] = []
        used = 0
        for item in self._shown():
            wide = item.sizeHint().width()
            if lines and used + self.spacing() + wide <= width:
                lines[-1].append(item)
                used += self.spacing() + wide
            else:
                lines.append([item])
                used = wide
        return lines

    def _place(self, line: list[QLayoutItem], area: QRect) -> None:
        right = [item for item in line if self._gap is not None and self._items.index(item) >= self._gap]
        widths = sum(item.sizeHint().width() for item in right) + self.spacing() * max(0, len(right) - 1)
        used = sum(item.sizeHint().width() for item in line) + self.spacing() * (len(line) - 1)
        left = area.left() + (max(0, area.width() - used) // 2 if self._centred else 0)
        for item in line:
            if right and item is right[0]:
                left = max(left, area.right() + 1 - widths)
            size = item.sizeHint()
            wide = min(size.width(), area.right() + 1 - left)
            place = QPoint(left, area.top() + (area.height() - size.height()) // 2)
            item.setGeometry(QRect(place, QSize(wide, size.height())))
            left += wide + self.spacing()
