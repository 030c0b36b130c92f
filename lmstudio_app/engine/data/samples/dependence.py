"""What a rule, together with all rules that it can draw, reads from memory and writes to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise

from lmstudio_app.engine.data.samples.grammar import Alternative, Choice, Draw, Grammar, Item, Items, Literal, Recall


@dataclass
class Uses:
    """`reads` are the variables recalled or asked about, `draws` those drawn, `rules` the rules drawn directly.

    `steady` says that the texts are a prefix code even when two copies are written from different memories: no
    condition, no attribute of which one value begins another, no two variables that a rule may fill (the proof of the
    rule may have leaned on their being different).
    """

    reads: set[str] = field(default_factory=set)
    draws: set[str] = field(default_factory=set)
    rules: set[str] = field(default_factory=set)
    steady: bool = True

    def add(self, other: Uses) -> None:
        """Take in what another rule does."""
        self.reads |= other.reads
        self.draws |= other.draws
        self.rules |= other.rules
        self.steady &= other.steady


class Dependence:
    """Looks up `Uses` in one grammar and keeps them."""

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar
        self.bindings = grammar.bindings()
        self.of_rule = cache(self._of_rule)
        self.distinct_values = cache(self._distinct_values)
        self.own = {name: self._own(rule) for name, rule in grammar.rules.items()}

    def values(self, variable: str, key: str) -> dict[Items, int]:
        """The different values that an attribute can have, each with a line where it stands."""
        found: dict[Items, int] = {}
        for rule in sorted(self.bindings[variable]):
            for alternative in self.grammar.rules[rule].alternatives:
                found.setdefault(alternative.attributes[key], alternative.line)
        return found

    def _distinct_values(self, variable: str, key: str) -> bool:
        """Whether an attribute is plain text of which no value begins another."""
        values = self.values(variable, key)
        texts = sorted("".join(item.text for item in value if isinstance(item, Literal)) for value in values)
        plain = all(isinstance(item, Literal) for value in values for item in value)
        return plain and not any(two.startswith(one) for one, two in pairwise(texts))

    def _of_rule(self, name: str) -> Uses:
        found, waiting, reached = Uses(), [name], {name}
        while waiting:
            own = self.own[waiting.pop()]
            found.add(own)
            waiting.extend(own.rules - reached)
            reached |= own.rules
        filled_by = [frozenset(self.bindings[variable]) for variable in found.reads]
        found.steady &= len(set(filled_by)) == len(filled_by)
        return found

    def _own(self, choice: Choice) -> Uses:
        found = Uses()
        for alternative in choice.alternatives:
            found.add(self._of_alternative(alternative))
        return found

    def _of_alternative(self, alternative: Alternative) -> Uses:
        found = self.of_items(alternative.items)
        for value in alternative.attributes.values():
            found.add(self.of_items(value))
        found.reads |= {condition.variable for condition in alternative.conditions}
        found.steady &= not alternative.conditions
        return found

    def of_items(self, items: Items) -> Uses:
        """What stands in `items` itself, inline choices included, without the rules drawn there."""
        found = Uses()
        for item in items:
            if isinstance(item, Choice):
                found.add(self._own(item))
            elif isinstance(item, Draw):
                found.rules.add(item.rule)
                found.draws |= {item.variable} - {""}
            elif isinstance(item, Recall):
                found.reads.add(item.variable)
                found.steady &= not item.key or self.distinct_values(item.variable, item.key)
        return found

    def drawn_by(self, items: Items) -> set[str]:
        """The variables that writing `items` may draw."""
        here = self.of_items(items)
        return here.draws.union(*(self.of_rule(rule).draws for rule in here.rules))


def flat(items: Items) -> Iterator[Item]:
    """All items, those of inline choices included."""
    for item in items:
        yield item
        if isinstance(item, Choice):
            for alternative in item.alternatives:
                yield from flat(alternative.items)
