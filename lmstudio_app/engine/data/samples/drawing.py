"""Writes documents from a grammar and adds up, choice by choice, exactly how improbable each one is.

The text depends on nothing but the grammar and the seed: random numbers come from SplitMix64 (Steele, Lea, Flood, "Fast
splittable pseudorandom number generators", OOPSLA 2014), written out here in whole-number arithmetic, and weights are
whole numbers too. So every machine, Python version and library version writes the same letters.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from math import fsum, log2

from lmstudio_app.engine.data.samples.grammar import (
    PLAIN,
    Alternative,
    Choice,
    Draw,
    Grammar,
    GrammarError,
    Item,
    Literal,
    Recall,
    Rule,
)

_MOST_STEPS = 100_000  # in one document; a rule that draws itself too often would else never end
_MASK = (1 << 64) - 1


class SplitMix64:
    """A stream of whole numbers, uniform in 0 … 2⁶⁴ − 1, fixed by its seed."""

    def __init__(self, seed: int) -> None:
        self.state = seed & _MASK

    def next(self) -> int:
        """The next number of the stream."""
        self.state = (self.state + 0x9E3779B97F4A7C15) & _MASK
        mixed = self.state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return mixed ^ (mixed >> 31)

    def below(self, bound: int) -> int:
        """A number uniform in 0 … bound − 1, exactly: numbers beyond the last multiple of `bound` are thrown away."""
        limit = (_MASK + 1) - (_MASK + 1) % bound
        number = self.next()
        while number >= limit:
            number = self.next()
        return number % bound


@dataclass(frozen=True)
class _Remembered:
    """What a variable knows of the alternative that was drawn."""

    text: str
    tags: frozenset[str]
    attributes: dict[str, str]


@dataclass(frozen=True)
class _Mark:
    """Stands behind the items of a drawn alternative: what has been written since `start` is the text of `draw`."""

    start: int
    draw: Draw
    alternative: Alternative


def write_documents(grammar: Grammar, seed: int) -> Iterator[tuple[str, float]]:
    """Documents without end, each with its −log2 p in bits. Raises `GrammarError` where nothing is left to draw."""
    numbers = SplitMix64(seed)
    while True:
        document = _Document(grammar, numbers)
        yield document.write(), fsum(document.bits)


class _Document:
    """One document on its way: what is written, what is remembered, what is used up, and the bits it has cost."""

    def __init__(self, grammar: Grammar, numbers: SplitMix64) -> None:
        self.grammar = grammar
        self.numbers = numbers
        self.parts: list[str] = []
        self.variables: dict[str, _Remembered] = {}
        self.used: dict[str, set[int]] = {}
        self.bits: list[float] = []

    def write(self) -> str:
        """Expand the start rule from left to right; what is still to do waits on a stack."""
        waiting: list[Item | _Mark] = [Draw(self.grammar.start)]
        steps = 0
        while waiting:
            item = waiting.pop()
            if isinstance(item, Literal):
                self.parts.append(item.text)
            elif isinstance(item, Recall):
                self.parts.append(self._recalled(item))
            elif isinstance(item, _Mark):
                self._finish(item)
            elif isinstance(item, Choice):
                waiting.extend(reversed(self._choose(item).items))
            else:
                rule = self.grammar.rules[item.rule]
                alternative = self._choose(rule)
                if item.variable or item.form != PLAIN:
                    waiting.append(_Mark(len(self.parts), item, alternative))
                waiting.extend(reversed(alternative.items))
                if (steps := steps + 1) > _MOST_STEPS:
                    raise GrammarError(
                        "{file}, line {line}: a document took more than {number} draws; the rule “{name}” draws itself "
                        "too often.",
                        file=self.grammar.file,
                        number=_MOST_STEPS,
                        line=rule.line,
                        name=rule.name,
                    )
        return "".join(self.parts)

    def _recalled(self, item: Recall) -> str:
        remembered = self.variables[item.variable]
        return item.form.fit(remembered.attributes[item.key] if item.key else remembered.text)

    def _finish(self, mark: _Mark) -> None:
        """Fit a drawn text into its sentence, and remember it together with its features."""
        text = "".join(self.parts[mark.start :])
        self.parts[mark.start :] = [mark.draw.form.fit(text)]
        if mark.draw.variable:
            attributes = {
                key: "".join(self._recalled(part) if isinstance(part, Recall) else _text(part) for part in parts)
                for key, parts in mark.alternative.attributes.items()
            }
            self.variables[mark.draw.variable] = _Remembered(text, mark.alternative.tags, attributes)

    def _choose(self, choice: Choice) -> Alternative:
        """Draw one of the alternatives that are allowed now, and note the bits it costs.

        A number is drawn over all weights and thrown away where it falls on an alternative that is not allowed: what is
        left is uniform over the weights that are.
        """
        used = self.used.setdefault(choice.name, set()) if isinstance(choice, Rule) and choice.once else set()
        barred = used
        if choice.conditional:
            barred = used | {place for place, a in enumerate(choice.alternatives) if not self._allows(a)}
        total = choice.cumulated[-1] - sum(choice.alternatives[place].weight for place in barred)
        if not total:
            raise GrammarError(
                "{file}, line {line}: no alternative is left to draw here.",
                file=self.grammar.file,
                line=choice.alternatives[0].line,
            )
        place = bisect_right(choice.cumulated, self.numbers.below(choice.cumulated[-1]))
        while place in barred:
            place = bisect_right(choice.cumulated, self.numbers.below(choice.cumulated[-1]))
        used.add(place)
        self.bits.append(log2(total / choice.alternatives[place].weight))
        return choice.alternatives[place]

    def _allows(self, alternative: Alternative) -> bool:
        return all(c.holds(self.variables[c.variable].tags) for c in alternative.conditions)


def _text(item: Item) -> str:
    return item.text if isinstance(item, Literal) else ""
