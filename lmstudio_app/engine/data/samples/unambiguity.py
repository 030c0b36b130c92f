"""Proves that a text of a grammar has one derivation, so that its probability is the product of its choices.

The proof is by construction. Every rule must be a *prefix code*: of two texts that different alternatives can write,
neither begins the other. An inline choice may look further, to the end of the alternative it stands in. Texts set one
after another keep the property, so whoever reads a document from the left knows, at each choice, which alternative was
drawn: suppose that two derivations write the same text, and take the first choice at which they differ. Up to there
they agree in text and in everything remembered; from there their alternatives write texts that differ before either
ends. So the whole texts differ.

The check walks two alternatives side by side, letter by letter, through everything that they can write, and lets a
variable that is drawn after the choice take any value; conditions count only for the two alternatives themselves. So it
may refuse a grammar that is sound, but never pass one that is not. Where both sides come to the same rule at the same
letter, both step over it: they write the same there, or differ before it ends. That holds whatever each side remembers
if the rule is steady (`dependence.Uses`), else only if all that it reads was drawn before the sides parted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, cached_property
from itertools import combinations, pairwise

from lmstudio_app.engine.data.samples.dependence import Dependence, flat
from lmstudio_app.engine.data.samples.grammar import (
    PLAIN,
    Alternative,
    Choice,
    Draw,
    Form,
    Grammar,
    GrammarError,
    Item,
    Items,
    Literal,
    Recall,
)
from lmstudio_app.engine.data.samples.shaping import shaped

_LARGEST_WALK = 200_000  # pairs of rests looked at for two alternatives before the check gives up
_Pair = tuple[Alternative, Items]


def check_unambiguous(grammar: Grammar) -> None:
    """Raises `GrammarError` with two lines and a text that both can begin with, unless each rule is a prefix code."""
    _Walk(grammar).check()


class _Texts:
    """The plain alternatives of a rule, walked together letter by letter instead of one after the other."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts

    @cached_property
    def expanded(self) -> tuple[_Rest, ...]:
        """A first letter and what can follow it, for each first letter; nothing at all for the empty text."""
        found: list[_Rest] = [()] if "" in self.texts else []
        by_letter: dict[str, list[str]] = {}
        for text in filter(None, self.texts):
            by_letter.setdefault(text[0], []).append(text[1:])
        for letter, rests in by_letter.items():
            found.append((Literal(letter + rests[0]),) if len(rests) == 1 else (Literal(letter), _Texts(rests)))
        return tuple(found)


_Rest = tuple[Item | _Texts, ...]  # what one side of a walk has still to write


