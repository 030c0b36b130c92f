"""Muon (Jordan et al. 2024) as PyTorch has it, in float32 on processors that only pretend to know bfloat16.

Shapes: N matrices of one shape, R rows, C columns.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

SHORT_NUMBERS = ("amx_bf16", "avx512_bf16", "bf16")
"""Instructions, as PyTorch calls them, without which a product in bfloat16 takes ten times as long as in float32."""


class Muon(torch.optim.Muon):
    """`torch.optim.Muon` with its adjustment "match_rms_adamw", which makes every update orthogonal in bfloat16.

    Where the processor has no instructions for that, the same iteration runs in float32, over all matrices of one shape
    at once. It remembers one moment, "momentum_buffer".
    """

    def __init__(self, params: list[Any], *, weight_decay: float, momentum: float) -> None:
        super().__init__(params, weight_decay=weight_decay, momentum=momentum, adjust_lr_fn="match_rms_adamw")

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """One update of every matrix that has a gradient."""
        assert closure is None
        for group in self.param_groups:
            parameters = [parameter for parameter in group["params"] if parameter.grad is not None]
            if not parameters or parameters[0].device.type != "cpu" or short_numbers():
                super().step()  # type: ignore[no-untyped-call]
                return
            self._step(group, parameters)

    def _step(self, group: dict[str, Any], parameters: list[Tensor]) -> None:
        by_shape: dict[tuple[int, ...], list[Tensor]] = {}
        for parameter in parameters:
            by_shape.setdefault(tuple(parameter.shape), []).append(parameter)
        for shape, alike in by_shape.items():
            stacked = torch.stack([self._update(parameter, group["momentum"]) for parameter in alike])
            updates = orthogonal(stacked, group["ns_coefficients"], group["ns_steps"], group["eps"])
            rate = group["lr"] * 0.2 * math.sqrt(max(shape))
            for parameter, update in zip(alike, updates, strict=True):
                parameter.mul_(1 - group["lr"] * group["weight_decay"]).sub_(update, alpha=rate)

    def _update(self, parameter: Tensor, momentum: float) -> Tensor:
        """The gradient ahead of its running mean (Nesterov)."""
        state, gradient = self.state[parameter], parameter.grad
        assert gradient is not None
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(gradient)
        mean = state["momentum_buffer"]
        mean.lerp_(gradient, 1 - momentum)
        return gradient.lerp(mean, momentum)


def orthogonal(matrices: Tensor, coefficients: tuple[float, float, float], steps: int, eps: float) -> Tensor:
    """Each of `matrices` (N, R, C) with all its singular values near 1, by a quintic Newton–Schulz iteration."""
    first, second, third = coefficients
    tall = matrices.shape[1] > matrices.shape[2]
    found = matrices.mT if tall else matrices
    found = found / found.norm(dim=(1, 2), keepdim=True).clamp(min=eps)
    for _ in range(steps):
        gram = found @ found.mT
        found = torch.baddbmm(found, torch.baddbmm(gram, gram, gram, beta=second, alpha=third), found, beta=first)
    return found.mT if tall else found


@cache
def short_numbers() -> bool:
    """Whether this processor multiplies in bfloat16 by itself."""
    known = torch.cpu.get_capabilities()
    return any(known.get(name) for name in SHORT_NUMBERS)
