"""How many steps a budget comes to."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from lmstudio_app.engine.data.batches import Windows
from lmstudio_app.engine.training.budget import steps_of_text, steps_of_time
from lmstudio_app.engine.training.settings import MOST_STEPS, TrainingSettings


@pytest.mark.parametrize(
    ("budget", "amount", "steps"),
    [("epochs", 1.0, 25), ("epochs", 2.5, 63), ("tokens", 1_000, 25), ("tokens", 1.0, 1), ("tokens", 1e12, MOST_STEPS)],
)
def test_epochs_and_tokens_are_counted(budget: str, amount: float, steps: int) -> None:
    training = TrainingSettings(budget=budget, amount=amount, batch=4)
    assert steps_of_text(training, context=10, tokens=1000) == steps


class Clockwork:
    """A learner whose every step takes a second of a clock of its own, and every validation batch half a one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.steps = 0.0, list[int]()
        monkeypatch.setattr(time, "perf_counter", lambda: self.now)

    def step(self, number: int, batch: Any) -> None:
        self.steps.append(number)
        self.now += 10.0 if number == 1 else 1.0  # the first one warms up

    def measured(self) -> list[Any]:
        return []

    def check(self, batch: Any) -> None:
        self.now += 0.5


def test_minutes_are_measured_with_the_validations_between(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = np.zeros(1000, dtype=np.uint8)
    training = TrainingSettings(budget="minutes", amount=2, batch=4, validate_every=10, validation_tokens=200)
    batches = Windows(tokens, tokens, batch=4, context=10, seed=1, validation_tokens=200)
    trial: Any = Clockwork(monkeypatch)
    # A step takes 1 s, a validation of 5 batches 2.5 s at every tenth one: 1.25 s a step.
    assert steps_of_time(training, trial, batches) == 96
    assert trial.steps == [1, 2, 3, 4, 5, 6, 7]


def test_an_epoch_leaves_out_what_is_held_out() -> None:
    training = TrainingSettings(budget="epochs", amount=2, batch=5, held_out=0.25)
    assert steps_of_text(training, context=10, tokens=1000) == 30
