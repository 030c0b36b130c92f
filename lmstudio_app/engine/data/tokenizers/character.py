"""Every character is one token. Characters beyond the vocabulary share the token for unknown ones, id 0."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmstudio_app.engine.data.tokenizer import Tokenizer, refuse_surrogates

UNKNOWN = "<unk>"
_ALL_CHARACTERS = 0x110000


class CharacterTokenizer(Tokenizer):
    """Encodes by a table over code points. Ids follow the order of code points."""

    kind = "character"
    unknown = 0

    def __init__(self, characters: Sequence[str]) -> None:
        """`characters` are the known ones, for ids from 1 on."""
        super().__init__(["\ufffd".encode(), *(character.encode("utf-8") for character in characters)])
        self._characters = list(characters)
        self._table = np.zeros(_ALL_CHARACTERS, dtype=np.uint32)
        self._table[[ord(character) for character in characters]] = np.arange(1, len(characters) + 1)

    def encode_pieces(self, pieces: Iterable[str]) -> Iterator[NDArray[np.int64]]:
        """One part for each piece."""
        for piece in pieces:
            yield self._table[code_points(piece)].astype(np.int64)

    def offsets(self, text: str) -> NDArray[np.int64]:
        """One character for each token."""
        refuse_surrogates(text)
        starts = np.arange(len(text))
        return np.stack([starts, starts + 1], axis=1)

    def missing(self, text: str) -> list[str]:
        """In the order in which they first occur. Raises `UserError` for a lone surrogate."""
        refuse_surrogates(text)
        return [character for character in dict.fromkeys(text) if not self._table[ord(character)]]

    def to_json(self) -> dict[str, Any]:
        """A word-level model that takes every character for a word."""
        vocabulary = {UNKNOWN: 0} | {character: number for number, character in enumerate(self._characters, 1)}
        return {**_FRAME, "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": UNKNOWN}}


_FRAME: Mapping[str, Any] = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    "added_tokens": [],
    "normalizer": None,
    "pre_tokenizer": {"type": "Split", "pattern": {"Regex": r"[\s\S]"}, "behavior": "Isolated", "invert": False},
    "post_processor": None,
    "decoder": {"type": "Fuse"},
}


def code_points(text: str) -> NDArray[np.uint32]:
    """The code points of `text` (N,). Raises `UserError` for lone surrogates."""
    refuse_surrogates(text)
    return np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)


def learn(pieces: Iterable[str], vocabulary: int) -> CharacterTokenizer:
    """The most frequent characters of a text, at most `vocabulary` − 1 of them; of equally frequent ones the first in
    Unicode's order."""
    counts = np.zeros(_ALL_CHARACTERS, dtype=np.int64)
    for piece in pieces:
        counts += np.bincount(code_points(piece), minlength=_ALL_CHARACTERS)
    points = np.flatnonzero(counts)
    most = points[np.argsort(-counts[points], kind="stable")][: vocabulary - 1]
    return CharacterTokenizer([chr(point) for point in np.sort(most)])


def from_json(described: Mapping[str, Any]) -> CharacterTokenizer:
    """What `to_json` described. Raises `ValueError` or `KeyError` for anything else."""
    if any(described[key] != value for key, value in _FRAME.items()):
        raise ValueError("another make of tokenizer")
    vocabulary = described["model"]["vocab"]
    characters = sorted(vocabulary, key=vocabulary.__getitem__)
    ids = [vocabulary[character] for character in characters]
    if ids != list(range(len(ids))) or not all(type(number) is int for number in ids) or characters[0] != UNKNOWN:
        raise ValueError("ids are not the numbers from 0")
    if any(len(character) != 1 or "\ud800" <= character <= "\udfff" for character in characters[1:]):
        raise ValueError("a token is no character")
    if described["model"]["unk_token"] != UNKNOWN:
        raise ValueError("another make of tokenizer")
    return CharacterTokenizer(characters[1:])
