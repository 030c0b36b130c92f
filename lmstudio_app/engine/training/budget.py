"""How many steps a budget of epochs, tokens or minutes comes to, settled before the first one."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from itertools import islice

from lmstudio_app.engine.data.batches import Batches
from lmstudio_app.engine.model import Learner
from lmstudio_app.engine.training.settings import MOST_STEPS, TrainingSettings

WARM, TIMED = 2, 5
"""Steps of a trial before the clock counts, and while it does."""


def learned_from(tokens: int, held_out: float) -> int:
    """How many of the `tokens` of a training split a run learns from that leaves the share `held_out` at its end."""
    return tokens - round(tokens * held_out)


def steps_of_text(training: TrainingSettings, context: int, tokens: int) -> int:
    """The steps of a budget in epochs of a training split of so many `tokens`, or in tokens; each reads `batch` windows
    of `context`."""
    wanted = training.amount * (learned_from(tokens, training.held_out) if training.budget == "epochs" else 1)
    return _bounded(wanted / (training.batch * context))


def steps_of_time(training: TrainingSettings, trial: Learner, batches: Batches) -> int:
    """The steps that fit into a budget in minutes, by the pace of a few real ones and of a part of a validation.

    `trial` learns from them, so it must not be the learner of the run.
    """
    seconds = seconds_per_step(trial, batches, time.perf_counter)
    checked, tokens, whole = 0.0, 0, min(training.validation_tokens, sum(b.targets.size for b in batches.validation()))
    for batch in islice(batches.validation(), TIMED):
        began = time.perf_counter()
        trial.check(batch)
        checked, tokens = checked + time.perf_counter() - began, tokens + batch.targets.size
    seconds += checked * whole / tokens / training.validate_every
    return _bounded(60 * training.amount / seconds)


def seconds_per_step(trial: Learner, batches: Batches, clock: Callable[[], float]) -> float:
    """The seconds that one step takes by `clock`, once the first ones are over."""
    for step in range(1, WARM + 1):
        trial.step(step, batches.at(step))
    trial.measured()
    began = clock()
    for step in range(WARM + 1, WARM + TIMED + 1):
        trial.step(step, batches.at(step))
    trial.measured()  # waits for the device
    return (clock() - began) / TIMED


def _bounded(steps: float) -> int:
    return max(1, min(MOST_STEPS, math.ceil(steps)))
