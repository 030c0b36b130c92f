"""Byte-level byte-pair encoding: frequent sequences of bytes become one token, so that every text can be written.

Words are separated as in GPT-2 (Radford et al. 2019), pairs merged as in Sennrich, Haddow and Birch (2016), both by the
library `tokenizers`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmstudio_app.engine.data.tokenizer import Tokenizer, refuse_surrogates

_PART = 1 << 18  # characters that are encoded together, about
_BATCH = 1 << 15  # characters of the blocks that the library spreads over the processor
_LONGEST_RUN = 256  # characters of a word; learning takes the square of it
_LONG_RUNS = re.compile(r"\w{N,}|\s{N,}|[^\w\s]{N,}".replace("N", str(_LONGEST_RUN)))
# Places where GPT-2's separation of words starts afresh whatever stands before: a single space or line feed between
# two characters that are neither space nor separator, and Chinese or Japanese punctuation after an ideograph or kana.
_SAFE = re.compile(r"(?<=[^\s\x1c-\x1f])[ \n](?=[^\s\x1c-\x1f])|(?<=[\u3041-\u3096\u4e00-\u9fa5])[，。、；：？！]")


class BytePairTokenizer(Tokenizer):
    """Encodes with the library. The first 256 ids are the bytes."""

    kind = "bpe"

    def __init__(self, vocabulary: Mapping[str, int], merges: Sequence[tuple[str, str]]) -> None:
        """`vocabulary` and `merges` in the library's spelling, where each byte is one printable character."""
        import tokenizers
        from tokenizers import decoders, models, pre_tokenizers

        bytes_of = _bytes_of()
        spelled = sorted(vocabulary, key=vocabulary.__getitem__)
        super().__init__([bytes(bytes_of[character] for character in token) for token in spelled])
        self._vocabulary_of, self._merges = dict(vocabulary), list(merges)
        self._library = tokenizers.Tokenizer(models.BPE(vocab=self._vocabulary_of, merges=self._merges))
        self._library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        self._library.decoder = decoders.ByteLevel()

    def encode_pieces(self, pieces: Iterable[str]) -> Iterator[NDArray[np.int64]]:
        """Parts of a quarter of a million characters or more, cut only where that changes no token."""
        for part in _parts(pieces):
            blocks = self._library.encode_batch_fast(_blocks(part), add_special_tokens=False)
            yield np.concatenate([np.array(block.ids, dtype=np.int64) for block in blocks])

    def offsets(self, text: str) -> NDArray[np.int64]:
        """From the library; the space before a word belongs to its token."""
        refuse_surrogates(text)
        found = self._library.encode(text, add_special_tokens=False).offsets
        return np.array(found, dtype=np.int64).reshape(-1, 2)

    def missing(self, text: str) -> list[str]:
        """Nothing is: every text is bytes. Raises `UserError` for a lone surrogate."""
        refuse_surrogates(text)
        return []

    def to_json(self) -> dict[str, Any]:
        """A BPE model over bytes, without special tokens."""
        merges = [list(pair) for pair in self._merges]
        return {**_FRAME, "model": {**_MODEL, "vocab": self._vocabulary_of, "merges": merges}}


_FRAME: Mapping[str, Any] = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    "added_tokens": [],
    "normalizer": None,
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
    "post_processor": None,
    "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
}
_MODEL: Mapping[str, Any] = {
    "type": "BPE",
    "dropout": None,
    "unk_token": None,
    "continuing_subword_prefix": None,
    "end_of_word_suffix": None,
    "fuse_unk": False,
    "byte_fallback": False,
    "ignore_merges": False,
}


def learn(pieces: Iterable[str], vocabulary: int) -> BytePairTokenizer:
    """Merge the most frequent pairs until there are `vocabulary` tokens, or no pair occurs twice."""
    import json

    import tokenizers
    from tokenizers import models, pre_tokenizers, trainers

    library = tokenizers.Tokenizer(models.BPE())
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=2,
        initial_alphabet=sorted(_bytes_of()),
        special_tokens=[],
        show_progress=False,
    )
    library.train_from_iterator(_short_runs(pieces), trainer)
    model = json.loads(library.to_str())["model"]
    return BytePairTokenizer(model["vocab"], [(left, right) for left, right in model["merges"]])


def from_json(described: Mapping[str, Any]) -> BytePairTokenizer:
    """What `to_json` described. Raises `ValueError` or `KeyError` for anything else."""
    model = described["model"]
    frames = ((described, _FRAME), (model, _MODEL))
    if any(part[key] != value for part, frame in frames for key, value in frame.items()):
        raise ValueError("another make of tokenizer")
    vocabulary = model["vocab"]
    ids = list(vocabulary.values())
    if sorted(ids) != list(range(len(ids))) or not all(type(number) is int for number in ids):
        raise ValueError("ids are not the numbers from 0")
    alphabet = set(_bytes_of())
    if not alphabet <= vocabulary.keys() or not all(token and alphabet.issuperset(token) for token in vocabulary):
        raise ValueError("a token is not made of bytes, or a byte is missing")
    merges = [(left, right) for left, right in model["merges"]]
    if not all(left in vocabulary and right in vocabulary and left + right in vocabulary for left, right in merges):
        raise ValueError("a merge joins what is not in the vocabulary")
    try:
        return BytePairTokenizer(vocabulary, merges)
    except BaseException as error:
        # What the library gives up on is a BaseException of its own.
        if isinstance(error, (KeyboardInterrupt, SystemExit, GeneratorExit)):
            raise
        raise ValueError("the library refuses it") from error


@cache
def _bytes_of() -> dict[str, int]:
    """The byte that each character of the library's spelling stands for (GPT-2's table of printable characters)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + place): byte for place, byte in enumerate(others)}


def _short_runs(pieces: Iterable[str]) -> Iterator[str]:
    """The same text with endless words cut, over which learning would take the square of their length."""
    for piece in pieces:
        refuse_surrogates(piece)
        start = 0
        for run in _LONG_RUNS.finditer(piece):
            yield piece[start : run.start()]
            yield from (piece[at : min(at + _LONGEST_RUN, run.end())] for at in range(*run.span(), _LONGEST_RUN))
            start = run.end()
        yield piece[start:]


def _parts(pieces: Iterable[str]) -> Iterator[str]:
    """The text in parts of `_PART` characters or more, each ending at the first safe place after that.

    Where the cuts are depends on the text alone, not on its pieces.
    """
    kept, searched = "", _PART
    for piece in pieces:
        refuse_surrogates(piece)
        kept += piece
        while len(kept) > searched + 1:
            safe = _SAFE.search(kept, searched)
            if safe is None or safe.start() + 1 >= len(kept):
                searched = len(kept) - 1
                break
            yield kept[: safe.start()]
            kept, searched = kept[safe.start() :], _PART
    if kept:
        yield kept


def _blocks(part: str) -> list[str]:
    """A part cut at safe places into blocks that the library encodes side by side."""
    blocks, start = [], 0
    while start < len(part):
        safe = _SAFE.search(part, start + _BATCH)
        end = safe.start() if safe else len(part)
        blocks.append(part[start:end])
        start = end
    return blocks
