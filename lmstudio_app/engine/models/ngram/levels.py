"""Counts of all n-grams of one length, and what modified Kneser–Ney smoothing, or none, makes of them.

A level k holds every n-gram of k tokens as one row. Rows are sorted by (prefix, last token), where the prefix is the
row of the first k − 1 tokens in the level below; so one 64-bit key, prefix × V + token, names an n-gram of any order,
and the rows that continue one context lie side by side. Level 1 has a row for each token of the vocabulary, counted or
not, and one context, the empty one, in row 0.

The smoothing is that of Chen & Goodman, "An empirical study of smoothing techniques for language modeling" (1998),
section 4.1.6, interpolated down to the uniform distribution 1/V. The highest level keeps how often an n-gram occurs; a
lower one how many different tokens precede it, where the start of a text counts as one more, a token of its own, since
nothing else precedes an n-gram there (KenLM reaches the same by keeping the counts of n-grams that start a sentence).

Without smoothing every level keeps how often its n-grams occur, and their shares are the relative frequencies after
their context: the maximum-likelihood estimate. A context that nothing follows leaves all to the shorter one, any other
leaves nothing.

Shapes: N n-grams of a level, M contexts (the N of the level below), V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

UNSEEN = -1
"""The row of an n-gram that was never counted. As an index it reaches the last entry, kept for it, of `shares` (0: it
has no share of its own) and of `backoff` (1: an unseen context leaves all to the shorter one)."""

FALLBACK_DISCOUNTS = (0.5, 1.0, 1.5)
"""What KenLM's `--discount_fallback` subtracts where the counts of a level are too few to estimate discounts."""


@dataclass(frozen=True, eq=False)
class Level:
    """The n-grams of one length with their shares of probability. The arrays are read-only and never change."""

    keys: NDArray[np.int64]
    """(N,) prefix × V + token, ascending."""
    counts: NDArray[np.int64]
    """(N,) how often each occurs, or how many different tokens precede it."""
    shares: NDArray[np.float64]
    """(N + 1,) the discounted part of each n-gram's probability, then 0 for `UNSEEN`."""
    backoff: NDArray[np.float64]
    """(M + 1,) the part that each context leaves to the shorter context, then 1 for `UNSEEN`."""

    def __len__(self) -> int:
        return len(self.keys)

    def find(self, prefixes: NDArray[np.int64], tokens: NDArray[np.int64], vocabulary: int) -> NDArray[np.int64]:
        """The rows of `prefixes` followed by `tokens` (any one shape), `UNSEEN` where there is none."""
        if not len(self.keys):
            return np.full(np.shape(tokens), UNSEEN)
        wanted = prefixes * vocabulary + tokens  # an unseen prefix gives a negative key, which no row has
        rows = np.searchsorted(self.keys, wanted)
        rows[rows == len(self.keys)] = 0
        return np.where(self.keys[rows] == wanted, rows, UNSEEN)

    def continuations(self, context: int, vocabulary: int) -> slice:
        """The rows whose prefix is `context`."""
        first, last = np.searchsorted(self.keys, (context * vocabulary, (context + 1) * vocabulary))
        return slice(int(first), int(last))


def smoothed(keys: NDArray[np.int64], counts: NDArray[np.int64], contexts: int, vocabulary: int) -> Level:
    """The level of these n-grams, whose prefixes are rows of `contexts` (M) contexts."""
    return _shared_out(keys, counts, contexts, vocabulary, estimated_discounts(counts))


def unsmoothed(keys: NDArray[np.int64], counts: NDArray[np.int64], contexts: int, vocabulary: int) -> Level:
    """The same with relative frequencies for shares."""
    return _shared_out(keys, counts, contexts, vocabulary, (0.0, 0.0, 0.0))


