"""JSON: a list of objects or texts, each one document; an object with such a list inside; or values one after another.

A list is read value by value, so that its length does not matter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from lmstudio_app.engine.data.json_values import DECODER, columns_of
from lmstudio_app.engine.data.reader import BadRow, Document, TextSource
from lmstudio_app.engine.data.source_file import Unreadable
from lmstudio_app.engine.data.table import Row, documents
from lmstudio_app.engine.registry import Reader, register_reader

_LONGEST_VALUE = 256 << 20  # characters
_NOTHING = re.compile(r"[ \t\r\n]*")
_BETWEEN = re.compile(r"[ \t\r\n,]*")


def read(source: TextSource) -> Iterator[Document]:
    """Each value as a document."""
    return documents(source, _rows(source))


def _rows(source: TextSource) -> Iterator[Row | BadRow]:
    for line, value in _values(source):
        rows = _list_inside(value) if isinstance(value, dict) else None
        for each in rows if rows is not None else [value]:
            try:
                yield Row(line, columns_of(each))
            except ValueError as error:
                yield BadRow(line, "{reason}", {"reason": str(error)})


def _list_inside(value: dict[str, Any]) -> list[Any] | None:
    """The only list of objects in an object that is a frame around a table ({"version": …, "data": […]})."""
    lists = [inner for inner in value.values() if isinstance(inner, list) and inner and isinstance(inner[0], dict)]
    return lists[0] if len(lists) == 1 else None


def _values(source: TextSource) -> Iterator[tuple[int, Any]]:
    """The values of the outermost list, or those that stand one after another, with their lines."""
    pieces = source.pieces()
    text, place, line = next(pieces, ""), 0, 1
    place = _end(_NOTHING, text, 0)
    listed = text[place : place + 1] == "["
    place += listed
    while True:
        start = _end(_BETWEEN, text, place)
        line += text.count("\n", place, start)
        text, place = text[start:], 0
        closed = listed and text.startswith("]")
        if closed or (not text and (piece := next(pieces, None)) is None):
            if listed and not closed:
                raise _broken(source, line)
            return
        if not text:
            text = piece or ""
            continue
        text, found = _next_value(source, text, pieces, line)
        value, end = found
        yield line, value
        line += text.count("\n", 0, end)
        place = end


def _next_value(source: TextSource, text: str, pieces: Iterator[str], line: int) -> tuple[str, tuple[Any, int]]:
    """The value at the start of `text`, more of which is read until it is whole; where it ends."""
    tried = 0
    while True:
        if len(text) >= 2 * tried:
            tried = len(text)
            try:
                value, end = DECODER.raw_decode(text)
                if end < len(text):  # a number at the very end may go on
                    return text, (value, end)
            except json.JSONDecodeError as error:
                if error.pos < len(text) - 64 and "Unterminated" not in error.msg:
                    raise _broken(source, line + text.count("\n", 0, error.pos)) from None
            except (ValueError, RecursionError) as error:
                reason = "its values are nested too deeply" if isinstance(error, RecursionError) else str(error)
                raise Unreadable(
                    "“{path}” is no JSON from line {line} on: {reason}.", path=source.path, line=line, reason=reason
                ) from None
        piece = next(pieces, None)
        if piece is None:
            try:
                return text, DECODER.raw_decode(text)
            except (ValueError, RecursionError):
                raise _broken(source, line) from None
        text += piece
        if len(text) > _LONGEST_VALUE:
            raise Unreadable(
                "“{path}” is one value of more than {most} million characters. Save its rows as JSON Lines.",
                path=source.path,
                most=_LONGEST_VALUE >> 20,
            )


def _broken(source: TextSource, line: int) -> Unreadable:
    return Unreadable("“{path}” is no JSON from line {line} on. Mend it there.", path=source.path, line=line)


def _end(pattern: re.Pattern[str], text: str, place: int) -> int:
    found = pattern.match(text, place)
    return found.end() if found else place


READER = register_reader(Reader("json", "JSON", (".json",), read))
