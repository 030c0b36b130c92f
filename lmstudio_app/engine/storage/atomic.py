"""Files and folders that a crash, a kill or a full disk cannot tear.

Every file of the workspace is written by `write_bytes`: beside its place under a temporary name, its length checked,
flushed to the disk, then renamed over the old one, then the folder flushed. Until the rename the old file is whole,
after it the new one is; there is no moment in between. Folders are built beside their place and renamed by
`replace_folder`. Windows cannot flush a folder, so that step is left out there.

Temporary names start with `UNFINISHED`; `sweep` removes those that a killed process left.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.storage.sizes import describe_bytes

UNFINISHED = ".unfinished-"
_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
_BINARY = getattr(os, "O_BINARY", 0)  # Windows translates line ends without it


class DiskFull(UserError):  # noqa: N818  (the name says what happened)
    """There is no room for a file; says how many bytes it needs, where that is known, and how many the disk has."""

    def __init__(self, path: Path, needed: int) -> None:
        self.path, self.needed = path, needed
        super().__init__(
            "The disk is full: “{path}” needs {needed}, the disk has {free}. Free some space, then go on."
            if needed
            else "The disk is full: there is no room for “{path}”. Free some space, then go on.",
            path=_lasting(path),
            needed=describe_bytes(needed),
            free=describe_bytes(free_bytes(path)),
        )


def free_bytes(path: Path) -> int:
    """Free bytes of the disk on which `path` lies or would lie; 0 when that cannot be asked."""
    for place in (path, *path.parents):
        with contextlib.suppress(OSError):
            return shutil.disk_usage(place).free
    return 0


def present(path: Path) -> bool:
    """Whether there is something at `path`, or nobody may look: whoever opens it then tells the reason."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):  # no name can hold a NUL
        return False
    except OSError:
        return True
    return True


def in_words(error: OSError, path: Path, needed: int = 0) -> UserError:
    """The one sentence a person gets for `error` at `path`; `needed` is the bytes that were to be written."""
    if error.errno in _FULL:
        return DiskFull(path, needed)
    path = _lasting(path)
    if error.errno in _FORBIDDEN:
        return UserError(
            "There is no permission to use “{path}”. Change its permissions or choose another folder.", path=path
        )
    if error.errno == errno.ENOENT:
        return UserError("“{path}” is not there.", path=path)
    return UserError(
        "“{path}” could not be read or written: {reason}. Check the disk or choose another folder.",
        path=path,
        reason=error.strerror or type(error).__name__,
    )


def _lasting(path: Path) -> Path:
    """`path`, or the folder in which something unfinished was being made: no one knows that by its temporary name."""
    for place in reversed(path.parents):
        if place.name.startswith(UNFINISHED):
            return place.parent
    return path


def write_bytes(path: Path, data: bytes) -> None:
    """Put `data` at `path`: the old file or the new one, never half.

    Raises `DiskFull` or another `UserError`; the old file is then untouched and nothing is left beside it.
    """
    temporary = unfinished(path.parent)
    try:
        _write_through(temporary, data)
        _rename(temporary, path)
        flush_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise in_words(error, path, len(data)) from error


def write_stream(path: Path, parts: Iterable[bytes]) -> int:
    """Put the `parts` at `path` one after another, as `write_bytes` does but with one of them in memory at a time;
    returns the bytes written."""
    temporary, written = unfinished(path.parent), 0
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)
        try:
            for part in parts:
                write_all(handle, part)
                written += len(part)
            if os.fstat(handle).st_size != written:
                raise OSError(errno.EIO, "the file is shorter than what was written")
            os.fsync(handle)
        finally:
            os.close(handle)
        _rename(temporary, path)
        flush_folder(path.parent)
    except OSError as error:
        raise in_words(error, path, written) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    return written


def write_text(path: Path, text: str) -> None:
    """Put `text` at `path` as UTF-8, line ends as they are."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Put `value` at `path` as JSON, without NaN (a bug if there is one)."""
    write_bytes(path, _json_bytes(json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1) + "\n"))


