"""A small icon with a few words: a state, never by colour alone."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.text import Text


class Remark(QWidget):
    """An icon in the colour of a token, and words beside it."""

    def __init__(self, words: str, icon: str, token: str = "text2", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon, self._token = icon, token
        self._sign = QLabel()
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(7)
        line.addWidget(self._sign)
        self._words = Text(words, "label")
        line.addWidget(self._words)
        theme.current().changed.connect(self._tint)
        self._tint()

    def words(self) -> str:
        """What it says."""
        return self._words.text()

    def _tint(self) -> None:
        self._sign.setPixmap(theme.current().pixmap(self._icon, self._token, 15, self.devicePixelRatioF()))
