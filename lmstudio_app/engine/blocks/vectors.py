"""Linear maps of single vectors on a CPU, on the weights of torch layers, without torch's cost per call."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Vector = NDArray[np.float32]
"""Numbers of one position, or a table of them."""

THREADED = 2_000_000
"""From so many weights on, torch multiplies, on as many threads as it has. Below, numpy is 1.2 to 3 times as quick (two
cores, one and two threads, 16 thousand to 600 thousand weights); here both wait for the memory alike."""


def view(tensor: Tensor) -> Vector:
    """The numbers of a tensor on a CPU, shared with it."""
    array: Vector = tensor.detach().numpy()
    return array


def affine(layer: nn.Linear) -> Callable[[Vector], Vector]:
    """(in,) → (out,), a new vector each time."""
    weight = layer.weight.detach()
    bias = None if layer.bias is None else view(layer.bias)
    product = _torch_product(weight) if weight.numel() >= THREADED else view(weight).dot
    if bias is None:
        return product

    def mapped(vector: Vector) -> Vector:
        result = product(vector)
        result += bias
        return result

    return mapped


def _torch_product(weight: Tensor) -> Callable[[Vector], Vector]:
    def product(vector: Vector) -> Vector:
        result: Vector = torch.mv(weight, torch.from_numpy(vector)).numpy()
        return result

    return product
