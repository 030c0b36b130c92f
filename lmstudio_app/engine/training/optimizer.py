"""The update of all weights of a network, by any of six methods, over flat vectors.

All parameters of a group are views of one vector, and so are their gradients, so that clearing, clipping, averaging and
(where a method treats every number alike) updating are one operation each, whatever the number of layers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch._dynamo  # an optimizer imports it at its first step; that second shall pass before somebody waits for it
from numpy.typing import NDArray
from torch import Tensor, nn

from lmstudio_app.engine.blocks.layers import Linear
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.training.lion import Lion
from lmstudio_app.engine.training.muon import Muon
from lmstudio_app.engine.training.settings import TrainingSettings

Shapes = dict[str, tuple[int, ...]]


@dataclass
class Group:
    """Parameters by name, laid end to end in `weights`, whose `grad` holds their gradients."""

    members: dict[str, nn.Parameter]
    weights: nn.Parameter

    @property
    def gradient(self) -> Tensor:
        """The gradients of all members, end to end."""
        assert self.weights.grad is not None
        return self.weights.grad

    def parts(self, flat: Tensor) -> dict[str, Tensor]:
        """`flat`, which is laid out as the weights, in the shapes of the members."""
        sizes = [member.numel() for member in self.members.values()]
        pieces = torch.split(flat.view(-1), sizes)
        return {
            name: piece.view(member.shape) for (name, member), piece in zip(self.members.items(), pieces, strict=True)
        }


@dataclass
class _Stepper:
    """One of PyTorch's optimizers and what it moves: whole groups, or single pieces of the parameters of a group.

    `pieces` are parameters that share memory with a member of a group, by the names under which their state is saved.
    """

    optimizer: torch.optim.Optimizer
    groups: tuple[Group, ...] = ()
    pieces: Mapping[str, nn.Parameter] | None = None


class FlatOptimizer:
    """Clears, clips and updates. Only matrices and larger decay; offsets and scales of normalizations do not.

    AdamW (Loshchilov and Hutter 2019), Adam (Kingma and Ba 2015), SGD with momentum, Lion (Chen et al. 2023) and
    Adafactor (Shazeer and Stern 2018) move everything; Muon (Jordan et al. 2024, at AdamW's learning rates as by Liu et
    al. 2025) moves the matrices of hidden layers, AdamW the token tables, the head and the rest. Adam and SGD have the
    decay in the gradient, as they always had; the others beside it.
    """

    def __init__(self, network: nn.Module, settings: TrainingSettings) -> None:
        self._settings = settings
        named = dict(network.named_parameters())
        hidden = _hidden_maps(network) if settings.optimizer == "muon" else {}
        decaying = {n: p for n, p in named.items() if p.dim() >= 2 and n not in hidden}
        others = {n: p for n, p in named.items() if p.dim() < 2}
        matrices = {n: p for n, p in named.items() if n in hidden}
        lay_out = _apart if _needs_own_layout(network) else _flattened
        self._decaying, self._others, self._matrices = (
            lay_out(members) if members else [] for members in (decaying, others, matrices)
        )
        self.groups = [*self._decaying, *self._others, *self._matrices]
        self._steppers = list(self._made(hidden))
        self.steps = 0

    def clear(self) -> None:
        """Set all gradients to 0."""
        for group in self.groups:
            group.gradient.zero_()

    def gradient_length(self) -> Tensor:
        """The length of the whole gradient, L1 included, on the device."""
        if self._settings.l1:
            for group in (*self._decaying, *self._matrices):
                group.gradient.add_(group.weights.detach().sign(), alpha=self._settings.l1)
        lengths = [torch.linalg.vector_norm(group.gradient) for group in self.groups]
        length: Tensor = torch.linalg.vector_norm(torch.stack(lengths))
        return length

    def step(self, learning_rate: float, length: Tensor) -> None:
        """Shorten the gradient of this `length` where it is too long, and update."""
        if clip := self._settings.gradient_clip:
            self._shorten((length / clip).clamp(min=1.0))
        for stepper in self._steppers:
            for settings in stepper.optimizer.param_groups:
                settings["lr"] = learning_rate
            stepper.optimizer.step()
        self.steps += 1

    def _shorten(self, factor: Tensor) -> None:
        """Divide all gradients by `factor` (≥ 1)."""
        fused = factor.device.type != "mps"  # whose fused kernel takes no scale
        for stepper in self._steppers:
            if fused and stepper.optimizer.param_groups[0].get("fused"):
                # the fused kernel divides as it reads, so that clipping costs no pass of its own
                stepper.optimizer.grad_scale = factor  # type: ignore[attr-defined]
            else:
                for group in stepper.groups:
                    group.gradient.div_(factor)

    # Methods ----------------------------------------------------------------------------------------------------

    def _made(self, hidden: Mapping[str, tuple[int, ...]]) -> Iterator[_Stepper]:
        settings = self._settings
        if settings.optimizer == "adafactor":
            every = [(group, decay) for groups, decay in self._decays() for group in groups]
            for group, decay in every:
                pieces = _pieces(group, {})
                made = torch.optim.Adafactor(list(pieces.values()), weight_decay=decay)
                yield _Stepper(made, (group,), pieces)
            return
        given = [
            {"params": [group.weights for group in groups], "weight_decay": decay}
            for groups, decay in self._decays()
            if groups
        ]
        if given:
            yield _Stepper(self._elementwise(given), (*self._decaying, *self._others))
        for group in self._matrices:
            pieces = _pieces(group, hidden)
            muon = Muon(list(pieces.values()), weight_decay=settings.weight_decay, momentum=settings.momentum)
            yield _Stepper(muon, (group,), pieces)

    def _decays(self) -> tuple[tuple[list[Group], float], ...]:
        return (self._decaying, self._settings.weight_decay), (self._others, 0.0)

    def _elementwise(self, given: list[dict[str, Any]]) -> torch.optim.Optimizer:
        """A method that treats every number alike, so that it may take groups as they lie."""
        settings = self._settings
        momentum, betas = settings.momentum, (settings.momentum, settings.beta2)
        match settings.optimizer:
            case "sgd":
                return torch.optim.SGD(given, lr=1.0, momentum=momentum, fused=True)
            case "lion":
                return Lion(given, betas=betas)
            case "adam":
                return torch.optim.Adam(given, betas=betas, fused=True)
            case "muon":  # its momentum is its own; AdamW keeps the usual one
                return torch.optim.AdamW(given, betas=(0.9, settings.beta2), fused=True)
            case _:
                return torch.optim.AdamW(given, betas=betas, fused=True)

    # Saving -----------------------------------------------------------------------------------------------------

    def memory(self) -> dict[str, NDArray[Any]]:
        """Copies of what the methods remember of every parameter, as "exp_avg.<name>" and so on; none at first."""
        copies: dict[str, NDArray[Any]] = {}
        for name, state in self._states():
            for moment, value in state.items():
                if isinstance(value, Tensor) and moment != "step":
                    copies[f"{moment}.{name}"] = value.detach().to("cpu", copy=True).numpy()
        return copies

    def load(self, memory: Mapping[str, NDArray[Any]], steps: int) -> None:
        """Go on with what `memory` holds after `steps` steps. Raises `UserError` when it does not fit."""
        self.steps = steps
        for stepper in self._steppers:
            stepper.optimizer.state.clear()
            if not steps:
                continue
            for parameter, parts in self._owners(stepper):
                stepper.optimizer.state[parameter] = self._remembered(stepper, parameter, parts, memory, steps)

    def _remembered(
        self,
        stepper: _Stepper,
        parameter: nn.Parameter,
        parts: Group | str,
        memory: Mapping[str, NDArray[Any]],
        steps: int,
    ) -> dict[str, Tensor]:
        """The state of one parameter of an optimizer, from `memory`."""
        state: dict[str, Tensor] = {}
        for moment, shape in _moments(stepper.optimizer, parameter).items():
            flat = parameter.new_empty(shape)
            pieces = parts.parts(flat) if isinstance(parts, Group) else {parts: flat}
            for name, piece in pieces.items():
                piece.copy_(_fitting(memory, f"{moment}.{name}", piece))
            state[moment] = flat
        if isinstance(stepper.optimizer, torch.optim.Adam | torch.optim.AdamW | torch.optim.Adafactor):
            fused = bool(stepper.optimizer.param_groups[0].get("fused"))
            state["step"] = torch.tensor(float(steps), device=parameter.device if fused else "cpu")
        return state

    def _states(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The name of every saved piece, and its part of the optimizer's state."""
        for stepper in self._steppers:
            for parameter, parts in self._owners(stepper):
                state = stepper.optimizer.state.get(parameter, {})
                if isinstance(parts, str):
                    yield parts, state
                    continue
                moments = {key: parts.parts(value) for key, value in state.items() if key in MOMENTS}
                for name in parts.members:
                    yield name, {key: pieces[name] for key, pieces in moments.items()}

    @staticmethod
    def _owners(stepper: _Stepper) -> Iterator[tuple[nn.Parameter, Group | str]]:
        """Every parameter that an optimizer knows, and the group or the piece that it is."""
        if stepper.pieces is not None:
            yield from ((piece, name) for name, piece in stepper.pieces.items())
        else:
            yield from ((group.weights, group) for group in stepper.groups)


