"""Every byte of UTF-8 is one token: nothing to learn, 256 tokens, and every text can be written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lmstudio_app.engine.data.library_tokenizer import (
    BYTE_DECODER,
    BYTE_LEVEL,
    BYTE_MODEL,
    LibraryTokenizer,
    bytes_of,
    check_frame,
    frame,
    parts,
)
from lmstudio_app.engine.data.surface import Surface, read_surface
from lmstudio_app.engine.data.tokenizer import refuse_surrogates

if TYPE_CHECKING:
    from lmstudio_app.engine.data.tokenizer import TokenizerSettings

_SIZE = 256
_WHOLE: Mapping[str, Any] = {**BYTE_LEVEL, "use_regex": False}


def _model() -> dict[str, Any]:
    """A BPE model without merges."""
    return {**BYTE_MODEL, "vocab": bytes_of(), "merges": []}


class ByteTokenizer(LibraryTokenizer):
    """Encodes by copying; the id of a token is its byte."""

    kind = "byte"

    def __init__(self, surface: Surface) -> None:
        described = {**frame(surface, _SIZE, _WHOLE, BYTE_DECODER), "model": _model()}
        super().__init__(described, [bytes([byte]) for byte in range(_SIZE)], surface)

    def encode_pieces(self, pieces: Iterable[str]) -> Iterator[NDArray[np.int64]]:
        """One part for each piece."""
        if self.surface.changes_nothing:
            for piece in pieces:
                refuse_surrogates(piece)
                yield _bytes(piece)
            return
        for part in parts(pieces):
            found = [
                _bytes(text) if number is None else np.array([_SIZE + number])
                for number, text in self.surface.segments(part)
            ]
            yield np.concatenate([*found, np.empty(0, dtype=np.int64)])


def _bytes(text: str) -> NDArray[np.int64]:
    return np.frombuffer(text.encode("utf-8"), dtype=np.uint8).astype(np.int64)


def learn(pieces: Iterable[str], settings: TokenizerSettings) -> ByteTokenizer:
    """There is nothing to learn; the text is not looked at."""
    return ByteTokenizer(settings.surface)


def from_json(described: Mapping[str, Any]) -> ByteTokenizer:
    """What `to_json` described. Raises `ValueError` or `KeyError` for anything else."""
    surface = read_surface(described, _SIZE)
    check_frame(described, {**frame(surface, _SIZE, _WHOLE, BYTE_DECODER), "model": _model()})
    return ByteTokenizer(surface)
