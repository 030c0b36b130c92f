"""Unigram: of all ways to cut a word the most probable one, where each piece has a probability of its own.

After Kudo (2018), by the library `tokenizers`, over the bytes of words that are separated as in GPT-2, so that every
text can be written.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lmstudio_app.engine.data.library_tokenizer import (
    BYTE_DECODER,
    BYTE_LEVEL,
    LibraryTokenizer,
    bytes_of,
    check_frame,
    frame,
    learned_text,
    spelled,
    trained,
)
from lmstudio_app.engine.data.surface import Surface, read_surface

if TYPE_CHECKING:
    from lmstudio_app.engine.data.tokenizer import TokenizerSettings

_MODEL: Mapping[str, Any] = {"type": "Unigram", "unk_id": None, "byte_fallback": False}
_LEAST = -1e6  # nothing that was learned is as improbable
_BELOW = 1.0  # how much less probable than all longer pieces, in nats, a rare byte is
_SPREAD = 0.026  # by how much the library sets bytes that it never saw above the least probable piece, at most
_DIGITS = 9


class UnigramTokenizer(LibraryTokenizer):
    """Ids follow the probability of pieces."""

    kind = "unigram"

    def __init__(self, vocabulary: Sequence[Sequence[Any]], surface: Surface) -> None:
        """`vocabulary` is pieces with the natural logarithms of their probabilities. Raises `ValueError`."""
        model = {**_MODEL, "vocab": [[piece, score] for piece, score in vocabulary]}
        described = {**frame(surface, len(vocabulary), BYTE_LEVEL, BYTE_DECODER), "model": model}
        super().__init__(described, [spelled(piece) for piece, _ in vocabulary], surface)


def learn(pieces: Iterable[str], settings: TokenizerSettings) -> UnigramTokenizer:
    """Begin with all frequent pieces, and give up those that the text misses least until few enough are left."""
    from tokenizers import trainers

    alphabet = sorted(bytes_of())
    trainer = trainers.UnigramTrainer(
        vocab_size=settings.learned, initial_alphabet=alphabet, special_tokens=[], unk_token=None, show_progress=False
    )
    untrained = {**frame(settings.surface, 0, BYTE_LEVEL, BYTE_DECODER), "added_tokens": []}
    text = _not_empty(learned_text(pieces, settings.surface))
    learned = trained(untrained | {"model": {**_MODEL, "vocab": []}}, trainer, text)["vocab"]
    return UnigramTokenizer(_settled(learned, max(0, settings.learned - len(alphabet))), settings.surface)


def _settled(learned: Iterable[Sequence[Any]], longer: int) -> list[tuple[str, float]]:
    """The pieces that the library learned, at most `longer` of them of more than a byte, the same for the same text.

    It sums in the order of a hash, which changes the last digits, and gives bytes that it never saw probabilities in
    that order; here all bytes that are less probable than every longer piece are equally so.
    """
    scores = {piece: round(score, _DIGITS) for piece, score in learned}
    ranked = sorted(scores, key=lambda piece: (-scores[piece], piece))
    long = [piece for piece in ranked if len(piece) > 1][:longer]
    least = min((scores[piece] for piece in long), default=0.0)
    alphabet = {byte: scores.get(byte, -math.inf) for byte in bytes_of()}
    single = {byte: score if score > least + _SPREAD else least - _BELOW for byte, score in alphabet.items()}
    kept = {piece: scores[piece] for piece in long} | single
    return sorted(kept.items(), key=lambda each: (-each[1], each[0]))


def _not_empty(pieces: Iterable[str]) -> Iterable[str]:
    """The library cannot learn from nothing at all."""
    empty = True
    for piece in pieces:
        empty = empty and not piece
        yield piece
    if empty:
        yield "a"


def from_json(described: Mapping[str, Any]) -> UnigramTokenizer:
    """What `to_json` described. Raises `ValueError` or `KeyError` for anything else."""
    model = described["model"]
    vocabulary = [(piece, score) for piece, score in model["vocab"]]
    surface = read_surface(described, len(vocabulary))
    check_frame(described, frame(surface, len(vocabulary), BYTE_LEVEL, BYTE_DECODER))
    check_frame(model, _MODEL)
    pieces = {piece for piece, _ in vocabulary}
    if len(pieces) != len(vocabulary) or not set(bytes_of()) <= pieces or "" in pieces:
        raise ValueError("a byte is missing, or a piece is there twice")
    scores = [score for _, score in vocabulary]
    if not all(type(score) in (int, float) and math.isfinite(score) and _LEAST <= score <= 0 for score in scores):
        raise ValueError("a probability that is none")
    return UnigramTokenizer(vocabulary, surface)
