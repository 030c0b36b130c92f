"""How a Transformer knows the order of tokens, where nothing about it is learned.

Rotary positions (Su et al. 2021, RoFormer): queries and keys are turned by an angle that grows with their place. The
halves of a head's numbers are paired (first with the one half a head further), as in Llama. Where a head has an odd
count of numbers, the last one is left as it is.

ALiBi (Press et al. 2022): attention falls with the distance, for every head at a rate of its own.

Sinusoidal positions (Vaswani et al. 2017, 3.5): sines and cosines of many wavelengths, added to the tokens.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

BASE = 10_000.0

Rotation = tuple[Tensor, Tensor]


class Placement(NamedTuple):
    """What attention is told of places: how to turn queries and keys, or what to add to their products (H, T, S)."""

    rotation: Rotation | None = None
    bias: Tensor | None = None


NOWHERE = Placement()
"""Attention is told nothing of places."""


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

    def forward(self, start: int, length: int) -> Placement:
        """The turn for `length` places from `start` on."""
        return Placement(rotation=(self.cosines[start : start + length], self.sines[start : start + length]))


def rotate(vectors: Tensor, rotation: Rotation) -> Tensor:
    """Turn queries and keys (B, T, heads, W) by `rotation`, cosines and sines (T, P)."""
    cosines, sines = (table[:, None, :] for table in rotation)  # (T, 1, P)
    pairs = cosines.shape[-1]
    first, second, odd = torch.split(vectors, [pairs, pairs, vectors.shape[-1] - 2 * pairs], dim=-1)
    turned = (first * cosines - second * sines, second * cosines + first * sines)
    return torch.cat((*turned, odd) if odd.shape[-1] else turned, dim=-1)


class DistanceBias(nn.Module):
    """ALiBi: −slope · distance for every head, −∞ for places that are still to come; nothing to learn."""

    slopes: Tensor

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.register_buffer("slopes", torch.tensor(_slopes(heads), dtype=torch.float32), persistent=False)

    def forward(self, start: int, length: int) -> Placement:
        """What is added to the products (H, T, S) of `length` places that follow `start` others."""
        held = torch.arange(start + length, device=self.slopes.device)
        distance = held[start:, None] - held  # (T, S)
        bias = -self.slopes[:, None, None] * distance
        return Placement(bias=bias.masked_fill(distance < 0, -torch.inf))


def _slopes(heads: int) -> list[float]:
    """2^(−8 i / H) for i = 1 … H; where H is no power of two, those of the next lower power, and between them every
    other one of the next higher power."""
    power = 1 << (heads.bit_length() - 1)
    own = [2 ** (-8 * (place + 1) / power) for place in range(power)]
    between = [2 ** (-8 * (place + 1) / (2 * power)) for place in range(0, 2 * power, 2)]
    return own + between[: heads - power]


class SinusoidalPositions(nn.Module):
    """A table (context, D) to add to token vectors that were multiplied by √D; nothing to learn."""

    table: Tensor

    def __init__(self, context: int, width: int) -> None:
        super().__init__()
        rates = BASE ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
        angles = torch.arange(context, dtype=torch.float64)[:, None] * rates
        table = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[:, :width]
        self.scale = math.sqrt(width)
        self.register_buffer("table", table.float(), persistent=False)

    def forward(self, vectors: Tensor, start: int) -> Tensor:
        """Token vectors (B, T, D), scaled, with their places from `start` on."""
        return vectors * self.scale + self.table[start : start + vectors.shape[1]]
