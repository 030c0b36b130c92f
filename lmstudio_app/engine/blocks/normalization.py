"""Layer normalization (Ba et al. 2016) and root-mean-square normalization (Zhang and Sennrich 2019)."""

from __future__ import annotations

from typing import Literal

from torch import nn

Normalization = Literal["layer", "rms"]

LAYER_EPSILON = 1e-5
RMS_EPSILON = 1e-6


def normalization(kind: Normalization, width: int, bias: bool) -> nn.Module:
    """A normalization over the last axis with a learned scale; LayerNorm has a learned shift where `bias` is set."""
    if kind == "layer":
        return nn.LayerNorm(width, eps=LAYER_EPSILON, bias=bias)
    return nn.RMSNorm(width, eps=RMS_EPSILON)
