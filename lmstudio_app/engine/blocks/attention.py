"""Causal self-attention (Vaswani et al. 2017): every position gathers from itself and the positions before it.

Shapes: B batch, T new positions, S all positions held, D width, H heads, G heads of keys and values (G divides H), W =
D/H numbers per head.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from lmstudio_app.engine.blocks.caches import KeyValueCache
from lmstudio_app.engine.blocks.layers import Linear, dropout
from lmstudio_app.engine.blocks.normalization import RMS_EPSILON
from lmstudio_app.engine.blocks.positions import NOWHERE, Placement, rotate


class SelfAttention(nn.Module):
    """Multi-head attention with a triangular mask.

    With fewer heads of keys and values, H/G heads of queries share each (Ainslie et al. 2023). `normalized` brings
    queries and keys to a mean square of 1 (Dehghani et al. 2023; without scales of their own). `dropout` acts on the
    output, `weight_dropout` on the attention weights.

    It runs PyTorch's scaled-dot-product kernel, which never forms the weights; while `captured` is a list, it forms
    them and adds them there (`probes.attention_weights`).
    """

    captured: list[Tensor] | None

    def __init__(
        self,
        width: int,
        heads: int,
        dropout: float,
        bias: bool,
        *,
        shared_heads: int = 0,
        normalized: bool = False,
        weight_dropout: float = 0.0,
    ) -> None:
        """`shared_heads` is G, 0 for as many as `heads`."""
        super().__init__()
        self.heads, self.shared_heads = heads, shared_heads or heads
        self.head_width = width // heads
        self.dropout, self.weight_dropout = dropout, weight_dropout
        self.normalized = normalized
        self.captured = None
        shared = self.shared_heads * self.head_width
        self.query_key_value = Linear(width, width + 2 * shared, bias=bias, maps=(width, shared, shared))
        self.output = Linear(width, width, bias=bias)

    def forward(
        self, hidden: Tensor, placement: Placement = NOWHERE, cache: KeyValueCache | None = None, layer: int = 0
    ) -> Tensor:
        """(B, T, D) → (B, T, D). With a cache, the T positions follow those it holds for `layer`."""
        batch, length, width = hidden.shape
        heads = self.query_key_value(hidden).view(batch, length, self.heads + 2 * self.shared_heads, self.head_width)
        turned, value = heads.split([self.heads + self.shared_heads, self.shared_heads], dim=2)
        if placement.rotation is not None:
            turned = rotate(turned, placement.rotation)
        if self.normalized:
            turned = functional.rms_norm(turned, (self.head_width,), eps=RMS_EPSILON)
        query, key = turned.transpose(1, 2).split([self.heads, self.shared_heads], dim=1)  # (B, H, T, W), (B, G, T, W)
        value = value.transpose(1, 2)
        if cache is not None:
            key, value = cache.extend(layer, key, value)  # (1, G, S, W)
        if self.shared_heads != self.heads:
            key, value = (each.repeat_interleave(self.heads // self.shared_heads, dim=1) for each in (key, value))
        gathered = self._gather(query, key, value, placement.bias)
        mixed: Tensor = self.output(gathered.transpose(1, 2).reshape(batch, length, width))
        return dropout(mixed, self.dropout, self.training)

    def _gather(self, query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None) -> Tensor:
        length, held = query.shape[2], key.shape[2]
        if self.captured is not None:
            weights = _weights(query, key, bias)
            self.captured.append(weights)
            return weights @ value
        share = self.weight_dropout if self.training else 0.0
        if length == held and bias is None:
            return functional.scaled_dot_product_attention(query, key, value, dropout_p=share, is_causal=True)
        mask = None if bias is None else bias.to(query.dtype)
        if mask is None and length > 1:
            mask = _visible(length, held, query.device)
        return functional.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=share)


def _visible(length: int, held: int, device: torch.device) -> Tensor:
    """Which of `held` positions each of the last `length` may see (T, S)."""
    return torch.ones(length, held, dtype=torch.bool, device=device).tril(held - length)


def _weights(query: Tensor, key: Tensor, bias: Tensor | None) -> Tensor:
    """softmax(q·k / √W + bias) over the visible positions (B, H, T, S); exactly 0 elsewhere."""
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    if bias is not None:
        scores = scores + bias
    hidden_places = ~_visible(query.shape[2], key.shape[2], query.device)
    return scores.masked_fill(hidden_places, -torch.inf).softmax(dim=-1)
