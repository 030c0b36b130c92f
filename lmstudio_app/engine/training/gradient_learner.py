"""Learning by gradient: one step is one batch forward, backward, and an update."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast

import numpy as np
import torch
from torch import Tensor, nn

from lmstudio_app.engine.blocks.backbone import Memory
from lmstudio_app.engine.blocks.caches import CarriedState
from lmstudio_app.engine.data.batches import Batch
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.model import Likelihood, Model, State
from lmstudio_app.engine.training.exhaustion import MemoryExhausted, forget, is_exhausted
from lmstudio_app.engine.training.optimizer import FlatOptimizer
from lmstudio_app.engine.training.schedule import Plateau, learning_rate
from lmstudio_app.engine.training.settings import TrainingSettings
from lmstudio_app.engine.training.weight_average import WeightAverage

CAPACITY = 4096
"""Steps whose measurements fit on the device before they must be read."""

CARRIED = "carried."
"""What the names of a state handed on from step to step begin with in the memory."""

RAW = "raw."
"""What the names of weights begin with in the memory, where their average is saved in their place."""


class Trainable(Model, Protocol):
    """A `Model` that is a torch module and can say its loss."""

    @property
    def carries_state(self) -> bool:
        """Whether a state is handed on from step to step."""

    def loss(self, inputs: Tensor, targets: Tensor, memory: Memory | None = None) -> Tensor:
        """The mean nats per token of `targets` (B, T) after `inputs` (B, T), and after what `memory` holds."""

    def objective(
        self, inputs: Tensor, targets: Tensor, smoothing: float, memory: Memory | None = None
    ) -> tuple[Tensor, Tensor]:
        """What is made small, with labels smoothed, and the `loss` beside it."""


class Shares(Protocol):
    """Other processes that compute the rest of every batch (`ranks.py`)."""

    rank: int

    def combine(self, loss: Tensor, gradients: Sequence[Tensor]) -> Tensor:
        """The mean loss over the whole batch; its `gradients` take the place of those of the share."""


class GradientLearner:
    """Meets `Learner` for every network with a `loss`.

    Measurements go into a table on the device; nothing waits for it during a step (but to skip one that diverges).
    Chance (dropout) is reseeded from (seed, step), so that every step repeats, whatever came before it. With an average
    of weights, that is what is checked, handed out and saved as the weights; the raw ones are in the memory.
    """

    def __init__(
        self,
        model: Trainable,
        blank: Callable[[], Model],
        settings: TrainingSettings,
        device: torch.device,
        micro_batch: int = 0,
        *,
        halving: bool = False,
        rate: Callable[[int], float] | None = None,
    ) -> None:
        """`model` has its first weights; `blank()` makes another of the same shape to load weights into.

        At most `micro_batch` windows are computed at once; 0 is all of a batch. Where they do not fit into the memory,
        `halving` goes on with half as many, which is the `micro_batch` from then on. `rate(step)` replaces the
        schedule.
        """
        self.model: Trainable = model
        self._network = cast(nn.Module, model)
        self._network.to(device)
        self.shares: Shares | None = None
        self._blank, self._settings, self._device = blank, settings, device
        self.micro_batch, self._halving, self._rate = micro_batch, halving, rate
        self._optimizer = FlatOptimizer(self._network, settings)
        self._average: WeightAverage | None = None
        if settings.weight_average:
            self._average = WeightAverage(self._optimizer.groups, settings.weight_average)
        self._plateau = Plateau()
        self._carried: dict[int, CarriedState] = {}  # by the place of a micro-batch in its batch
        self._table = torch.zeros(CAPACITY, 2, device=device)
        self._steps: list[tuple[int, float, bool]] = []  # number, learning rate, skipped: of each row in the table
        self._spilled: list[dict[str, Any]] = []

    def step(self, number: int, batch: Batch) -> None:
        """One update with the learning rate of step `number`. Raises `MemoryExhausted` with nothing changed."""
        if len(self._steps) == CAPACITY:
            self._spilled = self.measured()
        self._show_average(False)
        if not self._network.training:
            self._network.train()
        rate = self._rate(number) if self._rate else learning_rate(number, self._settings, self._plateau.factor)
        carried = dict(self._carried)
        loss = self._loss(number, *self._on_device(batch))
        if self.shares is not None:
            loss = self.shares.combine(loss, [group.gradient for group in self._optimizer.groups])
        length = self._optimizer.gradient_length()
        skipped = self._settings.divergence == "skip" and not math.isfinite(length.item())
        if not skipped:
            self._optimizer.step(rate, length)
            if self._average is not None:
                self._average.add(self._optimizer.steps)
        else:
            self._carried = carried  # the step's own state is as broken as its gradients
        row = self._table[len(self._steps)]
        row[0], row[1] = loss, length
        self._steps.append((number, rate, skipped))

    def _loss(self, number: int, inputs: Tensor, targets: Tensor) -> Tensor:
        """The gradients of the whole batch, and its mean nats per token; with fewer windows at once where memory does
        not do."""
        before = dict(self._carried)
        while True:
            _reseed(self._settings.seed, number, self._device, self.shares.rank if self.shares is not None else 0)
            self._optimizer.clear()
            windows = min(self.micro_batch or len(inputs), len(inputs))
            try:
                return self._backward(inputs, targets, windows)
            except (RuntimeError, MemoryError) as error:
                if not is_exhausted(error):
                    raise
            self._carried = before
            most = forget(self._device)
            if not self._halving or windows == 1 or self.model.carries_state:  # whose state is kept by micro-batch
                raise MemoryExhausted(self._device, windows, most)
            self.micro_batch = windows // 2

    def _backward(self, inputs: Tensor, targets: Tensor, size: int) -> Tensor:
        """Add up the gradients of the whole batch, `size` windows at once; its mean nats per token."""
        windows, total = len(inputs), torch.zeros((), device=self._device)
        for first in range(0, windows, size):
            part = slice(first, first + size)
            objective, loss = self._objective(inputs[part], targets[part], self._memory(first))
            share = len(inputs[part]) / windows
            (objective if share == 1 else objective * share).backward()  # type: ignore[no-untyped-call]
            total += loss.detach() * share
        return total

    def _objective(self, inputs: Tensor, targets: Tensor, memory: Memory | None) -> tuple[Tensor, Tensor]:
        if self._settings.label_smoothing:
            return self.model.objective(inputs, targets, self._settings.label_smoothing, memory)
        loss = self.model.loss(inputs, targets, memory)
        return loss, loss

    def _memory(self, place: int) -> CarriedState | None:
        """The state that the windows at `place` of the last batch have left, cut off from how it was computed."""
        if not self.model.carries_state:
            return None
        before = self._carried.get(place)
        self._carried[place] = CarriedState(*before.parts()) if before is not None else CarriedState()
        return self._carried[place]

    def measured(self) -> list[dict[str, Any]]:
        """A row for each step: "step", "training_loss" (nats per token), "learning_rate" and "gradient_norm" (before
        clipping); "skipped" where the step was left out, since they were no finite numbers."""
        values = self._table[: len(self._steps)].tolist()
        rows: list[dict[str, Any]] = []
        for (number, rate, skipped), (loss, length) in zip(self._steps, values, strict=True):
            row = {"step": number, "training_loss": loss, "learning_rate": rate, "gradient_norm": length}
            rows.append(row | {"skipped": True} if skipped else row)
        rows, self._spilled, self._steps = self._spilled + rows, [], []
        return rows

    def check(self, batch: Batch) -> Likelihood:
        """Score `batch` with dropout off, no more windows at once than a step computes."""
        self._show_average(True)
        if self._network.training:
            self._network.eval()
        inputs, targets = self._on_device(batch)
        size, nats = self.micro_batch or len(inputs), 0.0
        with torch.inference_mode():
            for first in range(0, len(inputs), size):
                part = slice(first, first + size)
                nats += self.model.loss(inputs[part], targets[part]).item() * targets[part].numel()
        return Likelihood(nats, batch.targets.size)

    def validated(self, loss: float) -> None:
        """A plateau of the validation lowers the learning rate, where the schedule says so."""
        if self._settings.schedule == "plateau":
            self._plateau.hear(loss, self._settings)

    def state(self) -> State:
        """Weights, what the optimizer remembers, how many updates there were, and where a plateau stands."""
        self._show_average(True)
        memory = self._optimizer.memory()
        if self._average is not None:
            raw = self._average.parts()
            memory |= {f"{RAW}{name}": part.detach().to("cpu", copy=True).numpy() for name, part in raw.items()}
        for place, carried in self._carried.items():
            for number, part in enumerate(carried.parts()):
                memory[f"{CARRIED}{place}.{number}"] = part.to("cpu", copy=True).numpy()
        counters = {"updates": self._optimizer.steps, "plateau": self._plateau.to_mapping()}
        return State(self.model.weights(), memory, counters)

    def load(self, state: State) -> None:
        """Go on from `state`. Raises `UserError` when it belongs to another model."""
        updates = state.counters.get("updates")
        if not isinstance(updates, int) or updates < 0:
            raise UserError("The checkpoint does not say how many updates it has seen. Start a new run.")
        self._show_average(False)
        if self._average is not None:
            self._load_average(state)
        else:
            self.model.load_weights(state.weights)
        self._optimizer.load(state.memory, updates)
        self._plateau = Plateau.from_mapping(state.counters.get("plateau", {}))
        self._load_carried(state)
        self._steps, self._spilled = [], []

    def _load_average(self, state: State) -> None:
        """The average is what was saved as weights; the raw ones are in the memory."""
        assert self._average is not None
        raw = {n.removeprefix(RAW): array for n, array in state.memory.items() if n.startswith(RAW)}
        self.model.load_weights(raw)
        self._average.show(True)
        self.model.load_weights(state.weights)

    def _load_carried(self, state: State) -> None:
        places: dict[int, list[Tensor]] = {}
        for name in sorted(name for name in state.memory if name.startswith(CARRIED)):
            place = int(name.removeprefix(CARRIED).partition(".")[0])
            part = torch.from_numpy(np.array(state.memory[name], dtype=np.float32)).to(self._device)
            places.setdefault(place, []).append(part)
        self._carried = {place: CarriedState(*parts) for place, parts in places.items()}

    def _show_average(self, shown: bool) -> None:
        if self._average is not None:
            self._average.show(shown)

    def snapshot(self) -> Model:
        """A copy of the model as it is, in evaluation mode, on the same device."""
        self._show_average(True)
        copy = self._blank()
        copy.load_weights(self.model.weights())
        cast(nn.Module, copy).eval().to(self._device)
        return copy

    def _on_device(self, batch: Batch) -> tuple[Tensor, Tensor]:
        inputs, targets = (torch.from_numpy(np.ascontiguousarray(side)) for side in (batch.inputs, batch.targets))
        if self._device.type == "cpu":
            return inputs, targets
        return inputs.to(self._device, non_blocking=True), targets.to(self._device, non_blocking=True)


def _reseed(seed: int, step: int, device: torch.device, rank: int = 0) -> None:
    """Seed torch's generator with a number mixed from them (the finalizer of splitmix64, Steele et al. 2014): the CPU's
    generator takes only its lower 32 bits."""
    mixed = (((seed << 32) ^ step) + rank * 0x9E37_79B9_7F4A_7C15) & 0xFFFF_FFFF_FFFF_FFFF
    for shift, factor in ((30, 0xBF58_476D_1CE4_E5B9), (27, 0x94D0_49BB_1331_11EB), (31, 1)):
        mixed = ((mixed ^ (mixed >> shift)) * factor) & 0xFFFF_FFFF_FFFF_FFFF
    mixed >>= 1  # torch takes signed numbers
    if device.type == "cuda":
        torch.cuda.manual_seed(mixed)
    elif device.type == "mps":
        torch.mps.manual_seed(mixed)
    else:
        torch.default_generator.manual_seed(mixed)
