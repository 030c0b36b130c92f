"""The range test on learners whose losses are known by hand, and on curves made up for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import pytest

from lmstudio_app.engine.data.batches import Batch
from lmstudio_app.engine.events import Event, RateSuggested, RateTried
from lmstudio_app.engine.study import learning_rate_finder
from lmstudio_app.engine.study.learning_rate_finder import (
    DIVERGED,
    HIGHEST_RATE,
    LOWEST_RATE,
    SMOOTHING,
    rate_of,
    suggestion,
    try_rates,
)
from lmstudio_app.engine.training.control import Control
from lmstudio_app.engine.training.text_bytes import TextBytes

ONE_BYTE = TextBytes(np.ones(4))


class OneBatch:
    """Every step has the same four tokens of one byte each."""

    def at(self, step: int) -> Batch:
        ids = np.zeros((1, 4), dtype=np.int64)
        return Batch(ids, ids)

    def validation(self) -> Iterator[Batch]:
        yield self.at(1)


class Bowl:
    """Gradient descent on loss = 1 + curvature · w² / 2 from w = 2: it converges below a rate of 2 / curvature and
    diverges above it. Losses are in bits."""

    def __init__(self, rate: Callable[[int], float], curvature: float = 20.0) -> None:
        self._rate, self._curvature, self._place = rate, curvature, 2.0
        self._row: dict[str, Any] = {}

    def step(self, number: int, batch: Batch) -> None:
        loss = (1 + self._curvature * self._place**2 / 2) * math.log(2)
        self._row = {"step": number, "training_loss": loss, "learning_rate": self._rate(number)}
        self._place -= self._rate(number) * self._curvature * self._place

    def measured(self) -> list[dict[str, Any]]:
        return [self._row]


class Falling(Bowl):
    """Its losses are those of a list."""

    losses: tuple[float, ...] = ()

    def step(self, number: int, batch: Batch) -> None:
        self._row = {"step": number, "training_loss": self.losses[number - 1] * math.log(2)}


def tried(make: Any = Bowl, steps: int = 100, control: Control | None = None) -> list[Event]:
    return list(try_rates(make, OneBatch(), ONE_BYTE, control or Control(), steps))


def test_the_rate_grows_by_the_same_factor_from_end_to_end() -> None:
    rates = [rate_of(step, 50) for step in range(1, 51)]
    assert rates[0] == LOWEST_RATE
    assert rates[-1] == pytest.approx(HIGHEST_RATE)
    factors = [after / before for before, after in pairwise(rates)]
    assert factors == pytest.approx([factors[0]] * 49)


def test_the_smoothed_loss_is_the_weighted_mean_of_those_so_far() -> None:
    steps = [event for event in tried() if isinstance(event, RateTried)]
    for event in steps[:20]:
        weights = [SMOOTHING ** (event.step - other.step) for other in steps[: event.step]]
        mean = np.average([other.loss for other in steps[: event.step]], weights=weights)
        assert event.smoothed_loss == pytest.approx(mean)


def test_a_bowl_gets_a_rate_below_the_one_where_it_overflows() -> None:
    *steps, found = tried()
    assert isinstance(found, RateSuggested)
    assert found.learning_rate is not None
    assert 0.001 < found.learning_rate < 2 / 20
    assert all(isinstance(step, RateTried) and step.steps == 100 for step in steps)
    assert f"{found.learning_rate:g}" in found.sentence.format(**found.values)
    assert f"{found.tenth_of_lowest:g}" in found.sentence.format(**found.values)


def test_a_steeper_bowl_gets_a_lower_rate() -> None:
    gentle, steep = (tried(lambda rate, curvature=curvature: Bowl(rate, curvature))[-1] for curvature in (20.0, 2000.0))
    assert steep.learning_rate < gentle.learning_rate / 20


def test_it_ends_once_the_loss_has_diverged() -> None:
    steps = [event for event in tried(lambda rate: Bowl(rate, 200.0)) if isinstance(event, RateTried)]
    assert len(steps) < 100
    lowest = accumulate((step.smoothed_loss for step in steps), min)
    over = [step.smoothed_loss > DIVERGED * least for step, least in zip(steps, lowest, strict=True)]
    assert over == [False] * (len(steps) - 1) + [True]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_it_ends_at_a_loss_that_is_no_finite_number(bad: float) -> None:
    class Broken(Falling):
        losses = (*np.linspace(4, 2, 30), bad)

    events = tried(Broken, 50)
    assert [event.step for event in events[:-1]] == list(range(1, 31))
    assert isinstance(events[-1], RateSuggested)
    assert events[-1].learning_rate is not None


@pytest.mark.parametrize("losses", [(3.0,) * 40, tuple(np.linspace(2, 4, 40)), (math.nan,) * 40])
def test_a_loss_that_never_falls_gives_no_rate(losses: tuple[float, ...]) -> None:
    class Level(Falling):
        pass

    Level.losses = losses
    found = tried(Level, 40)[-1]
    assert isinstance(found, RateSuggested)
    assert (found.learning_rate, found.tenth_of_lowest) == (None, None)
    assert "does not fall" in found.sentence.format(**found.values)


def test_the_steepest_descent_is_found_where_it_was_put() -> None:
    places = np.linspace(-6, 0, 100)
    losses = 3 - np.tanh(4 * (places + 2.5)) + 40 * np.maximum(0, places + 1) ** 2
    curve = [RateTried(i + 1, 100, 10.0**place, 0.0, float(losses[i])) for i, place in enumerate(places)]
    found = suggestion(curve)
    assert found.learning_rate == pytest.approx(10**-2.5, rel=0.1)
    assert found.tenth_of_lowest == pytest.approx(curve[int(losses.argmin())].learning_rate / 10, rel=0.05)


def test_a_rise_that_comes_later_suggests_nothing_beyond_the_lowest_loss() -> None:
    losses = [*np.linspace(3, 2.5, 40), *np.linspace(2.5, 9, 10), *np.linspace(9, 3, 10)]
    curve = [RateTried(i + 1, 60, rate_of(i + 1, 60), loss, loss) for i, loss in enumerate(losses)]
    found = suggestion(curve)
    assert found.learning_rate is not None
    assert found.learning_rate < rate_of(41, 60)


def test_one_odd_batch_is_no_descent() -> None:
    places = np.linspace(-6, 0, 100)
    losses = 3 - np.tanh(2 * (places + 3)) + 40 * np.maximum(0, places + 1) ** 2
    smooth = [RateTried(i + 1, 100, 10.0**place, 0.0, float(losses[i])) for i, place in enumerate(places)]
    for after in range(12):  # what is left of an outlier in the smoothed loss
        losses[68 + after] += 0.4 * SMOOTHING**after
    odd = [RateTried(i + 1, 100, 10.0**place, 0.0, float(losses[i])) for i, place in enumerate(places)]
    assert suggestion(odd).learning_rate == pytest.approx(suggestion(smooth).learning_rate, rel=0.5)


def test_a_stop_ends_it_without_a_suggestion() -> None:
    control = Control()
    events = []
    for event in try_rates(Bowl, OneBatch(), ONE_BYTE, control, 100):
        events.append(event)
        if len(events) == 7:
            control.stop()
    assert len(events) == 7
    assert not any(isinstance(event, RateSuggested) for event in events)


def test_events_are_lines_of_plain_json() -> None:
    import json

    for event in tried(steps=learning_rate_finder.STEPS):
        assert json.loads(json.dumps(event.to_json(), allow_nan=False))["event"] in ("rate_tried", "rate_suggested")
