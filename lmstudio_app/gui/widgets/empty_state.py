"""What a pane shows when it has nothing to show: a picture, what will appear here, and one action."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.button import Button
from lmstudio_app.gui.widgets.text import Text

_PICTURE = 56


class EmptyState(QWidget):
    """An icon, a title, a sentence and a button, in the middle of the room there is.

    Signals: `acted()` when the button was pressed.
    """

    acted = Signal()

    def __init__(self, icon: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon = icon
        self._picture = QLabel()
        self._picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._title = Text("", "step", wrap=True)
        self._words = Text("", "body2", wrap=True)
        self.button = Button("", kind="primary")
        self.button.clicked.connect(self.acted)
        column = QVBoxLayout(self)
        column.setSpacing(8)
        column.addStretch(2)
        column.addWidget(self._picture)
        for words in (self._title, self._words):
            words.setAlignment(Qt.AlignmentFlag.AlignCenter)
            words.setProperty("verbatim", True)  # whoever says it has translated it
            column.addWidget(words)
        column.addSpacing(8)
        column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignCenter)
        column.addStretch(3)
        theme.current().changed.connect(self._tint)
        self._tint()

    def say(self, title: str, words: str, action: str = "", icon: str = "") -> None:
        """Show a title and a sentence; without `action` there is no button, `icon` stands on it."""
        self._title.setText(title)
        self._words.setText(words)
        self.button.set_words(action, icon)
        self.button.setProperty("verbatim", True)
        self.button.setVisible(bool(action))
        self.setAccessibleName(f"{title}. {words}" if title else words)

    def words(self) -> str:
        """The sentence that is shown."""
        return self._words.text()

    def _tint(self) -> None:
        self._picture.setPixmap(theme.current().pixmap(self._icon, "field", _PICTURE, self.devicePixelRatioF()))
