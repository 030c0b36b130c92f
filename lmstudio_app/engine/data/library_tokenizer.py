"""What the kinds of tokenizers share that the library `tokenizers` runs: long texts in blocks side by side, offsets,
unknown words; and the separation into words that two of them use."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lmstudio_app.engine.data.surface import Surface
from lmstudio_app.engine.data.tokenizer import Tokenizer, refuse_surrogates
from lmstudio_app.engine.data.word_cache import WordCache

_PART = 1 << 18  # characters that are encoded together, about
_BATCH = 1 << 15  # characters of the blocks that the library spreads over the processor
_LONGEST_RUN = 256  # characters of a word; learning takes the square of it
_LONG_RUNS = re.compile(r"\w{N,}|\s{N,}|[^\w\s]{N,}".replace("N", str(_LONGEST_RUN)))
# Places where the separation of words starts afresh whatever stands before: a single space or line feed between two
# characters that are neither space nor separator, and Chinese or Japanese punctuation after an ideograph or kana.
SAFE = re.compile(r"(?<=[^\s\x1c-\x1f])[ \n](?=[^\s\x1c-\x1f])|(?<=[\u3041-\u3096\u4e00-\u9fa5])[，。、；：？！]")

_IDEOGRAPH = r"[\p{Han}]"
_LETTERS = r"[\p{L}\p{M}&&[^\p{Han}]]"
_OTHERS = rf" ?{_LETTERS}+(?:['’]{_LETTERS}+)*| ?\p{{N}}+| ?[^\s\p{{L}}\p{{M}}\p{{N}}]|\s"
_SPLIT: Mapping[str, Any] = {"type": "Split", "behavior": "Isolated", "invert": False}
WORDS: Mapping[str, Any] = {**_SPLIT, "pattern": {"Regex": rf" ?{_IDEOGRAPH}|{_OTHERS}"}}
"""Words with the space before them; every ideograph and every sign is a word, so is each further white space."""
WORDS_OF_RUNS: Mapping[str, Any] = {**_SPLIT, "pattern": {"Regex": rf"{_IDEOGRAPH}+|{_OTHERS}"}}
"""The same, but ideographs that stand side by side are one, without the space before them."""
FUSE: Mapping[str, Any] = {"type": "Fuse"}
"""Words are decoded by joining them."""

BYTE_LEVEL: Mapping[str, Any] = {
    "type": "ByteLevel",
    "add_prefix_space": False,
    "trim_offsets": True,
    "use_regex": True,
}
"""The separation of words of GPT-2 (Radford et al. 2019), each byte spelled as one printable character."""
BYTE_DECODER: Mapping[str, Any] = {**BYTE_LEVEL, "add_prefix_space": True}

BYTE_MODEL: Mapping[str, Any] = {
    "type": "BPE",
    "dropout": None,
    "unk_token": None,
    "continuing_subword_prefix": None,
    "end_of_word_suffix": None,
    "fuse_unk": False,
    "byte_fallback": False,
    "ignore_merges": False,
}
"""Byte pairs at that level: everything but the vocabulary and the merges."""


class LibraryTokenizer(Tokenizer):
    """Encodes with the library, which reads the same `tokenizer.json`."""

    safe: ClassVar[re.Pattern[str]] = SAFE

    def __init__(
        self, described: Mapping[str, Any], tokens: Sequence[bytes], surface: Surface, unknown: int | None = None
    ) -> None:
        """`described` is the content of `tokenizer.json`, `tokens` what its ids stand for without special tokens.

        Raises `ValueError` when the library refuses it.
        """
        super().__init__(tokens, surface)
        self.unknown = unknown
        self._described = dict(described)
        self._library = library_tokenizer(self._described)
        self._words = self._word_cache()

    def encode_pieces(self, pieces: Iterable[str]) -> Iterator[NDArray[np.int64]]:
        """Parts of a quarter of a million characters or more, cut only where that changes no token."""
        for part in parts(pieces, self.safe):
            ids = self._words.encode(part) if self._words is not None else None
            if ids is None:
                blocks = self._library.encode_batch_fast(_blocks(part, self.safe), add_special_tokens=False)
                ids = np.concatenate([np.array(block.ids, dtype=np.int64) for block in blocks])
            yield ids

    def _word_cache(self) -> WordCache | None:
        """Where words are separated as in GPT-2 and nothing else is done to a text, words are remembered."""
        plain = not self._described["added_tokens"] and self._described["normalizer"] is None
        if not plain or self._described["pre_tokenizer"] != BYTE_LEVEL:
            return None
        whole = library_tokenizer({**self._described, "pre_tokenizer": {**BYTE_LEVEL, "use_regex": False}})
        return WordCache(lambda words: [one.ids for one in whole.encode_batch_fast(words, add_special_tokens=False)])

    def offsets(self, text: str) -> NDArray[np.int64]:
        """From the library; the space before a word belongs to its token."""
        refuse_surrogates(text)
        found = self._library.encode(text, add_special_tokens=False).offsets
        return np.array(found, dtype=np.int64).reshape(-1, 2)

    def missing(self, text: str) -> list[str]:
        """In the order in which they first occur. Raises `UserError` for a lone surrogate."""
        if self.unknown is None:
            refuse_surrogates(text)
            return []
        unknown = self.offsets(text)[self.encode(text) == self.unknown]
        return list(dict.fromkeys(text[start:end].strip() or text[start:end] for start, end in unknown))

    def words(self, text: str) -> list[str]:
        """The words into which `text` is parted before anything is cut, as the library spells them."""
        if self._library.normalizer is not None:
            text = self._library.normalizer.normalize_str(text)
        return [word for word, _ in self._library.pre_tokenizer.pre_tokenize_str(text)]

    def to_json(self) -> dict[str, Any]:
        """As the library has it."""
        return dict(self._described)


def frame(surface: Surface, size: int, pre_tokenizer: Mapping[str, Any], decoder: Mapping[str, Any]) -> dict[str, Any]:
    """Everything of a `tokenizer.json` but its model, which has `size` tokens."""
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": surface.added_tokens(size),
        "normalizer": surface.normalizer,
        "pre_tokenizer": dict(pre_tokenizer),
        "post_processor": None,
        "decoder": dict(decoder),
    }


def check_frame(described: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Raises `ValueError` or `KeyError` where a file has anything else than what `frame` wrote."""
    if any(described[key] != value for key, value in expected.items()):
        raise ValueError("another make of tokenizer")


