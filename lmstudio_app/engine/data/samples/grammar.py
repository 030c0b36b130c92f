"""A story grammar as data: rules, alternatives with weights, and variables that remember what was drawn.

A document is written by expanding the start rule from left to right. Every place where an alternative is drawn is a
*choice*; given what was drawn before, its probability is its weight over the sum of the weights still allowed there.
The text form of a grammar is described in `resources/samples/` at the top of each file; `notation.py` reads it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

from lmstudio_app.engine.errors import UserError


class GrammarError(UserError):
    """A grammar file says something that cannot be meant; the sentence names the file and the line."""

    def __init__(self, template: str, *, file: str, line: int, **values: object) -> None:
        super().__init__(template, field="", choices=(), file=file, line=line, **values)


@dataclass(frozen=True)
class Form:
    """How a text is fitted into its sentence: with a capital first letter, with "a" or "an" before it."""

    capital: bool = False
    article: bool = False

    def fit(self, text: str) -> str:
        """`text` in this form; the form looks at the first word only."""
        if self.article and text:
            text = f"{_article(text)} {text}"
        return text[:1].upper() + text[1:] if self.capital else text


PLAIN = Form()
_CONSONANT_SOUNDS = ("unic", "unif", "unio", "unit", "univ", "use", "usu", "eu", "ewe", "one", "once", "ukulele")
_VOWEL_SOUNDS = ("hour", "honest", "heir")


def _article(text: str) -> str:
    word = text.lower()
    if word.startswith(_CONSONANT_SOUNDS):
        return "a"
    return "an" if word[0] in "aeiou" or word.startswith(_VOWEL_SOUNDS) else "a"


def article_is_open(text: str) -> bool:
    """Whether more letters after `text` could change its article ("u" may become "useful" or "ugly")."""
    return any(word.startswith(text.lower()) for word in _CONSONANT_SOUNDS + _VOWEL_SOUNDS)


@dataclass(frozen=True)
class Literal:
    """Text that stands in the grammar as it will stand in the document."""

    text: str


@dataclass(frozen=True)
class Draw:
    """Draws an alternative of `rule` and writes it; `variable` (if not empty) remembers it."""

    rule: str
    variable: str = ""
    form: Form = PLAIN


@dataclass(frozen=True)
class Recall:
    """Writes again what `variable` remembers: its text, or its attribute `key`. Draws nothing."""

    variable: str
    key: str = ""
    form: Form = PLAIN


@dataclass(frozen=True, eq=False)
class Choice:
    """Alternatives written in place, inside a sentence."""

    alternatives: tuple[Alternative, ...]

    @cached_property
    def conditional(self) -> bool:
        """Whether what was drawn before can take alternatives away."""
        return any(alternative.conditions for alternative in self.alternatives)

    @cached_property
    def cumulated(self) -> tuple[int, ...]:
        """Running sums of the weights."""
        return tuple(accumulate(alternative.weight for alternative in self.alternatives))


Item = Literal | Draw | Recall | Choice
Items = tuple[Item, ...]


@dataclass(frozen=True)
class Condition:
    """True where the alternative that `variable` remembers has one of `tags` (or none of them, if `negated`)."""

    variable: str
    tags: frozenset[str]
    negated: bool = False

    def holds(self, tags: frozenset[str]) -> bool:
        """Whether a remembered alternative with these `tags` meets the condition."""
        return self.tags.isdisjoint(tags) == self.negated


@dataclass(frozen=True, eq=False)
class Alternative:
    """One way to write a rule or an inline choice.

    It may be drawn where all `conditions` hold. A variable that remembers it can be asked for its `tags`, and writes
    its `attributes`; these are fixed at the moment when it is remembered.
    """

    weight: int
    items: Items
    line: int
    conditions: tuple[Condition, ...] = ()
    tags: frozenset[str] = frozenset()
    attributes: Mapping[str, Items] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Rule(Choice):
    """A named choice. Where `once` is set, an alternative drawn in a document is not drawn there again."""

    name: str
    once: bool
    line: int


@dataclass(frozen=True)
class Grammar:
    """All rules of one file, by name, and the rule that documents start from."""

    file: str
    rules: Mapping[str, Rule]
    start: str

    def alternatives(self) -> Iterator[Alternative]:
        """Every alternative of every rule, inline ones included."""
        for rule in self.rules.values():
            for alternative in rule.alternatives:
                yield from _within(alternative)

    def bindings(self) -> dict[str, set[str]]:
        """For each variable the rules whose alternatives it may remember."""
        found: dict[str, set[str]] = {}
        for alternative in self.alternatives():
            for item in alternative.items:
                if isinstance(item, Draw) and item.variable:
                    found.setdefault(item.variable, set()).add(item.rule)
        return found


def _within(alternative: Alternative) -> Iterator[Alternative]:
    yield alternative
    for item in alternative.items:
        if isinstance(item, Choice):
            for inner in item.alternatives:
                yield from _within(inner)
