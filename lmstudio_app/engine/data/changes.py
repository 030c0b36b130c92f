"""What cleaning changed, line by line: for a person to see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

KEPT_AROUND = 2
"""How many unchanged lines stand around a change; more of them are folded."""
_MOST_COMPARED = 40_000  # pairs of lines, or of letters, that are compared


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
    """The letters of two lines that differ."""
    steps = [step for step in _steps(old.rstrip("\n"), new.rstrip("\n")) if step[0] != "equal"]
    left = tuple((first, last) for _, first, last, _, _ in steps if last > first)
    right = tuple((start, stop) for _, _, _, start, stop in steps if stop > start)
    return left, right


def _steps(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[str, int, int, int, int]]:
    """What is equal and what is not, as `SequenceMatcher` tells it; where comparing would take long, everything between
    the equal beginning and the equal end."""
    least = min(len(old), len(new))
    head = next((place for place in range(least) if old[place] != new[place]), least)
    tail = next((place for place in range(least - head) if old[-1 - place] != new[-1 - place]), least - head)
    if head:
        yield "equal", 0, head, 0, head
    first, second = old[head : len(old) - tail], new[head : len(new) - tail]
    if len(first) * len(second) > _MOST_COMPARED:
        yield "replace", head, head + len(first), head, head + len(second)
    elif first or second:
        for tag, one, two, three, four in SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
            yield tag, head + one, head + two, head + three, head + four
    if tail:
        yield "equal", len(old) - tail, len(old), len(new) - tail, len(new)


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
