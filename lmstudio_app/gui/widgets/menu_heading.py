"""A heading inside a menu. Qt's own is a mere line where a style sheet is in force."""

from __future__ import annotations

from PySide6.QtWidgets import QMenu


def add_heading(menu: QMenu, words: str) -> None:
    """Set what follows apart, under these words."""
    if not menu.isEmpty():
        menu.addSeparator()
    menu.addAction(words).setEnabled(False)