def _shared_out(
    keys: NDArray[np.int64],
    counts: NDArray[np.int64],
    contexts: int,
    vocabulary: int,
    subtracted: tuple[float, float, float],
) -> Level:
    prefixes = keys // vocabulary
    discounts = np.array((0.0, *subtracted))[np.minimum(counts, 3)]  # (N,)
    totals = np.bincount(prefixes, weights=counts, minlength=contexts)  # (M,)
    removed = np.bincount(prefixes, weights=discounts, minlength=contexts)
    shares = np.append((counts - discounts) / totals[prefixes], 0.0)
    # A context that nothing continues leaves everything to the shorter one.
    backoff = np.append(np.divide(removed, totals, out=np.ones(contexts), where=totals > 0), 1.0)
    level = Level(keys, counts, shares, backoff)
    for array in (keys, counts, shares, backoff):
        array.setflags(write=False)
    return level


def estimated_discounts(counts: NDArray[np.int64]) -> tuple[float, float, float]:
    """What to subtract from counts of 1, of 2, and of 3 or more: D₁ = 1 − 2Y n₂/n₁, D₂ = 2 − 3Y n₃/n₂,
    D₃₊ = 3 − 4Y n₄/n₃ with Y = n₁/(n₁ + 2n₂), where n_j is how many n-grams have the count j.

    Where n₁, n₂ or n₃ is zero, or one D_j is not above 0 (then some context would leave nothing to unseen tokens), the
    whole level takes `FALLBACK_DISCOUNTS`, as KenLM does.
    """
    _, n1, n2, n3, n4, _ = (int(n) for n in np.bincount(np.minimum(counts, 5), minlength=6))
    if not (n1 and n2 and n3):
        return FALLBACK_DISCOUNTS
    y = Fraction(n1, n1 + 2 * n2)  # exact, so that a discount of 0 is recognised
    one, two, three = 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3
    return (float(one), float(two), float(three)) if min(one, two, three) > 0 else FALLBACK_DISCOUNTS


def probabilities(
    level: Level,
    contexts: NDArray[np.int64],
    rows: NDArray[np.int64],
    lower: NDArray[np.float64] | float,
) -> NDArray[np.float64]:
    """The probability of each n-gram's last token after its context: its own share, and what the context leaves of
    `lower`, the probability after the context that is one token shorter. All of one shape."""
    result: NDArray[np.float64] = level.shares[rows] + level.backoff[contexts] * lower
    return result


def following(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The contexts (B, T) of the next level: at each place the n-gram that ends just before it, from `rows` (B, T) of
    the n-grams that end there."""
    contexts = np.full_like(rows, UNSEEN)
    contexts[:, 1:] = rows[:, :-1]
    return contexts


@dataclass(frozen=True, eq=False)
class Distinct:
    """The different ones among many keys."""

    keys: NDArray[np.int64]
    """(N,) ascending."""
    counts: NDArray[np.int64]
    """(N,) how often each occurs."""
    first: NDArray[np.int64]
    """(N,) where each occurs first."""
    rows: NDArray[np.int64]
    """Of every key given, which of the N it is."""


def distinct(keys: NDArray[np.int64]) -> Distinct:
    """Sort out `keys` as `numpy.unique` does, but several times as fast: where key and place fit into 63 bits together,
    plain integers are sorted."""
    if not len(keys):
        empty: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        return Distinct(empty, empty, empty, empty)
    place_bits = len(keys).bit_length()
    if int(keys.max()).bit_length() + place_bits <= 63:
        packed = (keys << place_bits) | np.arange(len(keys))
        packed.sort()
        places = packed & ((1 << place_bits) - 1)
        packed >>= place_bits
    else:
        places = np.argsort(keys, kind="stable")
        packed = keys[places]
    starts = np.flatnonzero(np.concatenate(([True], packed[1:] != packed[:-1])))
    counts = np.diff(starts, append=len(keys))
    rows = np.empty_like(places)
    rows[places] = np.repeat(np.arange(len(starts)), counts)
    return Distinct(packed[starts], counts, places[starts], rows)


def narrow(values: NDArray[np.int64]) -> NDArray[Any]:
    """A copy in the smallest unsigned type that holds every value."""
    highest = int(values.max()) if len(values) else 0
    return values.astype(np.min_scalar_type(highest))
