"""Tokens of whole words, remembered: natural text says the same words again and again, and most need no cutting.

It separates words as GPT-2 does (Radford et al. 2019), which the library does with another engine for patterns. Where
both are known to agree, which a test shows for every character that is trusted here, the ids are the library's.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Sequence
from functools import cache
from itertools import chain

import numpy as np
from numpy.typing import NDArray

_MOST_WORDS = 400_000
_FEW_WORDS = 5_000  # with fewer, new words come in numbers
_LONGEST = 64  # characters of a word that is remembered
_WORDS = re.compile(r"'(?:s|t|re|ve|m|ll|d)| ?[^\W\d_]+| ?\d+| ?(?:_|[^\s\w])+|\s+(?!\S)|\s+")
TRUSTED = (
    (0x20, 0x7E), (0xA0, 0x2FF), (0x370, 0x377), (0x37A, 0x37F), (0x384, 0x52F), (0x5D0, 0x5EA), (0x620, 0x64A),
    (0x660, 0x669), (0x904, 0x939), (0xE01, 0xE30), (0x1E00, 0x1EFF), (0x2010, 0x2027), (0x2030, 0x205E),
    (0x20A0, 0x20BF), (0x2190, 0x22FF), (0x2500, 0x25FF), (0x2600, 0x26FF), (0x3001, 0x3003), (0x3005, 0x3006),
    (0x3008, 0x301F), (0x3041, 0x3096), (0x30A1, 0x30FA), (0x30FB, 0x30FE), (0x3400, 0x4DB5), (0x4E00, 0x9FA5),
    (0xAC00, 0xD7A3), (0xFF01, 0xFF5E), (0x1F600, 0x1F64F),
)  # fmt: skip
"""Ranges of code points, first and last, in which both engines agree but for numbers that are no digits."""


class WordCache:
    """Remembers the ids of words; `cut` gives those of new ones, each by itself."""

    def __init__(self, cut: Callable[[list[str]], Sequence[Sequence[int]]]) -> None:
        self._known = _Known(cut)

    def encode(self, text: str) -> NDArray[np.int64] | None:
        """The ids of a text that begins where a word does; None where a character is not trusted."""
        if _doubtful().search(text):
            return None
        words, known = _WORDS.findall(text), self._known
        if len(known) > _MOST_WORDS:
            known.clear()
        if len(known) < _FEW_WORDS:
            known.learn(set(words))
        return np.fromiter(chain.from_iterable(map(known.__getitem__, words)), dtype=np.int64)


class _Known(dict[str, Sequence[int]]):
    """Ids by word; a word that is not there is cut when it is asked for."""

    def __init__(self, cut: Callable[[list[str]], Sequence[Sequence[int]]]) -> None:
        super().__init__()
        self._cut = cut

    def learn(self, words: Collection[str]) -> None:
        """Cut many words at once."""
        new = [word for word in words if word not in self and len(word) <= _LONGEST]
        self.update(zip(new, self._cut(new), strict=True))

    def __missing__(self, word: str) -> Sequence[int]:
        (ids,) = self._cut([word])
        if len(word) <= _LONGEST:
            self[word] = ids
        return ids


@cache
def _doubtful() -> re.Pattern[str]:
    """A character that is not trusted."""
    trusted = "".join(f"{chr(first)}-{chr(last)}" for first, last in TRUSTED if first > 0x7F)
    odd = [
        chr(point)
        for first, last in TRUSTED
        for point in range(first, last + 1)
        if unicodedata.category(chr(point)) in ("Nl", "No", "Cn")
    ]
    return re.compile(f"[^\\t\\n\\r -~{trusted}]|[{re.escape(''.join(odd))}]")
