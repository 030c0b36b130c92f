"""What reads a source into documents: the contract of `readers/`, and finding the files to read.

Sources are read in place and never changed. A text source is decoded while it is read, so that its size does not
matter; a document hands its text on in pieces that end where lines end.
"""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lmstudio_app.engine import registry
from lmstudio_app.engine.data.encoding import (
    CHUNK,
    Unreadable,
    check_encoding,
    decoder,
    examined,
    misfit,
    open_source,
    unreadable,
    without_mark,
)
from lmstudio_app.engine.errors import UserError

_LONGEST_LINE = 4 * CHUNK  # characters; a longer one is handed on in parts


@dataclass(frozen=True)
class Document:
    """One text of a source: its title, and its text in pieces that can be read once."""

    title: str
    pieces: Iterable[str]

    @property
    def text(self) -> str:
        """The whole text, reading what is left of the pieces."""
        return "".join(self.pieces)


class TextSource:
    """A text file being read: `bytes_read` grows while its pieces are taken, `sha256` is right at the end."""

    def __init__(self, path: Path, encoding: str) -> None:
        """`encoding` is a name that `check_encoding` knows."""
        self.path = path
        self.encoding = check_encoding(encoding)
        self.bytes_read = 0
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

    def _decoded(self) -> Iterator[str]:
        strict = decoder(self.encoding)
        with open_source(self.path) as file:
            before = os.fstat(file.fileno())
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
                self._hash.update(chunk)
                yield without_mark(text, self.encoding) if first else text
                if not chunk:
                    break
            after = os.fstat(file.fileno())
            if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                raise Unreadable(
                    "“{path}” changed while it was being read. Wait until nothing writes to it, then add it again.",
                    path=self.path,
                )


def documents(path: Path, encoding: str | None = None) -> Iterator[Document]:
    """The documents of the file at `path`, its encoding detected where none is named. Raises `UserError`."""
    source = TextSource(path, encoding or examined(path).encoding)
    yield from registry.reader_for(path).read(source)


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

    In folders, hidden files are left out, and so is what a link leads to outside. The errors name folders that could
    not be read. Raises `UserError` for a path that is not there.
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
            found.setdefault(file.resolve(), file)
    return list(found.values()), errors


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
