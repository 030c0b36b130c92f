"""A causal convolution over time with gaps between the tokens that it looks at (van den Oord et al. 2016).

Shapes: B batch, T positions, D width, K kernel, G the dilation, P = (K − 1) · G positions before the first.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lmstudio_app.engine.blocks.layers import Linear


class CausalConvolution(nn.Module):
    """(B, T, D) → (B, T, `out`): every position from itself and K − 1 earlier ones, each G further back.

    Computed as one product over the K positions side by side, which on a CPU is quicker than a convolution of such
    narrow layers. Weights are unset; those for the earliest position come first.
    """

    def __init__(self, width: int, out: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.kernel, self.dilation = kernel, dilation
        self.taps = Linear(kernel * width, out)

    @property
    def reach(self) -> int:
        """How many positions before its own it looks at or passes over (P)."""
        return (self.kernel - 1) * self.dilation

    def forward(self, values: Tensor, before: Tensor | None = None) -> Tensor:
        """`before` is what came before `values` (B, P, D); zeros where nothing did."""
        length = values.shape[1]
        if before is None:
            before = values.new_zeros(values.shape[0], self.reach, values.shape[2])
        padded = torch.cat([before, values], dim=1)  # (B, P + T, D)
        taps = [padded[:, place : place + length] for place in range(0, self.reach + 1, self.dilation)]
        convolved: Tensor = self.taps(torch.cat(taps, dim=2))  # (B, T, K · D) → (B, T, out)
        return convolved
