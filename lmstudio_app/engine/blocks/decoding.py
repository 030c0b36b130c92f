"""A text being written by a body and a head, one token at a time, each costing one position of work."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lmstudio_app.engine.blocks.backbone import Backbone, Memory
from lmstudio_app.engine.blocks.reading import reading

CHUNK = 4096
"""Positions read at once by a body that has no context of its own to bound them."""


class LanguageDecoding:
    """Meets `Decoding`. The logits equal those of a full forward pass over the visible tokens.

    A body with a context sees at most that many tokens. When they are full and another one comes, the window slides:
    the last half of a context, with the new token at its end, is read afresh, since every position in the cache has
    moved.
    """

    def __init__(self, body: Backbone, head: nn.Linear, prompt: NDArray[np.int64]) -> None:
        self._body, self._head = body, head
        self._memory: Memory = body.empty_memory()
        self._seen: list[int] = []  # the visible tokens; only kept where a window can slide
        self._logits = np.zeros(head.out_features, dtype=np.float32)
        if len(prompt):
            visible = prompt if body.context is None else prompt[-body.context :]
            self._read([int(token) for token in visible])

    @property
    def logits(self) -> NDArray[np.float32]:
        """Unnormalised log-probabilities of the next token (V,); all 0 before the first token."""
        return self._logits

    def advance(self, token: int) -> None:
        """Append `token`; `logits` then speak of the one after it."""
        if not 0 <= token < self._head.out_features:
            raise ValueError(f"token {token} is outside the vocabulary of {self._head.out_features}")
        if self._body.context is not None and self._memory.room == 0:
            kept = max(1, self._body.context // 2)
            window = [*self._seen, int(token)][-kept:]
            self._memory, self._seen = self._body.empty_memory(), []
            self._read(window)
        else:
            self._read([int(token)])

    def _read(self, tokens: list[int]) -> None:
        if self._body.context is not None:
            self._seen.extend(tokens)
        with reading(self._body):
            device = self._body.tokens.weight.device
            for first in range(0, len(tokens), CHUNK):
                chunk = torch.tensor([tokens[first : first + CHUNK]], device=device)  # (1, T)
                hidden: Tensor = self._body(chunk, self._memory)  # (1, T, D)
            self._logits = self._head(hidden[0, -1]).float().cpu().numpy()
