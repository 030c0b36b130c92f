"""The columns of a pane, side by side; where the window is too narrow for them, one below the other."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QFrame, QScrollArea, QWidget

from lmstudio_app.gui import theme

UNLIMITED = (1 << 24) - 1
"""Qt's own largest size of a widget."""


@dataclass(frozen=True)
class _Column:
    part: QWidget
    width: int
    height: int


class FoldingColumns(QScrollArea):
    """Columns side by side from `least` pixels (before enlarging) on; below that they stand one below the other, and
    the whole scrolls."""

    def __init__(self, least: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._least = least
        self._columns: list[_Column] = []
        content = QWidget()
        content.setProperty("scrolled", True)
        self._line = QBoxLayout(QBoxLayout.Direction.LeftToRight, content)
        self._line.setContentsMargins(0, 0, 0, 0)
        self._line.setSpacing(12)
        self.setWidget(content)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        theme.current().changed.connect(self._fit)

    @property
    def folded(self) -> bool:
        """Whether the columns stand one below the other."""
        return self._line.direction() == QBoxLayout.Direction.TopToBottom

    def add(self, part: QWidget, stretch: int = 0, *, width: int = 0, height: int) -> None:
        """Add a column: its share of the width or, where that is 0, its `width`; folded it is at least `height`. Both
        are pixels before enlarging."""
        self._line.addWidget(part, stretch)
        self._columns.append(_Column(part, width, height))
        self._fit()

    def reveal(self, part: QWidget) -> None:
        """Scroll to the top of a column, where they are folded."""
        if self.folded:
            self.verticalScrollBar().setValue(part.y())

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._fit()  # first, so that the content gets the size that the columns have from now on
        super().resizeEvent(event)

    def _fit(self) -> None:
        look = theme.current()
        folded = self.width() < look.pixels(self._least)
        direction = QBoxLayout.Direction
        self._line.setDirection(direction.TopToBottom if folded else direction.LeftToRight)
        for column in self._columns:
            column.part.setMinimumHeight(look.pixels(column.height) if folded else 0)
            if column.width:
                wide = look.pixels(column.width)
                column.part.setMinimumWidth(0 if folded else wide)
                column.part.setMaximumWidth(UNLIMITED if folded else wide)
