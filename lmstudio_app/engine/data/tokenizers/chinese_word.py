"""Words of a language that sets no spaces between them: jieba finds those of the text that is learned from, and the
tokenizer remembers the frequent ones, with every character.

A run of characters is then cut into the most probable words, each by its own frequency, which is Unigram (Kudo 2018)
and what jieba itself does with its dictionary. So the library alone gives the same ids, and only learning needs jieba.
Rare words, of Chinese and of others, are spelled in shorter words and characters.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lmstudio_app.engine.data import chinese
from lmstudio_app.engine.data.library_tokenizer import (
    FUSE,
    WORDS_OF_RUNS,
    LibraryTokenizer,
    check_frame,
    frame,
    learned_text,
)
from lmstudio_app.engine.data.surface import Surface, read_surface

if TYPE_CHECKING:
    from lmstudio_app.engine.data.tokenizer import TokenizerSettings

UNKNOWN = "<unk>"
_MODEL: Mapping[str, Any] = {"type": "Unigram", "unk_id": 0, "byte_fallback": False}
_SELDOM = 0.5  # as how often a character counts that never is a word
_LEAST = -1e6
_DIGITS = 9


class ChineseWordTokenizer(LibraryTokenizer):
    """Ids follow the frequency of words; 0 is for characters that were never seen."""

    kind = "word"

    def __init__(self, vocabulary: Sequence[Sequence[Any]], surface: Surface) -> None:
        """`vocabulary` is words with the natural logarithms of their probabilities, the unknown one first. Raises
        `ValueError`."""
        model = {**_MODEL, "vocab": [[word, score] for word, score in vocabulary]}
        described = {**frame(surface, len(vocabulary), WORDS_OF_RUNS, FUSE), "model": model}
        tokens = ["\ufffd".encode(), *(word.encode("utf-8") for word, _ in vocabulary[1:])]
        super().__init__(described, tokens, surface, unknown=0)


def learn(pieces: Iterable[str], settings: TokenizerSettings) -> ChineseWordTokenizer:
    """The most frequent words and characters that occur often enough. Raises `UserError` where jieba is not
    installed."""
    words, characters = Counter[str](), Counter[str]()
    for word in _words(learned_text(pieces, settings.surface)):
        words[word] += 1
        characters.update(word)
    often = {word: count for word, count in (words | characters).items() if count >= settings.minimum_count}
    kept = sorted(often, key=lambda word: (-often[word], word))[: settings.learned - 1]
    total = max(1, words.total())
    scores = [round(math.log(max(words[word], _SELDOM) / total), _DIGITS) for word in kept]
    unknown = min(scores, default=0.0)
    return ChineseWordTokenizer([(UNKNOWN, unknown), *zip(kept, scores, strict=True)], settings.surface)


def _words(pieces: Iterable[str]) -> Iterator[str]:
    from tokenizers import Regex, pre_tokenizers

    separate = pre_tokenizers.Split(Regex(WORDS_OF_RUNS["pattern"]["Regex"]), WORDS_OF_RUNS["behavior"].lower())
    for piece in pieces:
        for word, _ in separate.pre_tokenize_str(piece):
            if chinese.is_han(word):
                yield from chinese.words(word)
            else:
                yield word


def from_json(described: Mapping[str, Any]) -> ChineseWordTokenizer:
    """What `to_json` described. Raises `ValueError` or `KeyError` for anything else."""
    model = described["model"]
    vocabulary = [(word, score) for word, score in model["vocab"]]
    surface = read_surface(described, len(vocabulary))
    check_frame(described, frame(surface, len(vocabulary), WORDS_OF_RUNS, FUSE))
    check_frame(model, _MODEL)
    words = [word for word, _ in vocabulary]
    if (
        words[0] != UNKNOWN
        or len(set(words)) != len(words)
        or not all(isinstance(word, str) and word for word in words)
    ):
        raise ValueError("no token for unknown words, or a word is there twice")
    scores = [score for _, score in vocabulary]
    if not all(type(score) in (int, float) and math.isfinite(score) and _LEAST <= score <= 0 for score in scores):
        raise ValueError("a probability that is none")
    return ChineseWordTokenizer(vocabulary, surface)
