"""A folder of a corpus or of its tokens while it is built: out of sight beside the others, locked, and swept away if
its maker was killed."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.storage import locks
from lmstudio_app.engine.storage.atomic import UNFINISHED, flush_folder, in_words, replace_folder, unfinished
from lmstudio_app.engine.storage.names import free_name

_ABANDONED_SECONDS = 3600


@contextlib.contextmanager
def scaffold(place: Path) -> Iterator[Path]:
    """A fresh folder in `place` to build in. At the end it is gone, unless it was published. Raises `UserError`."""
    sweep_abandoned(place)
    temporary = unfinished(place)
    try:
        temporary.mkdir(parents=True)
    except OSError as error:
        raise in_words(error, place) from error
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextlib.contextmanager
def occupied(temporary: Path) -> Iterator[None]:
    """Lock the folder while it is filled, so that nobody sweeps it away, and take the traces of the lock out again."""
    try:
        with locks.hold(temporary, "preparing a corpus"):
            yield
    finally:
        for name in (".lock", ".holder"):
            with contextlib.suppress(OSError):
                (temporary / name).unlink(missing_ok=True)


def publish(temporary: Path, place: Path, name: str) -> Path:
    """Give the filled folder its name in `place`, with a number if somebody took the name meanwhile.

    Raises `UserError`.
    """
    flushed = unfinished(place)
    replace_folder(temporary, flushed)
    try:
        for _ in range(100):
            final = place / free_name(place, name)
            try:
                os.rename(flushed, final)  # noqa: PTH104  (unlike os.replace it refuses what is there)
            except FileExistsError:
                continue
            except OSError as error:
                if final.exists():
                    continue
                raise in_words(error, final) from error
            flush_folder(place)
            return final
        raise UserError("There is no free name for “{name}”. Choose another name.", field="name", name=name)
    finally:
        shutil.rmtree(flushed, ignore_errors=True)


def sweep_abandoned(place: Path) -> None:
    """Remove what killed processes left unfinished in `place`; what a living one is building stays."""
    for path in place.glob(UNFINISHED + "*"):
        with contextlib.suppress(OSError):
            status = path.lstat()
            if (path / ".lock").exists():
                abandoned = not locks.is_held(path)
            else:
                abandoned = time.time() - max(status.st_mtime, status.st_ctime) > _ABANDONED_SECONDS
            if abandoned and path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            elif abandoned:
                path.unlink()
