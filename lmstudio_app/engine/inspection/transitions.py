"""What follows what: the probabilities by which a model of counts goes from a context to the next token.

Shapes: R contexts, C next tokens, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from lmstudio_app.engine import registry
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.inspection.capture import Pieces, refuse_missing

if TYPE_CHECKING:
    from lmstudio_app.engine.model import Model

SHOWN, MOST = 64, 1024
"""How many contexts and next tokens are taken unless another number is asked for, and at most."""


@dataclass(frozen=True, eq=False)
class Transitions:
    """Part of a model's transition matrix.

    `probabilities` (R, C) float64: row i holds how probable each of `tokens` (C) is after `contexts[i]` (R), as the
    model has it; what a row lacks to 1 belongs to tokens that are not shown. A token that is no whole character shows
    as its bytes, <E4>. `seen` (R) counts the last tokens of a context that were followed by something in the training
    text: where it is less than `lengths` (R), the context itself never was, and a Markov chain gives way to those.
    `cut` earlier tokens of a chosen context are more than the model looks at.
    """

    contexts: list[str]
    tokens: list[str]
    probabilities: NDArray[np.float64]
    lengths: list[int]
    seen: list[int]
    cut: int = 0

    @property
    def others(self) -> NDArray[np.float64]:
        """The probability of all tokens that are not shown, after each context (R,)."""
        left: NDArray[np.float64] = np.maximum(1 - self.probabilities.sum(axis=1), 0.0)
        return left


class Spelled(Pieces, Protocol):
    """What naming contexts asks of a tokenizer."""

    def spelling(self, token: int) -> bytes:
        """The bytes of a token."""


class Expected(Protocol):
    """A text that a model of counts has read."""

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """The probability of every token (V,)."""

    @property
    def reach(self) -> int:
        """How many of the last tokens make the longest context that something followed in the training text."""


class Counted(Protocol):
    """What looking at transitions asks of a model."""

    @property
    def context(self) -> int:
        """How many tokens before the next one it looks at."""

    def occurrences(self) -> NDArray[np.int64]:
        """How often each token occurs in the training text (V,)."""

    def begin(self, prompt: NDArray[np.int64]) -> Expected:
        """Read the tokens `prompt` (T,)."""


def transitions(model: Model, tokenizer: Spelled, context: str = "", top: int = SHOWN) -> Transitions:
    """The transitions of `model` between the `top` most frequent tokens, each a context of its own.

    With a `context`, its rows are that text and its ends, as far as the model looks back, the longest first and nothing
    at all last; the next tokens are the `top` likeliest after the longest. Raises `UserError` when the model does not
    count or has not counted yet, `top` is out of bounds, or the vocabulary lacks characters of the context.
    """
    if not hasattr(model, "occurrences"):
        raise without_transitions()
    if not 1 <= top <= MOST:
        raise UserError("Ask for 1 to {most} tokens, not {top}.", field="top", most=MOST, top=top)
    counted = cast("Counted", model)
    frequencies = counted.occurrences()
    if not frequencies.any():
        raise UserError("This model has not counted anything yet. Train it for a step.")
    cut = 0
    if context:
        refuse_missing(tokenizer, context, "context")
        tokens = np.asarray(tokenizer.encode(context), dtype=np.int64)
        cut = max(0, len(tokens) - counted.context)
        rows = [tokens[first:] for first in range(cut, len(tokens) + 1)]
        columns = _highest(counted.begin(rows[0]).probabilities, top)
    else:
        columns = _highest(frequencies, top)
        rows = [columns[place : place + 1] for place in range(len(columns))]
    read = [counted.begin(row) for row in rows]
    return Transitions(
        contexts=[spelled(tokenizer, row.tolist()) for row in rows],
        tokens=[spelled(tokenizer, [token]) for token in columns.tolist()],
        probabilities=np.stack([one.probabilities[columns] for one in read]),
        lengths=[len(row) for row in rows],
        seen=[one.reach for one in read],
        cut=cut,
    )


def without_transitions() -> UserError:
    """The error for a model that does not count; it names the families that do."""
    titles = [family.title for family in registry.families().values() if "transitions" in family.offers]
    return UserError(
        "This model has no transitions to show. Families with transitions: {families}.",
        choices=titles,
        families=", ".join(titles),
    )


def spelled(tokenizer: Spelled, tokens: Sequence[int]) -> str:
    """The text of `tokens` together; bytes that are no character of it show as <E4>."""
    joined = b"".join(tokenizer.spelling(token) for token in tokens).decode("utf-8", "surrogateescape")
    return "".join(f"<{ord(letter) - 0xDC00:02X}>" if "\udc80" <= letter <= "\udcff" else letter for letter in joined)


def _highest(values: NDArray[np.int64] | NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """The tokens with the `count` highest values, the highest first and none with 0."""
    tokens: NDArray[np.int64] = np.argsort(-values, kind="stable")[: min(count, np.count_nonzero(values))]
    return tokens
