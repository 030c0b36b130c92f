"""Words on the window: labels with a role, that can be selected and copied where they are information."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtGui import QEnterEvent, QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

Role = Literal[
    "body", "body2", "strong", "small-strong", "label", "hint", "section", "card-title", "title", "step", "figure",
    "large-figure", "hero", "hero2", "ok", "warn", "err",
]  # fmt: skip


class Text(QLabel):
    """A label in one of the roles of the style sheet. `verbatim` text is data, not words to be translated."""

    def __init__(
        self,
        words: str = "",
        role: Role = "body",
        *,
        wrap: bool = False,
        verbatim: bool = False,
        copyable: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(words, parent)
        self.setProperty("role", role)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(wrap)
        if verbatim:
            self.setProperty("verbatim", True)
        self._copyable = copyable

    def enterEvent(self, event: QEnterEvent) -> None:
        # What lets a label be selected is a text document each: made when the mouse comes, not for all labels at once.
        if self._copyable and not self.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse:
            self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        super().enterEvent(event)

    def set_role(self, role: Role) -> None:
        """Take another role of the style sheet."""
        if self.property("role") != role:
            self.setProperty("role", role)
            self.style().unpolish(self)
            self.style().polish(self)


class ElidedText(Text):
    """One line that ends in “…” where it does not fit; the whole of it is its tooltip."""

    def __init__(self, words: str = "", role: Role = "body", *, verbatim: bool = False, parent: QWidget | None = None):
        super().__init__("", role, verbatim=verbatim, copyable=False, parent=parent)
        self._words = words
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.set_words(words)

    def set_words(self, words: str) -> None:
        """Show other words."""
        self._words = words
        self.setAccessibleName(words)
        self._lay()

    def words(self) -> str:
        """All of them, also what does not fit."""
        return self._words

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay()

    def _lay(self) -> None:
        fitting = QFontMetrics(self.font()).elidedText(self._words, Qt.TextElideMode.ElideRight, max(self.width(), 8))
        self.setText(fitting)
        if fitting != self._words or self.toolTip():
            self.setToolTip(self._words if fitting != self._words else "")
