"""Loss, perplexity and bits per byte of a model on a text, each token scored once.

Bits per byte is the length of a code for the text, divided by its UTF-8 bytes, so it compares models across tokenizers.
A character that the vocabulary lacks costs what its unknown token costs, and then a fixed code of 8 bits for each of
its bytes, so that the text could be read back.

Shapes: N tokens of the text.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import Evaluated
from lmstudio_app.engine.model import Likelihood, Model
from lmstudio_app.engine.registry import Learning

PART = 1 << 14
"""Tokens scored between two reports of progress."""

CONTEXTS_PER_PART = 16
"""At least so many contexts go into a part: a part reads one context more than it scores."""


def parts(model: Model, tokens: NDArray[np.integer[Any]]) -> Iterator[Likelihood]:
    """The likelihood of one part of the text after another; together they cover every token once.

    A model that sees a limited context reads the context before a part again. One that carries a state reads the whole
    text at once, so there is one part.
    """
    context = model.context
    size = len(tokens) if context is None else max(PART, CONTEXTS_PER_PART * context)
    for first in range(0, len(tokens), max(size, 1)):
        lead = min(context or 0, first)
        part = np.asarray(tokens[first - lead : first + size], dtype=np.int64)
        nats = model.score(part)[lead:]
        yield Likelihood(float(nats.sum()), len(nats))


def scores(total: Likelihood, text_bytes: int, unknown_bytes: int, method: str) -> Evaluated:
    """The figures that a likelihood gives. Raises `UserError` for an empty text and a model that has gone astray."""
    if not total.tokens or not text_bytes:
        raise UserError("The text is empty: there is nothing to score. Choose a text with at least one character.")
    nats_per_token = total.nats / total.tokens
    if not math.isfinite(nats_per_token):
        raise UserError(
            "The model gives part of the text no probability at all: its training diverged. Choose an earlier "
            "checkpoint, or train again with a lower learning rate."
        )
    bits = total.nats / math.log(2) + 8 * unknown_bytes
    return Evaluated(
        bits_per_byte=bits / text_bytes,
        perplexity=math.exp(min(nats_per_token, 700.0)),  # e^700 is near the largest number there is
        nats_per_token=nats_per_token,
        tokens=total.tokens,
        bytes=text_bytes,
        unknown_bytes=unknown_bytes,
        method=method,
    )


def method(context: int | None, learning: Learning, note: str = "") -> str:
    """How tokens were scored, in words; `note` is what the family adds (`Family.score_note`)."""
    if context is None:
        return "each token scored once, with the state carried on from the start of the text"
    if learning == "counting":
        return f"each token scored once, given up to {context} tokens before it" + (f", {note}" if note else "")
    return f"each token scored once, in windows of {context} tokens that overlap by half"
