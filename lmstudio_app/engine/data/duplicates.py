"""Documents that are there twice, and passages of the training text that the other splits repeat.

Near-duplicates are found by MinHash (Broder 1997) over runs of five characters, so that it works without words, and by
locality-sensitive hashing of the signatures in bands (Indyk and Motwani 1998).
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmstudio_app.engine.data.splits import Split

SIMILAR = 0.8
"""From which share of common runs on (Jaccard) two documents count as nearly the same."""
PASSAGE = 48
"""Characters of a passage that two splits must not share."""
_RUN = 5
_PERMUTATIONS, _BANDS = 128, 32
_BELIEVED = SIMILAR - 0.06  # the estimate from 128 values strays by 0.035
_MOST_RUNS = 1 << 14  # of one document at once; memory stays bounded
_CHUNK = 1 << 20
_MOST_OF_ONE = 64  # places of one run that are compared
_FACTOR = np.uint64(0x9E3779B97F4A7C15)

Codes = NDArray[np.uint32]
Hashes = NDArray[np.uint64]


class Fingerprint:
    """Of a document that comes in pieces: equal for documents that are equal but for white space around them."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._begun = False
        self._spaces = ""  # at the end of what came, which count only where something follows

    def add(self, text: str) -> None:
        """Take the next piece."""
        text = text if self._begun else text.lstrip()
        kept = text.rstrip()
        if kept:
            self._hash.update((self._spaces + kept).encode("utf-8"))
            self._begun, self._spaces = True, text[len(kept) :]
        else:
            self._spaces += text

    def digest(self) -> bytes:
        """The fingerprint of all that came (32,)."""
        return self._hash.digest()


def fingerprint(text: str) -> bytes:
    """That of a whole document."""
    found = Fingerprint()
    found.add(text)
    return found.digest()


@dataclass(frozen=True)
class Duplicates:
    """Groups of documents, each a tuple of their numbers in the corpus from 0: such that are equal but for white space
    around them, and such that are nearly the same (of equal ones only the first is compared)."""

    equal: Sequence[tuple[int, ...]]
    similar: Sequence[tuple[int, ...]]

    @property
    def repeated(self) -> int:
        """How many documents could go without losing a text: all but the first of each group of equal ones."""
        return sum(len(group) - 1 for group in self.equal)


@dataclass(frozen=True)
class Passage:
    """A passage of a split that the training text has too: where it starts in both, in characters, and the text."""

    split: Split
    start: int
    training_start: int
    text: str


def find_duplicates(texts: Iterable[str]) -> Generator[int, None, Duplicates]:
    """Compare all documents; yields how many were looked at."""
    first: dict[bytes, int] = {}
    equal: dict[int, list[int]] = {}
    numbers: list[int] = []
    signatures: list[Hashes] = []
    for number, text in enumerate(texts):
        stripped = text.strip()
        known = first.setdefault(fingerprint(text), number)
        if known != number:
            equal.setdefault(known, [known]).append(number)
        elif (signature := _signature(stripped)) is not None:
            numbers.append(number)
            signatures.append(signature)
        yield number + 1
    similar = [tuple(numbers[each] for each in group) for group in _alike(signatures)]
    return Duplicates([tuple(group) for group in equal.values()], similar)


def find_leakage(
    training: Iterable[str], split: Split, other: str, characters: int = PASSAGE
) -> Generator[int, None, list[Passage]]:
    """Every passage of `other` with at least so many characters that the training text, given in pieces, has too.

    Passages of white space alone do not count. Yields how many characters of the training text were looked at.

    A shared passage of n characters holds a run of n/2 that starts at a multiple of n/2 in `other`: those runs are
    looked up at every place of the training text, and what matches is compared letter by letter.
    """
    half = max(1, characters // 2)
    shared = _Shared(split, _codes(other), characters)
    starts = np.arange(0, max(0, len(shared.codes) - half + 1), half)
    index = _rolling(shared.codes, half)[starts] if len(starts) else np.empty(0, np.uint64)
    order = np.argsort(index, kind="stable")
    index, starts = index[order], starts[order]
    for place, chunk in _overlapping(training, 4 * characters):
        hashes = _rolling(chunk, half)
        if len(index) and len(hashes):
            at = np.searchsorted(index, hashes)
            at[at == len(index)] = 0
            hits = _few_of_each(np.flatnonzero(index[at] == hashes), at)
            for here in hits.tolist():
                first = int(at[here])
                last = min(int(np.searchsorted(index, hashes[here], "right")), first + _MOST_OF_ONE)
                for there in starts[first:last].tolist():
                    shared.compare(chunk, there, here, place)
        yield place + len(chunk)
    return shared.passages()


def _few_of_each(hits: NDArray[np.int64], kinds: NDArray[np.int64]) -> NDArray[np.int64]:
    """The places `hits` without those beyond the first few that look up the same run: a text that repeats one line for
    ever would be compared with itself for ever."""
    order = np.argsort(kinds[hits], kind="stable")
    ranked = kinds[hits][order]
    begins = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]]) if len(ranked) else np.empty(0, np.int64)
    rank = np.arange(len(ranked)) - np.repeat(begins, np.diff(np.r_[begins, len(ranked)]))
    return np.sort(hits[order[rank < _MOST_OF_ONE]])


