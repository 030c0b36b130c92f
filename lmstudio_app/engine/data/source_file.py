"""Opening what a source lies in: a file as it is, one that is packed (.gz), one in an archive (.zip), or a document
(PDF, DOCX, EPUB) or table (Parquet, Arrow) whose text or rows a process of its own takes out.

All are read in place: nothing is unpacked onto the disk, but for a packed table, which goes through a file without a
name. `a.zip/b.csv` is the path of the file `b.csv` in `a.zip`.
"""

from __future__ import annotations

import gzip
import io
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, cast

from lmstudio_app.engine.data.child_process import Refused
from lmstudio_app.engine.data.parsing import TableRows, document_text
from lmstudio_app.engine.errors import UserError

CHUNK = 1 << 20
_LARGEST_DOCUMENT = 256 << 20
_MOST_UNPACKED, _MOST_RATIO = 256 << 20, 100  # bytes; beyond both, a packed file is taken for a trap
_MOST_MEMBERS = 20_000
_DEEPEST = 3
_GZIP, _ZIP, _PDF = b"\x1f\x8b", b"PK\x03\x04", b"%PDF-"
_TABLES = {b"PAR1": "parquet", b"PARE": "parquet", b"ARROW1\0\0": "arrow", b"\xff\xff\xff\xff": "arrow_stream"}
_DOCUMENTS = {"word/document.xml": "docx", "META-INF/container.xml": "epub"}
_PASSWORD = 1  # the bit of a member's flags


class Unreadable(UserError):  # noqa: N818  (the name says what happened)
    """A source cannot be read, or not in the encoding that was named."""


def open_source(path: Path) -> BinaryIO:
    """Open a source for reading; of what is packed or a document, the text inside it, of a Parquet or Arrow table its
    rows as JSON Lines.

    Raises `UserError` when it is missing, a folder, no plain file, not readable, or is no sound archive or document.
    """
    file = _opened(path)
    try:
        if table := _table(path, file):
            return _rows(path, file, table)
        file = _to_look_into(path, file)
        kind = _document(path, file)
    except BaseException:
        file.close()
        raise
    if kind is None:
        return file
    file.close()
    return io.BytesIO(_document_text(path, kind, *state_of(path)))


def is_table(path: Path) -> bool:
    """Is the source a Parquet or Arrow table? Raises `UserError` when it cannot be read."""
    with _opened(path) as file:
        return _table(path, file) is not None


def is_taken_out(path: Path) -> bool:
    """Is what `open_source` gives taken out of a document or table, and so UTF-8? Raises `UserError` when it cannot be
    read."""
    with _opened(path) as file:
        if _table(path, file):
            return True
        with _to_look_into(path, file) as whole:
            return _document(path, whole) is not None


def chunks(path: Path) -> Iterator[bytes]:
    """The bytes of a source in pieces of at most `CHUNK`. Raises `UserError` as `open_source`."""
    with open_source(path) as file:
        while True:
            try:
                chunk = file.read(CHUNK)
            except OSError as error:
                raise unreadable(path, error) from None
            if not chunk:
                return
            yield chunk


def position(file: BinaryIO) -> int:
    """How many bytes of the file on the disk, about, were read through one that `open_source` opened."""
    raw = getattr(file, "raw", None)
    return raw.position if isinstance(raw, _Unpacking) else file.tell()


def state_of(path: Path) -> tuple[int, int]:
    """The size and the time of change of the file that a source lies in. Raises `OSError`."""
    found = _located(path)[0].stat()
    return found.st_size, found.st_mtime_ns