def write_toml(path: Path, mapping: Mapping[str, Any]) -> None:
    """Put `mapping` at `path` as TOML."""
    import tomli_w

    write_text(path, tomli_w.dumps(mapping))


def unfinished(folder: Path) -> Path:
    """A fresh temporary path in `folder`, for a file or folder that will be renamed into place."""
    return folder / f"{UNFINISHED}{os.getpid()}-{secrets.token_hex(6)}"


@contextlib.contextmanager
def building(final: Path) -> Iterator[Path]:
    """A fresh folder beside `final` to fill: at the end it takes the place of `final`, on an exception it goes.

    Makes the folder they lie in, but none above it: what somebody moved away meanwhile does not come back by halves.
    """
    temporary = unfinished(final.parent)
    try:
        final.parent.mkdir(exist_ok=True)
        temporary.mkdir()
    except OSError as error:
        raise in_words(error, final) from error
    try:
        yield temporary
        replace_folder(temporary, final)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def replace_folder(temporary: Path, final: Path) -> None:
    """Rename the filled folder `temporary` to `final`, everything in it flushed to the disk first.

    A folder that is already at `final` steps aside first and is removed afterwards. Raises `UserError`.
    """
    aside = unfinished(final.parent)
    try:
        for folder, _, files in os.walk(temporary, topdown=False):
            for name in files:
                _flush_file(Path(folder, name))
            flush_folder(Path(folder))
        if final.exists():
            _rename(final, aside)
        try:
            _rename(temporary, final)
        except OSError:
            if aside.exists():
                _rename(aside, final)
            raise
        flush_folder(final.parent)
    except OSError as error:
        raise in_words(error, final, folder_bytes(temporary)) from error
    finally:
        if final.exists():  # else what stepped aside is the only copy
            shutil.rmtree(aside, ignore_errors=True)


def remove_folder(folder: Path) -> None:
    """Remove `folder` so that nobody ever sees half of it: renamed out of sight, then deleted. Missing is fine."""
    aside = unfinished(folder.parent)
    try:
        _rename(folder, aside)
    except FileNotFoundError:
        return
    except OSError as error:
        raise in_words(error, folder) from error
    shutil.rmtree(aside, ignore_errors=True)


def sweep(folder: Path) -> int:
    """Remove what killed writers left in `folder` (not below it); only for the holder of its lock. Returns how many."""
    leftovers = list(folder.glob(UNFINISHED + "*"))
    for path in leftovers:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
    return len(leftovers)


def folder_bytes(folder: Path) -> int:
    """The sizes of all files in and below `folder`, links not followed; files that vanish meanwhile count 0."""
    total = 0
    for place, _, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_size  # noqa: PTH118  (three times quicker than Path)
    return total


def flush_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power cut; does nothing on Windows, which has no such call."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_through(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)
    try:
        write_all(handle, data)
        if os.fstat(handle).st_size != len(data):
            raise OSError(errno.EIO, "the file is shorter than what was written")
        os.fsync(handle)
    finally:
        os.close(handle)


def write_all(handle: int, data: bytes) -> None:
    """Write all of `data` to an open file; a single `os.write` may take only a part of it."""
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view[: 1 << 30]) :]


def _flush_file(path: Path) -> None:
    handle = os.open(path, os.O_RDWR | _BINARY)  # Windows flushes only what is open for writing
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _rename(old: Path, new: Path) -> None:
    """`os.replace`, patient with Windows, where a virus scanner or a reader may hold a file for a moment."""
    attempts = 10 if sys.platform == "win32" else 1
    for attempt in range(attempts):
        try:
            os.replace(old, new)  # noqa: PTH105
            return
        except PermissionError:
            if attempt == attempts - 1:
                raise
            time.sleep(0.05 * (attempt + 1))


def join_lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """`rows` as JSON lines (UTF-8), without NaN (a bug if there is one)."""
    return _json_bytes("".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows))


def _json_bytes(text: str) -> bytes:
    """JSON as UTF-8. Half a surrogate pair, which stands for a stray byte in a file name, is kept as `\\udcff`."""
    return text.encode("utf-8", "backslashreplace")
