"""An icon of the theme, in the colour of one of its tokens."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel, QWidget

from lmstudio_app.gui import theme


class Icon(QLabel):
    """It says nothing by itself: words stand beside it."""

    def __init__(self, name: str, token: str = "text2", size: int = 16, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture = (name, token, size)
        theme.current().changed.connect(self._tint)
        self._tint()

    def _tint(self) -> None:
        self.setPixmap(theme.current().pixmap(*self._picture, self.devicePixelRatioF()))
