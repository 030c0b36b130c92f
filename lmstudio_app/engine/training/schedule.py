"""How the learning rate changes over a training."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lmstudio_app.engine.training.settings import TrainingSettings

PLATEAU_FACTOR = 0.5
SMALLEST_GAIN = 1e-4
"""By what share a validation must be better than the best one to count."""


def learning_rate(step: int, settings: TrainingSettings, lowered: float = 1.0) -> float:
    """The learning rate of `step` (1 … steps).

    It rises linearly over the warm-up; then it falls to its final share at the last step, along half a cosine
    (Loshchilov and Hutter 2017) or a line, or stays until it falls along a line at the end (Hu et al. 2024, MiniCPM),
    or stays. `lowered` is what a plateau has made of it.
    """
    highest, steps = settings.learning_rate, settings.steps
    warmup = min(settings.warmup_steps, steps)
    if step <= warmup:
        return highest * step / warmup
    left = _left(settings, (step - warmup) / (steps - warmup), step)
    return highest * lowered * (settings.final_learning_rate + (1 - settings.final_learning_rate) * left)


def _left(settings: TrainingSettings, done: float, step: int) -> float:
    """What of the way to the final learning rate is left (1 … 0) after the share `done` of the steps past warm-up."""
    match settings.schedule:
        case "cosine":
            return (1 + math.cos(math.pi * done)) / 2
        case "linear":
            return 1 - done
        case "stable":
            return min(1.0, (settings.steps - step) / max(1.0, settings.decay_share * settings.steps))
        case "constant" | "plateau":
            return 1.0


@dataclass
class Plateau:
    """Halves the learning rate when validation has got no better for a while.

    `factor` is what is left of it, never below the final share; `best` the lowest loss so far, `waited` the validations
    since.
    """

    factor: float = 1.0
    best: float = math.inf
    waited: int = 0

    def hear(self, loss: float, settings: TrainingSettings) -> None:
        """Take the loss of one more validation into account."""
        if loss < self.best * (1 - SMALLEST_GAIN):
            self.best, self.waited = loss, 0
            return
        self.waited += 1
        if self.waited >= settings.plateau_patience:
            self.factor, self.waited = max(self.factor * PLATEAU_FACTOR, settings.final_learning_rate), 0

    def to_mapping(self) -> dict[str, Any]:
        """The three as JSON values; no validation yet is None."""
        return asdict(self) | {"best": self.best if math.isfinite(self.best) else None}

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Plateau:
        """The plateau that `to_mapping` gave these values of."""
        best = values.get("best")
        return cls(
            float(values.get("factor", 1.0)), math.inf if best is None else float(best), int(values.get("waited", 0))
        )