class _Walk:
    """The check of one grammar."""

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar
        self.dependence = Dependence(grammar)
        self.alternatives = cache(self._alternatives)
        self.written = cache(self._written)
        self.opening = cache(self._opening)
        self.depth = cache(self._depth)

    def check(self) -> None:
        """Walk every rule in every form in which documents can meet it."""
        seen = {(self.grammar.start, PLAIN)}
        waiting = list(seen)
        while waiting:
            alternatives = self.alternatives(*waiting.pop())
            self._check_pairs(alternatives, ())
            for _, items in alternatives:
                self._check_inline(items, ())
                met = set(self._met(items)) - seen
                seen |= met
                waiting.extend(met)

    def _alternatives(self, rule: str, form: Form) -> tuple[_Pair, ...]:
        return tuple((a, shaped(a.items, form, self.grammar, a.line)) for a in self.grammar.rules[rule].alternatives)

    def _written(self, rule: str, form: Form) -> list[_Rest]:
        """What `rule` can stand for, plain texts gathered into one item."""
        every = [items for _, items in self.alternatives(rule, form)]
        plain = [_text(items) for items in every if _plain(items)]
        gathered: list[_Rest] = [(_Texts(plain),)] if plain else []
        return gathered + [items for items in every if not _plain(items)]

    def _met(self, items: Items) -> Iterator[tuple[str, Form]]:
        for item in flat(items):
            if isinstance(item, Draw):
                yield item.rule, item.form
            elif isinstance(item, Recall) and not item.key:
                yield from ((rule, item.form) for rule in self.dependence.bindings[item.variable])

    def _check_inline(self, items: Items, rest: Items) -> None:
        for place, item in enumerate(items):
            if isinstance(item, Choice):
                after = items[place + 1 :] + rest
                self._check_pairs([(a, a.items) for a in item.alternatives], after)
                for alternative in item.alternatives:
                    self._check_inline(alternative.items, after)

    def _check_pairs(self, alternatives: Sequence[_Pair], rest: Items) -> None:
        """Compare every alternative with every other: plain ones by their spelling, and all at once with the others."""
        plain = [pair for pair in alternatives if not rest and _plain(pair[1]) and not pair[0].conditions]
        other = [pair for pair in alternatives if pair not in plain]
        plain.sort(key=lambda pair: _text(pair[1]))
        for one, two in pairwise(plain):
            if _text(two[1]).startswith(_text(one[1])):
                raise self._error(one[0], two[0], _text(one[1]))
        together = _Texts([_text(items) for _, items in plain])
        for alternative, items in other:
            if plain and self._clash((together,), items, self.dependence.drawn_by(items)) is not None:
                for pair in plain:
                    self._check_pair(pair, (alternative, items), rest)
        for one, two in combinations(other, 2):
            self._check_pair(one, two, rest)

    def _check_pair(self, left: _Pair, right: _Pair, rest: Items) -> None:
        one, two = left[1] + rest, right[1] + rest
        if not self._meet(one, two) or self._exclude(left[0], right[0]):
            return
        text = self._clash(one, two, self.dependence.drawn_by(one) | self.dependence.drawn_by(two))
        if text is not None:
            raise self._error(left[0], right[0], text)

    def _error(self, left: Alternative, right: Alternative, text: str) -> GrammarError:
        return GrammarError(
            "{file}, line {line}: one cannot tell this alternative from the one on line {other}: both can begin with "
            "“{text}”, and one of them can end there.",
            file=self.grammar.file,
            line=right.line,
            other=left.line,
            text=text,
        )

    def _exclude(self, left: Alternative, right: Alternative) -> bool:
        """Whether what is remembered can never allow both alternatives at once."""
        for variable in {c.variable for c in left.conditions} & {c.variable for c in right.conditions}:
            wanted = [c for c in (*left.conditions, *right.conditions) if c.variable == variable]
            rules = self.dependence.bindings[variable]
            values = [a for rule in rules for a in self.grammar.rules[rule].alternatives]
            if not any(all(c.holds(value.tags) for c in wanted) for value in values):
                return True
        return False

    def _clash(self, left: _Rest, right: _Rest, changed: set[str]) -> str | None:
        """A text that one side can write in full and the other can begin with; None if there is none.

        `changed` are the variables that may be drawn after the two sides part.
        """
        waiting: list[tuple[_Rest, _Rest, str]] = [(left, right, "")]
        seen: set[tuple[_Rest, _Rest]] = set()
        while waiting:
            one, two, text = waiting.pop()
            if not one or not two or one == two or len(seen) > _LARGEST_WALK:
                return text
            if (one, two) in seen:
                continue
            seen.add((one, two))
            head, other = one[0], two[0]
            if isinstance(head, Literal) and isinstance(other, Literal):
                waiting.extend(_advance(one, two, text))
            elif self._same(head, other, changed):
                waiting.append((one[1:], two[1:], text + _shown(head)))
            elif not self._differ(head, other, changed):
                if self.depth(head) < self.depth(other):
                    one, two = two, one
                letters = self._first(two)
                waiting.extend(
                    (more, two, text) for more in self._expand(one) if not more or self._first(more) & letters
                )
        return None

    def _same(self, one: Item | _Texts, two: Item | _Texts, changed: set[str]) -> bool:
        """Whether both sides may step over their first item: it writes the same text, or texts that soon differ."""
        if isinstance(one, Draw) and isinstance(two, Draw) and (one.rule, one.form) == (two.rule, two.form):
            uses = self.dependence.of_rule(one.rule)
            return uses.steady or not uses.reads & changed
        if isinstance(one, Recall) and one == two:
            if one.variable not in changed:
                return True
            if one.key:
                return self.dependence.distinct_values(one.variable, one.key)
            return all(self.dependence.of_rule(rule).steady for rule in self.dependence.bindings[one.variable])
        return False

    def _differ(self, one: Item | _Texts, two: Item | _Texts, changed: set[str]) -> bool:
        """Whether two variables, both drawn before the sides part, remember different alternatives of one rule."""
        if not isinstance(one, Recall) or not isinstance(two, Recall) or one.key or two.key or one.form != two.form:
            return False
        rules = self.dependence.bindings[one.variable] | self.dependence.bindings[two.variable]
        return (
            one.variable != two.variable
            and len(rules) == 1
            and not changed & {one.variable, two.variable}
            and all(self.grammar.rules[rule].once for rule in rules)
        )

    def _expand(self, items: _Rest) -> Iterator[_Rest]:
        """Everything that the first item can stand for, before the rest."""
        item, rest = items[0], items[1:]
        if isinstance(item, _Texts):
            yield from (inner + rest for inner in item.expanded)
        elif isinstance(item, Draw):
            yield from (inner + rest for inner in self.written(item.rule, item.form))
        elif isinstance(item, Choice):
            yield from (a.items + rest for a in item.alternatives)
        elif isinstance(item, Recall) and item.key:
            for value, line in self.dependence.values(item.variable, item.key).items():
                yield shaped(value, item.form, self.grammar, line) + rest
        elif isinstance(item, Recall):
            for rule in sorted(self.dependence.bindings[item.variable]):
                yield from (inner + rest for inner in self.written(rule, item.form))

    def _meet(self, one: _Rest, two: _Rest) -> bool:
        """Whether both can begin with the same letter, or one of them can be empty."""
        left, right = self._first(one), self._first(two)
        return bool(left & right) or "" in left or "" in right

    def _first(self, items: _Rest) -> frozenset[str]:
        """The letters that a text of `items` can begin with; "" among them if it can be empty."""
        found: frozenset[str] = frozenset()
        for item in items:
            letters = self.opening(item)
            found |= letters - {""}
            if "" not in letters:
                return found
        return found | {""}

    def _opening(self, item: Item | _Texts) -> frozenset[str]:
        if isinstance(item, Literal):
            return frozenset([item.text[:1]])
        return frozenset().union(*(self._first(inner) for inner in self._expand((item,))))

    def _depth(self, item: Item | _Texts) -> int:
        """How many rules lie between `item` and its first letter.

        The deeper side of a walk is opened first, so that the two sides meet at rules that they share.
        """
        if isinstance(item, Literal):
            return 0
        if isinstance(item, _Texts):
            return 1
        return 1 + max((self.depth(rest[0]) for rest in self._expand((item,)) if rest), default=0)


def _plain(items: Items) -> bool:
    return all(isinstance(item, Literal) for item in items)


def _text(items: _Rest) -> str:
    return "".join(item.text for item in items if isinstance(item, Literal))


def _shown(item: Item | _Texts) -> str:
    """How an item that both sides step over stands in the witness of an error."""
    return f"{{{item.rule}}}" if isinstance(item, Draw) else f"{{{item.variable}}}" if isinstance(item, Recall) else ""


def _advance(one: _Rest, two: _Rest, text: str) -> Iterator[tuple[_Rest, _Rest, str]]:
    """The rests after the letters that two texts share at their start; nothing where they differ before either ends."""
    left, right = _text(one[:1]), _text(two[:1])
    length = min(len(left), len(right))
    if left[:length] == right[:length]:
        yield _without(one, length), _without(two, length), text + left[:length]


def _without(items: _Rest, length: int) -> _Rest:
    left = _text(items[:1])[length:]
    return (Literal(left), *items[1:]) if left else items[1:]
