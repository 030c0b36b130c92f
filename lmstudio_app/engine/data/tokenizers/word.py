"""Every word is one token, with the space before it. Words beyond the vocabulary share the token for unknown ones.

A Chinese word is a character, or what `chinese_word` makes of it where the settings say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from lmstudio_app.engine.data.library_tokenizer import (
    FUSE,
    WORDS,
    LibraryTokenizer,
    check_frame,
    check_ids,
    frame,
    learned_text,
    trained,
)
from lmstudio_app.engine.data.surface import Surface, read_surface

if TYPE_CHECKING:
    from lmstudio_app.engine.data.tokenizer import TokenizerSettings

UNKNOWN = "<unk>"


class WordTokenizer(LibraryTokenizer):
    """Ids follow the frequency of words; 0 is the unknown one."""

    kind = "word"

    def __init__(self, vocabulary: Mapping[str, int], surface: Surface) -> None:
        """Raises `ValueError`."""
        words = check_ids(vocabulary)
        if words[0] != UNKNOWN:
            raise ValueError("no token for unknown words")
        model = {"type": "WordLevel", "vocab": dict(vocabulary), "unk_token": UNKNOWN}
        described = {**frame(surface, len(words), WORDS, FUSE), "model": model}
        tokens = ["\ufffd".encode(), *(word.encode("utf-8") for word in words[1:])]
        super().__init__(described, tokens, surface, unknown=0)


def learn(pieces: Iterable[str], settings: TokenizerSettings) -> WordTokenizer:
    """The most frequent words that occur often enough."""
    from tokenizers import trainers

    trainer = trainers.WordLevelTrainer(
        vocab_size=settings.learned,
        min_frequency=settings.minimum_count,
        special_tokens=[UNKNOWN],
        show_progress=False,
    )
    model = {"type": "WordLevel", "vocab": {UNKNOWN: 0}, "unk_token": UNKNOWN}
    untrained = {**frame(settings.surface, 0, WORDS, FUSE), "added_tokens": [], "model": model}
    return WordTokenizer(trained(untrained, trainer, learned_text(pieces, settings.surface))["vocab"], settings.surface)


def from_json(described: Mapping[str, Any]) -> WordTokenizer:
    """What `to_json` described. Raises `ValueError` or `KeyError` for anything else."""
    model = described["model"]
    size = len(check_ids(model["vocab"]))
    surface = read_surface(described, size)
    check_frame(described, frame(surface, size, WORDS, FUSE))
    check_frame(model, {"type": "WordLevel", "unk_token": UNKNOWN})
    return WordTokenizer(model["vocab"], surface)
