"""Causal self-attention (Vaswani et al. 2017): every position gathers from itself and the positions before it.

Shapes: B batch, T new positions, S all positions held, D width, H heads, W = D/H numbers per head.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from lmstudio_app.engine.blocks.caches import KeyValueCache
from lmstudio_app.engine.blocks.layers import Linear, dropout
from lmstudio_app.engine.blocks.positions import Rotation, rotate


class SelfAttention(nn.Module):
    """Multi-head attention with a triangular mask; dropout acts on its output, not on the weights.

    It runs PyTorch's scaled-dot-product kernel, which never forms the weights; while `captured` is a list, it forms
    them and adds them there (`probes.attention_weights`).
    """

    captured: list[Tensor] | None

    def __init__(self, width: int, heads: int, dropout: float, bias: bool) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.captured = None
        self.query_key_value = Linear(width, 3 * width, bias=bias)
        self.output = Linear(width, width, bias=bias)

    def forward(
        self, hidden: Tensor, rotation: Rotation | None = None, cache: KeyValueCache | None = None, layer: int = 0
    ) -> Tensor:
        """(B, T, D) → (B, T, D). With a cache, the T positions follow those it holds for `layer`."""
        batch, length, width = hidden.shape
        three: Tensor = self.query_key_value(hidden).view(batch, length, 3, self.heads, width // self.heads)
        if rotation is None:
            query, key, value = three.permute(2, 0, 3, 1, 4)  # each (B, H, T, W)
        else:
            query, key = rotate(three[:, :, :2], rotation).permute(2, 0, 3, 1, 4)
            value = three[:, :, 2].transpose(1, 2)
        if cache is not None:
            key, value = cache.extend(layer, key, value)  # (1, H, S, W)
        gathered = self._gather(query, key, value)
        mixed: Tensor = self.output(gathered.transpose(1, 2).reshape(batch, length, width))
        return dropout(mixed, self.dropout, self.training)

    def _gather(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        length, held = query.shape[2], key.shape[2]
        if self.captured is not None:
            weights = _weights(query, key)
            self.captured.append(weights)
            return weights @ value
        if length == held:
            return functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        mask = None if length == 1 else _visible(length, held, query.device)
        return functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)


def _visible(length: int, held: int, device: torch.device) -> Tensor:
    """Which of `held` positions each of the last `length` may see (T, S)."""
    return torch.ones(length, held, dtype=torch.bool, device=device).tril(held - length)


def _weights(query: Tensor, key: Tensor) -> Tensor:
    """softmax(q·k / √W) over the visible positions (B, H, T, S); exactly 0 elsewhere."""
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    hidden_places = ~_visible(query.shape[2], key.shape[2], query.device)
    return scores.masked_fill(hidden_places, -torch.inf).softmax(dim=-1)
