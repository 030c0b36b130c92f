"""Boilerplate: lines near the beginning or end of documents that many of them have, such as headers and licences."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable

_FEWEST_ALIKE, _SHARE_ALIKE = 5, 0.2  # documents that have a line before it is boilerplate
_EDGE_LINES, _EDGE_BYTES = 30, 1 << 14  # of a document that are looked at, at either end

Lines = list[tuple[int, bytes]]


class Boilerplate:
    """Lines of documents that were shown to it, of which some are boilerplate."""

    def __init__(self) -> None:
        self._documents = 0
        self._having: Counter[bytes] = Counter()

    def add(self, lines: Lines) -> None:
        """Show it the `edge_lines` of a document."""
        self._documents += 1
        self._having.update({line for _, line in lines})

    def lines(self) -> set[bytes]:
        """Those that a fifth of the documents have, and at least five."""
        least = max(_FEWEST_ALIKE, math.ceil(self._documents * _SHARE_ALIKE))
        return {line for line, count in self._having.items() if count >= least}


def edge_lines(read: Callable[[slice], bytes], start: int, end: int) -> Lines:
    """The first and last lines that say something of the document at these bytes, with their places; `read` gives a
    slice of the bytes."""
    if end - start <= 2 * _EDGE_BYTES:
        heads = [(start, read(slice(start, end)))]
    else:
        tail = read(slice(end - _EDGE_BYTES, end))
        whole = tail.find(b"\n") + 1
        head = read(slice(start, start + _EDGE_BYTES))
        heads = [(start, head[: head.rfind(b"\n") + 1]), (end - _EDGE_BYTES + whole, tail[whole:])]
    found: Lines = []
    for place, raw in heads:
        at = place
        for line in raw.splitlines(keepends=True):
            if line.strip():
                found.append((at, line))
            at += len(line)
    return found if len(found) <= 2 * _EDGE_LINES else found[:_EDGE_LINES] + found[-_EDGE_LINES:]


def count_boilerplate(texts: Iterable[str]) -> int:
    """How many lines of boilerplate there are in these documents."""
    seen, occurrences = Boilerplate(), Counter[bytes]()
    for text in texts:
        raw = text.encode("utf-8") + b"\n"
        lines = edge_lines(raw.__getitem__, 0, len(raw))
        seen.add(lines)
        occurrences.update(line for _, line in lines)
    return sum(occurrences[line] for line in seen.lines())
