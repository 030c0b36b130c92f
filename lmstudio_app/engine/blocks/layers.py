"""Layers whose fresh weights are left unset: a family sets them from its own generator, or a file is loaded over them.

PyTorch's own layers draw from the global generator when they are made, which would shift the dropout of a training that
runs in another thread.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

from lmstudio_app.engine.blocks import matrix_product


class Linear(nn.Linear):
    """A linear layer with unset weights.

    `maps` are the outputs of each map where its rows stack several (query, key and value): Muon takes them apart.
    """

    def __init__(self, inputs: int, outputs: int, *, bias: bool = True, maps: tuple[int, ...] = ()) -> None:
        super().__init__(inputs, outputs, bias=bias)
        self.maps = maps or (outputs,)

    def reset_parameters(self) -> None:
        """Leave the weights unset."""

    def forward(self, input: Tensor) -> Tensor:
        """(…, in) → (…, out), by the quickest product that this processor has."""
        return matrix_product.linear(input, self.weight, self.bias)


class Embedding(nn.Embedding):
    """A table of vectors by token or position, with unset weights."""

    def reset_parameters(self) -> None:
        """Leave the weights unset."""


def fill_normal(parameters: Iterable[nn.Parameter], deviation: float, generator: torch.Generator) -> None:
    """Draw every number from a normal distribution around 0, in the order given."""
    with torch.no_grad():
        for parameter in parameters:
            parameter.normal_(0.0, deviation, generator=generator)


def dropout(values: Tensor, share: float, training: bool) -> Tensor:
    """Set a `share` of `values` to 0 at random and scale up the rest (Srivastava et al. 2014), while `training`.

    It draws from torch's global generator. On a CPU one draw of 64 bits decides on four numbers, which takes a third of
    the time of PyTorch's own; the share is rounded to the nearest 1/65,536 then, and the scale follows it.
    """
    if not training or share == 0.0:
        return values
    if values.device.type != "cpu":
        return functional.dropout(values, share, training=True)
    dropped, count = min(round(share * 65_536), 65_535), values.numel()
    bits = torch.empty(-(-count // 4), dtype=torch.int64).random_(-(2**63), None).view(torch.int16)
    keep = (bits[:count] >= dropped - 32_768).view(values.shape)
    return (values * keep).mul_(65_536 / (65_536 - dropped))
