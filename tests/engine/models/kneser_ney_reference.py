"""Modified Kneser–Ney as Chen & Goodman (1998) write it, with dictionaries and fractions: slow, and plainly right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

START = "start"
"""What precedes an n-gram that opens a text; not a token, so no n-gram contains it."""

Ngram = tuple[int, ...]


class Reference:
    """P(token | history) of the given order, counted over texts of token ids below `vocabulary`."""

    def __init__(self, texts: Sequence[Sequence[int]], order: int, vocabulary: int) -> None:
        self.order = order
        self.vocabulary = vocabulary
        self.counts: list[Counter[Ngram]] = [Counter()]
        for length in range(1, order + 1):
            self.counts.append(occurrences(texts, length) if length == order else continuations(texts, length))
        self.discounts = [(Fraction(0),) * 3] + [discounts(counts) for counts in self.counts[1:]]

    def probability(self, token: int, history: Sequence[int]) -> Fraction:
        """P(token | history): only the last order − 1 tokens of the history count."""
        context = tuple(history[max(0, len(history) - self.order + 1) :])
        return self._interpolated(token, context)

    def _interpolated(self, token: int, context: Ngram) -> Fraction:
        length = len(context) + 1
        lower = self._interpolated(token, context[1:]) if context else Fraction(1, self.vocabulary)
        counts = self.counts[length]
        continuing = [counts[(*context, word)] for word in range(self.vocabulary)]
        total = sum(continuing)
        if total == 0:
            return lower
        count = counts[(*context, token)]
        left_over = sum(self._discount(length, c) for c in continuing)
        return (max(count - self._discount(length, count), Fraction(0)) + left_over * lower) / total

    def _discount(self, length: int, count: int) -> Fraction:
        return Fraction(0) if count == 0 else self.discounts[length][min(count, 3) - 1]


def occurrences(texts: Sequence[Sequence[int]], length: int) -> Counter[Ngram]:
    """How often each n-gram of `length` tokens occurs."""
    found: Counter[Ngram] = Counter()
    for text in texts:
        for place in range(len(text) - length + 1):
            found[tuple(text[place : place + length])] += 1
    return found


def continuations(texts: Sequence[Sequence[int]], length: int) -> Counter[Ngram]:
    """How many different tokens precede each n-gram of `length` tokens, the start of a text being one of them."""
    preceding: dict[Ngram, set[object]] = {}
    for text in texts:
        for place in range(len(text) - length + 1):
            ngram = tuple(text[place : place + length])
            preceding.setdefault(ngram, set()).add(text[place - 1] if place else START)
    return Counter({ngram: len(tokens) for ngram, tokens in preceding.items()})


def discounts(counts: Counter[Ngram]) -> tuple[Fraction, Fraction, Fraction]:
    """D₁, D₂ and D₃₊, or the fallback where they cannot be estimated."""
    n = {count: sum(1 for c in counts.values() if c == count) for count in (1, 2, 3, 4)}
    fallback = (Fraction(1, 2), Fraction(1), Fraction(3, 2))
    if not (n[1] and n[2] and n[3]):
        return fallback
    y = Fraction(n[1], n[1] + 2 * n[2])
    one = 1 - 2 * y * Fraction(n[2], n[1])
    two = 2 - 3 * y * Fraction(n[3], n[2])
    three = 3 - 4 * y * Fraction(n[4], n[3])
    return (one, two, three) if one > 0 and two > 0 and three > 0 else fallback
