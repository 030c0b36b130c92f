"""Builds the files of a corpus in a temporary folder: documents in, splits, statistics and hash out.

Documents are written as they come, so that the size of the text does not matter.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import shutil
from array import array
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from lmstudio_app.engine.data.arrangement import Arrangement
from lmstudio_app.engine.data.cleaning import CleaningSettings, clean, rejoined, small_parts, without_notices
from lmstudio_app.engine.data.corpus import BITS, DOCUMENTS, FIELDS, ORDER, Corpus, damaged
from lmstudio_app.engine.data.duplicates import Fingerprint
from lmstudio_app.engine.data.reader import ReadingSettings
from lmstudio_app.engine.data.roles import CorpusKind
from lmstudio_app.engine.data.scripts import counted_scripts
from lmstudio_app.engine.data.splits import SPLITS, Cuts, Split, SplitSettings, plan
from lmstudio_app.engine.data.statistics import Counter as TextCounter
from lmstudio_app.engine.data.statistics import SplitStatistics, Statistics, added
from lmstudio_app.engine.data.text_pieces import text_pieces
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import Progress
from lmstudio_app.engine.storage.atomic import in_words, join_lines

_CHUNK = 1 << 20
_BETWEEN = b"\n\n"  # a blank line sets documents apart


@dataclass
class _State:
    """How much has been written; a copy of it can be gone back to."""

    size: int = 0
    characters: int = 0
    ends: int = 0
    tail: bytes = b""
    cleaned: dict[str, int] = field(default_factory=dict)
    fields: int = 0
    kinds: frozenset[CorpusKind] = frozenset()


@dataclass(frozen=True)
class Written:
    """What `finish` found: the figures, the hash of the texts, −log2 p of each split where it is known, and what every
    document is."""

    statistics: Statistics
    data_hash: str
    entropy_bits: Mapping[Split, float]
    kind: CorpusKind


class CorpusWriter:
    """Writes documents into `folder`; a context manager that closes its files."""

    def __init__(
        self, folder: Path, cleaning: CleaningSettings, reading: ReadingSettings | None = None, *, separate: bool
    ) -> None:
        """`reading` says which documents are left out, `separate` puts a blank line between them. Raises
        `UserError`."""
        self.folder = folder
        self._cleaning = cleaning
        self.left_out = False  # whether the settings left out the document that was written last
        self._shortest = reading.minimum_length if reading is not None else 0
        self._scripts = frozenset(reading.kept_scripts if reading is not None else ())
        self._separate = separate
        self._state = _State()
        self._ends = array("q")
        self._bits = array("d")
        self._fingerprints: list[bytes] = []  # in the order of the documents, where repeated ones are to be dropped
        self._known: set[bytes] = set()
        self._lying: list[int] = []  # places in the order of reading, where a copied text lies in another one
        self._path = folder / "text" / "training.txt"
        try:
            self._path.parent.mkdir()
            self._file: BinaryIO = self._path.open("w+b")
            self._fields: BinaryIO = (folder / FIELDS).open("wb")
        except OSError as error:
            raise in_words(error, self._path) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):  # what could not be written was told before
            self._file.close()
        with contextlib.suppress(OSError):
            self._fields.close()

    def mark(self) -> _State:
        """Where the text is now, to `go_back` to."""
        return replace(self._state, cleaned=dict(self._state.cleaned))

    def go_back(self, mark: _State) -> None:
        """Forget what was written after `mark`, which was taken between documents."""
        self._state = mark
        del self._ends[mark.ends :], self._bits[mark.ends :]
        self._known.difference_update(self._fingerprints[mark.ends :])
        del self._fingerprints[mark.ends :]
        if self._ends:
            self._ends[-1] = mark.size  # without the blank line that set it apart from what is forgotten
        try:
            self._file.seek(mark.size)
            self._file.truncate()
            self._fields.seek(mark.fields)
            self._fields.truncate()
        except OSError as error:
            raise in_words(error, self._path) from error

    @property
    def documents(self) -> int:
        """How many documents were written."""
        return self._state.ends

    def write(
        self, pieces: Iterable[str], kind: CorpusKind = "plain", fields: Mapping[str, str] | None = None
    ) -> Generator[None, None, bool]:
        """Add a document, piece by piece; returns False for one of nothing but white space, and for one that is there
        already where such are to be dropped; these are left out.

        `fields` are the values of the roles of its `kind`; they are cleaned as the text is.
        Raises `UserError`; then, and when it is closed early, the document is half written: `go_back`.
        """
        before = self.mark()
        self._set_apart()
        empty, fingerprint = True, Fingerprint() if self._cleaning.repeated_documents else None
        begun, scripts = self._state.characters, Counter[str]()
        pieces = small_parts(pieces)
        pieces = rejoined(pieces) if self._cleaning.hyphenation else pieces
        for piece in without_notices(pieces, self._notice) if self._cleaning.gutenberg else pieces:
            text, counts = clean(piece, self._cleaning)
            scripts += counted_scripts(text) if self._scripts else Counter()
            self._put(text)
            self._state.cleaned = added([self._state.cleaned, counts])
            empty = empty and not text.strip()
            if fingerprint is not None:
                fingerprint.add(text)
            yield
        left_out = ""
        if not empty and self._state.characters - begun < self._shortest:
            left_out = "short_documents"
        elif not empty and self._scripts and not _mostly(scripts, self._scripts):
            left_out = "other_scripts"
        elif not empty and fingerprint is not None and self._repeats(fingerprint.digest()):
            left_out = "repeated_documents"
        self.left_out = bool(left_out)
        if empty or left_out:
            self.go_back(before)
            self._state.cleaned = added([self._state.cleaned, {left_out: 1} if left_out else {}])
            return False
        self._ends.append(self._state.size)
        self._state.ends += 1
        self._put_fields(kind, fields or {})
        return True

    def _repeats(self, fingerprint: bytes) -> bool:
        """Is a document equal to the one just written there already?"""
        if fingerprint in self._known:
            return True
        self._known.add(fingerprint)
        self._fingerprints.append(fingerprint)
        return False

    def _notice(self, number: int) -> None:
        self._state.cleaned = added([self._state.cleaned, {"gutenberg": number}])

    def _put_fields(self, kind: CorpusKind, fields: Mapping[str, str]) -> None:
        """Beside the text, in the order of the documents; the text itself is not written twice."""
        self._state.kinds |= {kind}
        if kind == "plain":
            return
        kept = {role: clean(value, self._cleaning)[0] for role, value in fields.items() if role != "text"}
        raw = join_lines([kept])
        try:
            self._fields.write(raw)
        except OSError as error:
            raise in_words(error, self.folder / FIELDS, self._state.fields + len(raw)) from error
        self._state.fields += len(raw)

    def write_known(self, text: str, kind: CorpusKind, fields: Mapping[str, str], bits: float) -> bool:
        """Add a generated document of which −log2 p is known, with the values of its roles; returns whether cleaning
        left it as it is."""
        cleaned, counts = clean(text, self._cleaning)
        self._put(cleaned)
        self._state.cleaned = added([self._state.cleaned, counts])
        self._ends.append(self._state.size)
        self._bits.append(bits)
        self._state.ends += 1
        self._put_fields(kind, fields)
        return cleaned == text

    def forget_bits(self) -> None:
        """The text is no longer what was generated, so its probability is not known."""
        del self._bits[:]

    def copy(self, corpus: Corpus) -> Generator[int, None, None]:
        """Take over the whole text of a corpus, documents and bits included, in the order in which it was read; yields
        the bytes done."""
        self._ends.extend(map(int, load_numbers(corpus, DOCUMENTS, "q")))
        if (corpus.folder / BITS).exists():
            self._bits.extend(load_numbers(corpus, BITS, "d"))
        if (corpus.folder / ORDER).exists():
            self._lying = [int(number) for number in load_numbers(corpus, ORDER, "q", rising=False)]
        for name in SPLITS:
            for piece in text_pieces(corpus.text_path(name)):
                self._put(piece)
                yield self._state.size
        self._state.ends = len(self._ends)
        self._state.cleaned = dict(corpus.statistics.cleaned)
        self._state.kinds = frozenset({corpus.kind})
        if corpus.kind != "plain":
            try:
                with (corpus.folder / FIELDS).open("rb") as file:
                    shutil.copyfileobj(file, self._fields, _CHUNK)
            except OSError as error:
                raise in_words(error, self.folder / FIELDS) from error
        if not self._ends or self._ends[-1] != self._state.size or len(self._lying) not in (0, len(self._ends) + 2):
            raise damaged(corpus.folder)

    def finish(self, split: SplitSettings) -> Generator[Progress, None, Written]:
        """Cut the text into splits and count what is in them; yields progress.

        Raises `UserError` when there is no text or too little.
        """
        if not self._ends:
            raise UserError("There is no text in it. Add text.")
        self._close()
        kind = self._kind()
        documents = Arrangement(self._path, self.folder / FIELDS if kind != "plain" else None, self._ends, self._bits)
        if self._lying:
            documents.lay_as_read(self._lying)
        if self._cleaning.boilerplate and kind == "plain" and not self._bits:
            lines = yield from documents.drop_boilerplate()
            self._state.cleaned = added([self._state.cleaned, {"boilerplate": lines}])
        if self._cleaning.similar_documents and not self._bits:
            similar = yield from documents.drop_similar()
            self._state.cleaned = added([self._state.cleaned, {"similar_documents": similar}])
        cuts = documents.shuffle(split) if split.shuffled else None
        if cuts is None:
            cuts = plan(documents.ends.tolist(), self._characters(documents), split, documents.read)
        if split.repair and not self._bits:
            cuts = yield from documents.repair(cuts)
        ranges = cuts.ranges(documents.size)
        self._divide(ranges, documents)
        self._save(DOCUMENTS, documents.ends)
        if not documents.as_read:
            self._save(ORDER, documents.order)
        if self._bits:
            self._save(BITS, documents.bits)
        statistics, data_hash = yield from self._count(ranges, cuts, documents)
        known = self._bits and cuts.whole_documents
        return Written(statistics, data_hash, _entropy(ranges, documents) if known else {}, kind)

    def _characters(self, documents: Arrangement) -> int:
        """The characters of the text, which were counted as it was written, if it is still the same."""
        return self._state.characters if documents.size == self._state.size else documents.characters()

    def _close(self) -> None:
        try:
            self._file.close()
            self._fields.close()
        except OSError as error:  # what waited to be written is written first, so this may be a full disk
            raise in_words(error, self._path, self._state.size) from error

    def _kind(self) -> CorpusKind:
        """What all documents are. Where they are of several kinds they have only their text in common."""
        kind = next(iter(self._state.kinds)) if len(self._state.kinds) == 1 else "plain"
        try:
            if kind == "plain":
                (self.folder / FIELDS).unlink()
        except OSError as error:
            raise in_words(error, self.folder / FIELDS, self._state.fields) from error
        return kind

    def _set_apart(self) -> None:
        if self._separate and self._state.size:
            missing = 0 if self._state.tail.endswith(_BETWEEN) else 1 if self._state.tail.endswith(b"\n") else 2
            self._put("\n" * missing)
            self._ends[-1] = self._state.size

    def _put(self, text: str) -> None:
        try:
            raw = text.encode("utf-8")
            self._file.write(raw)
        except OSError as error:
            raise in_words(error, self._path, self._state.size + len(text)) from error
        self._state.size += len(raw)
        self._state.characters += len(text)
        self._state.tail = (self._state.tail + raw[-2:])[-2:]

    def _divide(self, ranges: Mapping[Split, tuple[int, int]], documents: Arrangement) -> None:
        """The later splits move into their own files; what is left is the training text."""
        try:
            for name in SPLITS[1:]:
                start, stop = ranges[name]
                with (self._path.parent / f"{name}.txt").open("wb") as file:
                    for first in range(start, stop, _CHUNK):
                        file.write(documents.read(first, min(stop, first + _CHUNK)))
            with self._path.open("r+b") as file:
                file.truncate(ranges["training"][1])
        except OSError as error:
            raise in_words(error, self._path, documents.size) from error

    def _count(
        self, ranges: Mapping[Split, tuple[int, int]], cuts: Cuts, documents: Arrangement
    ) -> Generator[Progress, None, tuple[Statistics, str]]:
        counter, digest, done, splits = TextCounter(), hashlib.sha256(), 0, {}
        for name in SPLITS:
            start, stop = ranges[name]
            digest.update(f"{name} {stop - start}\n".encode())
            characters = 0
            for piece in text_pieces(self._path.parent / f"{name}.txt"):
                raw = piece.encode("utf-8")
                digest.update(raw)
                counter.count(piece)
                characters += len(piece)
                done += len(raw)
                yield Progress("Counting", done, documents.size, "bytes")
            splits[name] = SplitStatistics(_starting(documents.ends, start, stop), characters, stop - start)
        statistics = counter.statistics(splits, whole_documents=cuts.whole_documents, cleaned=self._state.cleaned)
        return statistics, digest.hexdigest()

    def _save(self, name: str, numbers: NDArray[Any]) -> None:
        try:
            np.save(self.folder / name, numbers, allow_pickle=False)
        except OSError as error:
            raise in_words(error, self.folder / name, 8 * len(numbers)) from error


def _mostly(scripts: Counter[str], kept: Collection[str]) -> bool:
    """Whether most letters are of the kept scripts; a text without letters is of none."""
    return 2 * sum(scripts[name] for name in kept) > sum(scripts.values())


def _starting(ends: NDArray[np.int64], start: int, stop: int) -> int:
    """How many documents start in a range of bytes."""
    first = int(np.searchsorted(ends, start)) + 1 if start else 0
    last = int(np.searchsorted(ends, stop)) + 1
    return min(last, len(ends)) - min(first, len(ends))


def _entropy(ranges: Mapping[Split, tuple[int, int]], documents: Arrangement) -> dict[Split, float]:
    found = {}
    for name in SPLITS:
        first, last = np.searchsorted(documents.ends, ranges[name], side="right")
        found[name] = math.fsum(documents.bits[first:last].tolist())
    return found


def load_numbers(corpus: Corpus, name: str, kind: str, *, rising: bool = True) -> Iterator[float]:
    """The numbers in an array file of a corpus; whole ones never fall where they are to be `rising`. Raises `UserError`
    when it is missing or damaged."""
    try:
        numbers = np.load(corpus.folder / name, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise damaged(corpus.folder) from error
    falls = kind == "q" and rising and (np.diff(numbers) < 0).any() if numbers.ndim == 1 else True
    if numbers.ndim != 1 or numbers.dtype != np.dtype(kind) or falls:
        raise damaged(corpus.folder)
    plain: Callable[[], list[float]] = numbers.tolist
    return iter(plain())
