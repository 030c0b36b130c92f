"""Byte-pair merges one by one: how a text is cut after the first of them, after ten, after all.

Shapes: M merges of the tokenizer.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from itertools import pairwise

from lmstudio_app.engine.data.library_tokenizer import LibraryTokenizer, spelled
from lmstudio_app.engine.data.tokenizer import Tokenizer


class Merging:
    """A text in words, on which the merges of a byte-level BPE tokenizer are played forward and back.

    Each step joins, everywhere in the text, the pair that was learned at that step (Sennrich, Haddow and Birch 2016).
    """

    def __init__(self, tokenizer: Tokenizer, text: str) -> None:
        """Raises `ValueError` for a tokenizer without merges."""
        self.merges = tokenizer_merges(tokenizer)
        self._ranks = {pair: rank for rank, pair in enumerate(self.merges)}
        self._made = {left + right: rank for rank, (left, right) in enumerate(self.merges, 1)}
        assert isinstance(tokenizer, LibraryTokenizer)
        self._words: list[bytes] = []
        self._special: set[bytes] = set()  # inside which nothing is joined
        for number, part in tokenizer.surface.segments(text):
            words = [spelled(word) for word in tokenizer.words(part)] if number is None else [part.encode("utf-8")]
            self._words += words
            self._special.update(words if number is not None else ())

    def pieces(self, merges: int) -> list[bytes]:
        """The text after so many merges."""
        known: dict[bytes, list[bytes]] = {}
        for word in self._words:
            if word not in known:
                known[word] = [word] if word in self._special else self._merged(word, merges)
        return [piece for word in self._words for piece in known[word]]

    def texts(self, merges: int) -> list[str]:
        """What each of these pieces adds to the text; a character of several pieces belongs to its last one."""
        pieces = self.pieces(merges)
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        return [decoder.decode(piece, final=place == len(pieces) - 1) for place, piece in enumerate(pieces)]

    def made(self, piece: bytes) -> int:
        """After which merge a piece is there; 0 for a byte, which is there from the start."""
        return self._made.get(piece, 0)

    def changes(self) -> list[int]:
        """The numbers of merges after which the text is cut another way than before, in order, at most M."""
        found: set[int] = set()
        for word in set(self._words) - self._special:
            pieces = [word[place : place + 1] for place in range(len(word))]
            while (rank := self._next(pieces, len(self.merges))) is not None:
                pieces = _joined(pieces, self.merges[rank])
                found.add(rank + 1)
        return sorted(found)

    def _merged(self, word: bytes, merges: int) -> list[bytes]:
        pieces = [word[place : place + 1] for place in range(len(word))]
        while (rank := self._next(pieces, merges)) is not None:
            pieces = _joined(pieces, self.merges[rank])
        return pieces

    def _next(self, pieces: Sequence[bytes], merges: int) -> int | None:
        """The earliest learned pair that stands in a word, among the first `merges`."""
        ranks = [self._ranks.get(pair, merges) for pair in pairwise(pieces)]
        lowest = min(ranks, default=merges)
        return lowest if lowest < merges else None


def play_merges(tokenizer: Tokenizer, text: str) -> Merging | None:
    """The merges of a tokenizer on `text`, to be played forward and back; None where it does not merge."""
    try:
        return Merging(tokenizer, text)
    except ValueError:
        return None


def tokenizer_merges(tokenizer: Tokenizer) -> list[tuple[bytes, bytes]]:
    """The pairs that a byte-level BPE tokenizer joins, in the order in which they were learned (M,).

    Raises `ValueError` for another kind.
    """
    model = tokenizer.to_json()["model"]
    if model["type"] != "BPE" or not model["merges"] or model.get("ignore_merges"):
        raise ValueError("this tokenizer does not cut by merges alone")
    pairs = [pair.split(" ") if isinstance(pair, str) else pair for pair in model["merges"]]
    try:
        return [(spelled(left), spelled(right)) for left, right in pairs]
    except KeyError as error:
        raise ValueError("a merge is not of bytes") from error


def _joined(pieces: Sequence[bytes], pair: tuple[bytes, bytes]) -> list[bytes]:
    joined: list[bytes] = []
    place = 0
    while place < len(pieces):
        if tuple(pieces[place : place + 2]) == pair:
            joined.append(pair[0] + pair[1])
            place += 2
        else:
            joined.append(pieces[place])
            place += 1
    return joined
