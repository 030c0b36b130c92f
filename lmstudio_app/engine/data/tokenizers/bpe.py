"""Byte-level byte-pair encoding: frequent sequences of bytes become one token, so that every text can be written.

Words are separated as in GPT-2 (Radford et al. 2019), pairs merged as in Sennrich, Haddow and Birch (2016), both by the
library `tokenizers`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from lmstudio_app.engine.data.library_tokenizer import (
    BYTE_DECODER,
    BYTE_LEVEL,
    BYTE_MODEL,
    LibraryTokenizer,
    bytes_of,
    check_frame,
    check_ids,
    frame,
    learned_text,
    spelled,
    trained,
)
from lmstudio_app.engine.data.surface import Surface, read_surface

if TYPE_CHECKING:
    from lmstudio_app.engine.data.tokenizer import TokenizerSettings


class BytePairTokenizer(LibraryTokenizer):
    """The first 256 ids are the bytes; each merge adds one."""

    kind = "bpe"

    def __init__(self, model: Mapping[str, Any], surface: Surface) -> None:
        """`model` holds the library's vocabulary and merges, where each byte is one printable character."""
        tokens = check_ids(model["vocab"])
        described = {**frame(surface, len(tokens), BYTE_LEVEL, BYTE_DECODER), "model": {**BYTE_MODEL, **model}}
        super().__init__(described, [spelled(token) for token in tokens], surface)


def learn(pieces: Iterable[str], settings: TokenizerSettings) -> BytePairTokenizer:
    """Merge the most frequent pairs until there are as many tokens as wanted, or no pair occurs twice."""
    from tokenizers import trainers

    surface = settings.surface
    trainer = trainers.BpeTrainer(
        vocab_size=settings.learned,
        min_frequency=2,
        initial_alphabet=sorted(bytes_of()),
        special_tokens=[],
        show_progress=False,
    )
    untrained = {**frame(surface, 0, BYTE_LEVEL, BYTE_DECODER), "model": {**BYTE_MODEL, "vocab": {}, "merges": []}}
    model = trained(untrained | {"added_tokens": []}, trainer, learned_text(pieces, surface))
    return BytePairTokenizer({"vocab": model["vocab"], "merges": model["merges"]}, surface)


def from_json(described: Mapping[str, Any]) -> BytePairTokenizer:
    """What `to_json` described. Raises `ValueError` or `KeyError` for anything else."""
    model = described["model"]
    vocabulary = model["vocab"]
    check_ids(vocabulary)
    surface = read_surface(described, len(vocabulary))
    check_frame(described, frame(surface, len(vocabulary), BYTE_LEVEL, BYTE_DECODER))
    check_frame(model, BYTE_MODEL)
    alphabet = set(bytes_of())
    if not alphabet <= vocabulary.keys() or not all(token and alphabet.issuperset(token) for token in vocabulary):
        raise ValueError("a token is not made of bytes, or a byte is missing")
    merges = [[left, right] for left, right in model["merges"]]
    if not all(left in vocabulary and right in vocabulary and left + right in vocabulary for left, right in merges):
        raise ValueError("a merge joins what is not in the vocabulary")
    return BytePairTokenizer({"vocab": vocabulary, "merges": merges}, surface)
