"""Every character is one token. Characters beyond the vocabulary share the token for unknown ones, id 0."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lmstudio_app.engine.data.library_tokenizer import check_frame, check_ids, frame, library_tokenizer, parts
from lmstudio_app.engine.data.surface import Surface, read_surface
from lmstudio_app.engine.data.tokenizer import Tokenizer, refuse_surrogates

if TYPE_CHECKING:
    from lmstudio_app.engine.data.tokenizer import TokenizerSettings

UNKNOWN = "<unk>"
_ALL_CHARACTERS = 0x110000


class CharacterTokenizer(Tokenizer):
    """Encodes by a table over code points. Ids follow the order of code points."""

    kind = "character"
    unknown = 0

    def __init__(self, characters: Sequence[str], surface: Surface = Surface()) -> None:  # noqa: B008  (frozen)
        """`characters` are the known ones, for ids from 1 on."""
        super().__init__(["\ufffd".encode(), *(character.encode("utf-8") for character in characters)], surface)
        self._characters = list(characters)
        self._table = np.zeros(_ALL_CHARACTERS, dtype=np.int64)
        self._table[[ord(character) for character in characters]] = np.arange(1, len(characters) + 1)
        few = self._table[:256]  # of Western letters, whose ids mostly fit into a byte
        self._western = few.astype(np.uint8).tobytes() if int(few.max()) < 256 else None

    def encode_pieces(self, pieces: Iterable[str]) -> Iterator[NDArray[np.int64]]:
        """One part for each piece."""
        if self.surface.changes_nothing:
            for piece in pieces:
                yield self._ids(piece)
            return
        for part in parts(pieces):
            found = [
                self._ids(text) if number is None else np.array([len(self._characters) + 1 + number])
                for number, text in self.surface.segments(part)
            ]
            yield np.concatenate([*found, np.empty(0, dtype=np.int64)])

    def offsets(self, text: str) -> NDArray[np.int64]:
        """One character for each token; where letters are made plainer, what the library finds."""
        refuse_surrogates(text)
        if not self.surface.changes_nothing:
            found = library_tokenizer(self.to_json()).encode(text, add_special_tokens=False).offsets
            return np.array(found, dtype=np.int64).reshape(-1, 2)
        starts = np.arange(len(text))
        return np.stack([starts, starts + 1], axis=1)

    def missing(self, text: str) -> list[str]:
        """In the order in which they first occur. Raises `UserError` for a lone surrogate."""
        refuse_surrogates(text)
        texts = [part for number, part in self.surface.segments(text) if number is None]
        return [character for character in dict.fromkeys("".join(texts)) if not self._table[ord(character)]]

    def _ids(self, text: str) -> NDArray[np.int64]:
        if self._western is not None:
            with contextlib.suppress(UnicodeEncodeError):
                return np.frombuffer(text.encode("latin-1").translate(self._western), dtype=np.uint8).astype(np.int64)
        return self._table[code_points(text)]

    def to_json(self) -> dict[str, Any]:
        """A word-level model that takes every character for a word."""
        vocabulary = {UNKNOWN: 0} | {character: number for number, character in enumerate(self._characters, 1)}
        model = {"type": "WordLevel", "vocab": vocabulary, "unk_token": UNKNOWN}
        return {**frame(self.surface, len(vocabulary), _SINGLE, _FUSE), "model": model}


_SINGLE: Mapping[str, Any] = {
    "type": "Split",
    "pattern": {"Regex": r"[\s\S]"},
    "behavior": "Isolated",
    "invert": False,
}
_FUSE: Mapping[str, Any] = {"type": "Fuse"}


def code_points(text: str) -> NDArray[np.uint32]:
    """The code points of `text` (N,). Raises `UserError` for lone surrogates."""
    try:
        return np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
    except UnicodeEncodeError:
        refuse_surrogates(text)
        raise


def learn(pieces: Iterable[str], settings: TokenizerSettings) -> CharacterTokenizer:
    """The most frequent characters of a text, as many as there are ids for beside the unknown one; of equally frequent
    ones the first in Unicode's order."""
    counts = np.zeros(_ALL_CHARACTERS, dtype=np.int64)
    for piece in pieces:
        for number, text in settings.surface.segments(piece):
            if number is None:
                found = np.bincount(code_points(text))
                counts[: len(found)] += found
    points = np.flatnonzero(counts)
    most = points[np.argsort(-counts[points], kind="stable")][: settings.learned - 1]
    return CharacterTokenizer([chr(point) for point in np.sort(most)], settings.surface)


def from_json(described: Mapping[str, Any]) -> CharacterTokenizer:
    """What `to_json` described. Raises `ValueError` or `KeyError` for anything else."""
    model = described["model"]
    characters = check_ids(model["vocab"])
    surface = read_surface(described, len(characters))
    check_frame(described, frame(surface, len(characters), _SINGLE, _FUSE))
    check_frame(model, {"type": "WordLevel", "unk_token": UNKNOWN})
    if characters[0] != UNKNOWN:
        raise ValueError("no token for unknown characters")
    if any(len(character) != 1 or "\ud800" <= character <= "\udfff" for character in characters[1:]):
        raise ValueError("a token is no character")
    return CharacterTokenizer(characters[1:], surface)
