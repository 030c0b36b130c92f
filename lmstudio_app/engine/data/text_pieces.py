"""Reading a text file of a corpus piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lmstudio_app.engine.data.reader import whole_lines
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.storage.atomic import in_words

_CHUNK = 1 << 20


def text_pieces(path: Path) -> Iterator[str]:
    """A split's text in pieces that end after line ends. Raises `UserError`."""
    return whole_lines(_chunks(path))


def _chunks(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            while chunk := file.read(_CHUNK):
                yield chunk
    except OSError as error:
        raise in_words(error, path) from error
    except UnicodeDecodeError as error:
        raise UserError("The text in “{path}” is damaged. Add its sources as a new corpus.", path=path) from error


def even_parts(path: Path, wanted: int) -> Iterator[str]:
    """Whole lines from places spread evenly over a text, about `wanted` bytes together; all of one that has no more.

    Raises `UserError`.
    """
    try:
        size = path.stat().st_size
        if size <= wanted:
            yield from text_pieces(path)
            return
        count = max(2, wanted // _CHUNK)
        length = max(1, min(_CHUNK, wanted // count))
        with path.open("rb") as file:
            for number in range(count):
                start = (size - length) * number // (count - 1)
                file.seek(start)
                raw = file.read(length)
                raw = raw[raw.find(b"\n") + 1 :] if start else raw
                yield raw[: raw.rfind(b"\n") + 1 or None].decode("utf-8", "ignore")  # a character may be cut in two
    except OSError as error:
        raise in_words(error, path) from error
