"""The linear map x Wᵀ + b, by oneDNN on AMD's processors and by PyTorch's default elsewhere.

PyTorch multiplies float32 matrices by MKL, which leaves up to half the speed of AMD processors unused (measured on one
core of two EPYCs with AVX-512: 97 GFLOP/s, oneDNN 215; 100 GFLOP/s, oneDNN 107), while on Intel's it is the faster one
(on one core of a Xeon of 2023: 161 GFLOP/s, oneDNN 149). Every build of PyTorch for x86 contains oneDNN. Which one is
used depends on the processor's kind, the shapes and the number of threads, so equal runs on equal machines write equal
bits.
"""

from __future__ import annotations

import platform
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from lmstudio_app.engine.devices import processor

FEWEST_ROWS = 32
"""Below this many rows (a token at a time) the overhead of oneDNN outweighs its speed."""


def linear(values: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`values` (…, in) times `weight` (out, in) transposed, plus `bias` (out,)."""
    if available() and _worthwhile(values, weight):
        product: Tensor = _Linear.apply(values, weight, bias)  # type: ignore[no-untyped-call]
        return product
    return functional.linear(values, weight, bias)


def _worthwhile(values: Tensor, weight: Tensor) -> bool:
    """Whether the shapes are large and come again.

    oneDNN keeps about half a megabyte of code for every shape it has met, so a text read alone, whose length may be
    any, goes without it.
    """
    rows = values.numel() // values.shape[-1]
    return (
        rows >= FEWEST_ROWS
        and (values.shape[0] > 1 or torch.is_grad_enabled())
        and values.device.type == "cpu"
        and values.dtype == weight.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
    )


@cache
def available() -> bool:
    """Whether float32 matrices are multiplied by oneDNN here: where that pays and can be done."""
    return processor().startswith("AMD ") and callable_here()


def callable_here() -> bool:
    """Whether this PyTorch can call oneDNN on float32 matrices.

    The call is no public one of PyTorch's, so it is tried: a version that lacks or changes it does without.
    """
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    values, weight = torch.arange(6.0).view(2, 3), torch.arange(12.0).view(4, 3)
    try:
        product = _product(values, weight, torch.ones(4))
    except (AttributeError, TypeError, RuntimeError, NotImplementedError):
        return False
    return torch.equal(product, functional.linear(values, weight, torch.ones(4)))


def _product(values: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    product: Tensor = torch.ops.mkldnn._linear_pointwise(values, weight, bias, "none", [], "")
    return product


class _Linear(torch.autograd.Function):
    """The map and its gradients, each one product of oneDNN."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(values, weight)
        return _product(values, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        values, weight = ctx.saved_tensors
        needs_values, needs_weight, needs_bias = ctx.needs_input_grad
        rows = gradient.reshape(-1, gradient.shape[-1])  # (N, out)
        return (
            _product(gradient, weight.t(), None) if needs_values else None,
            _weight_gradient(rows, values.reshape(-1, values.shape[-1])) if needs_weight else None,
            rows.sum(dim=0) if needs_bias else None,
        )


def _weight_gradient(gradient: Tensor, values: Tensor) -> Tensor:
    """`gradient` (N, out) transposed times `values` (N, in), which is (out, in): a small matrix of long sums.

    oneDNN spreads such a product over several threads badly (two threads: 85 GFLOP/s, MKL 180), so that PyTorch's
    default takes it then.
    """
    if torch.get_num_threads() > 1:
        return gradient.t() @ values
    return _product(gradient.t(), values.t(), None)
