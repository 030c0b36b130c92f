"""A text being written by a body and a head, one token at a time, each costing one position of work."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lmstudio_app.engine.blocks.backbone import Backbone, Memory, Step
from lmstudio_app.engine.blocks.reading import reading
from lmstudio_app.engine.blocks.vectors import affine

CHUNK = 4096
"""Positions read at once by a body that has no context of its own to bound them."""

FEW, NARROW = 3, 256
"""Up to so many tokens are read one by one where the body has a step for one and is no wider: one call of torch takes
as long as three steps or four (4 × 4 × 128), but only one and a half where weights come from memory (6 × 6 × 384)."""


class LanguageDecoding:
    """Meets `Decoding`. The logits equal those of a full forward pass over the visible tokens.

    A body with a context sees at most that many tokens. When they are full and another one comes, the window slides:
    the last half of a context, with the new token at its end, is read afresh, since every position in the cache has
    moved.

    A body on a CPU may have a quicker way for a single token (`Backbone.step`), which then also reads few tokens; many
    are read at once by torch. Which it is depends on the model alone, so a text is written in the same bits again.
    """

    def __init__(self, body: Backbone, head: nn.Linear, prompt: NDArray[np.int64]) -> None:
        self._body, self._head = body, head
        self._few = FEW if body.width <= NARROW else 1
        self._empty()
        self._score = affine(head) if self._step is not None else None
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
            self._empty()
            self._read(window)
        else:
            self._read([int(token)])

    def _empty(self) -> None:
        self._memory: Memory = self._body.empty_memory()
        self._step: Step | None = self._body.step(self._memory)
        self._seen: list[int] = []  # the visible tokens; only kept where a window can slide

    def _read(self, tokens: list[int]) -> None:
        if self._body.context is not None:
            self._seen.extend(tokens)
        if self._step is not None and self._score is not None and len(tokens) <= self._few:
            for token in tokens:
                last = self._step(token)
            self._logits = self._score(last)
            return
        with reading(self._body):
            device = self._body.tokens.weight.device
            for first in range(0, len(tokens), CHUNK):
                chunk = torch.tensor([tokens[first : first + CHUNK]], device=device)  # (1, T)
                hidden: Tensor = self._body(chunk, self._memory)  # (1, T, D)
            self._logits = self._head(hidden[0, -1]).float().cpu().numpy()
