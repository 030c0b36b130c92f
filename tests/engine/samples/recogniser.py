"""Reads a text back into its derivations: a second, slow and independent account of what a grammar means.

It shares no code with the writer or with the proof: it tries every alternative at every choice, keeps what matches the
text, and multiplies exact fractions. `derivations` finds all ways to write one text; `texts` lists all texts of a small
grammar.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import log2

from lmstudio_app.engine.data.samples.grammar import Choice, Draw, Form, Grammar, Items, Literal, Recall, Rule


@dataclass(frozen=True)
class State:
    """Variables as (text, tags, attributes), and the alternatives used up in each rule that is `once`."""

    variables: Mapping[str, tuple[str, frozenset[str], Mapping[str, str]]] = field(default_factory=dict)
    used: Mapping[str, frozenset[int]] = field(default_factory=dict)

    def value(self, item: Recall) -> str:
        text, _, attributes = self.variables[item.variable]
        return fitted(attributes[item.key] if item.key else text, item.form)

    def remember(self, name: str, text: str, tags: frozenset[str], attributes: Mapping[str, Items]) -> State:
        if not name:
            return self
        written = {
            key: "".join(part.text if isinstance(part, Literal) else self.value(part) for part in value)
            for key, value in attributes.items()
            if all(isinstance(part, (Literal, Recall)) for part in value)
        }
        return replace(self, variables={**self.variables, name: (text, tags, written)})


def fitted(text: str, form: Form) -> str:
    if form.article:
        vowel = text[0].lower() in "aeiou" or text.lower().startswith(("hour", "honest", "heir"))
        sounds = ("unic", "unif", "unio", "unit", "univ", "use", "usu", "eu", "ewe", "one", "once", "ukulele")
        text = ("an " if vowel and not text.lower().startswith(sounds) else "a ") + text
    return text[:1].upper() + text[1:] if form.capital else text


def allowed(choice: Choice, state: State) -> list[tuple[int, Fraction]]:
    """The alternatives that may be drawn now, with their probabilities."""
    used = state.used.get(choice.name, frozenset()) if isinstance(choice, Rule) and choice.once else frozenset()
    open_now = [
        (place, alternative.weight)
        for place, alternative in enumerate(choice.alternatives)
        if place not in used
        and all(bool(c.tags & state.variables[c.variable][1]) != c.negated for c in alternative.conditions)
    ]
    total = sum(weight for _, weight in open_now)
    return [(place, Fraction(weight, total)) for place, weight in open_now]


def _after(choice: Choice, place: int, state: State) -> State:
    if not (isinstance(choice, Rule) and choice.once):
        return state
    return replace(state, used={**state.used, choice.name: state.used.get(choice.name, frozenset()) | {place}})


def derivations(grammar: Grammar, text: str) -> list[Fraction]:
    """The probability of every derivation that writes exactly `text`."""
    start = (Draw(grammar.start),)
    return [chance for end, _, chance in _match(grammar, start, text, 0, State()) if end == len(text)]


def _match(
    grammar: Grammar, items: Items, text: str, place: int, state: State
) -> Iterator[tuple[int, State, Fraction]]:
    if not items:
        yield place, state, Fraction(1)
        return
    for end, after, chance in _match_item(grammar, items[0], text, place, state):
        for last, final, other in _match(grammar, items[1:], text, end, after):
            yield last, final, chance * other


def _match_item(grammar: Grammar, item, text: str, place: int, state: State) -> Iterator[tuple[int, State, Fraction]]:
    if isinstance(item, Literal | Recall):
        wanted = item.text if isinstance(item, Literal) else state.value(item)
        if text.startswith(wanted, place):
            yield place + len(wanted), state, Fraction(1)
    elif isinstance(item, Draw):
        rule = grammar.rules[item.rule]
        for plain, start in _unfitted(text, place, item.form):
            for end, after, chance in _match_choice(grammar, rule, plain, start, state, variable=item.variable):
                if fitted(plain[start:end], item.form) == text[place:end]:
                    yield end, after, chance
    else:
        yield from _match_choice(grammar, item, text, place, state)


def _match_choice(grammar: Grammar, choice: Choice, text: str, place: int, state: State, *, variable: str = ""):
    for number, chance in allowed(choice, state):
        alternative = choice.alternatives[number]
        for end, after, other in _match(grammar, alternative.items, text, place, _after(choice, number, state)):
            known = after.remember(variable, text[place:end], alternative.tags, alternative.attributes)
            yield end, known, chance * other


def _unfitted(text: str, place: int, form: Form) -> Iterator[tuple[str, int]]:
    """The texts that could stand here once article and capital letter are taken off, and where they begin."""
    if form.article:
        for article in ("a ", "an "):
            if text[place : place + len(article)].lower() == article:
                yield text, place + len(article)
        return
    yield text, place
    if form.capital and text[place : place + 1].lower() != text[place : place + 1]:
        yield text[:place] + text[place].lower() + text[place + 1 :], place


def texts(grammar: Grammar) -> list[tuple[str, Fraction]]:
    """Every derivation of a grammar without recursion: the text it writes, and its probability."""
    return [(text, chance) for text, _, chance in _all(grammar, (Draw(grammar.start),), State())]


def _all(grammar: Grammar, items: Items, state: State) -> Iterator[tuple[str, State, Fraction]]:
    if not items:
        yield "", state, Fraction(1)
        return
    for text, after, chance in _all_of_item(grammar, items[0], state):
        for rest, final, other in _all(grammar, items[1:], after):
            yield text + rest, final, chance * other


def _all_of_item(grammar: Grammar, item, state: State) -> Iterator[tuple[str, State, Fraction]]:
    if isinstance(item, Literal | Recall):
        yield item.text if isinstance(item, Literal) else state.value(item), state, Fraction(1)
        return
    choice = grammar.rules[item.rule] if isinstance(item, Draw) else item
    for number, chance in allowed(choice, state):
        alternative = choice.alternatives[number]
        for text, after, other in _all(grammar, alternative.items, _after(choice, number, state)):
            if isinstance(item, Draw):
                known = after.remember(item.variable, text, alternative.tags, alternative.attributes)
                yield fitted(text, item.form), known, chance * other
            else:
                yield text, after, chance * other


def bits(chance: Fraction) -> float:
    """−log2 of an exact probability."""
    return log2(chance.denominator) - log2(chance.numerator)
