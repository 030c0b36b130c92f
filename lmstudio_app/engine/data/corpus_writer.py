"""Builds the files of a corpus in a temporary folder: documents in, splits, statistics and hash out.

Documents are written as they come, so that the size of the text does not matter.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from array import array
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from lmstudio_app.engine.data.cleaning import CleaningSettings, clean, without_notices
from lmstudio_app.engine.data.corpus import BITS, DOCUMENTS, FIELDS, Corpus, damaged
from lmstudio_app.engine.data.duplicates import Fingerprint
from lmstudio_app.engine.data.roles import CorpusKind
from lmstudio_app.engine.data.splits import SPLITS, Cuts, Split, SplitSettings, plan
from lmstudio_app.engine.data.statistics import Counter, SplitStatistics, Statistics, added
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

    def __init__(self, folder: Path, cleaning: CleaningSettings, *, separate: bool) -> None:
        """`separate` puts a blank line between documents. Raises `UserError`."""
        self.folder = folder
        self._cleaning = cleaning
        self._separate = separate
        self._state = _State()
        self._ends = array("q")
        self._bits = array("d")
        self._fingerprints: list[bytes] = []  # in the order of the documents, where repeated ones are to be dropped
        self._known: set[bytes] = set()
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
        for piece in without_notices(pieces, self._notice) if self._cleaning.gutenberg else pieces:
            text, counts = clean(piece, self._cleaning)
            self._put(text)
            self._state.cleaned = added([self._state.cleaned, counts])
            empty = empty and not text.strip()
            if fingerprint is not None:
                fingerprint.add(text)
            yield
        if empty or (fingerprint is not None and self._repeats(fingerprint.digest())):
            repeated = {} if empty else {"repeated_documents": 1}
            self.go_back(before)
            self._state.cleaned = added([self._state.cleaned, repeated])
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

    def write_known(self, text: str, bits: float) -> bool:
        """Add a generated document of which −log2 p is known; returns whether cleaning left it as it is."""
        cleaned, counts = clean(text, self._cleaning)
        self._put(cleaned)
        self._state.cleaned = added([self._state.cleaned, counts])
        self._ends.append(self._state.size)
        self._bits.append(bits)
        self._state.ends += 1
        return cleaned == text

    def forget_bits(self) -> None:
        """The text is no longer what was generated, so its probability is not known."""
        del self._bits[:]

    def copy(self, corpus: Corpus) -> Generator[int, None, None]:
        """Take over the whole text of a corpus, documents and bits included; yields the bytes done."""
        self._ends.extend(map(int, load_numbers(corpus, DOCUMENTS, "q")))
        if (corpus.folder / BITS).exists():
            self._bits.extend(load_numbers(corpus, BITS, "d"))
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
        if not self._ends or self._ends[-1] != self._state.size:
            raise damaged(corpus.folder)

    def finish(self, split: SplitSettings) -> Generator[Progress, None, Written]:
        """Cut the text into splits and count what is in them; yields progress.

        Raises `UserError` when there is no text or too little.
        """
        if not self._ends:
            raise UserError("There is no text in it. Add text.")
        cuts = plan(self._ends, self._state.characters, split, self._read)
        ranges = cuts.ranges(self._state.size)
        self._divide(ranges)
        self._save(DOCUMENTS, self._ends)
        if self._bits:
            self._save(BITS, self._bits)
        statistics, data_hash = yield from self._count(ranges, cuts)
        known = self._bits and cuts.whole_documents
        return Written(statistics, data_hash, self._entropy(ranges) if known else {}, self._kind())

    def _kind(self) -> CorpusKind:
        """What all documents are. Where they are of several kinds they have only their text in common."""
        kind = next(iter(self._state.kinds)) if len(self._state.kinds) == 1 else "plain"
        try:
            self._fields.close()
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

    def _read(self, start: int, stop: int) -> bytes:
        try:
            self._file.seek(start)
            return self._file.read(stop - start)
        except OSError as error:  # what waited to be written is written first, so this may be a full disk
            raise in_words(error, self._path, self._state.size) from error

    def _divide(self, ranges: Mapping[Split, tuple[int, int]]) -> None:
        """The later splits move into their own files; what is left is the training text."""
        try:
            for name in SPLITS[1:]:
                start, stop = ranges[name]
                with (self._path.parent / f"{name}.txt").open("wb") as file:
                    for first in range(start, stop, _CHUNK):
                        file.write(self._read(first, min(stop, first + _CHUNK)))
            self._file.truncate(ranges["training"][1])
            self._file.close()
        except OSError as error:
            raise in_words(error, self._path, self._state.size) from error

    def _count(
        self, ranges: Mapping[Split, tuple[int, int]], cuts: Cuts
    ) -> Generator[Progress, None, tuple[Statistics, str]]:
        counter, digest, done, splits = Counter(), hashlib.sha256(), 0, {}
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
                yield Progress("Counting", done, self._state.size, "bytes")
            splits[name] = SplitStatistics(self._starting(start, stop), characters, stop - start)
        statistics = counter.statistics(splits, whole_documents=cuts.whole_documents, cleaned=self._state.cleaned)
        return statistics, digest.hexdigest()

    def _starting(self, start: int, stop: int) -> int:
        """How many documents start in a range of bytes."""
        from bisect import bisect_left

        first = bisect_left(self._ends, start) + 1 if start else 0
        last = bisect_left(self._ends, stop) + 1
        return min(last, len(self._ends)) - min(first, len(self._ends))

    def _entropy(self, ranges: Mapping[Split, tuple[int, int]]) -> dict[Split, float]:
        from bisect import bisect_right
        from math import fsum

        places = {name: [bisect_right(self._ends, edge) for edge in ranges[name]] for name in SPLITS}
        return {name: fsum(self._bits[first:last]) for name, (first, last) in places.items()}

    def _save(self, name: str, numbers: Sequence[float]) -> None:
        import numpy as np

        try:
            np.save(self.folder / name, np.asarray(numbers), allow_pickle=False)
        except OSError as error:
            raise in_words(error, self.folder / name, 8 * len(numbers)) from error


def load_numbers(corpus: Corpus, name: str, kind: str) -> Iterator[float]:
    """The numbers in an array file of a corpus. Raises `UserError` when it is missing or damaged."""
    import numpy as np

    try:
        numbers = np.load(corpus.folder / name, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise damaged(corpus.folder) from error
    if numbers.ndim != 1 or numbers.dtype != np.dtype(kind) or (kind == "q" and (np.diff(numbers) < 0).any()):
        raise damaged(corpus.folder)
    plain: Callable[[], list[float]] = numbers.tolist
    return iter(plain())
