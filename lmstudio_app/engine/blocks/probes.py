"""Look inside a network while it runs: attention weights, on request only, because training never forms them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from lmstudio_app.engine.blocks.attention import SelfAttention


def attention_layers(network: nn.Module) -> list[SelfAttention]:
    """The attention layers of `network`, first to last; empty for a family without attention."""
    return [module for module in network.modules() if isinstance(module, SelfAttention)]


@contextmanager
def attention_weights(network: nn.Module) -> Iterator[list[Tensor]]:
    """While this is open, each forward pass adds the weights (B, H, T, T) of every layer to the list, first to last."""
    captured: list[Tensor] = []
    layers = attention_layers(network)
    for layer in layers:
        layer.captured = captured
    try:
        yield captured
    finally:
        for layer in layers:
            layer.captured = None
