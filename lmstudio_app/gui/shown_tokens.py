"""Shows the tokens at the beginning of a text, one of them closely, and how much text a token holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject

from lmstudio_app.gui import corpus_words
from lmstudio_app.gui.widgets import number_text
from lmstudio_app.gui.widgets.measure_row import Measure
from lmstudio_app.gui.widgets.token_text import label
from lmstudio_app.gui.widgets.tokenizer_card import TokenizerCard

if TYPE_CHECKING:
    from lmstudio_app.engine.data.statistics import Statistics
    from lmstudio_app.engine.pipeline.preview import TokenPreview

SEARCHED_TOKENS = 150
"""Among this many from the start the longest token is picked, so that there is something to see."""

MOST_BYTES = 12


class ShownTokens(QObject):
    """Fills the strip and the panel of a `TokenizerCard`."""

    def __init__(self, card: TokenizerCard) -> None:
        super().__init__(card)
        self._card = card
        self._tokens: TokenPreview | None = None
        self._counts: Any = None
        card.strip.current_changed.connect(self._show_token)
        self.clear()

    def clear(self, words: str = "") -> None:
        """Show no tokens; `words` say why there are none."""
        self._card.show_empty(words)
        self._tokens = self._counts = None
        self._card.strip.clear()
        self._card.panel.show_measures([])
        self._card.panel.show_remark("")
        self._show_token(-1)

    def show_tokens(self, tokens: TokenPreview) -> None:
        """Show these tokens, the longest of the first ones picked."""
        self._tokens, self._counts = tokens, None
        self._card.show_empty("")
        self._card.strip.set_tokens(tokens.pieces)
        first = range(min(SEARCHED_TOKENS, len(tokens.tokens)))
        self._card.strip.go_to(max(first, key=lambda place: len(tokens.pieces[place].strip()), default=-1))

    def show_counts(self, counts: Any) -> None:
        """Say how often each token occurs: a number for each (V,)."""
        self._counts = counts
        self._show_token(self._card.strip.current)

    def show_measures(self, statistics: Statistics, kind: str) -> None:
        """Show the bytes of text for each token, beside those for each character, which need no counting."""
        each, own = statistics.bytes / max(1, statistics.characters), statistics.bytes_per_token
        longest = max(each, own)
        measures = [Measure(self.tr("Characters"), f"{each:.2f}", each / longest, "", kind == "character")]
        if kind != "character":
            title = corpus_words.tokenizer_words(kind, statistics.vocabulary)
            measures.append(Measure(title, f"{own:.2f}", own / longest, "", True))
        self._card.panel.show_measures(measures)
        honest = self.tr("Learned from the training split only, so that the validation score stays honest.")
        self._card.panel.show_remark(f"{honest} {self.tr('Runs keep their own copy.')}")

    def _show_token(self, place: int) -> None:
        panel, shown = self._card.panel, self._tokens
        if shown is None or not 0 <= place < len(shown.tokens):
            panel.show_token("", [self.tr("Click a token to see it closely.")] if shown is not None else [])
            return
        token, spelling = shown.tokens[place], shown.spellings[place]
        number = self.tr("id {token} of {vocabulary}")
        facts = [number.format(token=number_text.whole(token), vocabulary=number_text.whole(shown.vocabulary))]
        if self._counts is not None:
            seen = number_text.whole(int(self._counts[token]))
            facts.append(self.tr("{count} × in the training text").format(count=seen))
        if token == shown.unknown:
            facts.append(self.tr("stands for what has no token"))
        else:
            size = self.tr("{count} bytes: {bytes}") if len(spelling) != 1 else self.tr("1 byte: {bytes}")
            few = spelling[:MOST_BYTES].hex(" ").upper() + (" …" if len(spelling) > MOST_BYTES else "")
            facts.append(size.format(count=len(spelling), bytes=few))
        panel.show_token(label(shown.pieces[place]), facts)
