"""A field that filters what stands below it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QLineEdit, QWidget

from lmstudio_app.gui import theme


class SearchField(QLineEdit):
    """A line edit with a magnifying glass and a cross. Signals: `searched(text)` as it is typed."""

    searched = Signal(str)

    def __init__(self, words: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPlaceholderText(words)
        self.setAccessibleName(words)
        self.setClearButtonEnabled(True)
        self._glass = QAction(self)
        self.addAction(self._glass, QLineEdit.ActionPosition.LeadingPosition)
        self.textChanged.connect(self.searched)
        theme.current().changed.connect(self._tint)
        self._tint()

    def _tint(self) -> None:
        self._glass.setIcon(theme.current().icon("search", "text3", 14))
