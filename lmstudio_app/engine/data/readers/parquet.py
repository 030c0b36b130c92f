"""Parquet and Arrow tables (Feather too): every row is one document. `source_file` hands their rows over as JSON."""

from __future__ import annotations

from collections.abc import Iterator

from lmstudio_app.engine.data.json_values import columns_of, parsed
from lmstudio_app.engine.data.reader import PARQUET, BadRow, Document, TextSource, lines
from lmstudio_app.engine.data.table import Row, documents
from lmstudio_app.engine.registry import Reader, register_reader

_LONGEST_ROW = 64 << 20  # characters


def read(source: TextSource) -> Iterator[Document]:
    """Each row as a document."""
    return documents(source, _rows(source))


def _rows(source: TextSource) -> Iterator[Row | BadRow]:
    for number, line in enumerate(lines(source.pieces(), _LONGEST_ROW), 1):
        if len(line) > _LONGEST_ROW:
            yield BadRow(number, "it is longer than {most} million characters", {"most": _LONGEST_ROW >> 20})
            continue
        try:
            value = parsed(line)
            if value is None:
                yield BadRow(number, "a text in it is not UTF-8")
            else:
                yield Row(number, columns_of(value))
        except ValueError as error:
            yield BadRow(number, "{reason}", {"reason": str(error)})


READER = register_reader(Reader("parquet", "Parquet, Arrow", (PARQUET, ".arrow", ".feather"), read))
