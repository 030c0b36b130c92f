"""JSON Lines: every line is a value, and one document. Numbers keep the spelling they have in the file."""

from __future__ import annotations

from collections.abc import Iterator

from lmstudio_app.engine.data.json_values import columns_of, parsed
from lmstudio_app.engine.data.reader import BadRow, Document, TextSource, lines
from lmstudio_app.engine.data.table import Row, documents
from lmstudio_app.engine.registry import Reader, register_reader

_LONGEST_LINE = 64 << 20  # characters


def read(source: TextSource) -> Iterator[Document]:
    """Each line as a document; empty ones mean nothing."""
    return documents(source, _rows(source))


def _rows(source: TextSource) -> Iterator[Row | BadRow]:
    for number, line in enumerate(lines(source.pieces(), _LONGEST_LINE), 1):
        if len(line) > _LONGEST_LINE:
            yield BadRow(number, "it is longer than {most} million characters", {"most": _LONGEST_LINE >> 20})
        elif line.strip():
            try:
                yield Row(number, columns_of(parsed(line)))
            except ValueError as error:
                yield BadRow(number, "{reason}", {"reason": str(error)})


def looks(head: str) -> bool:
    """Is every whole line at the beginning of a file an object?"""
    lines = [line for line in head.splitlines()[:-1] if line.strip()][:5]
    try:
        return bool(lines) and all(isinstance(parsed(line), dict) for line in lines)
    except ValueError:
        return False


READER = register_reader(Reader("json_lines", "JSON Lines", (".jsonl", ".ndjson"), read, looks))
