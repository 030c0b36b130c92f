"""The n-gram model: interpolated modified Kneser–Ney over the levels counted so far, or their relative frequencies.

Without smoothing it is a Markov chain: a token has the share of the occurrences of its context that it followed, so
what never followed a context has the probability 0 there. A context that nothing ever followed gives way to the longest
shorter one that something did. Scores mix the uniform guess in, with the share `floor` of the settings: the mixture is
a distribution still, and no token costs more than ln(V / floor) nats.

Shapes: T and N tokens, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmstudio_app.engine.data.tokenizer import refuse_foreign
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.models.ngram.levels import (
    UNSEEN,
    Level,
    following,
    narrow,
    probabilities,
    smoothed,
    unsmoothed,
)
from lmstudio_app.engine.models.ngram.settings import NgramSettings

CHUNK = 1 << 17
"""Tokens scored at once: bounds the memory of scoring a long text."""

OUT_OF_REACH = 4096.0
"""How far below the tokens that follow a context a Markov chain puts those that only follow the next shorter one, in
logits. Their probability is exactly 0, at every temperature up to 5; but where no other token may be drawn, they are
there to draw from."""


class NgramModel:
    """Meets `Model`. Its order is how many levels it holds; with none, as from `build`, all tokens are as likely."""

    def __init__(self, settings: NgramSettings, vocabulary: int) -> None:
        self.settings = settings
        self.vocabulary = vocabulary
        self.levels: tuple[Level, ...] = ()

    @property
    def order(self) -> int:
        """The length of the longest n-grams counted so far."""
        return len(self.levels)

    @property
    def smooth(self) -> bool:
        """Whether something is left for what was never counted."""
        return self.settings.smoothing != "none"

    @property
    def context(self) -> int:
        """How many tokens before the next one matter: the order less one."""
        return max(self.order - 1, 0)

    def begin(self, prompt: NDArray[np.int64]) -> NgramDecoding:
        """Read the tokens `prompt` (T,) that matter, the last `context` ones."""
        refuse_foreign(prompt, self.vocabulary)
        decoding = NgramDecoding(self.levels, self.vocabulary, smooth=self.smooth)
        for token in prompt[max(len(prompt) - self.context, 0) :].tolist():
            decoding.advance(token)
        return decoding

    def score(self, tokens: NDArray[np.int64]) -> NDArray[np.float64]:
        """Nats of each token (N,). The first ones, with fewer than `context` tokens before them, are foretold by the
        lower orders; the first of all by the counts of single tokens."""
        refuse_foreign(tokens, self.vocabulary)
        nats = np.empty(len(tokens))
        for first in range(0, len(tokens), CHUNK):
            lead = min(self.context, first)
            chunk = np.asarray(tokens[first - lead : first + CHUNK], dtype=np.int64)
            nats[first : first + CHUNK] = -np.log(self.floored(self._probabilities(chunk)[lead:]))
        return nats

    def floored(self, chances: NDArray[np.float64]) -> NDArray[np.float64]:
        """What a score takes for tokens of these probabilities: without smoothing, the uniform guess mixed in."""
        if self.smooth:
            return chances
        floor = self.settings.floor
        mixed: NDArray[np.float64] = (1 - floor) * chances + floor / self.vocabulary
        return mixed

    def level(self, keys: NDArray[np.int64], counts: NDArray[np.int64], contexts: int) -> Level:
        """The level of n-grams whose prefixes are rows of `contexts` (M) contexts, with their shares."""
        return (smoothed if self.smooth else unsmoothed)(keys, counts, contexts, self.vocabulary)

    def occurrences(self) -> NDArray[np.int64]:
        """How often each token occurs in the training text (V,). Smoothed, only the longest n-grams know that: the
        first order − 1 tokens of a text are left out then."""
        known = [level for level in (self.levels if self.smooth else self.levels[:1]) if len(level)]
        if not known:
            return np.zeros(self.vocabulary, dtype=np.int64)
        tokens = known[-1].keys % self.vocabulary
        return np.bincount(tokens, weights=known[-1].counts, minlength=self.vocabulary).astype(np.int64)

    def weights(self) -> dict[str, NDArray[Any]]:
        """The counts: "order" (1,), and of each level k "counts_k" (N,) and, above the first, "keys_k" (N,), each in
        the smallest unsigned type that holds it. Those of a Markov chain say so by "unsmoothed" (1,), always 1."""
        arrays: dict[str, NDArray[Any]] = {"order": np.array([self.order], dtype=np.uint8)}
        if not self.smooth:
            arrays["unsmoothed"] = np.ones(1, dtype=np.uint8)
        for number, level in enumerate(self.levels, start=1):
            arrays[f"counts_{number}"] = narrow(level.counts)
            if number > 1:
                arrays[f"keys_{number}"] = narrow(level.keys)
        return arrays

    def load_weights(self, weights: Mapping[str, NDArray[Any]]) -> None:
        """Take counts over. Raises `UserError` when they are not those of such a model; nothing is changed then."""
        self.levels = tuple(_loaded(weights, self))

    def copy(self) -> NgramModel:
        """A model that stays as this one is now. Levels never change, so both may hold the same ones."""
        twin = NgramModel(self.settings, self.vocabulary)
        twin.levels = self.levels
        return twin

    def _probabilities(self, tokens: NDArray[np.int64]) -> NDArray[np.float64]:
        result = np.full(len(tokens), 1 / self.vocabulary)
        rows = tokens[None]
        contexts = np.zeros_like(rows)
        for number, level in enumerate(self.levels, start=1):
            if number > 1:
                contexts = following(rows)
                rows = level.find(contexts, tokens[None], self.vocabulary)
            result = probabilities(level, contexts[0], rows[0], result)
        return result


class NgramDecoding:
    """Meets `Decoding`: the rows of the last 0, 1, 2 … tokens in their levels, `UNSEEN` where never counted."""

    def __init__(self, levels: Sequence[Level], vocabulary: int, *, smooth: bool) -> None:
        self._levels = levels
        self._vocabulary = vocabulary
        self._smooth = smooth
        self._contexts: list[int] = [0] + [UNSEEN] * (len(levels) - 1)

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """The probability of every token (V,); they sum to 1."""
        result = np.full(self._vocabulary, 1 / self._vocabulary)
        for level, context in zip(self._levels, self._contexts, strict=False):
            if context != UNSEEN:
                rows = level.continuations(context, self._vocabulary)
                result *= level.backoff[context]
                result[level.keys[rows] - context * self._vocabulary] += level.shares[rows]
        return result

    @property
    def logits(self) -> NDArray[np.float32]:
        """Log-probabilities of the next token (V,); where they are 0, far below the others, ordered by the shorter
        contexts (`OUT_OF_REACH`)."""
        if self._smooth:
            return np.log(self.probabilities).astype(np.float32)
        result = np.full(self._vocabulary, -np.log(self._vocabulary))
        for level, context in zip(self._levels, self._contexts, strict=False):
            rows = level.continuations(context, self._vocabulary)
            if rows.start < rows.stop:
                result -= OUT_OF_REACH
                followed = level.shares[rows] > 0  # the first level lists all tokens
                tokens = level.keys[rows][followed] - context * self._vocabulary
                result[tokens] = np.log(level.shares[rows][followed])
        return result.astype(np.float32)

    @property
    def reach(self) -> int:
        """How many of the last tokens make the longest context that something followed in the training text."""
        found = 0
        for length, (level, context) in enumerate(zip(self._levels, self._contexts, strict=False)):
            rows = level.continuations(context, self._vocabulary)
            found = length if rows.start < rows.stop else found
        return found

    def advance(self, token: int) -> None:
        """Append `token`."""
        if not 0 <= token < self._vocabulary:
            raise ValueError(f"token {token} is outside the vocabulary of {self._vocabulary}")
        last = np.array([token])
        longer = [
            int(level.find(np.array([context]), last, self._vocabulary)[0])
            for level, context in zip(self._levels[1:-1], self._contexts[1:-1], strict=True)
        ]
        self._contexts = [0, token, *longer][: len(self._contexts)]


def build(settings: NgramSettings, vocabulary: int, seed: int) -> NgramModel:
    """A model that has counted nothing yet. Counting draws no random number: `seed` changes nothing."""
    return NgramModel(settings, vocabulary)


def blank(settings: NgramSettings, vocabulary: int) -> NgramModel:
    """A model whose counts are about to be loaded."""
    return NgramModel(settings, vocabulary)


def _loaded(weights: Mapping[str, NDArray[Any]], model: NgramModel) -> Iterator[Level]:
    vocabulary = model.vocabulary
    order = _integers(weights, "order")
    if len(order) != 1 or not 0 <= order[0] <= model.settings.order:
        raise _damaged("order")
    if not model.smooth and _integers(weights, "unsmoothed").tolist() != [1]:
        raise _damaged("unsmoothed")
    numbers = range(1, int(order[0]) + 1)
    expected = {"order"} | (set() if model.smooth else {"unsmoothed"})
    expected |= {f"counts_{k}" for k in numbers} | {f"keys_{k}" for k in numbers[1:]}
    if unknown := sorted(set(weights) - expected):
        raise _damaged(unknown[0])
    contexts = 1
    for number in numbers:
        counts = _integers(weights, f"counts_{number}")
        keys = np.arange(vocabulary) if number == 1 else _integers(weights, f"keys_{number}")
        _check_keys(keys, contexts * vocabulary, f"keys_{number}")
        # Level 1 lists the tokens that do not occur as well, with a count of 0.
        least = 0 if number == 1 else 1
        if len(counts) != len(keys) or (counts < least).any() or (number == 1 and not counts.any()):
            raise _damaged(f"counts_{number}")
        yield model.level(keys, counts, contexts)
        contexts = len(keys)


def _check_keys(keys: NDArray[np.int64], end: int, name: str) -> None:
    if len(keys) and (keys[0] < 0 or keys[-1] >= end or (np.diff(keys) <= 0).any()):
        raise _damaged(name)


def _integers(weights: Mapping[str, NDArray[Any]], name: str) -> NDArray[np.int64]:
    array = weights.get(name)
    if array is None or array.ndim != 1 or array.dtype.kind not in "ui":
        raise _damaged(name)
    return array.astype(np.int64)  # a copy; what is too large becomes negative and is refused as such


def _damaged(name: str) -> UserError:
    return UserError(
        "The saved counts “{name}” are missing, damaged or of a model with other settings. Choose an "
        "earlier checkpoint, or train the model again.",
        name=name,
    )
