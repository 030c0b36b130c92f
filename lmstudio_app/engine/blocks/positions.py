"""Rotary positions (Su et al. 2021, RoFormer): queries and keys are turned by an angle that grows with their place.

The halves of a head's numbers are paired (first with the one half a head further), as in Llama.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

BASE = 10_000.0


class RotaryPositions(nn.Module):
    """Cosines and sines (context, W/2) for heads of `head_width` = W numbers, W even. It has nothing to learn."""

    cosines: Tensor
    sines: Tensor

    def __init__(self, context: int, head_width: int) -> None:
        super().__init__()
        rates = BASE ** (-torch.arange(0, head_width, 2, dtype=torch.float64) / head_width)  # (W/2,)
        angles = torch.arange(context, dtype=torch.float64)[:, None] * rates  # (context, W/2)
        self.register_buffer("cosines", angles.cos().float(), persistent=False)
        self.register_buffer("sines", angles.sin().float(), persistent=False)

    def forward(self, start: int, length: int) -> Rotation:
        """The turn for `length` places from `start` on."""
        return self.cosines[start : start + length], self.sines[start : start + length]


Rotation = tuple[Tensor, Tensor]


def rotate(vectors: Tensor, rotation: Rotation) -> Tensor:
    """Turn queries and keys (B, T, 2, H, W) by `rotation`, cosines and sines (T, W/2)."""
    cosines, sines = (table[:, None, None, :] for table in rotation)  # (T, 1, 1, W/2)
    first, second = vectors.chunk(2, dim=-1)
    return torch.cat((first * cosines - second * sines, second * cosines + first * sines), dim=-1)
