"""One writer per folder, any number of readers.

The operating system holds the lock, so that of a killed process is free at once. A record beside it says who holds it,
for the sentence that the second one gets.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.storage.atomic import in_words, present, write_json

_PATIENCE_SECONDS = 0.5  # somebody who only asks whether the lock is free has it for a moment


class Held(UserError):  # noqa: N818  (the name says what happened)
    """Another process, or another part of this one, is writing to a folder."""

    def __init__(self, folder: Path) -> None:
        record = _holder(folder)
        self.process = record["process"] if isinstance(record.get("process"), int) else 0
        super().__init__(
            "“{folder}” is in use: {purpose} on {host} (process {process}) since {since}. Close it there or wait.",
            folder=folder.name,
            purpose=record.get("purpose", "another program"),
            host=record.get("host", "this computer"),
            process=self.process or "unknown",
            since=record.get("since", "some time ago"),
        )


@contextlib.contextmanager
def hold(folder: Path, purpose: str) -> Iterator[None]:
    """Be the only writer of `folder` for the time of the block. Raises `Held` at once when somebody else is.

    `purpose` tells the other one what goes on here ("training the run “tales”").
    """
    import filelock

    lock = filelock.FileLock(folder / ".lock", timeout=_PATIENCE_SECONDS, thread_local=False)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise Held(folder) from None
    except OSError as error:
        raise in_words(error, folder) from error
    try:
        record = {
            "process": os.getpid(),
            "host": socket.gethostname(),
            "purpose": purpose,
            "since": time.strftime("%Y-%m-%d %H:%M:%S"),
        }
        with contextlib.suppress(UserError):  # the record is a courtesy; a full disk must not stop a resume
            write_json(folder / ".holder", record)
        yield
    finally:
        lock.release()


def is_held(folder: Path) -> bool:
    """Whether somebody is writing to `folder` now."""
    import filelock

    if not present(folder / ".lock"):
        return False
    lock = filelock.FileLock(folder / ".lock", timeout=0, thread_local=False)
    try:
        with lock:
            return False
    except filelock.Timeout:
        return True
    except OSError:
        return False  # a folder nobody can write to has no writer


def _holder(folder: Path) -> dict[str, Any]:
    try:
        record = json.loads((folder / ".holder").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}