MOMENTS = ("exp_avg", "exp_avg_sq", "momentum_buffer")


def _moments(optimizer: torch.optim.Optimizer, parameter: nn.Parameter) -> Shapes:
    """What a method remembers of a parameter after its first step, and in which shapes."""
    shape = tuple(parameter.shape)
    match optimizer:
        case torch.optim.SGD():
            return {"momentum_buffer": shape} if optimizer.param_groups[0]["momentum"] else {}
        case Muon():
            return {"momentum_buffer": shape}
        case Lion():
            return {"exp_avg": shape}
        case torch.optim.Adafactor():
            if len(shape) < 2:
                return {"variance": shape}
            return {"row_var": (*shape[:-1], 1), "col_var": (*shape[:-2], 1, shape[-1])}
        case _:
            return {"exp_avg": shape, "exp_avg_sq": shape}


def _hidden_maps(network: nn.Module) -> dict[str, tuple[int, ...]]:
    """The matrices of hidden layers by name, each with how many rows belong to each of its maps: all but tables of
    vectors and the head."""
    tables = {id(part.weight) for part in network.modules() if isinstance(part, nn.Embedding)}
    head = getattr(network, "head", None)
    if isinstance(head, nn.Module):
        tables |= {id(parameter) for parameter in head.parameters()}
    maps = {id(part.weight): part.maps for part in network.modules() if isinstance(part, Linear)}
    return {
        name: maps.get(id(parameter), (parameter.shape[0],))
        for name, parameter in network.named_parameters()
        if parameter.dim() >= 2 and id(parameter) not in tables
    }


