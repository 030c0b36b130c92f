"""What a model learns from at one step: windows of tokens, drawn as a function of (seed, step) alone.

Shapes: B batch, T positions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lmstudio_app.engine.errors import UserError


@dataclass(frozen=True)
class Batch:
    """Token ids to read and to foretell: `inputs` (B, T) and `targets` (B, T), both int64."""

    inputs: NDArray[np.int64]
    targets: NDArray[np.int64]


class Batches(Protocol):
    """Training batches by step number and the fixed batches of a validation."""

    def at(self, step: int) -> Batch:
        """The batch of training step `step`, counting from 1: the same for the same seed, whatever came before."""

    def validation(self) -> Iterator[Batch]:
        """The validation batches, the same at every call."""


class Windows:
    """Random windows of the training tokens, and evenly spaced ones of the validation tokens.

    A window starts anywhere with equal chance (with replacement), as in char-rnn and nanoGPT. The generator is Philox
    with (seed, step) as its key, so step 1,000 needs no step before it.
    """

    def __init__(
        self,
        training: NDArray[np.unsignedinteger],
        validation: NDArray[np.unsignedinteger],
        *,
        batch: int,
        context: int,
        seed: int,
        validation_tokens: int,
    ) -> None:
        """Raises `UserError` when a split is too short for one window of `context` + 1 tokens."""
        for name, tokens in (("training", training), ("validation", validation)):
            if len(tokens) < context + 1:
                longest = max(min(len(training), len(validation)) - 1, 0)
                raise UserError(
                    "The {split} text has {tokens} tokens, too few for a context of {context}. Choose a context of at "
                    "most {longest}, or add text.",
                    field="model.context",
                    choices=(longest,) if longest else (),
                    split=name,
                    tokens=len(tokens),
                    context=context,
                    longest=longest,
                )
        self._training, self._validation = training, validation
        self._batch, self._context, self._seed = batch, context, seed
        windows = max(1, min(validation_tokens // context, (len(validation) - 1) // context))
        self._starts = np.linspace(0, len(validation) - 1 - context, windows).astype(np.int64)

    def at(self, step: int) -> Batch:
        """The windows of training step `step`: `batch` rows of `context` tokens."""
        generator = np.random.Generator(np.random.Philox(key=np.array([self._seed, step], dtype=np.uint64)))
        starts = generator.integers(0, len(self._training) - self._context, size=self._batch)
        return self._windows(self._training, starts)

    def validation(self) -> Iterator[Batch]:
        """Evenly spaced windows of the validation tokens, the same at every call."""
        for first in range(0, len(self._starts), self._batch):
            yield self._windows(self._validation, self._starts[first : first + self._batch])

    def _windows(self, tokens: NDArray[np.unsignedinteger], starts: NDArray[np.int64]) -> Batch:
        places = starts[:, None] + np.arange(self._context + 1)  # (B, T + 1)
        windows = tokens[places].astype(np.int64)
        return Batch(inputs=windows[:, :-1], targets=windows[:, 1:])


class Streams(Windows):
    """Windows that follow each other: row b of a step goes on where row b of the step before it ended.

    The rows read the training tokens as a ring, from places evenly spaced round it; the seed turns the ring.
    """

    def at(self, step: int) -> Batch:
        """The windows of training step `step`: `batch` rows of `context` tokens."""
        count = len(self._training)
        key = np.array([self._seed, 0], dtype=np.uint64)
        first = int(np.random.Generator(np.random.Philox(key=key)).integers(count))
        starts = first + np.arange(self._batch) * count // self._batch + (step - 1) * self._context
        places = (starts[:, None] + np.arange(self._context + 1)) % count  # (B, T + 1)
        windows = self._training[places].astype(np.int64)
        return Batch(inputs=windows[:, :-1], targets=windows[:, 1:])


class WholeSplit:
    """All training tokens at every step, for a family that learns by counting; all validation tokens at once."""

    def __init__(self, training: NDArray[np.unsignedinteger], validation: NDArray[np.unsignedinteger]) -> None:
        """Raises `UserError` when a split has fewer than two tokens."""
        if min(len(training), len(validation)) < 2:
            raise UserError("The text is too short to count: each split needs at least two tokens. Add text.")
        self._training, self._validation = training, validation

    def at(self, step: int) -> Batch:
        """All training tokens as one row, whatever the step."""
        return _whole(self._training)

    def validation(self) -> Iterator[Batch]:
        """All validation tokens as one row."""
        yield _whole(self._validation)


def _whole(tokens: NDArray[np.unsignedinteger]) -> Batch:
    row = np.asarray(tokens, dtype=np.int64)[None]
    return Batch(inputs=row[:, :-1], targets=row[:, 1:])
