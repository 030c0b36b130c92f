"""Writes documents from a grammar and adds up, choice by choice, exactly how improbable each one is.

The text depends on nothing but the grammar and the seed: random numbers come from SplitMix64 (Steele, Lea, Flood, "Fast
splittable pseudorandom number generators", OOPSLA 2014), written out here in whole-number arithmetic, and weights are
whole numbers too. So every machine, Python version and library version writes the same letters.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import fsum, log2

from lmstudio_app.engine.data.samples.grammar import (
    Alternative,
    Choice,
    Condition,
    Draw,
    Grammar,
    GrammarError,
    Items,
    Literal,
    Recall,
    Rule,
)

_LONGEST = 1_000_000  # characters; a rule that draws itself too often would else never end
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


@dataclass
class _Remembered:
    """What a variable knows of the alternative that was drawn."""

    text: str
    tags: frozenset[str]
    attributes: dict[str, str]


@dataclass
class _Memory:
    """What has been drawn in the document so far."""

    variables: dict[str, _Remembered] = field(default_factory=dict)
    used: dict[str, set[int]] = field(default_factory=dict)
    bits: list[float] = field(default_factory=list)
    length: int = 0

    def allows(self, conditions: tuple[Condition, ...]) -> bool:
        return all(c.holds(self.variables[c.variable].tags) for c in conditions)


def write_documents(grammar: Grammar, seed: int) -> Iterator[tuple[str, float]]:
    """Documents without end, each with its −log2 p in bits."""
    writer = _Writer(grammar, SplitMix64(seed))
    while True:
        yield writer.document()


class _Writer:
    def __init__(self, grammar: Grammar, numbers: SplitMix64) -> None:
        self.grammar = grammar
        self.numbers = numbers

    def document(self) -> tuple[str, float]:
        memory = _Memory()
        text = self._draw(Draw(self.grammar.start), memory)
        return text, fsum(memory.bits)

    def _write(self, items: Items, memory: _Memory) -> str:
        parts: list[str] = []
        for item in items:
            if isinstance(item, Literal):
                parts.append(item.text)
                memory.length += len(item.text)
            elif isinstance(item, Draw):
                parts.append(self._draw(item, memory))
            elif isinstance(item, Recall):
                remembered = memory.variables[item.variable]
                parts.append(item.form.fit(remembered.attributes[item.key] if item.key else remembered.text))
            else:
                parts.append(self._write(self._choose(item, memory).items, memory))
        return "".join(parts)

    def _draw(self, item: Draw, memory: _Memory) -> str:
        rule = self.grammar.rules[item.rule]
        if memory.length > _LONGEST:
            raise GrammarError(
                "{file}, line {line}: a document grew beyond a million characters; the rule “{name}” draws "
                "itself too often.",
                file=self.grammar.file,
                line=rule.line,
                name=rule.name,
            )
        alternative = self._choose(rule, memory)
        text = self._write(alternative.items, memory)
        if item.variable:
            attributes = {key: self._write(items, memory) for key, items in (alternative.attributes or {}).items()}
            memory.variables[item.variable] = _Remembered(text, alternative.tags, attributes)
        return item.form.fit(text)

    def _choose(self, choice: Choice, memory: _Memory) -> Alternative:
        """Draw one of the alternatives that are allowed now, and note the bits it costs.

        A number is drawn over all weights and thrown away where it falls on an alternative that is not allowed: what is
        left is uniform over the weights that are.
        """
        used = memory.used.setdefault(choice.name, set()) if isinstance(choice, Rule) and choice.once else set()
        barred = used
        if choice.conditional:
            barred = used | {i for i, a in enumerate(choice.alternatives) if not memory.allows(a.conditions)}
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
        memory.bits.append(log2(total / choice.alternatives[place].weight))
        return choice.alternatives[place]
