"""The text as the model reads it: its tokens, and where it was cut."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from lmstudio_app.gui.widgets.card import Card
from lmstudio_app.gui.widgets.text import Text
from lmstudio_app.gui.widgets.token_strip import TokenStrip


class ReadCard(Card):
    """A strip of tokens; those that the model could not see are pale, with a sentence that says why.

    Signals: `token_chosen(index)` from 0, counted from the first token that the model saw.
    """

    token_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent, title=self.tr("What the model reads"))
        self.strip = TokenStrip(self.tr("The text in tokens"))
        self.strip.current_changed.connect(self._chosen)
        self.body.addWidget(self.strip, 1)
        self._words = Text("", "label", wrap=True)
        self._words.setProperty("verbatim", True)  # whoever says it has translated it
        foot, self._foot = self.add_foot()
        foot.addWidget(self._words)
        self._foot.hide()

    def show_tokens(self, texts: Sequence[str], cut: int, words: str) -> None:
        """Show all tokens of a text; the first `cut` are left out, and `words` say so."""
        if self.strip.texts != list(texts) or self.strip.prompt_tokens != cut:
            self.strip.set_tokens(texts, prompt_tokens=cut)
        self._words.setText(words)
        self._foot.setVisible(bool(words))

    def mark(self, token: int) -> None:
        """Mark a token that the model saw (−1: none) without telling anybody."""
        self.strip.blockSignals(True)
        self.strip.go_to(self.strip.prompt_tokens + token if token >= 0 else -1)
        self.strip.blockSignals(False)

    def words(self) -> str:
        """What is said below the strip."""
        return self._words.text() if not self._foot.isHidden() else ""

    def _chosen(self, token: int) -> None:
        if token >= self.strip.prompt_tokens:
            self.token_chosen.emit(token - self.strip.prompt_tokens)
