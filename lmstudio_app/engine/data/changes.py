"""What cleaning changed, line by line: for a person to see."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

KEPT_AROUND = 2
"""How many unchanged lines stand around a change; more of them are folded."""
_LEAST_EDITS, _MOST_STEPS = 64, 1_000_000  # how far one search goes, and what it may cost for a text of any length
_MOST_LETTERS = 40_000  # pairs of letters; in longer lines words are compared
_WORDS = re.compile(r"\w+|\s+|[^\w\s]")

Span = tuple[int, int]
"""From a place to before another."""


@dataclass(frozen=True)
class ChangedLine:
    """A line before cleaning ("removed"), after it ("added"), both ("same"), or `folded` unchanged lines that are not
    shown. `number` counts from 1, in the text that the line belongs to; `marks` are the changed letters, as (first, one
    after the last)."""

    kind: Literal["same", "removed", "added", "folded"]
    number: int
    text: str = ""
    marks: tuple[tuple[int, int], ...] = ()
    folded: int = 0


@dataclass(frozen=True)
class Changes:
    """`lines` in order, and the share of the letters before that are no longer there or stand otherwise."""

    lines: tuple[ChangedLine, ...]
    share: float


def compare(before: str, after: str) -> Changes:
    """What changed from one text to the other."""
    old, new = _lines(before), _lines(after)
    shown: list[ChangedLine] = []
    changed = 0
    for first, last, start, stop in _blocks(old, new):
        left, right = old[first:last], new[start:stop]
        if [line.removesuffix("\n") for line in left] == [line.removesuffix("\n") for line in right]:
            shown += [
                ChangedLine("same", start + place + 1, line.removesuffix("\n")) for place, line in enumerate(right)
            ]
            continue
        differences = list(_changed("".join(left), "".join(right)))
        changed += sum(end - begin or till - since for begin, end, since, till in differences)
        for place, (line, marks) in enumerate(_marked(left, [(begin, end) for begin, end, _, _ in differences])):
            shown.append(ChangedLine("removed", first + place + 1, line, marks))
        for place, (line, marks) in enumerate(_marked(right, [(since, till) for _, _, since, till in differences])):
            shown.append(ChangedLine("added", start + place + 1, line, marks))
    return Changes(tuple(_folded(shown)), min(1.0, changed / max(1, len(before))))


def _lines(text: str) -> list[str]:
    """Lines that end at line feeds alone, so that other line ends are seen to change."""
    *whole, rest = text.split("\n")
    return [*(line + "\n" for line in whole), *([rest] if rest else [])]


def _letters(line: str) -> str:
    """What a line says: cleaning spaces, quotes and line ends leaves it the same."""
    return "".join(filter(str.isalnum, line)) or line.strip()


def _blocks(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int, int, int]]:
    """Which lines became which, as (first, one after the last) of both: one by one where they say the same or are
    equally many, else as blocks."""
    left = right = 0
    stretches = _shared([_letters(line) for line in old], [_letters(line) for line in new])
    for first, start, length in [*stretches, (len(old), len(new), 0)]:
        if first - left != start - right:
            yield left, first, right, start
            left, right = first, start
        for place in range(first + length - left):
            yield left + place, left + place + 1, right + place, right + place + 1
        left, right = first + length, start + length


def _marked(lines: Sequence[str], spans: Sequence[Span]) -> Iterator[tuple[str, tuple[Span, ...]]]:
    """Each of `lines` without its line feed, and what of it lies in one of `spans`, which count from the first line."""
    whole = [span for span in spans if span[1] > span[0]]
    starts, ends = [first for first, _ in whole], [last for _, last in whole]
    begun = 0
    for line in lines:
        text = line.removesuffix("\n")
        touched = whole[bisect_right(ends, begun) : bisect_left(starts, begun + len(text))] if text else []
        yield text, tuple((max(0, first - begun), min(len(text), last - begun)) for first, last in touched)
        begun += len(line)


def _changed(old: str, new: str) -> Iterator[tuple[int, int, int, int]]:
    """The letters that differ, as (first, one after the last) of both; in long texts the words."""
    short = len(old) * len(new) <= _MOST_LETTERS
    one, two = (list(old), list(new)) if short else (_WORDS.findall(old), _WORDS.findall(new))
    before, after = (list(accumulate(map(len, parts), initial=0)) for parts in (one, two))
    for first, last, start, stop in _differences(one, two):
        yield before[first], before[last], after[start], after[stop]


def _differences(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int, int, int]]:
    """What stands in one place of `old` and in its stead in `new`, as (first, one after the last) of both."""
    left = right = 0
    for first, start, length in [*_shared(old, new), (len(old), len(new), 0)]:
        if first > left or start > right:
            yield left, first, right, start
        left, right = first + length, start + length


def _shared(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int, int]]:
    """The stretches that both have in the same order, as (place in `old`, place in `new`, length).

    Few edits lie between them: it is Myers' greedy search (1986), taken up again from the furthest place where there
    are too many, so that the time is at most in proportion to the length.
    """
    least = min(len(old), len(new))
    tail = next((place for place in range(least) if old[-1 - place] != new[-1 - place]), least)
    first, second = old[: len(old) - tail], new[: len(new) - tail]
    most = max(_LEAST_EDITS, _MOST_STEPS // (1 + len(first) + len(second)))
    found: list[tuple[int, int, int]] = []
    left = right = 0
    while left < len(first) and right < len(second):
        left, right, stretches = _search(first, second, left, right, most)
        found += stretches
    return [*found, (len(first), len(second), tail)] if tail else found


_Way = tuple["_Way", int, int, int] | None
"""The stretches up to a place: those before, then the last one."""


def _search(
    old: Sequence[str], new: Sequence[str], left: int, right: int, most: int
) -> tuple[int, int, list[tuple[int, int, int]]]:
    """How far `most` edits lead from a place in both, and the stretches on the way."""
    reached: dict[int, int] = {1: left}  # by diagonal: the furthest place in `old`
    ways: dict[int, _Way] = {1: None}
    for edits in range(most + 1):
        for diagonal in range(-edits, edits + 1, 2):
            inserted = diagonal == -edits or (diagonal != edits and reached[diagonal - 1] < reached[diagonal + 1])
            before = diagonal + 1 if inserted else diagonal - 1
            begun = place = reached[before] + (not inserted)
            other = place - left + right - diagonal
            while place < len(old) and other < len(new) and old[place] == new[other]:
                place, other = place + 1, other + 1
            length = place - begun
            reached[diagonal] = place
            ways[diagonal] = (ways[before], begun, other - length, length) if length else ways[before]
            if place >= len(old) and other >= len(new):
                return place, other, _unrolled(ways[diagonal])
    ends = [(place, place - left + right - diagonal, diagonal) for diagonal, place in reached.items()]
    inside = [end for end in ends if end[0] <= len(old) and end[1] <= len(new)]
    place, other, diagonal = max(inside, key=lambda end: (end[0] + end[1], -abs(end[2])))
    return place, other, _unrolled(ways[diagonal])


def _unrolled(way: _Way) -> list[tuple[int, int, int]]:
    stretches = []
    while way is not None:
        stretches.append(way[1:])
        way = way[0]
    return stretches[::-1]


def _folded(lines: Sequence[ChangedLine]) -> Iterator[ChangedLine]:
    """Long stretches of unchanged lines become one line that says how many they are."""
    place = 0
    while place < len(lines):
        end = place
        while end < len(lines) and lines[end].kind == "same":
            end += 1
        before = KEPT_AROUND if place else 0
        after = KEPT_AROUND if end < len(lines) else 0
        hidden = end - place - before - after
        if hidden > 1:
            yield from lines[place : place + before]
            yield ChangedLine("folded", lines[place + before].number, folded=hidden)
            yield from lines[end - after : end]
        else:
            yield from lines[place:end]
        if end < len(lines):
            yield lines[end]
        place = end + 1
