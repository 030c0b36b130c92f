"""The documents of a corpus laid in another order, or fewer of them: shuffled into splits, without similar ones,
without what the training text has too.

Shapes: N documents as they lie now; K of them are kept.
"""

from __future__ import annotations

import codecs
from array import array
from collections.abc import Generator, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lmstudio_app.engine.data.boilerplate import Boilerplate, edge_lines
from lmstudio_app.engine.data.duplicates import PASSAGE, find_duplicates, find_leakage
from lmstudio_app.engine.data.reader import whole_lines
from lmstudio_app.engine.data.splits import SPLITS, Cuts
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import Progress
from lmstudio_app.engine.storage.atomic import in_words
from lmstudio_app.engine.storage.json_lines import read_jsonl

if TYPE_CHECKING:
    from lmstudio_app.engine.data.splits import SplitSettings

Numbers = NDArray[np.int64]
_CHUNK = 1 << 20
_BETWEEN = b"\n\n"
_MOST_ROUNDS = 5
_CHECKED_AT_ONCE = 500


class Arrangement:
    """Documents in one file `text`, ended at the bytes `ends` (N,), with one line for each in `fields` where that is
    there, and −log2 p in `bits` (N,) where it is known.

    `numbers` (N,) are their places in the order of reading, in which there were `documents_read`; `added` says how many
    line ends stand behind the document that was read last only because another one follows it now.
    """

    def __init__(self, text: Path, fields: Path | None, ends: Sequence[int], bits: Sequence[float]) -> None:
        self._text, self._fields = text, fields
        self.ends: Numbers = np.asarray(ends, dtype=np.int64)
        self.bits = np.asarray(bits, dtype=np.float64)
        self.numbers: Numbers = np.arange(len(ends))
        self.documents_read = len(ends)
        self.added = 0

    @property
    def size(self) -> int:
        """The bytes of the text."""
        return int(self.ends[-1])

    @property
    def as_read(self) -> bool:
        """Whether every document is there, in the order of reading."""
        return len(self.numbers) == self.documents_read and bool((np.diff(self.numbers) == 1).all())

    def read(self, start: int, stop: int) -> bytes:
        """Bytes of the text. Raises `UserError`."""
        try:
            with self._text.open("rb") as file:
                file.seek(start)
                return file.read(stop - start)
        except OSError as error:
            raise in_words(error, self._text) from error

    def pieces(self, start: int = 0, stop: int | None = None) -> Iterator[str]:
        """A stretch of the text in pieces that end after line ends."""
        return whole_lines(self._decoded(start, self.size if stop is None else stop))

    def characters(self) -> int:
        """The characters of the text."""
        return sum(map(len, self._decoded(0, self.size)))

    @property
    def order(self) -> Numbers:
        """`numbers`, then `documents_read` and `added`: what is kept on disk."""
        return np.append(self.numbers, [self.documents_read, self.added])

    def lay_as_read(self, order: Sequence[int]) -> None:
        """Lay documents that lie in this `order` in that of reading again, as far as they are there."""
        *numbers, self.documents_read, self.added = order
        self.numbers = np.asarray(numbers, dtype=np.int64)
        self._lay(np.argsort(self.numbers, kind="stable"))
        if self.added:
            self._cut_to([(0, self.size - self.added)])
            self.ends[-1] -= self.added
            self.added = 0

    def drop_boilerplate(self) -> Generator[Progress, None, int]:
        """Cut out the lines near the beginning or end of documents that many of them have; returns how many went."""
        seen = Boilerplate()
        places = list(pairwise([0, *self.ends.tolist()]))
        for number, (start, end) in enumerate(places):
            seen.add(edge_lines(self._slice, start, end))
            if number % _CHECKED_AT_ONCE == 0:
                yield Progress("Comparing documents", number, len(places), "documents")
        boilerplate = seen.lines()
        stretches = [
            (place, place + len(line))
            for start, end in (places if boilerplate else [])
            for place, line in edge_lines(self._slice, start, end)
            if line in boilerplate
        ]
        if stretches:
            self._cut(stretches)
        return len(stretches)

    def _slice(self, place: slice) -> bytes:
        return self.read(place.start, place.stop)

    def _cut(self, stretches: Sequence[tuple[int, int]]) -> None:
        """Take these bytes out of the text; a document of which nothing is left goes too."""
        between = [0, *(edge for stretch in stretches for edge in stretch), self.size]
        self._cut_to(list(zip(between[::2], between[1::2], strict=True)))
        ends = shortened(self.ends, stretches)
        self._keep(np.flatnonzero(np.diff(ends, prepend=0) > 0), ends)

    def drop_similar(self) -> Generator[Progress, None, int]:
        """Keep the first of documents that share nearly all of their text; returns how many went."""
        steps = find_duplicates(self.read(start, end).decode("utf-8") for start, end in pairwise([0, *self.ends]))
        while True:
            try:
                yield Progress("Comparing documents", next(steps), len(self.ends), "documents")
            except StopIteration as end:
                similar = [number for group in end.value.similar for number in group[1:]]
                break
        if similar:
            self._lay(np.delete(np.arange(len(self.ends)), similar))
        return len(similar)

    def shuffle(self, settings: SplitSettings) -> Cuts | None:
        """Draw documents for the splits and lay them in that order; None where there are too few."""
        labels = self._labels() if settings.stratified else None
        assigned = draw(np.diff(self.ends, prepend=0), settings, labels)
        if assigned is None:
            return None
        self._lay(np.argsort(assigned, kind="stable"))
        first, second, _ = np.bincount(assigned, minlength=len(SPLITS)).cumsum()
        return Cuts(int(self.ends[first - 1]), int(self.ends[second - 1]), whole_documents=True)

    def repair(self, cuts: Cuts) -> Generator[Progress, None, Cuts]:
        """Leave out the documents of validation and test that share a passage with the training text; where documents
        are cut, lines of them. Raises `UserError` when a split would be empty."""
        for _ in range(_MOST_ROUNDS):  # what comes together by leaving something out may be a new passage
            stretches = yield from self._leaks(cuts)
            if not stretches:
                break
            cuts = self._without(stretches, cuts)
        return cuts

    def _leaks(self, cuts: Cuts) -> Generator[Progress, None, list[tuple[int, int]]]:
        """The documents, or lines, of validation and test that share a passage with the training text, as bytes."""
        stretches: list[tuple[int, int]] = []
        ranges = cuts.ranges(self.size)
        training = ranges["training"][1]
        for number, name in enumerate(SPLITS[1:]):
            start, stop = ranges[name]
            raw = self.read(start, stop)
            text = raw.decode("utf-8")
            steps = find_leakage(self.pieces(*ranges["training"]), name, text)
            while True:
                try:
                    done = number * training + min(next(steps), training)
                    yield Progress("Comparing splits", done, 2 * training, "characters")
                except StopIteration as end:
                    passages = in_bytes([(each.start, each.start + len(each.text)) for each in end.value], text)
                    break
            inside = self.ends[(self.ends > start) & (self.ends <= stop)] - start
            ends = inside if cuts.whole_documents else line_ends(raw)
            for part in np.flatnonzero(sharing(passages, ends, raw)).tolist():
                stretches.append((start + (int(ends[part - 1]) if part else 0), start + int(ends[part])))
        return stretches

    def _without(self, stretches: Sequence[tuple[int, int]], cuts: Cuts) -> Cuts:
        """The text without these documents, or lines."""
        edges = np.array([cuts.training, cuts.validation, self.size])
        left = shortened(edges, stretches)
        if not left[0] < left[1] < left[2]:
            raise UserError(
                "Validation or test shares everything with the training text, so that nothing would be left of it. "
                "Drop repeated documents, shuffle them, or leave in what training has.",
                field="split.repair",
            )
        if cuts.whole_documents:
            gone = np.isin(self.ends, [stop for _, stop in stretches])
            before = np.searchsorted(np.flatnonzero(~gone), np.searchsorted(self.ends, edges, side="right"))
            self._lay(np.flatnonzero(~gone))
            first, second, _ = before
            return Cuts(int(self.ends[first - 1]), int(self.ends[second - 1]), whole_documents=True)
        self._cut(stretches)
        return Cuts(int(left[0]), int(left[1]), whole_documents=False)

    def _labels(self) -> list[str] | None:
        if self._fields is None:
            return None
        labels = [row.get("label") for row in read_jsonl(self._fields)]
        return [str(label) for label in labels] if len(labels) == len(self.ends) and None not in labels else None

    def _decoded(self, start: int, stop: int) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder("utf-8")()
        for first in range(start, stop, _CHUNK):
            yield decoder.decode(self.read(first, min(stop, first + _CHUNK)))

    def _lay(self, order: Numbers) -> None:
        """Lay the documents in another `order`, or fewer of them: their places now (K,)."""
        last = len(self.ends) - 1
        lengths = np.diff(self.ends, prepend=0)[order]
        tail = self.read(max(0, self.size - 2), self.size)
        missing = 0 if tail == _BETWEEN else 1 if tail.endswith(b"\n") else 2
        inside = np.flatnonzero(order[:-1] == last)  # what was last, and may lack a blank line, has one behind it now
        if missing and len(inside):
            lengths[inside[0]] += missing
            self.added = missing
        else:
            missing = 0
        self._cut_to(stretches_of(order, self.ends), self.size, missing)
        ends = np.empty(len(self.ends), dtype=np.int64)
        ends[order] = lengths.cumsum()
        self._keep(order, ends)

    def _cut_to(self, parts: Sequence[tuple[int, int]], apart: int = -1, missing: int = 0) -> None:
        """Write the text anew from `parts` of it, with `missing` line ends behind the one that ends at `apart`."""
        anew = self._text.with_suffix(".anew")
        try:
            with self._text.open("rb") as old, anew.open("wb") as new:
                for start, stop in parts:
                    old.seek(start)
                    for first in range(start, stop, _CHUNK):
                        new.write(old.read(min(_CHUNK, stop - first)))
                    if stop == apart:
                        new.write(b"\n" * missing)
            anew.replace(self._text)
        except OSError as error:
            raise in_words(error, self._text, self.size) from error

    def _keep(self, order: Numbers, ends: Numbers) -> None:
        """Keep what belongs to the documents `order` (K,) in that order, which end at `ends` (N,) now."""
        self.ends, self.numbers = ends[order], self.numbers[order]
        if len(self.bits):
            self.bits = self.bits[order]
        if self._fields is None:
            return
        anew = self._fields.with_suffix(".anew")
        try:
            with self._fields.open("rb") as old, anew.open("wb") as new:
                starts = array("q", [0])
                for line in old:
                    starts.append(starts[-1] + len(line))
                for number in order.tolist():
                    old.seek(starts[number])
                    new.write(old.read(starts[number + 1] - starts[number]))
            anew.replace(self._fields)
        except OSError as error:
            raise in_words(error, self._fields) from error