def check_ids(vocabulary: Mapping[str, Any]) -> list[str]:
    """The tokens in the order of their ids. Raises `ValueError` when those are not the numbers from 0."""
    ids = list(vocabulary.values())
    if not ids or not all(type(number) is int for number in ids) or sorted(ids) != list(range(len(ids))):
        raise ValueError("ids are not the numbers from 0")
    return sorted(vocabulary, key=vocabulary.__getitem__)


def library_tokenizer(described: Mapping[str, Any]) -> Any:
    """The library's tokenizer. Raises `ValueError` when the library refuses it."""
    import tokenizers

    try:
        return tokenizers.Tokenizer.from_str(json.dumps(described))
    except BaseException as error:
        # What the library gives up on is a BaseException of its own.
        if isinstance(error, (KeyboardInterrupt, SystemExit, GeneratorExit)):
            raise
        raise ValueError("the library refuses it") from error


def learned_text(pieces: Iterable[str], surface: Surface) -> Iterator[str]:
    """What a tokenizer learns from a text: made plainer, and without special tokens."""
    for piece in pieces:
        refuse_surrogates(piece)
        yield from (text for number, text in surface.segments(piece) if number is None)


def trained(described: Mapping[str, Any], trainer: Any, pieces: Iterable[str]) -> dict[str, Any]:
    """The model that `trainer` of the library learns from a text, into a tokenizer with this frame."""
    library = library_tokenizer(described)
    library.train_from_iterator(short_runs(pieces), trainer)
    model: dict[str, Any] = json.loads(library.to_str())["model"]
    return model


def short_runs(pieces: Iterable[str]) -> Iterator[str]:
    """The same text with endless words cut, over which learning would take the square of their length."""
    for piece in pieces:
        refuse_surrogates(piece)
        start = 0
        for run in _LONG_RUNS.finditer(piece):
            yield piece[start : run.start()]
            yield from (piece[at : min(at + _LONGEST_RUN, run.end())] for at in range(*run.span(), _LONGEST_RUN))
            start = run.end()
        yield piece[start:]


def parts(pieces: Iterable[str], safe: re.Pattern[str] = SAFE) -> Iterator[str]:
    """The text in parts of `_PART` characters or more, each ending at the first safe place after that.

    Where the cuts are depends on the text alone, not on its pieces.
    """
    kept, searched = "", _PART
    for piece in pieces:
        refuse_surrogates(piece)
        kept += piece
        while len(kept) > searched + 1:
            found = safe.search(kept, searched)
            if found is None or found.start() + 1 >= len(kept):
                searched = len(kept) - 1
                break
            yield kept[: found.start()]
            kept, searched = kept[found.start() :], _PART
    if kept:
        yield kept


def _blocks(part: str, safe: re.Pattern[str]) -> list[str]:
    """A part cut at safe places into blocks that the library encodes side by side."""
    blocks, start = [], 0
    while start < len(part):
        found = safe.search(part, start + _BATCH)
        end = found.start() if found else len(part)
        blocks.append(part[start:end])
        start = end
    return blocks


@cache
def bytes_of() -> dict[str, int]:
    """The byte that each character of the library's byte level stands for (GPT-2's table of printable characters)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + place): byte for place, byte in enumerate(others)}


def spelled(token: str) -> bytes:
    """The bytes of a token at the byte level. Raises `KeyError` for one of other characters."""
    table = bytes_of()
    return bytes(table[character] for character in token)
