"""What cleaning changed, line by line: for a person to see."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import accumulate
from typing import Literal

KEPT_AROUND = 2
"""How many unchanged lines stand around a change; more of them are folded."""
_MOST_COMPARED = 40_000  # pairs of lines, letters or words of which each is compared
_WORDS = re.compile(r"\w+|\s+|[^\w\s]")

Step = tuple[str, int, int, int, int]
"""What happened, as `SequenceMatcher` tells it: its name, from where to where before, and after."""


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
    for tag, first, last, start, stop in _steps(old, new):
        if tag == "equal":
            shown += [
                ChangedLine("same", start + place + 1, line.rstrip("\n")) for place, line in enumerate(new[start:stop])
            ]
            continue
        pairs = min(last - first, stop - start) if last - first == stop - start else 0
        for place in range(pairs):
            if old[first + place] == new[start + place]:
                shown.append(ChangedLine("same", start + place + 1, new[start + place].rstrip("\n")))
                continue
            left, right = _marks(old[first + place], new[start + place])
            changed += sum(end - begin for begin, end in left) or sum(end - begin for begin, end in right)
            shown.append(ChangedLine("removed", first + place + 1, old[first + place].rstrip("\n"), left))
            shown.append(ChangedLine("added", start + place + 1, new[start + place].rstrip("\n"), right))
        for place in range(first + pairs, last):
            changed += len(old[place])
            shown.append(ChangedLine("removed", place + 1, old[place].rstrip("\n"), _whole(old[place])))
        for place in range(start + pairs, stop):
            shown.append(ChangedLine("added", place + 1, new[place].rstrip("\n"), _whole(new[place])))
    return Changes(tuple(_folded(shown)), min(1.0, changed / max(1, len(before))))


def _lines(text: str) -> list[str]:
    """Lines that end at line feeds alone, so that other line ends are seen to change."""
    *whole, rest = text.split("\n")
    return [*(line + "\n" for line in whole), *([rest] if rest else [])]


def _whole(line: str) -> tuple[tuple[int, int], ...]:
    length = len(line.rstrip("\n"))
    return ((0, length),) if length else ()


def _marks(old: str, new: str) -> tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]:
    """The letters of two lines that differ; in long lines the words."""
    first, second = old.rstrip("\n"), new.rstrip("\n")
    short = len(first) * len(second) <= _MOST_COMPARED
    one, two = (list(first), list(second)) if short else (_WORDS.findall(first), _WORDS.findall(second))
    before, after = (list(accumulate(map(len, parts), initial=0)) for parts in (one, two))
    steps = [step for step in _steps(one, two) if step[0] != "equal"]
    left = tuple((before[first], before[last]) for _, first, last, _, _ in steps if last > first)
    right = tuple((after[start], after[stop]) for _, _, _, start, stop in steps if stop > start)
    return left, right


def _steps(old: Sequence[str], new: Sequence[str]) -> Iterator[Step]:
    """What is equal and what is not, in order."""
    least = min(len(old), len(new))
    head = next((place for place in range(least) if old[place] != new[place]), least)
    tail = next((place for place in range(least - head) if old[-1 - place] != new[-1 - place]), least - head)
    if head:
        yield "equal", 0, head, 0, head
    for tag, one, two, three, four in _between(old[head : len(old) - tail], new[head : len(new) - tail]):
        yield tag, head + one, head + two, head + three, head + four
    if tail:
        yield "equal", len(old) - tail, len(old), len(new) - tail, len(new)


def _between(old: Sequence[str], new: Sequence[str]) -> Iterator[Step]:
    """The same for what begins and ends otherwise. Where comparing everything would take long, parts that occur once in
    both, but for white space around them, are taken for each other (patience), and what lies between is compared."""
    if not old and not new:
        return
    if len(old) * len(new) <= _MOST_COMPARED:
        yield from SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
        return
    anchors = _anchors(old, new)
    if not anchors:
        yield "replace", 0, len(old), 0, len(new)
        return
    first = start = 0
    for place, counterpart in [*anchors, (len(old), len(new))]:
        for tag, one, two, three, four in _steps(old[first:place], new[start:counterpart]):
            yield tag, first + one, first + two, start + three, start + four
        if place < len(old):
            tag = "equal" if old[place] == new[counterpart] else "replace"
            yield tag, place, place + 1, counterpart, counterpart + 1
        first, start = place + 1, counterpart + 1


def _anchors(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Places of parts that occur once in both, as many of them as stand in the same order in both."""
    old, new = [part.strip() for part in old], [part.strip() for part in new]
    counts, others = Counter(old), Counter(new)
    places = {part: place for place, part in enumerate(new) if others[part] == 1}
    pairs = [(place, places[part]) for place, part in enumerate(old) if counts[part] == 1 and part in places]
    ends: list[int] = []  # the smallest last place of an ascending run of each length
    last: list[int] = []  # the pair that ends it
    before: list[int] = []
    for number, (_, place) in enumerate(pairs):
        length = bisect_left(ends, place)
        before.append(last[length - 1] if length else -1)
        ends[length : length + 1], last[length : length + 1] = [place], [number]
    found: list[tuple[int, int]] = []
    number = last[-1] if last else -1
    while number >= 0:
        found.append(pairs[number])
        number = before[number]
    return found[::-1]


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
