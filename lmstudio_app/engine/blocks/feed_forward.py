"""The part of a Transformer block that works on each position alone: GELU (Hendrycks and Gimpel 2016), ReLU, squared
ReLU (So et al. 2021, Primer) or SwiGLU (Shazeer 2020)."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from lmstudio_app.engine.blocks.layers import Linear, dropout

Activation = Literal["gelu", "relu", "squared_relu", "swiglu"]


class FeedForward(nn.Module):
    """Widen to `inner` = F numbers, bend, narrow. GELU is the exact one, with the error function.

    `dropout` acts on what comes out, `inner_dropout` on the F numbers between the maps.
    """

    def __init__(
        self, width: int, inner: int, activation: Activation, dropout: float, bias: bool, *, inner_dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.activation = activation
        self.dropout = dropout
        self.inner_dropout = inner_dropout
        maps = (inner, inner) if activation == "swiglu" else (inner,)  # SwiGLU: gate and value
        self.widen = Linear(width, sum(maps), bias=bias, maps=maps)
        self.narrow = Linear(inner, width, bias=bias)

    def forward(self, hidden: Tensor) -> Tensor:
        """(B, T, D) → (B, T, D)."""
        bent = dropout(self._bend(self.widen(hidden)), self.inner_dropout, self.training)
        return dropout(self.narrow(bent), self.dropout, self.training)

    def _bend(self, wide: Tensor) -> Tensor:
        """(B, T, F), or (B, T, 2 F) for SwiGLU → (B, T, F)."""
        if self.activation == "gelu":
            return functional.gelu(wide)
        if self.activation == "relu":
            return functional.relu(wide)
        if self.activation == "squared_relu":
            return functional.relu(wide).square()
        gate, value = wide.chunk(2, dim=-1)
        return functional.silu(gate) * value
