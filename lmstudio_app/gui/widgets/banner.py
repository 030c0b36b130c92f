"""One sentence above a pane: what happened, with what can be done about it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.announce import announce
from lmstudio_app.gui.widgets.button import Button, IconButton
from lmstudio_app.gui.widgets.card import strip
from lmstudio_app.gui.widgets.state import set_state
from lmstudio_app.gui.widgets.text import Text

ICONS = {"info": "info", "ok": "check", "warn": "warning", "err": "error"}


class Banner(QWidget):
    """A sentence with an icon, at most one action, and a cross to put it away. Hidden until it has something to say."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._frame = strip("banner")
        self._kind = "info"
        self._act: Callable[[], None] | None = None
        self._sign = QLabel()
        self._words = Text("", "body", wrap=True)
        self._words.setProperty("verbatim", True)  # whoever says it has translated it
        self._action = Button("", kind="plain", compact=True)
        self._action.clicked.connect(self._acted)
        self._close = IconButton(self.tr("Put this message away"), "close", size=14)
        self._close.clicked.connect(self.hide)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(12, 12, 12, 0)
        outer.addWidget(self._frame)
        line = QHBoxLayout(self._frame)
        line.setContentsMargins(12, 6, 6, 6)
        line.setSpacing(10)
        for widget in (self._sign, self._words, self._action, self._close):
            line.addWidget(widget, 1 if widget is self._words else 0)
        theme.current().changed.connect(self._tint)
        self.hide()

    def say(self, words: str, kind: str = "info", action: str = "", act: Callable[[], None] | None = None) -> None:
        """Show `words`; `kind` is "info", "ok", "warn" or "err". `act()` is called when `action` is pressed."""
        self._kind, self._act = kind, act
        self._words.setText(words)
        self._action.set_words(action)
        self._action.setVisible(act is not None)
        set_state(self._frame, "kind", kind)
        self._tint()
        self.setAccessibleName(words)
        self.show()
        announce(self, words)

    def words(self) -> str:
        """What it says now; empty while it is hidden."""
        return self._words.text() if not self.isHidden() else ""

    def _acted(self) -> None:
        act = self._act
        self.hide()
        if act is not None:
            act()

    def _tint(self) -> None:
        token = "text2" if self._kind == "info" else self._kind
        self._sign.setPixmap(theme.current().pixmap(ICONS[self._kind], token, 16, self.devicePixelRatioF()))
