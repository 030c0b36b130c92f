"""The bar above the panes: where one is, and the switch between light and dark."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.button import IconButton
from lmstudio_app.gui.widgets.text import ElidedText, Text


class TopBar(QFrame):
    """The pane's title, what is open in it, and the theme button at the right."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("class", "topbar")
        self._title = Text("", "title")
        self._crumbs = ElidedText("", "label", verbatim=True)
        self.theme_button = IconButton("", "moon")
        self.theme_button.clicked.connect(theme.current().toggle)
        line = QHBoxLayout(self)
        line.setContentsMargins(16, 0, 16, 0)
        line.setSpacing(12)
        line.addWidget(self._title)
        line.addWidget(self._crumbs, 1)
        line.addWidget(self.theme_button, 0, Qt.AlignmentFlag.AlignVCenter)
        theme.current().changed.connect(self._lay)
        self._lay()

    def show_place(self, title: str, crumbs: Sequence[str]) -> None:
        """Say where one is: the pane, and what is open in it from the outside in."""
        self._title.setText(title)
        self._crumbs.set_words("  /  ".join(crumbs))

    def _lay(self) -> None:
        look = theme.current()
        self.setFixedHeight(look.pixels(44))
        if look.dark:
            self.theme_button.set_words(self.tr("Change to the light theme"), "sun")
        else:
            self.theme_button.set_words(self.tr("Change to the dark theme"), "moon")
