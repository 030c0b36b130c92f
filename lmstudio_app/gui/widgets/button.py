"""Buttons: a word with an icon, or an icon with a tooltip."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QPushButton, QToolButton, QWidget

from lmstudio_app.gui import theme

Kind = Literal["plain", "primary", "quiet", "link"]


class Button(QPushButton):
    """A push button; at most one of a view is "primary". Its icon follows the theme."""

    def __init__(
        self, words: str, icon: str = "", kind: Kind = "plain", *, compact: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(_literal(words), parent)
        self._icon = icon
        self.setProperty("kind", kind)
        self.setProperty("compact", compact)
        self.setAccessibleName(words)
        self.setAutoDefault(False)
        if kind == "link":
            self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.toggled.connect(self._tint)
        theme.current().changed.connect(self._tint)
        self._tint()

    def set_words(self, words: str, icon: str | None = None) -> None:
        """Say something else (and show another icon)."""
        self.setText(_literal(words))
        self.setAccessibleName(words)
        if icon is not None:
            self._icon = icon
            self._tint()

    def set_hint(self, words: str, keys: str = "") -> None:
        """Say in the tooltip what it does, and the keys that press it as this system writes them."""
        from lmstudio_app.gui.widgets.key_words import native  # nothing that the first paint needs

        self.setToolTip(f"{words}  {native(keys)}".rstrip())

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.EnabledChange:
            self._tint()

    def _tint(self) -> None:
        look, size = theme.current(), 16
        if not self._icon:
            self.setIcon(QIcon())
            return
        filled = self.property("kind") == "primary" or self.isChecked()
        picture = look.icon(self._icon, "text3" if not self.isEnabled() else "onink" if filled else "text", size)
        side = QSize(look.pixels(size), look.pixels(size))
        picture = QIcon(picture)
        picture.addPixmap(picture.pixmap(side, self.devicePixelRatioF()), QIcon.Mode.Disabled)  # pale enough as it is
        self.setIcon(picture)
        self.setIconSize(side)


def _literal(words: str) -> str:
    """`words` as a button shows them: names may have an “&”, which alone would underline what follows."""
    return words.replace("&", "&&")


class IconButton(QToolButton):
    """An icon alone: `words` are its accessible name and, with the shortcut, its tooltip."""

    def __init__(
        self, words: str, icon: str, *, shortcut: str = "", size: int = 18, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._icon = icon
        self._size = size
        self._shortcut = shortcut
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.set_words(words)
        theme.current().changed.connect(self._tint)
        self._tint()

    def set_words(self, words: str, icon: str | None = None) -> None:
        """Do something else: another name (and icon)."""
        self.setAccessibleName(words)
        self.setToolTip(f"{words}  {self._shortcut}" if self._shortcut else words)
        if icon is not None:
            self._icon = icon
            self._tint()

    def _tint(self) -> None:
        look = theme.current()
        self.setIcon(look.icon(self._icon, "text", self._size))
        self.setIconSize(QSize(look.pixels(self._size), look.pixels(self._size)))
