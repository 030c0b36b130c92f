"""WordPiece: a word is written with the longest pieces that fit, from its start; pieces inside a word begin with “##”.

As in BERT (Devlin et al. 2019; Schuster and Nakajima 2012), but a word keeps its capital letters and the space before
it, so that the text comes back as it was. A word with a character that the vocabulary lacks, or of more than a hundred,
is unknown as a whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lmstudio_app.engine.data.library_tokenizer import (
    WORDS,
    LibraryTokenizer,
    check_frame,
    check_ids,
    frame,
    learned_text,
    short_runs,
    trained,
)
from lmstudio_app.engine.data.surface import Surface, read_surface

if TYPE_CHECKING:
    from lmstudio_app.engine.data.tokenizer import TokenizerSettings

UNKNOWN = "[UNK]"
_INSIDE = "##"
_ALL_WORDS = 1 << 31
_MODEL: Mapping[str, Any] = {
    "type": "WordPiece",
    "unk_token": UNKNOWN,
    "continuing_subword_prefix": _INSIDE,
    "max_input_chars_per_word": 100,
}
_DECODER: Mapping[str, Any] = {
    "type": "Sequence",
    "decoders": [{"type": "Replace", "pattern": {"String": _INSIDE}, "content": ""}, {"type": "Fuse"}],
}


class WordPieceTokenizer(LibraryTokenizer):
    """Id 0 is the unknown word."""

    kind = "wordpiece"

    def __init__(self, vocabulary: Mapping[str, int], surface: Surface) -> None:
        """Raises `ValueError`."""
        pieces = check_ids(vocabulary)
        if pieces[0] != UNKNOWN or not all(piece.removeprefix(_INSIDE) for piece in pieces):
            raise ValueError("no token for unknown words, or one of nothing")
        model = {**_MODEL, "vocab": dict(vocabulary)}
        described = {**frame(surface, len(pieces), WORDS, _DECODER), "model": model}
        tokens = ["\ufffd".encode(), *(piece.removeprefix(_INSIDE).encode("utf-8") for piece in pieces[1:])]
        super().__init__(described, tokens, surface, unknown=0)


def learn(pieces: Iterable[str], settings: TokenizerSettings) -> WordPieceTokenizer:
    """Pieces that are joined most often, until there are as many as wanted; of characters the most frequent third."""
    from tokenizers import trainers

    text = list(short_runs(learned_text(pieces, settings.surface)))
    plain = frame(Surface(), 0, WORDS, _DECODER)
    alphabet, inside = _alphabet(text, settings.learned // 3, plain)
    trainer = trainers.WordPieceTrainer(
        vocab_size=settings.learned,
        min_frequency=2,
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),
        continuing_subword_prefix=_INSIDE,
        special_tokens=[UNKNOWN, *(_INSIDE + character for character in inside)],
        show_progress=False,
    )
    vocabulary = trained({**plain, "model": {**_MODEL, "vocab": {UNKNOWN: 0}}}, trainer, text)["vocab"]
    return WordPieceTokenizer(vocabulary, settings.surface)


def _alphabet(text: Sequence[str], most: int, plain: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """The most frequent characters of a text, and those of them that stand inside words: the library would number them
    in the order of a hash, and so learn other pieces every time."""
    from tokenizers import trainers

    counts: Counter[str] = Counter()
    for piece in text:
        counts.update(piece)
    chosen = sorted(counts, key=lambda character: (-counts[character], character))[:most]
    words = trainers.WordLevelTrainer(vocab_size=_ALL_WORDS, min_frequency=1, special_tokens=[], show_progress=False)
    known = trained({**plain, "model": {"type": "WordLevel", "vocab": {}, "unk_token": UNKNOWN}}, words, text)["vocab"]
    return sorted(chosen), sorted({character for word in known for character in word[1:]}.intersection(chosen))


def from_json(described: Mapping[str, Any]) -> WordPieceTokenizer:
    """What `to_json` described. Raises `ValueError` or `KeyError` for anything else."""
    model = described["model"]
    size = len(check_ids(model["vocab"]))
    surface = read_surface(described, size)
    check_frame(described, frame(surface, size, WORDS, _DECODER))
    check_frame(model, _MODEL)
    return WordPieceTokenizer(model["vocab"], surface)
