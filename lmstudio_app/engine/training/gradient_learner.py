"""Learning by gradient: one step is one batch forward, backward, and an update by AdamW."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, cast

import numpy as np
import torch
from torch import Tensor, nn

from lmstudio_app.engine.data.batches import Batch
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.model import Likelihood, Model, State
from lmstudio_app.engine.training.optimizer import FlatAdamW
from lmstudio_app.engine.training.schedule import learning_rate
from lmstudio_app.engine.training.settings import TrainingSettings

CAPACITY = 4096
"""Steps whose measurements fit on the device before they must be read."""


class Trainable(Model, Protocol):
    """A `Model` that is a torch module and can say its loss."""

    def loss(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """The mean nats per token of `targets` (B, T) after `inputs` (B, T)."""


class GradientLearner:
    """Meets `Learner` for every network with a `loss`.

    Measurements go into a table on the device; nothing waits for it during a step. Chance (dropout) is reseeded from
    (seed, step), so that every step repeats, whatever came before it.
    """

    def __init__(
        self, model: Trainable, blank: Callable[[], Model], settings: TrainingSettings, device: torch.device
    ) -> None:
        """`model` has its first weights; `blank()` makes another of the same shape to load weights into."""
        self.model: Trainable = model
        self._network = cast(nn.Module, model)
        self._network.to(device)
        self._blank, self._settings, self._device = blank, settings, device
        self._optimizer = FlatAdamW(
            self._network, beta2=settings.beta2, weight_decay=settings.weight_decay, clip=settings.gradient_clip
        )
        self._table = torch.zeros(CAPACITY, 2, device=device)
        self._steps: list[tuple[int, float]] = []  # number and learning rate of each row in the table
        self._spilled: list[dict[str, Any]] = []

    def step(self, number: int, batch: Batch) -> None:
        """One update with the learning rate of step `number`."""
        if len(self._steps) == CAPACITY:
            self._spilled = self.measured()
        if not self._network.training:
            self._network.train()
        _reseed(self._settings.seed, number, self._device)
        settings = self._settings
        rate = learning_rate(
            number,
            steps=settings.steps,
            highest=settings.learning_rate,
            warmup_steps=settings.warmup_steps,
            final_share=settings.final_learning_rate,
        )
        self._optimizer.clear()
        loss = self.model.loss(*self._on_device(batch))
        loss.backward()  # type: ignore[no-untyped-call]
        length = self._optimizer.step(rate)
        row = self._table[len(self._steps)]
        row[0], row[1] = loss.detach(), length
        self._steps.append((number, rate))

    def measured(self) -> list[dict[str, Any]]:
        """A row for each step: "step", "training_loss" (nats per token), "learning_rate" and "gradient_norm" (before
        clipping)."""
        values = self._table[: len(self._steps)].tolist()
        rows = [
            {"step": number, "training_loss": loss, "learning_rate": rate, "gradient_norm": length}
            for (number, rate), (loss, length) in zip(self._steps, values, strict=True)
        ]
        rows, self._spilled, self._steps = self._spilled + rows, [], []
        return rows

    def check(self, batch: Batch) -> Likelihood:
        """Score `batch` with dropout off."""
        if self._network.training:
            self._network.eval()
        with torch.inference_mode():
            loss = self.model.loss(*self._on_device(batch)).item()
        return Likelihood(loss * batch.targets.size, batch.targets.size)

    def state(self) -> State:
        """Weights, both moments of AdamW, and how many updates there were."""
        return State(self.model.weights(), self._optimizer.memory(), {"updates": self._optimizer.steps})

    def load(self, state: State) -> None:
        """Go on from `state`. Raises `UserError` when it belongs to another model."""
        updates = state.counters.get("updates")
        if not isinstance(updates, int) or updates < 0:
            raise UserError("The checkpoint does not say how many updates it has seen. Start a new run.")
        self.model.load_weights(state.weights)
        self._optimizer.load(state.memory, updates)
        self._steps, self._spilled = [], []

    def snapshot(self) -> Model:
        """A copy of the model as it is, in evaluation mode, on the same device."""
        copy = self._blank()
        copy.load_weights(self.model.weights())
        cast(nn.Module, copy).eval().to(self._device)
        return copy

    def _on_device(self, batch: Batch) -> tuple[Tensor, Tensor]:
        inputs, targets = (torch.from_numpy(np.ascontiguousarray(side)) for side in (batch.inputs, batch.targets))
        if self._device.type == "cpu":
            return inputs, targets
        return inputs.to(self._device, non_blocking=True), targets.to(self._device, non_blocking=True)


def _reseed(seed: int, step: int, device: torch.device) -> None:
    """Seed torch's generator with a number mixed from both (the finalizer of splitmix64, Steele et al. 2014): the CPU's
    generator takes only its lower 32 bits."""
    mixed = ((seed << 32) ^ step) & 0xFFFF_FFFF_FFFF_FFFF
    for shift, factor in ((30, 0xBF58_476D_1CE4_E5B9), (27, 0x94D0_49BB_1331_11EB), (31, 1)):
        mixed = ((mixed ^ (mixed >> shift)) * factor) & 0xFFFF_FFFF_FFFF_FFFF
    mixed >>= 1  # torch takes signed numbers
    if device.type == "cuda":
        torch.cuda.manual_seed(mixed)
    elif device.type == "mps":
        torch.mps.manual_seed(mixed)
    else:
        torch.default_generator.manual_seed(mixed)