def draw(lengths: Numbers, settings: SplitSettings, labels: Sequence[str] | None = None) -> NDArray[np.int8] | None:
    """The split of each document (N,), by its place in `SPLITS`, drawn with the seed of `settings`; with `labels` each
    of them gets its share in every split. None where a split would get no document.

    Documents come in a random order, those of a label together, and each goes to the split that is furthest behind its
    share of the bytes.
    """
    order = np.random.Generator(np.random.Philox(key=settings.seed)).permutation(len(lengths))
    if labels is not None:
        numbers = {label: number for number, label in enumerate(sorted(set(labels)))}
        order = order[np.argsort([numbers[labels[place]] for place in order.tolist()], kind="stable")]
    shares, sizes = settings.shares, lengths.tolist()
    assigned = np.zeros(len(lengths), dtype=np.int8)
    behind = [0.0, 0.0, 0.0]
    for place in order.tolist():
        behind = [debt + share * sizes[place] for debt, share in zip(behind, shares, strict=True)]
        chosen = behind.index(max(behind))
        behind[chosen] -= sizes[place]
        assigned[place] = chosen
    return assigned if len(set(assigned.tolist())) == len(SPLITS) else None


def stretches_of(order: Numbers, ends: Numbers) -> list[tuple[int, int]]:
    """The first byte and the one after the last of every stretch of documents that are neighbours in `order` (K,) as
    they are in the text, where document i ends at `ends[i]` (N,)."""
    found = []
    for stretch in np.split(order, np.flatnonzero(np.diff(order) != 1) + 1) if len(order) else []:
        first, last = int(stretch[0]), int(stretch[-1])
        found.append((int(ends[first - 1]) if first else 0, int(ends[last])))
    return found


