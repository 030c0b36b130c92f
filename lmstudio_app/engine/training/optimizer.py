"""AdamW over two flat vectors: weights that decay and weights that do not.

All parameters of a group are views of one vector, and so are their gradients, so that clearing, clipping and updating
are one operation each, whatever the number of layers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch._dynamo  # an optimizer imports it at its first step; that second shall pass before somebody waits for it
from numpy.typing import NDArray
from torch import Tensor, nn

from lmstudio_app.engine.errors import UserError

BETA1 = 0.9
MOMENTS = ("exp_avg", "exp_avg_sq")


@dataclass
class _Group:
    """Parameters by name, laid end to end in `weights`, whose `grad` holds their gradients."""

    members: dict[str, nn.Parameter]
    weights: nn.Parameter

    def parts(self, flat: Tensor) -> dict[str, Tensor]:
        """`flat`, which is laid out as the weights, in the shapes of the members."""
        sizes = [member.numel() for member in self.members.values()]
        pieces = torch.split(flat.view(-1), sizes)
        return {
            name: piece.view(member.shape) for (name, member), piece in zip(self.members.items(), pieces, strict=True)
        }


class FlatAdamW:
    """AdamW (Loshchilov and Hutter 2019) for all parameters of a network.

    Only matrices and larger decay; offsets and scales of normalizations do not.
    """

    def __init__(self, network: nn.Module, *, beta2: float, weight_decay: float, clip: float) -> None:
        """`clip` is the longest the whole gradient may be; 0 is no limit."""
        named = dict(network.named_parameters())
        decaying = {name: parameter for name, parameter in named.items() if parameter.dim() >= 2}
        others = {name: parameter for name, parameter in named.items() if parameter.dim() < 2}
        lay_out = _apart if _needs_own_layout(network) else _flattened
        self._groups: list[_Group] = []
        settings: list[dict[str, Any]] = []
        for members, decay in ((decaying, weight_decay), (others, 0.0)):
            groups = lay_out(members) if members else []
            self._groups += groups
            settings.append({"params": [group.weights for group in groups], "weight_decay": decay})
        self._optimizer = torch.optim.AdamW([s for s in settings if s["params"]], betas=(BETA1, beta2), fused=True)
        self._clip = clip
        self.steps = 0

    def clear(self) -> None:
        """Set all gradients to 0."""
        for group in self._groups:
            _gradient(group).zero_()

    def step(self, learning_rate: float) -> Tensor:
        """Clip, update, and return the length of the whole gradient before clipping, on the device."""
        lengths = [torch.linalg.vector_norm(_gradient(group)) for group in self._groups]
        length: Tensor = torch.linalg.vector_norm(torch.stack(lengths))
        if self._clip:
            self._shorten((length / self._clip).clamp(min=1.0))
        for settings in self._optimizer.param_groups:
            settings["lr"] = learning_rate
        self._optimizer.step()
        self.steps += 1
        return length

    def _shorten(self, factor: Tensor) -> None:
        """Divide all gradients by `factor` (≥ 1)."""
        if factor.device.type == "mps":  # its fused kernel takes no scale
            for group in self._groups:
                _gradient(group).div_(factor)
        else:  # the fused kernel divides as it reads, so that clipping costs no pass of its own
            self._optimizer.grad_scale = factor  # type: ignore[attr-defined]

    def memory(self) -> dict[str, NDArray[Any]]:
        """Copies of both moments of every parameter, as "exp_avg.<name>" and "exp_avg_sq.<name>"; none at first."""
        copies: dict[str, NDArray[Any]] = {}
        for group in self._groups:
            state = self._optimizer.state.get(group.weights, {})
            for moment in MOMENTS:
                if moment in state:
                    flat = state[moment].detach().to("cpu", copy=True)
                    copies |= {f"{moment}.{name}": part.numpy() for name, part in group.parts(flat).items()}
        return copies

    def load(self, memory: Mapping[str, NDArray[Any]], steps: int) -> None:
        """Go on with the moments of `memory` after `steps` steps. Raises `UserError` when they do not fit."""
        self.steps = steps
        self._optimizer.state.clear()
        if not steps:
            return
        for group in self._groups:
            state = {moment: torch.empty_like(group.weights) for moment in MOMENTS}
            for moment, flat in state.items():
                for name, part in group.parts(flat).items():
                    part.copy_(_fitting(memory, f"{moment}.{name}", part))
            state["step"] = torch.tensor(float(steps), device=group.weights.device)
            self._optimizer.state[group.weights] = state


def _needs_own_layout(network: nn.Module) -> bool:
    """cuDNN wants the weights of a recurrent layer in an order of its own, and complains about any other."""
    return any(isinstance(part, nn.RNNBase) and next(part.parameters()).is_cuda for part in network.modules())


def _flattened(members: dict[str, nn.Parameter]) -> list[_Group]:
    """Move the members' weights into one vector, of which they become views, and give them gradients likewise."""
    weights = nn.Parameter(torch.cat([member.detach().reshape(-1) for member in members.values()]))
    weights.grad = torch.zeros_like(weights)
    group = _Group(members, weights)
    gradients = group.parts(weights.grad)
    for name, part in group.parts(weights.detach()).items():
        members[name].data = part
        members[name].grad = gradients[name]
    return [group]


def _apart(members: dict[str, nn.Parameter]) -> list[_Group]:
    """Leave the members where they are, each a group of its own."""
    for member in members.values():
        member.grad = torch.zeros_like(member)
    return [_Group({name: member}, member) for name, member in members.items()]


def _gradient(group: _Group) -> Tensor:
    gradient = group.weights.grad
    assert gradient is not None
    return gradient


def _fitting(memory: Mapping[str, NDArray[Any]], name: str, part: Tensor) -> Tensor:
    array = memory.get(name)
    if array is None or array.shape != tuple(part.shape):
        raise UserError(
            "The checkpoint's optimizer state lacks “{name}” or has another shape for it. Start a new run.", name=name
        )
    return torch.from_numpy(np.array(array, dtype=np.float32))
