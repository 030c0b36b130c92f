"""Shows the tokens at the beginning of a text, one of them closely, and how much text a token holds."""

from __future__ import annotations

import re
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
_TORN = re.compile("([\udc80-\udcff]+)")


class ShownTokens(QObject):
    """Fills the strip and the panel of a `TokenizerCard`."""

    def __init__(self, card: TokenizerCard) -> None:
        super().__init__(card)
        self._card = card
        self._tokens: TokenPreview | None = None
        self._counts: Any = None
        self._outdated = False  # whether the tokens that are shown are of another tokenizer than the counts
        self._now: tuple[bytes, ...] = ()  # what the tokens stand for after the merges that are made now
        self._texts: tuple[str, ...] = ()
        card.strip.current_changed.connect(self._show_token)
        card.merges.moved.connect(self._play)
        self.clear()

    def clear(self, words: str = "") -> None:
        """Show no tokens; `words` say why there are none."""
        self._card.show_empty(words)
        self._tokens = self._counts = None
        self._now, self._texts = (), ()
        self._card.merges.stop()
        self._card.strip.clear()
        self._card.panel.show_measures([])
        self._card.panel.show_remark("")
        self._show_token(-1)

    def show_tokens(self, tokens: TokenPreview, *, same: bool = False) -> None:
        """Show these tokens, the longest of the first ones picked; `same`: they are of the tokenizer as before."""
        self._tokens = tokens
        self._counts, self._outdated = self._counts if same else None, False
        self._now, self._texts = tokens.spellings, tokens.pieces
        self._card.show_empty("")
        self._card.strip.set_tokens(tokens.pieces)
        self._card.merges.setVisible(tokens.merging is not None)
        if tokens.merging is not None:
            self._card.merges.show_merges(len(tokens.merging.merges), tokens.merging.changes())
            self._show_pair()
        first = range(min(SEARCHED_TOKENS, len(tokens.tokens)))
        self._card.strip.go_to(max(first, key=lambda place: len(tokens.pieces[place].strip()), default=-1))
        self._card.strip.verticalScrollBar().setValue(0)

    def await_tokens(self) -> None:
        """The tokens that are shown are of an earlier tokenizer, until others come."""
        self._counts, self._outdated = None, True
        self._show_token(self._card.strip.current)

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
        if shown is None or not 0 <= place < len(self._now):
            panel.show_token("", [self.tr("Click a token to see it closely.")] if shown is not None else [])
            return
        if shown.merging is not None and not self._card.merges.all_made:
            panel.show_token(label(self._texts[place]), [*self._made_words(place), self._bytes_words(self._now[place])])
            return
        token, spelling = shown.tokens[place], shown.spellings[place]
        number = self.tr("id {token} of {vocabulary}")
        facts = [number.format(token=number_text.whole(token), vocabulary=number_text.whole(shown.vocabulary))]
        if self._counts is not None and not self._outdated:
            seen = number_text.whole(int(self._counts[token]))
            facts.append(self.tr("{count} × in the training text").format(count=seen))
        if token == shown.unknown:
            facts.append(self.tr("stands for what has no token"))
        else:
            facts.append(self._bytes_words(spelling))
        panel.show_token(label(shown.pieces[place]), [*facts, *self._made_words(place)])

    def _bytes_words(self, spelling: bytes) -> str:
        size = self.tr("{count} bytes: {bytes}") if len(spelling) != 1 else self.tr("1 byte: {bytes}")
        few = spelling[:MOST_BYTES].hex(" ").upper() + (" …" if len(spelling) > MOST_BYTES else "")
        return size.format(count=len(spelling), bytes=few)

    def _made_words(self, place: int) -> list[str]:
        """At which merge a token was made."""
        if self._tokens is None or self._tokens.merging is None:
            return []
        if made := self._tokens.merging.made(self._now[place]):
            return [self.tr("made at merge {merge}").format(merge=number_text.whole(made))]
        return [self.tr("a byte, there from the start")]

    def _play(self, merges: int) -> None:
        """Show the text as it is cut after so many merges."""
        if self._tokens is None or self._tokens.merging is None:
            return
        merging = self._tokens.merging
        if self._card.merges.all_made:
            self._now, self._texts = self._tokens.spellings, self._tokens.pieces
        else:
            self._now, self._texts = tuple(merging.pieces(merges)), tuple(merging.texts(merges))
        place = self._card.strip.verticalScrollBar().value()
        self._card.strip.set_tokens(self._texts)
        self._card.strip.verticalScrollBar().setValue(place)
        self._show_pair()

    def _show_pair(self) -> None:
        if self._tokens is None or self._tokens.merging is None:
            return
        merges = self._card.merges.merges
        words = ""
        if merges:
            left, right = self._tokens.merging.merges[merges - 1]
            words = f"{readable(left)} + {readable(right)} → {readable(left + right)}"
        self._card.merges.show_pair(words)


def readable(spelling: bytes) -> str:
    """The bytes of a token as a person can read them: whole characters, and parts of one as hexadecimal numbers."""
    text = spelling.decode("utf-8", "surrogateescape")
    parts = [part for part in _TORN.split(text) if part]
    return "".join(
        f"⟨{part.encode('utf-8', 'surrogateescape').hex().upper()}⟩" if _TORN.match(part) else label(part)
        for part in parts
    )
