"""A column of cards that scrolls where the window is too low for it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from lmstudio_app.gui import theme


class ScrolledColumn(QScrollArea):
    """Add cards to `column`; they get at least `narrowest` pixels of width (before enlarging)."""

    def __init__(self, narrowest: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._narrowest = narrowest
        content = QWidget()
        content.setProperty("scrolled", True)
        self.column = QVBoxLayout(content)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(12)
        self.setWidget(content)
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        theme.current().changed.connect(self._lay)
        self._lay()

    def _lay(self) -> None:
        self.setMinimumWidth(theme.current().pixels(self._narrowest))
