"""Layers whose fresh weights are left unset: a family sets them from its own generator, or a file is loaded over them.

PyTorch's own layers draw from the global generator when they are made, which would shift the dropout of a training that
runs in another thread.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn


class Linear(nn.Linear):
    """A linear layer with unset weights."""

    def reset_parameters(self) -> None:
        """Leave the weights unset."""


class Embedding(nn.Embedding):
    """A table of vectors by token or position, with unset weights."""

    def reset_parameters(self) -> None:
        """Leave the weights unset."""


def fill_normal(parameters: Iterable[nn.Parameter], deviation: float, generator: torch.Generator) -> None:
    """Draw every number from a normal distribution around 0, in the order given."""
    with torch.no_grad():
        for parameter in parameters:
            parameter.normal_(0.0, deviation, generator=generator)
