"""Files of one JSON object per line, appended to while a job runs and readable at any moment."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lmstudio_app.engine.storage.atomic import in_words, join_lines, write_all, write_bytes


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of `path` in order; none when it is missing. A torn last line is left out, and so is any line that
    is not one JSON object. Raises `UserError` when the file cannot be read."""
    try:
        with path.open("rb") as lines:
            for line in lines:
                row = _parsed(line)
                if row is not None:
                    yield row
    except FileNotFoundError:
        return
    except OSError as error:
        raise in_words(error, path) from error


def _parsed(line: bytes) -> dict[str, Any] | None:
    if not line.endswith(b"\n"):
        return None
    try:
        row = json.loads(line, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


class JsonLines:
    """An open file of JSON lines with one writer; `rows` is how many lines it has."""

    def __init__(self, path: Path, keep: int | None = None) -> None:
        """Open `path` for appending, made when missing, cut to its first `keep` rows (all when None).

        A torn last line is cut off. Raises `UserError`.
        """
        self.path = path
        rows = list(read_jsonl(path))
        kept = rows if keep is None else rows[:keep]
        wanted = join_lines(kept)
        try:
            if not path.exists() or path.read_bytes() != wanted:
                write_bytes(path, wanted)
            self._handle: int | None = os.open(path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise in_words(error, path, len(wanted)) from error
        self.rows = len(kept)
        self._size = len(wanted)

    def append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add `rows`: all of them or, when it raises `UserError` (a full disk), none."""
        data = join_lines(rows)
        handle = self._open()
        try:
            write_all(handle, data)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(handle, self._size)
            raise in_words(error, self.path, len(data)) from error
        self.rows += len(rows)
        self._size += len(data)

    def flush(self) -> None:
        """Make what was appended survive a power cut. Raises `UserError`."""
        try:
            os.fsync(self._open())
        except OSError as error:
            raise in_words(error, self.path) from error

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self) -> int:
        if self._handle is None:
            raise ValueError(f"{self.path} is closed")
        return self._handle
