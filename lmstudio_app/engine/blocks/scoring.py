"""Nats of every token of a text, each scored once.

Shapes: N tokens of the text, C the context, B windows at once, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from lmstudio_app.engine.blocks.backbone import Backbone
from lmstudio_app.engine.blocks.reading import reading

LOGITS_AT_ONCE = 1 << 24
"""How many logits may exist at a time (64 MiB as float32)."""

CHUNK = 1024
"""Tokens that a body with a carried state reads at a time."""


def score(body: Backbone, head: nn.Linear, tokens: NDArray[np.int64]) -> NDArray[np.float64]:
    """Nats (N,) of `tokens` (N,); the first has nothing before it and costs ln V."""
    nats = np.full(len(tokens), math.log(head.out_features))
    if len(tokens) > 1:
        with reading(body):
            text = torch.tensor(np.asarray(tokens, dtype=np.int64), device=body.tokens.weight.device)
            if body.context is None:
                _score_carried(body, head, text, nats)
            else:
                _score_windows(body, head, text, nats, body.context)
    return nats


def _score_carried(body: Backbone, head: nn.Linear, text: Tensor, nats: NDArray[np.float64]) -> None:
    """Read the whole text in chunks, handing the state on from one to the next."""
    memory = body.empty_memory()
    chunk = max(1, min(CHUNK, LOGITS_AT_ONCE // head.out_features))
    for first in range(0, len(text) - 1, chunk):
        last = min(first + chunk, len(text) - 1)
        logits = head(body(text[None, first:last], memory))[0]  # (T, V)
        nats[first + 1 : last + 1] = _nats(logits, text[first + 1 : last + 1])


def _score_windows(body: Backbone, head: nn.Linear, text: Tensor, nats: NDArray[np.float64], context: int) -> None:
    """Read windows of the context that overlap by half; each scores the tokens that none before it has."""
    length = min(context, len(text) - 1)
    at_once = max(1, LOGITS_AT_ONCE // (length * head.out_features))
    for group in _groups(list(_windows(len(text), length)), at_once):
        starts = torch.tensor([start for start, _ in group], device=text.device)
        places = starts[:, None] + torch.arange(length + 1, device=text.device)  # (B, length + 1)
        windows = text[places]
        logits = head(body(windows[:, :-1]))  # (B, length, V)
        values = _nats(logits.flatten(0, 1), windows[:, 1:].flatten()).reshape(len(group), length)
        for (start, fresh), row in zip(group, values, strict=True):
            nats[start + fresh + 1 : start + length + 1] = row[fresh:]


def _windows(tokens: int, length: int) -> Iterator[tuple[int, int]]:
    """Where each window of `length` inputs starts, and how many of its targets an earlier window has scored.

    The last window ends with the text, so that all have the same length.
    """
    yield 0, 0
    stride = max(1, length // 2)
    scored = length
    while scored < tokens - 1:
        end = min(scored + stride, tokens - 1)
        start = end - length
        yield start, scored - start
        scored = end


def _groups(windows: list[tuple[int, int]], size: int) -> Iterator[list[tuple[int, int]]]:
    for first in range(0, len(windows), size):
        yield windows[first : first + size]


def _nats(logits: Tensor, targets: Tensor) -> NDArray[np.float64]:
    nats = functional.cross_entropy(logits.float(), targets, reduction="none")
    values: NDArray[np.float64] = nats.double().cpu().numpy()
    return values