def members(path: Path) -> tuple[list[Path], list[UserError]]:
    """The files in an archive as paths, and what is wrong with others; nothing for what is no archive.

    Names that lead outside are refused, hidden files left out. Raises `UserError` for an archive that is damaged.
    """
    with _raw(path) as file:
        if not _peek(path, file).startswith(_ZIP):
            return [], []
        try:
            with zipfile.ZipFile(file) as archive:
                names = archive.namelist()
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
            raise Unreadable("“{path}” is damaged: it is no whole ZIP archive.", path=path) from None
    if _kind_of_zip(names) is not None or "[Content_Types].xml" in names or "mimetype" in names:
        return [], []
    found: list[Path] = []
    errors: list[UserError] = []
    for name in names[:_MOST_MEMBERS]:
        place = PurePosixPath(name)
        if place.is_absolute() or ".." in place.parts or "\\" in name or ":" in name:
            errors.append(
                Unreadable("“{path}” has a file in it whose name leads outside: {name}.", path=path, name=name)
            )
        elif not name.endswith("/") and not any(part.startswith((".", "__MACOSX")) for part in place.parts):
            found.append(path / place)
    if len(names) > _MOST_MEMBERS:
        sentence = "“{path}” has more than {most} files in it; the others are left out."
        errors.append(Unreadable(sentence, path=path, most=_MOST_MEMBERS))
    return found, errors


def unreadable(path: Path, error: OSError) -> Unreadable:
    """One sentence for a source that the system does not let us read."""
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return Unreadable("“{path}” is not there. Check the name, or choose another file.", path=path)
    if isinstance(error, PermissionError) and not path.is_dir():
        return Unreadable(
            "“{path}” may not be read: there is no permission. Change that, or choose another.", path=path
        )
    if isinstance(error, PermissionError):
        return Unreadable("The folder “{path}” may not be read: there is no permission.", path=path)
    if isinstance(error, IsADirectoryError):
        return Unreadable("“{path}” is a folder, not a file.", path=path)
    reason = error.strerror or type(error).__name__
    return Unreadable("“{path}” could not be read: {reason}.", path=path, reason=reason)


def _located(path: Path) -> tuple[Path, str]:
    """The file on the disk, and the name inside it where that is an archive."""
    if not os.path.lexists(path):
        for parent in path.parents:
            if parent.is_file():
                return parent, path.relative_to(parent).as_posix()
    return path, ""


def _raw(path: Path) -> BinaryIO:
    """The bytes as they lie on the disk or in an archive."""
    container, member = _located(path)
    try:
        if container.exists() and not container.is_file() and not container.is_dir():  # a pipe would wait for ever
            raise Unreadable("“{path}” is not a file that holds text. Choose a text file.", path=path)
        file = container.open("rb")
    except OSError as error:
        raise unreadable(path, error) from None
    return _member(path, file, member) if member else file


def _opened(path: Path) -> BinaryIO:
    """The bytes of a source, unpacked."""
    file = _raw(path)
    try:
        for _ in range(_DEEPEST):
            if not _peek(path, file).startswith(_GZIP):
                break
            unpacked = cast(BinaryIO, gzip.GzipFile(fileobj=file))
            file = _Unpacking(path, unpacked, file, state_of(path)[0]).buffered()
    except BaseException:
        file.close()
        raise
    return file


def _member(path: Path, file: BinaryIO, name: str) -> BinaryIO:
    try:
        archive = zipfile.ZipFile(file)
        known = archive.getinfo(name)
        if known.flag_bits & _PASSWORD:
            raise Unreadable("“{path}” is locked with a password. Unpack it, then add what was in it.", path=path)
        return _Unpacking(path, archive.open(known), file, known.compress_size).buffered()
    except (KeyError, zipfile.BadZipFile, NotImplementedError, OSError, ValueError, RuntimeError):
        file.close()
        raise Unreadable("“{path}” is not there. Check the name, or choose another file.", path=path) from None
    except Unreadable:
        file.close()
        raise


def _peek(path: Path, file: BinaryIO) -> bytes:
    try:
        head: bytes = file.peek(8)  # type: ignore[attr-defined]  # all files here are buffered
    except OSError as error:
        raise unreadable(path, error) from None
    return head


def _to_look_into(path: Path, file: BinaryIO) -> BinaryIO:
    """The same file; of what may be a document inside something packed a copy in memory, whose parts can be found."""
    if file.seekable() or not _peek(path, file).startswith(_ZIP):
        return file
    with file:
        copied = io.BytesIO(file.read(_LARGEST_DOCUMENT + 1))
    return io.BufferedReader(cast(io.RawIOBase, copied))


