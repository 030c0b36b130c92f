"""Rows of a table to documents: what readers of CSV, JSON and columns of words share.

A row that cannot be used is skipped and counted, or ends the reading, as the settings say; the others come through
as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice

from lmstudio_app.engine.data.reader import BadRow, Document, TextSource
from lmstudio_app.engine.data.roles import KINDS, check_columns, guess, kind_of, parse_mapping, text_of

_GUESSED_FROM = 200
_ROWS_KEPT = 20
MOST_COLUMNS = 2000


@dataclass(frozen=True)
class Row:
    """One row: the line on which it starts (from 1), and its values by column."""

    line: int
    values: Mapping[str, str]


def documents(source: TextSource, rows: Iterable[Row | BadRow]) -> Iterator[Document]:
    """A document for each row, with the roles that the settings name or the first rows suggest.

    Raises `UserError` for a mapping that does not fit the columns, `Unreadable` at a bad row where those are not to be
    skipped.
    """
    coming = _good(source, rows)
    first = list(islice(coming, _GUESSED_FROM))
    if not first:
        return
    columns = list(dict.fromkeys(column for row in first for column in row.values))[:MOST_COLUMNS]
    source.columns = tuple(columns)
    source.first_rows = tuple(row.values for row in first[:_ROWS_KEPT])
    mapping = parse_mapping(source.reading.mapping)
    if mapping:
        check_columns(mapping, columns)
    else:
        mapping = guess(columns, [row.values for row in first])
    kind = kind_of(mapping)
    source.mapping = mapping
    for row in chain(first, coming):
        values = {role: row.values.get(column, "") for role, column in mapping.items()}
        lacking = [role for role in KINDS[kind].needed if not values[role].strip()]
        if lacking:
            source.refuse(BadRow(row.line, "it has no {role}", {"role": lacking[0]}))
            continue
        if kind == "tagged" and len(values["tokens"].split(" ")) != len(values["tags"].split(" ")):
            source.refuse(BadRow(row.line, "it does not have a tag for every token"))
            continue
        values = {role: value for role, value in values.items() if value.strip()}
        yield Document(f"{source.path.name}: {row.line}", (text_of(kind, values),), kind, values)


def _good(source: TextSource, rows: Iterable[Row | BadRow]) -> Iterator[Row]:
    for row in rows:
        if isinstance(row, BadRow):
            source.refuse(row)
        else:
            yield row
