"""Words on the window: labels with a role, that can be selected and copied where they are information."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QEnterEvent, QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.state import set_state

Role = Literal[
    "body", "body2", "strong", "small-strong", "label", "hint", "section", "card-title", "title", "step", "figure",
    "hero", "hero2", "err",
]  # fmt: skip

_LEAST = 8


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
        set_state(self, "role", role)


class ElidedText(Text):
    """One line that ends in “…” where it does not fit; the whole of it is its tooltip, above any that was set.

    It takes the room that others leave. With `least` it asks for what its words need, and never gets less of it than
    `least` pixels (before enlarging).
    """

    def __init__(
        self,
        words: str = "",
        role: Role = "body",
        *,
        verbatim: bool = False,
        least: int | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("", role, verbatim=verbatim, copyable=False, parent=parent)
        self._words = words
        self._tip = ""
        self._least = least
        policy = QSizePolicy.Policy
        self.setSizePolicy(policy.Ignored if least is None else policy.Maximum, policy.Preferred)
        self.set_words(words)

    def set_words(self, words: str) -> None:
        """Show other words."""
        self._words = words
        self.setAccessibleName(words)
        self.updateGeometry()
        self._lay()

    def words(self) -> str:
        """All of them, also what does not fit."""
        return self._words

    def setToolTip(self, words: str) -> None:
        self._tip = words
        self._lay()

    def sizeHint(self) -> QSize:
        """The room of all the words, for those who let it be no wider than that."""
        height = super().sizeHint().height()  # asked first: it takes up the font of the style sheet
        return QSize(QFontMetrics(self.font()).horizontalAdvance(self._words) + 1, height)

    def minimumSizeHint(self) -> QSize:
        whole = self.sizeHint()
        return QSize(min(whole.width(), max(_LEAST, theme.current().pixels(self._least or 0))), whole.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._lay()

    def _lay(self) -> None:
        room = max(self.width(), _LEAST)
        fitting = QFontMetrics(self.font()).elidedText(self._words, Qt.TextElideMode.ElideRight, room)
        self.setText(fitting)
        whole = self._words if fitting != self._words else ""
        super().setToolTip("\n".join(part for part in (whole, self._tip) if part))
