"""What every body is: tokens (B, T) in, hidden vectors (B, T, D) out, with or without a memory of earlier tokens."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol

from torch import Tensor, nn

from lmstudio_app.engine.blocks.vectors import Vector

Step = Callable[[int], Vector]
"""Adds one token to a memory; its hidden vector (D,), a new array each time."""


class Memory(Protocol):
    """What a body keeps of the tokens it has read, so that the next one costs one position of work."""

    @property
    def room(self) -> int | None:
        """How many more tokens it can take; None when any number fits."""


class Backbone(nn.Module, ABC):
    """A body without a head.

    `width` is D; `context` the most tokens it sees at once, None when it carries a state of any length; `causal` says
    that no position sees a later one; `tokens` is the token table, which a tied head shares. `carries_state` says that
    it learns from windows that follow each other, handing its memory on.
    """

    width: int
    context: int | None
    causal: bool
    tokens: nn.Embedding
    carries_state: bool = False

    @abstractmethod
    def forward(self, tokens: Tensor, memory: Memory | None = None) -> Tensor:
        """Hidden vectors (B, T, D) of `tokens` (B, T).

        With a memory, `tokens` continue what it holds and are added to it. Raises `ValueError` when they do not fit
        into the context.
        """

    @abstractmethod
    def empty_memory(self) -> Memory:
        """A memory of one text (B = 1) that has read nothing."""

    def step(self, memory: Memory) -> Step | None:
        """A quicker way than `forward` to add one token to `memory`, where this body has one on its device."""
        return None
