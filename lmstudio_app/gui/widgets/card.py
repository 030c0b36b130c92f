"""Cards: the white frames of the window, with a head and a foot where they need them."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from lmstudio_app.gui.widgets.state import set_state
from lmstudio_app.gui.widgets.text import Text


class Card(QFrame):
    """A frame with an optional head (title, quiet note, controls at its right) above `body`.

    Add to `body` (a vertical layout), `head` (a horizontal one, whose stretch stands before added controls) and `foot`.
    """

    def __init__(self, title: str = "", note: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("class", "card")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(1, 1, 1, 1)
        self._column.setSpacing(0)
        self.title = Text(title, "card-title", parent=self)
        self.note = Text(note, "label", parent=self)
        self.head = QHBoxLayout()
        if title:
            self._add_head()
        else:
            self.title.hide()
            self.note.hide()
        self.body = QVBoxLayout()
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(0)
        self._column.addLayout(self.body, 1)

    def add_foot(self) -> tuple[QVBoxLayout, QFrame]:
        """A sunken strip at the bottom: its layout, and itself."""
        frame = strip("foot")
        column = QVBoxLayout(frame)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(6)
        self._column.addWidget(frame)
        return column, frame

    def set_active(self, active: bool) -> None:
        """Draw the frame in ink: here is what to do next."""
        set_state(self, "active", active)

    def _add_head(self) -> None:
        frame = strip("head")
        frame.setLayout(self.head)
        self.head.setContentsMargins(12, 6, 10, 6)
        self.head.setSpacing(8)
        frame.setMinimumHeight(42)
        self.head.addWidget(self.title)
        self.head.addWidget(self.note)
        self.head.addStretch(1)
        self._column.addWidget(frame)


def strip(kind: str) -> QFrame:
    """A frame that the style sheet knows by `kind`: "head", "foot", "box", "rule", "vrule" …"""
    frame = QFrame()
    frame.setProperty("class", kind)
    return frame


def row(*widgets: QWidget | None, spacing: int = 8) -> QHBoxLayout:
    """Widgets side by side; None is a stretch."""
    line = QHBoxLayout()
    line.setContentsMargins(0, 0, 0, 0)
    line.setSpacing(spacing)
    for widget in widgets:
        if widget is None:
            line.addStretch(1)
        else:
            line.addWidget(widget, 0, Qt.AlignmentFlag.AlignVCenter)
    return line