def _document(path: Path, file: BinaryIO) -> str | None:
    """Which kind of document a file is, if any: "pdf", "docx", "epub"."""
    head = _peek(path, file)
    if head.startswith(_PDF):
        return "pdf"
    if not head.startswith(_ZIP):
        return None
    try:
        with zipfile.ZipFile(file) as archive:
            kind = _kind_of_zip(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        kind = None
    file.seek(0)
    return kind


def _kind_of_zip(names: list[str]) -> str | None:
    return next((kind for name, kind in _DOCUMENTS.items() if name in names), None)


@lru_cache(maxsize=2)  # a source is read several times: for its encoding, its beginning, its text
def _document_text(path: Path, kind: str, *state: int) -> bytes:
    """The text of a document as UTF-8, taken out by a process with little memory and time, whose death is a sentence.

    `state` makes a changed file another one.
    """
    with _opened(path) as file:
        raw = file.read(_LARGEST_DOCUMENT + 1)
    if len(raw) > _LARGEST_DOCUMENT:
        sentence = "“{path}” is too large for a document: more than {most} MB. Save its text as a text file."
        raise Unreadable(sentence, path=path, most=_LARGEST_DOCUMENT >> 20)
    try:
        return document_text(raw, kind)
    except Refused as error:
        raise Unreadable("“{path}” {reason}", path=path, reason=error) from None
    except OSError as error:
        raise unreadable(path, error) from None


def _table(path: Path, file: BinaryIO) -> str | None:
    """Which kind of table a file is, if any, as `TableRows` names them."""
    head = _peek(path, file)
    text = head.isascii() and b"\0" not in head
    return next((kind for start, kind in _TABLES.items() if head.startswith(start) and not text), None)


def _rows(path: Path, file: BinaryIO, kind: str) -> BinaryIO:
    """The rows of a table, which takes `file` with it."""
    size = state_of(path)[0]
    if not file.seekable():
        with file:
            copied = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115  (`_Unpacking` closes it)
            try:
                shutil.copyfileobj(file, copied, CHUNK)
                copied.flush()
                size = copied.tell()
            except BaseException:
                copied.close()
                raise
        file = copied
    try:
        rows = TableRows(file, kind, size)
    except OSError as error:
        file.close()
        raise unreadable(path, error) from None
    return _Unpacking(path, rows, file, size).buffered()


class _Unpacking(io.RawIOBase):
    """Reads what is packed or taken out, and stops where that grows out of all proportion."""

    def __init__(self, path: Path, unpacked: IO[bytes] | TableRows, file: BinaryIO, packed: int) -> None:
        self._path, self._unpacked, self._file = path, unpacked, file
        self._most = max(_MOST_UNPACKED, _MOST_RATIO * packed)
        self._done = 0

    def buffered(self) -> BinaryIO:
        """The same with `peek`."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """The next bytes. Raises `UserError` where they are damaged or too many."""
        try:
            data = self._unpacked.read(len(buffer))
        except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, NotImplementedError, RuntimeError):
            raise Unreadable(
                "“{path}” is damaged: what is packed in it does not come to its end.", path=self._path
            ) from None
        except Refused as error:
            raise Unreadable("“{path}” {reason}", path=self._path, reason=error) from None
        self._done += len(data)
        if self._done > self._most:
            raise Unreadable(
                "“{path}” unpacks to more than a hundred times its size, as a trap would. If you trust it, unpack it, "
                "then add what was in it.",
                path=self._path,
            )
        buffer[: len(data)] = data
        return len(data)

    @property
    def position(self) -> int:
        """How many of the bytes that are packed were read, about."""
        return self._unpacked.position if isinstance(self._unpacked, TableRows) else self._file.tell()

    def close(self) -> None:
        """Close the file too."""
        self._unpacked.close()
        self._file.close()
        super().close()