def in_bytes(stretches: Sequence[tuple[int, int]], text: str) -> list[tuple[int, int]]:
    """Stretches in characters of `text`, which may overlap, as bytes of its UTF-8."""
    places, done, last = {}, 0, 0
    for place in sorted({place for stretch in stretches for place in stretch}):
        done += len(text[last:place].encode("utf-8"))
        places[place] = done
        last = place
    return [(places[start], places[end]) for start, end in stretches]


def line_ends(raw: bytes) -> Numbers:
    """Where the lines of a text end, in bytes."""
    found = np.flatnonzero(np.frombuffer(raw, dtype=np.uint8) == ord("\n")) + 1
    return found if raw.endswith(b"\n") or not raw else np.append(found, len(raw))


def sharing(passages: Sequence[tuple[int, int]], ends: Numbers, raw: bytes) -> NDArray[np.bool_]:
    """Which parts of a text, ended at the bytes `ends` (N,), are to be left out for the sake of `passages` in it.

    Of a passage that runs over several parts, those that it fills, or that hold enough of it to be one; where there is
    none, all that it touches.
    """
    marks = np.zeros(len(ends), dtype=bool)
    for start, stop in passages:
        first, last = np.searchsorted(ends, [start, stop - 1], side="right").tolist()
        touched = [(int(ends[part - 1]) if part else 0, int(ends[part])) for part in range(first, last + 1)]
        enough = [
            first + number
            for number, (begin, end) in enumerate(touched)
            if _fills(raw[max(begin, start) : min(end, stop)].strip(), raw[begin:end].strip())
        ]
        marks[enough or slice(first, last + 1)] = True
    return marks


def _fills(held: bytes, part: bytes) -> bool:
    """Is what a passage holds of a part all of it, or a passage by itself?"""
    return bool(held) and (held == part or len(held.decode("utf-8", "ignore")) >= PASSAGE)


def shortened(ends: Numbers, stretches: Sequence[tuple[int, int]]) -> Numbers:
    """Where documents end (N,) once the bytes of the stretches, in order and apart, are cut out."""
    starts, stops = np.asarray(stretches, dtype=np.int64).reshape(-1, 2).T
    before = np.append(0, np.cumsum(stops - starts))
    whole = np.searchsorted(stops, ends, side="right")  # stretches that lie wholly before each end
    inside = np.append(starts, np.iinfo(np.int64).max)[whole]
    left: Numbers = ends - before[whole] - np.maximum(0, ends - np.minimum(inside, ends))
    return left
