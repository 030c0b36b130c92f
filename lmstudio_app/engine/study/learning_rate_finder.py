"""Which learning rate suits a model: a short training whose rate grows exponentially from step to step.

The range test of Smith (2017, “Cyclical Learning Rates for Training Neural Networks”, section 3.3); the exponential
growth, the smoothing with its bias corrected and the early end are those of Howard and Gugger (2018, fastai).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from lmstudio_app.engine.data.batches import Batches
from lmstudio_app.engine.events import Event, RateSuggested, RateTried
from lmstudio_app.engine.model import Learner
from lmstudio_app.engine.training.control import Control
from lmstudio_app.engine.training.text_bytes import TextBytes, bits_per_byte

LOWEST_RATE, HIGHEST_RATE = 1e-6, 1.0
STEPS = 100
SMOOTHING = 0.9
"""The share of the past in the smoothed loss: 0.98 for the long tests of its authors would look past all of these."""

DIVERGED = 4.0
"""How many times the lowest smoothed loss ends the test."""

PASSED_OVER = 0.1
"""The share of the steps at the start where the smoothed loss has too few before it to tell how it falls."""

REACH = 0.05
"""The share of the steps at either side that say how the loss falls at one: after a single odd batch the smoothed loss
comes down again, which is no descent."""

SMALLEST_FALL = 0.01
"""The share by which the smoothed loss must fall to say anything."""


def rate_of(step: int, steps: int) -> float:
    """The learning rate of `step` (1 … steps), growing by the same factor each time."""
    grown: float = LOWEST_RATE * (HIGHEST_RATE / LOWEST_RATE) ** ((step - 1) / max(1, steps - 1))
    return grown


def try_rates(
    make_learner: Callable[[Callable[[int], float]], Learner],
    batches: Batches,
    text_bytes: TextBytes,
    control: Control,
    steps: int = STEPS,
) -> Iterator[Event]:
    """Train what `make_learner(rate of a step)` makes; a `RateTried` for each step, in the end the `RateSuggested`.

    It ends early once the smoothed loss is `DIVERGED` times its lowest or no finite number. Stopped by `control`, it
    suggests nothing. It is a function of the learner and the batches alone.
    """
    learner = make_learner(lambda step: rate_of(step, steps))
    tried: list[RateTried] = []
    average, lowest = 0.0, math.inf
    for step in range(1, steps + 1):
        if control.stopping:
            return
        loss = _step(learner, step, batches, text_bytes)
        if loss is None:
            break
        average = SMOOTHING * average + (1 - SMOOTHING) * loss
        smoothed = average / (1 - SMOOTHING**step)
        lowest = min(lowest, smoothed)
        tried.append(RateTried(step, steps, rate_of(step, steps), loss, smoothed))
        yield tried[-1]
        if smoothed > DIVERGED * lowest:
            break
    yield suggestion(tried)


def _step(learner: Learner, step: int, batches: Batches, text_bytes: TextBytes) -> float | None:
    """One step; what its batch cost before it, in bits per byte, None where that is no finite number."""
    batch = batches.at(step)
    learner.step(step, batch)
    (row,) = learner.measured()
    return bits_per_byte(row["training_loss"] * batch.targets.size, *text_bytes.measure(batch.targets))


def suggestion(tried: Sequence[RateTried]) -> RateSuggested:
    """The rate at the steepest descent of the smoothed loss over the logarithm of the rate, before its lowest point,
    and a tenth of the rate there. Rates have two figures."""
    first = int(PASSED_OVER * tried[0].steps) if tried else 0
    losses = np.array([one.smoothed_loss for one in tried[first:]])
    lowest = int(losses.argmin()) if len(losses) else 0
    if lowest < 2 or losses[lowest] > (1 - SMALLEST_FALL) * losses[0]:
        sentence = (
            "The loss does not fall at any learning rate up to {highest}, so that none can be suggested. Look at the "
            "text and the other settings, or try more steps."
        )
        return RateSuggested(None, None, sentence, {"highest": f"{tried[-1].learning_rate if tried else 0:.2g}"})
    slopes = [_slope(losses, place, max(1, int(REACH * tried[0].steps))) for place in range(lowest)]
    rate = _two_figures(tried[first + int(np.argmin(slopes))].learning_rate)
    tenth = _two_figures(tried[first + lowest].learning_rate / 10)
    sentence = (
        "The loss falls fastest at a learning rate of {rate}. It is lowest at {lowest}; a tenth of that is {tenth}."
    )
    values = {"rate": f"{rate:g}", "lowest": f"{tried[first + lowest].learning_rate:.2g}", "tenth": f"{tenth:g}"}
    return RateSuggested(rate, tenth, sentence, values)


def _slope(losses: NDArray[np.float64], place: int, reach: int) -> float:
    """How `losses` (N,) fall around `place`: the slope of the line through those within `reach`, by least squares. The
    logarithm of the rate grows evenly, so that a step is its unit."""
    near = losses[max(0, place - reach) : place + reach + 1]
    beside = np.arange(len(near)) - (len(near) - 1) / 2
    return float(beside @ near / (beside @ beside))


def _two_figures(rate: float) -> float:
    return float(f"{rate:.2g}")
