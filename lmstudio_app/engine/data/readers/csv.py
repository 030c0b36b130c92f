"""Tables of values set apart by commas, semicolons, tabs or bars (RFC 4180): one row is one document.

A row is parsed by itself, so that a broken one (a quote left open, too few cells) costs itself alone, whatever stands
behind it. Cells may be as long as memory allows; those of the library stop at 131,072 characters unless told.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator, Sequence

from lmstudio_app.engine.data.reader import BadRow, Document, TextSource
from lmstudio_app.engine.data.reader import lines as split_lines
from lmstudio_app.engine.data.roles import known_names
from lmstudio_app.engine.data.table import Row, documents
from lmstudio_app.engine.registry import Reader, register_reader

_LONGEST_ROW = 64 << 20  # characters
_MOST_LINES = 100_000  # of one row
_SAMPLE_LINES = 50
_DELIMITERS = ",;\t|"
_NUMBER = re.compile(r"[-+]?[\d.,]+%?")
_NAME = re.compile(r"[^\W\d][\w .()/-]{0,59}")
_LONGER = 3  # times the name of a column is what stands in it, where nothing else tells that it is a name


def read(source: TextSource) -> Iterator[Document]:
    """Each row as a document; the first row names the columns where it looks so, or the settings say so."""
    csv.field_size_limit(_LONGEST_ROW)
    lines = _Lines(source)
    sample = lines.ahead(_SAMPLE_LINES)
    delimiter = "\t" if source.suffix in (".tsv", ".tab") else _delimiter(sample)
    return documents(source, _rows(source, lines, delimiter))


def _rows(source: TextSource, lines: _Lines, delimiter: str) -> Iterator[Row | BadRow]:
    names: list[str] = []
    for line, cells in _records(lines, delimiter, names):
        if isinstance(cells, BadRow):
            yield cells
        elif not names:
            headed = source.reading.header == "yes" or (
                source.reading.header == "auto" and _names_columns(cells, lines.below(delimiter))
            )
            names += _unique(cells if headed else [f"column {number}" for number in range(1, len(cells) + 1)])
            if not headed:
                yield Row(line, dict(zip(names, cells, strict=True)))
        else:
            yield Row(line, dict(zip(names, cells, strict=True)))


def _records(lines: _Lines, delimiter: str, names: Sequence[str]) -> Iterator[tuple[int, list[str] | BadRow]]:
    """The cells of each record, one for each of `names` once there are any, and the line on which it starts. Of a
    broken one the first line alone is given up."""
    while (first := lines.take()) is not None:
        number, text = lines.number, first
        if not text.strip("\r\n"):
            continue
        quoted = text.startswith('"') or delimiter + '"' in text
        taken = lines.until_quotes_close(text) if quoted else []
        text = "".join([text, *taken])
        cells = _cells(number, text, delimiter, quoted=quoted)
        if not isinstance(cells, BadRow) and names and len(cells) != len(names):
            numbers = {"found": len(cells), "expected": len(names)}
            cells = BadRow(number, "it has {found} cells instead of {expected}", numbers)
        if isinstance(cells, BadRow):
            lines.put_back(taken)
        yield number, cells


def _cells(number: int, text: str, delimiter: str, *, quoted: bool) -> list[str] | BadRow:
    """The cells of one record. Where none begins with a quotation mark those inside are plain signs (12" wide)."""
    if len(text) >= _LONGEST_ROW:
        return BadRow(number, "it is longer than {most} million characters", {"most": _LONGEST_ROW >> 20})
    text = text.removesuffix("\n").removesuffix("\r")
    if not quoted:
        return text.split(delimiter)
    try:
        (cells,) = csv.reader([text], delimiter=delimiter, strict=True)
    except (csv.Error, ValueError):
        return BadRow(number, "a quotation mark is left open or stands inside a cell")
    return cells


def _delimiter(sample: Sequence[str]) -> str:
    """The sign that cuts most records of the sample into the same number of cells, more than one."""
    records = _records_of(sample)

    def fit(delimiter: str) -> tuple[float, int]:
        found = [_cells(0, record, delimiter, quoted='"' in record) for record in records]
        widths = [len(cells) for cells in found if isinstance(cells, list) and any(cells)]
        usual = max(set(widths), key=lambda width: (widths.count(width), width), default=1)
        return (widths.count(usual) / len(records) if usual > 1 else 0.0), usual

    return max(_DELIMITERS, key=fit)


def _records_of(sample: Sequence[str]) -> list[str]:
    """The lines of a sample, those joined between which a quotation mark is open."""
    records, is_open = list[str](), False
    for line in sample:
        if is_open:
            records[-1] += line
        else:
            records.append(line)
        is_open ^= line.count('"') % 2 == 1
    return records


def _names_columns(cells: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Does a first row name the columns? A name that we know settles it. Else its cells are short words, each once, and
    differ from those below: these are numbers, or much longer. In doubt it is a row like the others, and not lost."""
    named = [cell.strip() for cell in cells]
    if any(name.casefold() in known_names() for name in named):
        return True
    if len(set(named)) < len(named) or not all(_NAME.fullmatch(name) for name in named):
        return False
    columns = list(zip(*(row for row in below if len(row) == len(named)), strict=True))
    numbers = any(all(_NUMBER.fullmatch(cell.strip()) for cell in column) for column in columns)
    lengths = [sum(map(len, column)) / len(column) for column in columns]
    longer = any(length >= _LONGER * len(name) for name, length in zip(named, lengths, strict=False))
    return numbers or longer


def _unique(names: Sequence[str]) -> list[str]:
    """The names, numbered where one comes again or is empty."""
    found: list[str] = []
    for place, name in enumerate(names, 1):
        plain = name.strip() or f"column {place}"
        found.append(plain if plain not in found else f"{plain} ({place})")
    return found


class _Lines:
    """The lines of a source with their ends, which can be looked at ahead and put back; `number` is the last taken."""

    def __init__(self, source: TextSource) -> None:
        self._coming = split_lines(source.pieces(), _LONGEST_ROW, returns=True)
        self._waiting: deque[str] = deque()
        self.number = 0

    def ahead(self, count: int) -> list[str]:
        while len(self._waiting) < count and (line := next(self._coming, None)) is not None:
            self._waiting.append(line)
        return list(self._waiting)[:count]

    def take(self) -> str | None:
        line = self._waiting.popleft() if self._waiting else next(self._coming, None)
        self.number += line is not None
        return line

    def below(self, delimiter: str) -> list[list[str]]:
        """The cells of the rows that come next, as far as they are sound."""
        rows = _records_of(self.ahead(_SAMPLE_LINES))
        found = [_cells(0, row, delimiter, quoted='"' in row) for row in rows]
        return [cells for cells in found if isinstance(cells, list)]

    def until_quotes_close(self, first: str) -> list[str]:
        """The lines that belong to a record which begins with `first`: up to the one with the last of its quotation
        marks, or as many as a record may have."""
        taken: list[str] = []
        is_open, length = first.count('"') % 2, len(first)
        while is_open and length < _LONGEST_ROW and len(taken) < _MOST_LINES and (line := self.take()) is not None:
            taken.append(line)
            is_open ^= line.count('"') % 2
            length += len(line)
        return taken

    def put_back(self, lines: Sequence[str]) -> None:
        self._waiting.extendleft(reversed(lines))
        self.number -= len(lines)


READER = register_reader(Reader("csv", "CSV table", (".csv", ".tsv", ".tab"), read))
