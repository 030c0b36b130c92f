"""What happens to a text before a tokenizer of any kind cuts it: special tokens are set apart, letters made plainer.

It is written into `tokenizer.json` as the library `tokenizers` understands it, and does here what the library does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

_LOWER: Mapping[str, Any] = {"type": "Lowercase"}
_WITHOUT_ACCENTS: tuple[Mapping[str, Any], ...] = ({"type": "NFD"}, {"type": "StripAccents"}, {"type": "NFC"})
SPECIAL = re.compile(r"<[^\s<>\[\]，。、；：？！\x1c-\x1f]+>|\[[^\s<>\[\]，。、；：？！\x1c-\x1f]+\]")
"""What a special token looks like: "<eos>", "[SEP]"; no text is cut into parts inside one."""


@dataclass(frozen=True)
class Surface:
    """`special_tokens` are always one token wherever they stand in a text, and are not made plainer."""

    lower_case: bool = False
    strip_accents: bool = False
    special_tokens: tuple[str, ...] = ()

    @property
    def changes_nothing(self) -> bool:
        """Whether the text is cut as it is."""
        return not (self.lower_case or self.strip_accents or self.special_tokens)

    @property
    def normalizer(self) -> dict[str, Any] | None:
        """In the library's words; None where letters stay as they are."""
        steps = [*(_WITHOUT_ACCENTS if self.strip_accents else ()), *([_LOWER] if self.lower_case else ())]
        if not steps:
            return None
        plain = [dict(step) for step in steps]
        return plain[0] if len(plain) == 1 else {"type": "Sequence", "normalizers": plain}

    def added_tokens(self, first: int) -> list[dict[str, Any]]:
        """In the library's words; their ids begin at `first`, behind the vocabulary."""
        manner = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
        return [{"id": first + place, "content": word} | manner for place, word in enumerate(self.special_tokens)]

    def segments(self, text: str) -> Iterator[tuple[int | None, str]]:
        """The parts of `text` in order, as (number of the special token, its spelling) or (None, plainer text)."""
        if not self.special_tokens:
            yield None, self._plainer(text)
            return
        numbers = {word: number for number, word in enumerate(self.special_tokens)}
        for part in self._pattern.split(text):
            if part in numbers:
                yield numbers[part], part
            elif part:
                yield None, self._plainer(part)

    def seen(self, text: str) -> str:
        """The text as a tokenizer gets to see it."""
        return text if self.changes_nothing else "".join(part for _, part in self.segments(text))

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        longest_first = sorted(self.special_tokens, key=len, reverse=True)
        return re.compile("(" + "|".join(map(re.escape, longest_first)) + ")")

    def _plainer(self, text: str) -> str:
        if not (self.lower_case or self.strip_accents):
            return text
        plainer: str = _normalizer(self.lower_case, self.strip_accents).normalize_str(text)
        return plainer


def read_surface(described: Mapping[str, Any], first: int) -> Surface:
    """What `described`, the content of a `tokenizer.json` with `first` tokens in its vocabulary, does to a text.

    Raises `ValueError`, `KeyError` or `TypeError` where that is nothing of ours.
    """
    words = [token["content"] for token in described["added_tokens"]]
    if not all(isinstance(word, str) and SPECIAL.fullmatch(word) for word in words) or len(set(words)) < len(words):
        raise ValueError("a special token of another make")
    for lower in (False, True):
        for strip in (False, True):
            surface = Surface(lower, strip, tuple(words))
            if described["normalizer"] == surface.normalizer:
                if described["added_tokens"] != surface.added_tokens(first):
                    raise ValueError("a special token of another make")
                return surface
    raise ValueError("a normalizer of another make")


def special_tokens(words: str) -> Sequence[str]:
    """The special tokens in "<eos>, <pad>", each once."""
    return tuple(dict.fromkeys(re.split(r"[\s,]+", words.strip(" ,\t\n")))) if words.strip(" ,\t\n") else ()


@lru_cache(maxsize=4)
def _normalizer(lower_case: bool, strip_accents: bool) -> Any:
    from tokenizers import normalizers

    steps = [normalizers.NFD(), normalizers.StripAccents(), normalizers.NFC()] if strip_accents else []
    return normalizers.Sequence([*steps, *([normalizers.Lowercase()] if lower_case else [])])