class _Shared:
    """Gathers the passages of one split that the training text has too."""

    def __init__(self, split: Split, codes: Codes, least: int) -> None:
        self.codes = codes
        self._split, self._least = split, least
        self._found: dict[int, Passage] = {}
        self._covered = np.zeros(len(codes), dtype=bool)

    def compare(self, chunk: Codes, there: int, here: int, place: int) -> None:
        """Extend a match between the place `there` of the split and `here` of a chunk, which stands at `place` of the
        training text, to both sides; keep it where it is long enough and longer than what is known from its start."""
        around = self._covered[max(0, there - self._least) : there + 2 * self._least]
        if around.all():  # a passage that went further would have a run nearer to its end
            return
        before = _common(self.codes[:there][::-1], chunk[:here][::-1])
        start, length = there - before, before + _common(self.codes[there:], chunk[here:])
        known = self._found.get(start)
        if length < self._least or (known is not None and len(known.text) >= length):
            return
        text = self.codes[start : start + length].tobytes().decode("utf-32-le")
        if text.strip():
            self._found[start] = Passage(self._split, start, place + here - before, text)
            self._covered[start : start + length] = True

    def passages(self) -> list[Passage]:
        """In order, without those that lie inside another."""
        kept: list[Passage] = []
        end = -1
        for passage in sorted(self._found.values(), key=lambda each: (each.start, -len(each.text))):
            if passage.start + len(passage.text) > end:
                kept.append(passage)
                end = passage.start + len(passage.text)
        return kept


def _common(left: Codes, right: Codes) -> int:
    """How many values two arrays begin with alike."""
    length = min(len(left), len(right))
    first, step = 0, 64
    while first < length:
        last = min(length, first + step)
        differs = np.flatnonzero(left[first:last] != right[first:last])
        if len(differs):
            return first + int(differs[0])
        first, step = last, min(2 * step, _CHUNK)
    return length


def _overlapping(pieces: Iterable[str], overlap: int) -> Iterator[tuple[int, Codes]]:
    """A text in chunks that overlap, each with its place in characters."""
    kept, place = "", 0
    for piece in pieces:
        kept += piece
        if len(kept) >= _CHUNK:
            yield place, _codes(kept)
            place += len(kept) - overlap
            kept = kept[-overlap:]
    if kept:
        yield place, _codes(kept)


def _codes(text: str) -> Codes:
    return np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)


def _rolling(codes: Codes, length: int) -> Hashes:
    """A hash of each run of `length` values (n − length + 1,)."""
    count = len(codes) - length + 1
    if count < 1:
        return np.empty(0, np.uint64)
    hashes = np.zeros(count, np.uint64)
    for offset in range(length):
        hashes *= _FACTOR
        hashes += codes[offset : offset + count]
    hashes ^= hashes >> np.uint64(29)
    hashes *= _FACTOR
    hashes ^= hashes >> np.uint64(32)
    return hashes


def _permutations() -> tuple[Hashes, Hashes]:
    random = np.random.default_rng(0)
    factors = random.integers(1, 1 << 63, _PERMUTATIONS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    return factors, random.integers(0, 1 << 63, _PERMUTATIONS, dtype=np.uint64)


_FACTORS, _ADDED = _permutations()


def _signature(text: str) -> Hashes | None:
    """The least value of each permutation over the runs of a text (128,); None for a text shorter than a run."""
    runs = np.unique(_rolling(_codes(" ".join(text.split())), _RUN))
    if not len(runs):
        return None
    least = np.full(_PERMUTATIONS, np.iinfo(np.uint64).max, np.uint64)
    for first in range(0, len(runs), _MOST_RUNS):
        values = runs[first : first + _MOST_RUNS, None] * _FACTORS + _ADDED
        values ^= values >> np.uint64(31)
        np.minimum(least, (values * _FACTOR).min(axis=0), out=least)
    return least


def _alike(signatures: Sequence[Hashes]) -> list[list[int]]:
    """Groups of signatures that share a band and enough values, as places in the sequence."""
    if not signatures:
        return []
    table = np.stack(signatures)
    leader = list(range(len(table)))

    def root(number: int) -> int:
        while leader[number] != number:
            leader[number] = leader[leader[number]]
            number = leader[number]
        return number

    rows = _PERMUTATIONS // _BANDS
    for band in range(_BANDS):
        part = np.ascontiguousarray(table[:, band * rows : (band + 1) * rows])
        keys = part.view([("", part.dtype)] * rows).ravel()
        order = np.argsort(keys, kind="stable")
        edges = np.flatnonzero(keys[order][1:] != keys[order][:-1]) + 1
        for bucket in np.split(order, edges):
            for earlier, later in zip(bucket[:-1].tolist(), bucket[1:].tolist(), strict=True):
                for other in {earlier, int(bucket[0])}:
                    if root(other) != root(later) and (table[other] == table[later]).mean() >= _BELIEVED:
                        leader[max(root(other), root(later))] = min(root(other), root(later))
    groups: dict[int, list[int]] = {}
    for number in range(len(table)):
        groups.setdefault(root(number), []).append(number)
    return [group for group in groups.values() if len(group) > 1]
