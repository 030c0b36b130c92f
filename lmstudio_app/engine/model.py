"""The contracts that every family meets. They name no torch type, so the n-gram and the window can meet them too.

Shapes: B batch, T positions, V vocabulary, N tokens of a text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lmstudio_app.engine.data.batches import Batch


@dataclass(frozen=True)
class Likelihood:
    """How well tokens were foretold: the sum of their negative log-probabilities in nats, and how many tokens."""

    nats: float
    tokens: int

    def __add__(self, other: Likelihood) -> Likelihood:
        return Likelihood(self.nats + other.nats, self.tokens + other.tokens)


@dataclass
class State:
    """All that a learner needs to go on: `weights` and `memory` (optimizer moments, carried state) as named arrays,
    `counters` as JSON values."""

    weights: dict[str, NDArray[Any]]
    memory: dict[str, NDArray[Any]] = field(default_factory=dict)
    counters: dict[str, Any] = field(default_factory=dict)


class Decoding(Protocol):
    """A text being written: what the model expects next, and the means to append a token."""

    @property
    def logits(self) -> NDArray[np.float32]:
        """Unnormalised log-probabilities of the next token (V,)."""

    def advance(self, token: int) -> None:
        """Append `token`; `logits` then speak of the one after it."""


class Model(Protocol):
    """A language model that can be scored, sampled and saved."""

    vocabulary: int

    @property
    def context(self) -> int | None:
        """The most tokens it sees at once; None when it carries a state of any length."""

    def begin(self, prompt: NDArray[np.int64]) -> Decoding:
        """Read `prompt` (T,), T ≥ 0, and be ready for the next token."""

    def score(self, tokens: NDArray[np.int64]) -> NDArray[np.float64]:
        """Nats of each token (N,) given those before it, each scored once; the first, with no context, costs what the
        model's empty context gives, or ln V where the family has none."""

    def weights(self) -> dict[str, NDArray[Any]]:
        """Named arrays that `load_weights` takes back. They are copies."""

    def load_weights(self, weights: Mapping[str, NDArray[Any]]) -> None:
        """Take weights over. Raises `UserError` when names or shapes do not fit."""


class Learner(Protocol):
    """All that the training loop knows of what it trains."""

    @property
    def model(self) -> Model:
        """The live model; `snapshot` gives one to use beside the training."""

    def step(self, number: int, batch: Batch) -> None:
        """One update, `number` counting from 1. What it measured stays on the device until `measured`."""

    def measured(self) -> list[dict[str, Any]]:
        """Rows of the steps since the last call, oldest first: "step", "training_loss" (nats per token) and the
        family's own figures. Copies from the device."""

    def check(self, batch: Batch) -> Likelihood:
        """Score a validation batch without learning from it."""

    def validated(self, loss: float) -> None:
        """Hear the loss of a validation, in nats per token; a learning rate may depend on it."""

    def state(self) -> State:
        """A copy of everything that `load` needs to go on as if nothing had happened."""

    def load(self, state: State) -> None:
        """Go on from `state`."""

    def snapshot(self) -> Model:
        """A copy of the model in its present state, in evaluation mode, sharing no memory with the learner."""
