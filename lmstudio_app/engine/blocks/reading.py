"""Use a network without teaching it: no gradients, no dropout."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def reading(network: nn.Module) -> Iterator[None]:
    """While this is open nothing is recorded for a backward pass and dropout is off; the network's mode comes back."""
    training = network.training
    if training:
        network.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        if training:
            network.train()
