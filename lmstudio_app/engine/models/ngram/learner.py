"""Learning by counting: each step adds the n-grams that are one token longer.

Shapes: B texts, T tokens of each (as a rule B is 1: the whole training split).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmstudio_app.engine.data.batches import Batch
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.model import Likelihood, State
from lmstudio_app.engine.models.ngram.levels import UNSEEN, Level, distinct, following, probabilities
from lmstudio_app.engine.models.ngram.network import NgramModel


@dataclass
class Reading:
    """The training text as the highest level sees it, place by place."""

    tokens: NDArray[np.int64]
    """(B, T)"""
    contexts: NDArray[np.int64]
    """(B, T) the row of the n-gram that ends just before each place, in the level below."""
    rows: NDArray[np.int64]
    """(B, T) the row of the n-gram that ends at each place; `UNSEEN` where the text has only just begun."""
    lower: NDArray[np.float64] | float
    """(B, T) the probability of each token under the levels below; 1/V when there is none."""


class CountingLearner:
    """Meets `Learner`: step k counts the n-grams of k tokens and leaves a model of order k.

    The batch must be the same text at every step. With smoothing, the levels below the highest count preceding tokens
    instead of occurrences, so each step also turns the counts of the level that was highest before it.
    """

    def __init__(self, model: NgramModel) -> None:
        self.model = model
        self._reading: Reading | None = None
        self._rows: list[dict[str, Any]] = []

    @property
    def steps(self) -> int:
        """How many steps there are to make: the order of the settings."""
        return self.model.settings.order

    def step(self, number: int, batch: Batch) -> None:
        """Count the n-grams of `number` tokens. Raises `UserError` when the text is not that of the steps before."""
        if number != self.model.order + 1 or number > self.steps:
            raise ValueError(f"step {number} after {self.model.order} of {self.steps}")
        tokens = _texts(batch)
        if number == 1:
            level, reading = self._first_level(tokens)
            self.model.levels = (level,)
        else:
            below = self._reread(tokens)
            level, turned, reading = self._next_level(below)
            self.model.levels = (*self.model.levels[:-1], turned, level)
        self._reading = reading if number < self.steps else None
        chances = probabilities(level, reading.contexts, reading.rows, reading.lower)
        self._rows.append(
            {
                "step": number,
                "training_loss": float(-np.log(self.model.floored(chances)).mean()),
                "ngrams": int(np.count_nonzero(level.counts)),
            }
        )

    def measured(self) -> list[dict[str, Any]]:
        """A row per step since the last call: "step", "training_loss" (nats per token of the training text) and
        "ngrams", how many different n-grams the step counted."""
        rows, self._rows = self._rows, []
        return rows

    def check(self, batch: Batch) -> Likelihood:
        """Score the targets of `batch`, each text on its own."""
        nats = [float(self.model.score(text)[1:].sum()) for text in _texts(batch)]
        return Likelihood(sum(nats), batch.targets.size)

    def validated(self, loss: float) -> None:
        """Counting takes no notice of it."""

    def state(self) -> State:
        """The counts; there is nothing else to remember."""
        return State(weights=self.model.weights(), counters={"order": self.model.order})

    def load(self, state: State) -> None:
        """Go on from `state`. Raises `UserError` when its counts are damaged."""
        self.model.load_weights(state.weights)
        self._reading = None
        self._rows = []

    def snapshot(self) -> NgramModel:
        """The model as it is now; later steps leave it as it is."""
        return self.model.copy()

    def _first_level(self, tokens: NDArray[np.int64]) -> tuple[Level, Reading]:
        vocabulary = self.model.vocabulary
        if int(tokens.min()) < 0 or int(tokens.max()) >= vocabulary:
            raise UserError(
                "The training text has tokens outside its vocabulary of {vocabulary}: the tokens on disk "
                "are damaged. Prepare the corpus again.",
                vocabulary=vocabulary,
            )
        counts = np.bincount(tokens.ravel(), minlength=vocabulary)
        level = self.model.level(np.arange(vocabulary), counts, 1)
        return level, Reading(tokens, np.zeros_like(tokens), tokens, 1 / vocabulary)

    def _next_level(self, below: Reading) -> tuple[Level, Level, Reading]:
        vocabulary, highest = self.model.vocabulary, self.model.levels[-1]
        contexts = following(below.rows)
        counted = contexts != UNSEEN
        ngrams = distinct((contexts * vocabulary + below.tokens)[counted])
        rows = np.full_like(contexts, UNSEEN)
        rows[counted] = ngrams.rows
        turned = self._turned(below.rows, below.rows[counted][ngrams.first]) if self.model.smooth else highest
        level = self.model.level(ngrams.keys, ngrams.counts, len(highest))
        lower = probabilities(turned, below.contexts, below.rows, below.lower)
        return level, turned, Reading(below.tokens, contexts, rows, lower)

    def _turned(self, rows: NDArray[np.int64], shorter: NDArray[np.int64]) -> Level:
        """The highest level with the numbers of different tokens that precede its n-grams: `shorter` are their rows in
        each different n-gram that is one token longer, `rows` (B, T) those at each place of the text."""
        highest = self.model.levels[-1]
        preceding = np.bincount(shorter, minlength=len(highest))
        preceding[_opening(rows, self.model.order)] += 1
        return self.model.level(highest.keys, preceding, len(highest.backoff) - 1)

    def _reread(self, tokens: NDArray[np.int64]) -> Reading:
        """What the last step left, or the same worked out again after `load`."""
        if self._reading is not None and np.array_equal(self._reading.tokens, tokens):
            return self._reading
        levels, vocabulary = self.model.levels, self.model.vocabulary
        reading = Reading(tokens, np.zeros_like(tokens), tokens, 1 / vocabulary)
        for number, (lower, level) in enumerate(pairwise(levels), start=2):
            contexts = following(reading.rows)
            rows = level.find(contexts, tokens, vocabulary)
            chances = probabilities(lower, reading.contexts, reading.rows, reading.lower)
            reading = Reading(tokens, contexts, rows, chances)
            if (rows[:, number - 1 :] == UNSEEN).any():
                raise _other_text()
        if (levels[0].counts[tokens] == 0).any():
            raise _other_text()
        return reading


def _texts(batch: Batch) -> NDArray[np.int64]:
    """The texts (B, T + 1) whose windows (B, T) a batch holds."""
    return np.concatenate((batch.inputs[:, :1], batch.targets), axis=1)


def _opening(rows: NDArray[np.int64], order: int) -> NDArray[np.int64]:
    """The different rows of the n-grams of `order` tokens that open a text."""
    return np.unique(rows[:, order - 1 : order])


def _other_text() -> UserError:
    return UserError("The training text is not the one that this run has counted so far. Start a new run.")
