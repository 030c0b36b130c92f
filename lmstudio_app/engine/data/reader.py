"""What reads a source into documents: the contract of `readers/`, and finding the files to read.

Sources are read in place and never changed. A text source is decoded while it is read, so that its size does not
matter; a document hands its text on in pieces that end where lines end.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from lmstudio_app.engine import registry
from lmstudio_app.engine.data.encoding import check_encoding, decoder, examined, misfit, without_mark
from lmstudio_app.engine.data.roles import CorpusKind, parse_mapping
from lmstudio_app.engine.data.scripts import SCRIPTS
from lmstudio_app.engine.data.source_file import (
    CHUNK,
    Unreadable,
    is_table,
    members,
    open_source,
    position,
    state_of,
    unreadable,
)
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.settings import Problem, Settings, setting

PARQUET = ".parquet"
"""The ending of the reader that takes whatever `source_file.is_table` finds to be a table."""
BAD_ROWS_NAMED = 20
"""How many of the rows that could not be used are named by their lines."""
_HEAD = 4096  # characters that show what is in a file whose ending says nothing
_LONGEST_LINE = 4 * CHUNK  # characters; a longer one is handed on in parts


class ReadingSettings(Settings):
    """How files are taken apart into documents."""

    format: str = setting(
        "",
        title="Format",
        help="What the files are, whatever their endings say; where nothing is chosen, ending and content tell.",
        advanced=True,
    )
    mapping: str = setting(
        "",
        title="Columns",
        help="What the columns of a table are for, as in text=body,label=stars; empty finds it by names and content.",
    )
    header: Literal["auto", "yes", "no"] = setting(
        "auto",
        title="First row names the columns",
        help="Whether a table begins with the names of its columns.",
        choices={"auto": "Find out", "yes": "Yes", "no": "No"},
        advanced=True,
    )
    bad_rows: Literal["skip", "stop"] = setting(
        "skip",
        title="Rows that cannot be used",
        help="Whether broken rows of a table are left out and counted, or end the reading.",
        choices={"skip": "Leave out", "stop": "Stop"},
        advanced=True,
    )

    minimum_length: int = setting(
        0,
        title="Shortest document",
        help="Documents with fewer characters are left out.",
        unit="characters",
        minimum=0,
        maximum=1_000_000,
        advanced=True,
    )
    scripts: str = setting(
        "",
        title="Scripts",
        help="Documents stay whose letters are mostly of these scripts, as in Latin,Han; empty keeps all.",
        advanced=True,
    )

    def conflicts(self) -> Iterator[Problem]:
        """The format must be one that there is, the columns must say something."""
        if self.format and self.format not in (known := registry.readers()):
            yield Problem(
                "format",
                "There is no format “{name}”. Known are: {known}.",
                {"name": self.format, "known": ", ".join(known)},
                tuple(known),
            )
        unknown = [name for name in self.kept_scripts if name not in SCRIPTS]
        if unknown:
            sentence = "There is no script “{name}”. Known are: {known}."
            yield Problem("scripts", sentence, {"name": unknown[0], "known": ", ".join(SCRIPTS)}, SCRIPTS)
        try:
            parse_mapping(self.mapping)
        except UserError as error:
            yield Problem("mapping", error.template, error.values, tuple(error.choices))

    @property
    def kept_scripts(self) -> tuple[str, ...]:
        """The scripts of the documents that stay; empty where all do."""
        return tuple(name.strip().capitalize() for name in self.scripts.split(",") if name.strip())


@dataclass(frozen=True)
class BadRow:
    """A row of a table that cannot be used: the line on which it starts, and why, as the end of a sentence."""

    line: int
    template: str
    values: Mapping[str, object] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """Why, in words."""
        return self.template.format(**self.values)


@dataclass(frozen=True)
class Document:
    """One text of a source: its title, and its text in pieces that can be read once. One that is more than its text
    has a `kind`, and the values of that kind's roles in `fields`."""

    title: str
    pieces: Iterable[str]
    kind: CorpusKind = "plain"
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The whole text, reading what is left of the pieces."""
        return "".join(self.pieces)


class TextSource:
    """A text file being read: `bytes_read` of its text, and `position`, about as many bytes of the file, grow while its
    pieces are taken; `sha256` is right at the end.

    A reader of tables leaves in `columns` and `first_rows` how the table begins, in `mapping` what it took the columns
    for, and in `bad_rows` how many rows it had to leave out, the first of them in `bad`.
    """

    def __init__(self, path: Path, encoding: str, reading: ReadingSettings | None = None) -> None:
        """`encoding` is a name that `check_encoding` knows."""
        self.path = path
        self.encoding = check_encoding(encoding)
        self.reading = reading or ReadingSettings()
        self.bytes_read = self.position = 0
        self.mapping: Mapping[str, str] = {}
        self.columns: tuple[str, ...] = ()
        self.first_rows: tuple[Mapping[str, str], ...] = ()
        self.bad_rows = 0
        self.bad: list[BadRow] = []
        self._hash = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """The hash of the bytes read so far, in hexadecimal."""
        return self._hash.hexdigest()

    def pieces(self) -> Iterator[str]:
        """The decoded text, cut after line ends, without a byte order mark.

        Raises `UserError` when the file is not readable, does not fit the encoding or changes while it is read.
        """
        yield from whole_lines(self._decoded())

    @property
    def suffix(self) -> str:
        """The ending of the file in small letters, of a packed one the ending before that."""
        path = self.path.with_suffix("") if self.path.suffix.lower() == ".gz" else self.path
        return path.suffix.lower()

    def head(self) -> str:
        """How the file begins, read apart from everything else."""
        apart = TextSource(self.path, self.encoding)
        return next(apart._decoded(), "")[:_HEAD]

    def refuse(self, row: BadRow) -> None:
        """Leave a row out. Raises `Unreadable` where the settings do not want that."""
        if self.reading.bad_rows == "stop":
            raise Unreadable(
                "Line {line} of “{path}” cannot be used: {reason}. Mend it, or let such rows be left out.",
                field="reading.bad_rows",
                choices=("skip",),
                line=row.line,
                path=self.path,
                reason=row.reason,
            )
        self.bad_rows += 1
        if len(self.bad) < BAD_ROWS_NAMED:
            self.bad.append(row)

    def _decoded(self) -> Iterator[str]:
        strict = decoder(self.encoding)
        with open_source(self.path) as file:
            before = self._state()
            while True:
                try:
                    chunk = file.read(CHUNK)
                except OSError as error:
                    raise unreadable(self.path, error) from None
                pending = len(strict.getstate()[0])
                try:
                    text = strict.decode(chunk, final=not chunk)
                except UnicodeError as error:  # no UnicodeDecodeError where UTF-16 or UTF-32 lacks its mark
                    place = self.bytes_read - pending + getattr(error, "start", 0)
                    raise misfit(str(self.path), self.encoding, place) from None
                first = self.bytes_read == 0
                self.bytes_read += len(chunk)
                self.position = position(file)
                self._hash.update(chunk)
                yield without_mark(text, self.encoding) if first else text
                if not chunk:
                    break
            if self._state() != before:
                raise Unreadable(
                    "“{path}” changed while it was being read. Wait until nothing writes to it, then add it again.",
                    path=self.path,
                )

    def _state(self) -> tuple[int, int]:
        try:
            return state_of(self.path)
        except OSError as error:
            raise unreadable(self.path, error) from None


def documents(path: Path, encoding: str | None = None) -> Iterator[Document]:
    """The documents of the file at `path`, its encoding detected where none is named. Raises `UserError`."""
    source = TextSource(path, encoding or examined(path).encoding)
    yield from reader_of(source).read(source)


def reader_of(source: TextSource) -> registry.Reader:
    """The reader that the settings name, or the ending of the file, or, where that says nothing, what is in it."""
    known = registry.readers()
    if source.reading.format:
        return known[source.reading.format]
    suffix = PARQUET if is_table(source.path) else source.suffix
    by_name = next((reader for reader in known.values() if suffix in reader.suffixes), None)
    if by_name is not None:
        return by_name
    head = source.head()
    return next((reader for reader in known.values() if reader.looks(head)), known["plain_text"])


def lines(pieces: Iterable[str], longest: int, *, returns: bool = False) -> Iterator[str]:
    """The lines of a text with their ends; of one longer than `longest` characters only so much as shows that it is.

    With `returns` also a carriage return alone ends a line.
    """
    ends = re.compile(r"(?<=\n)|(?<=\r)(?!\n)" if returns else r"(?<=\n)")
    kept: list[str] = []
    length = 0
    for piece in pieces:
        *whole, rest = ends.split(piece) if "\r" in piece else _split_at_feeds(piece)
        for line in whole:
            yield "".join([*kept, line])[: longest + 1] if kept else line
            kept, length = [], 0
        if rest and length <= longest:
            kept.append(rest)
            length += len(rest)
    if length:
        yield "".join(kept)[: longest + 1]


def _split_at_feeds(piece: str) -> list[str]:
    *whole, rest = piece.split("\n")
    return [*(line + "\n" for line in whole), rest]


def whole_lines(texts: Iterable[str]) -> Iterator[str]:
    """The same text in pieces that end after a line feed, or, in a very long line, where nothing belongs together."""
    kept = ""
    for text in texts:
        kept += text
        cut = kept.rfind("\n") + 1
        while cut or len(kept) > _LONGEST_LINE:
            cut = cut or _place_between(kept)
            yield kept[:cut]
            kept = kept[cut:]
            cut = 0
    if kept:
        yield kept


def _place_between(text: str) -> int:
    """A place in the last part of `text` where cutting parts neither a line end nor a letter from its marks."""
    for place in range(len(text) - 1, max(1, len(text) - 1000), -1):
        before, after = text[place - 1], text[place]
        joins = unicodedata.category(after)[0] == "M" or "\u1160" <= after <= "\u11ff" or "\u200b" <= after <= "\u200f"
        if before not in ("\r", "\u200d") and not joins:
            return place
    return len(text) - 1


def expand(paths: Sequence[Path]) -> tuple[list[Path], list[UserError]]:
    """The files that `paths` stand for, folders walked in the order of their names, each file once.

    An archive stands for the files in it. In folders, hidden files are left out, and so is what a link leads to
    outside. The errors name folders that could not be read, and names in archives that lead outside.
    Raises `UserError` for a path that is not there.
    """
    found: dict[Path, Path] = {}
    errors: list[UserError] = []
    for path in paths:
        try:
            os.stat(path)  # noqa: PTH116  (says why not, where Path.exists only says no)
            files = _walk(path, errors) if path.is_dir() else iter([path])
        except (OSError, ValueError) as error:
            raise unreadable(path, error if isinstance(error, OSError) else FileNotFoundError()) from None
        for file in files:
            for inner in _unpacked(file, errors) or [file]:
                found.setdefault(inner.resolve(), inner)
    return list(found.values()), errors


def _unpacked(file: Path, errors: list[UserError]) -> list[Path]:
    """The files in an archive; none for what is no archive, or cannot be looked into, which reading it will say."""
    try:
        inner, refused = members(file)
    except UserError:
        return []
    errors.extend(refused)
    return inner


def _walk(top: Path, errors: list[UserError]) -> Iterator[Path]:
    root = top.resolve()
    waiting = [top]
    while waiting:
        path = waiting.pop()
        if path.is_dir() and (path == top or not path.is_symlink()):  # links to folders may lead in circles
            try:
                entries = sorted(path.iterdir(), reverse=True)
            except OSError as error:
                errors.append(unreadable(path, error))
                continue
            waiting.extend(entry for entry in entries if not entry.name.startswith("."))
        elif path.is_file() and (not path.is_symlink() or path.resolve().is_relative_to(root)):
            yield path
