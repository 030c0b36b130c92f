"""A line in a card that says what is the matter with what it shows, and offers values that would do."""

from __future__ import annotations

import html
from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.announce import announce

_TOKENS = {"info": "text2", "warn": "warn", "err": "err"}
_ICONS = {"info": "info", "warn": "warning", "err": "error"}


class Notice(QFrame):
    """An icon and a sentence on a tinted ground; hidden while it has nothing to say.

    Signals: `taken(int)` when a person clicked one of the offers.
    """

    taken = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("class", "notice")
        self._said: tuple[str, str, str, tuple[str, ...]] = ("", "info", "", ())
        self._sign = QLabel()
        self._label = QLabel()
        self._label.setProperty("role", "label")
        self._label.setProperty("verbatim", True)  # a translated sentence with links in it
        self._label.setTextFormat(Qt.TextFormat.RichText)
        self._label.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
        self._label.setWordWrap(True)
        self._label.setMinimumWidth(40)
        self._label.linkActivated.connect(lambda link: self.taken.emit(int(link)))
        line = QHBoxLayout(self)
        line.setContentsMargins(12, 6, 12, 6)
        line.setSpacing(8)
        line.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignTop)
        line.addWidget(self._label, 1)
        theme.current().changed.connect(self._dress)
        self.hide()

    def say(self, words: str, kind: str = "info", icon: str = "", offers: Sequence[str] = ()) -> None:
        """Show `words`; `kind` is "info", "warn" or "err". Without words there is no line."""
        new = bool(words) and words != self.words()
        self._said = (words, kind, icon or _ICONS[kind], tuple(offers))
        self._label.setFocusPolicy(Qt.FocusPolicy.TabFocus if offers else Qt.FocusPolicy.NoFocus)
        self.setAccessibleName(words)
        self._label.setAccessibleName(words)
        self._dress()
        self.setVisible(bool(words))
        if new:
            announce(self, words)

    def words(self) -> str:
        """What it says now, without its offers."""
        return self._said[0] if not self.isHidden() else ""

    def offers(self) -> tuple[str, ...]:
        """What can be clicked."""
        return self._said[3] if not self.isHidden() else ()

    def _dress(self) -> None:
        look = theme.current()
        words, kind, icon, offers = self._said
        color = look.color("link").name()  # a label keeps the colour of the palette it was written under
        unbroken = [html.escape(offer).replace(" ", "&nbsp;") for offer in offers]
        links = " ".join(f'<a href="{i}" style="color: {color}">{offer}</a>' for i, offer in enumerate(unbroken))
        self._label.setText(f"{html.escape(words)} {links}".strip())
        self._sign.setPixmap(look.pixmap(icon or "info", _TOKENS[kind], 15, self.devicePixelRatioF()))
        self.setProperty("kind", kind)
        self.style().unpolish(self)
        self.style().polish(self)
