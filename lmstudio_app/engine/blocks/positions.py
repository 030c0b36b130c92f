"""Rotary positions (Su et al. 2021, RoFormer): queries and keys are turned by an angle that grows with their place.

The halves of a head's numbers are paired (first with the one half a head further), as in Llama. Where a head has an odd
count of numbers, the last one is left as it is.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

BASE = 10_000.0


class RotaryPositions(nn.Module):
    """Cosines and sines (context, P) for heads of `head_width` = W numbers in P = W // 2 pairs; nothing to learn."""

    cosines: Tensor
    sines: Tensor

    def __init__(self, context: int, head_width: int) -> None:
        super().__init__()
        turned = head_width // 2 * 2
        rates = BASE ** (-torch.arange(0, turned, 2, dtype=torch.float64) / max(turned, 1))  # (P,)
        angles = torch.arange(context, dtype=torch.float64)[:, None] * rates  # (context, P)
        self.register_buffer("cosines", angles.cos().float(), persistent=False)
        self.register_buffer("sines", angles.sin().float(), persistent=False)

    def forward(self, start: int, length: int) -> Rotation:
        """The turn for `length` places from `start` on."""
        return self.cosines[start : start + length], self.sines[start : start + length]


Rotation = tuple[Tensor, Tensor]


def rotate(vectors: Tensor, rotation: Rotation) -> Tensor:
    """Turn queries and keys (B, T, 2, H, W) by `rotation`, cosines and sines (T, P)."""
    cosines, sines = (table[:, None, None, :] for table in rotation)  # (T, 1, 1, P)
    pairs = cosines.shape[-1]
    first, second, odd = torch.split(vectors, [pairs, pairs, vectors.shape[-1] - 2 * pairs], dim=-1)
    turned = (first * cosines - second * sines, second * cosines + first * sines)
    return torch.cat((*turned, odd) if odd.shape[-1] else turned, dim=-1)
