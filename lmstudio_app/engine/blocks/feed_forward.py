"""The part of a Transformer block that works on each position alone: GELU (Hendrycks and Gimpel 2016) or SwiGLU
(Shazeer 2020)."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from lmstudio_app.engine.blocks.layers import Linear, dropout

Activation = Literal["gelu", "swiglu"]


class FeedForward(nn.Module):
    """Widen to `inner` = F numbers, bend, narrow. GELU is the exact one, with the error function."""

    def __init__(self, width: int, inner: int, activation: Activation, dropout: float, bias: bool) -> None:
        super().__init__()
        self.activation = activation
        self.dropout = dropout
        self.widen = Linear(width, inner if activation == "gelu" else 2 * inner, bias=bias)  # SwiGLU: gate and value
        self.narrow = Linear(inner, width, bias=bias)

    def forward(self, hidden: Tensor) -> Tensor:
        """(B, T, D) → (B, T, D)."""
        wide = self.widen(hidden)  # (B, T, F) or (B, T, 2 F)
        if self.activation == "gelu":
            bent = functional.gelu(wide)
        else:
            gate, value = wide.chunk(2, dim=-1)
            bent = functional.silu(gate) * value
        narrowed: Tensor = self.narrow(bent)
        return dropout(narrowed, self.dropout, self.training)