def _pieces(group: Group, rows: Mapping[str, tuple[int, ...]]) -> dict[str, nn.Parameter]:
    """Parameters of their own that share memory and gradient with the members of `group`, for methods that look at
    whole matrices. A member in `rows` is cut there by rows, and flattened to a matrix (a kernel has three axes)."""
    pieces: dict[str, nn.Parameter] = {}
    for name, member in group.members.items():
        assert member.grad is not None
        weights, gradient = member.detach(), member.grad
        if name not in rows:
            pieces[name] = _shared(weights, gradient)
            continue
        cut = list(rows[name])
        parts = zip(torch.split(weights.flatten(1), cut), torch.split(gradient.flatten(1), cut), strict=True)
        for place, (part, slope) in enumerate(parts):
            pieces[name if len(cut) == 1 else f"{name}.{place}"] = _shared(part, slope)
    return pieces


def _shared(weights: Tensor, gradient: Tensor) -> nn.Parameter:
    parameter = nn.Parameter(weights)
    parameter.grad = gradient
    return parameter


def _needs_own_layout(network: nn.Module) -> bool:
    """cuDNN wants the weights of a recurrent layer in an order of its own, and complains about any other."""
    return any(isinstance(part, nn.RNNBase) and next(part.parameters()).is_cuda for part in network.modules())


def _flattened(members: dict[str, nn.Parameter]) -> list[Group]:
    """Move the members' weights into one vector, of which they become views, and give them gradients likewise."""
    weights = nn.Parameter(torch.cat([member.detach().reshape(-1) for member in members.values()]))
    weights.grad = torch.zeros_like(weights)
    group = Group(members, weights)
    gradients = group.parts(weights.grad)
    for name, part in group.parts(weights.detach()).items():
        members[name].data = part
        members[name].grad = gradients[name]
    return [group]


def _apart(members: dict[str, nn.Parameter]) -> list[Group]:
    """Leave the members where they are, each a group of its own."""
    for member in members.values():
        member.grad = torch.zeros_like(member)
    return [Group({name: member}, member) for name, member in members.items()]


def _fitting(memory: Mapping[str, NDArray[Any]], name: str, part: Tensor) -> Tensor:
    array = memory.get(name)
    if array is None or array.shape != tuple(part.shape):
        raise UserError(
            "The checkpoint's optimizer state lacks “{name}” or has another shape for it. Start a new run.", name=name
        )
    return torch.from_numpy(np.array(array, dtype=np.float32))
