"""How blocks become figures, on events made up for it; what the figures are is nobody's business here."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import pytest

from lmstudio_app.engine.events import Event, GenerationEnded, Progress, RunStarted, StepDone, TokenWritten
from lmstudio_app.engine.study import bench

TOLD = Progress("Measuring", 0, 1, "measurements")


def outcome(steps: Generator[Progress, None, Any]) -> tuple[int, Any]:
    """How often it told of a block, and what it gave back."""
    told = 0
    while True:
        try:
            assert next(steps) is TOLD
        except StopIteration as end:
            return told, end.value
        told += 1


def training(speeds: list[float], closed: list[bool]) -> Generator[Event, None, None]:
    """Three steps in each block; the first event is that of a run with 10 parameters."""
    try:
        yield RunStarted("run", "folder", 0, 99, 10, "CPU")
        for speed in speeds:
            for _ in range(3):
                yield StepDone({"tokens_per_second": speed})
    finally:
        closed.append(True)


def test_a_training_is_the_median_of_its_blocks_without_the_first():
    closed: list[bool] = []
    products = iter([600.0, 600.0, 1200.0, 600.0, 600.0])
    told, speed = outcome(
        bench.time_training(training([1.0, 30.0, 10.0, 20.0, 99.0], closed), lambda: next(products), 0.0, TOLD)
    )
    assert told == 4, "one that warms up and three that count"
    assert closed == [True]
    assert speed == bench.TrainingSpeed(20.0, 20.0 * 6 * 10, 2.0)


def test_a_training_is_closed_when_nobody_listens_any_more():
    closed: list[bool] = []
    steps = bench.time_training(training([1.0, 2.0, 3.0], closed), lambda: 1.0, 0.0, TOLD)
    next(steps)
    steps.close()
    assert closed == [True]


def test_what_fails_inside_a_block_is_not_swallowed():
    def broken() -> Iterator[Event]:
        raise ValueError("broken")
        yield

    with pytest.raises(ValueError, match="broken"):
        outcome(bench.time_writing(broken, 0.0, TOLD))


def test_counting_adds_the_times_of_all_orders():
    told, speed = outcome(
        bench.time_counting(lambda: [StepDone({"tokens_per_second": s}) for s in (10.0, 40.0)], 0.0, TOLD)
    )
    assert told == 4
    assert speed == pytest.approx(8.0)


def test_writing_and_preparing_give_positive_figures():
    def write() -> Iterator[Event]:
        yield from (TokenWritten(0, "a", 0.5), TokenWritten(0, "b", 0.5))
        yield GenerationEnded("ab", 2, 0.1, "length")

    _, writing = outcome(bench.time_writing(write, 0.0, TOLD))
    assert writing.tokens_per_second > 0
    assert writing.first_token_seconds > 0
    _, preparing = outcome(bench.time_preparing(lambda: None, 1000, 0.0, TOLD))
    assert preparing > 0


def test_a_product_of_matrices_leaves_the_chance_of_a_training_alone(monkeypatch: pytest.MonkeyPatch):
    import torch

    monkeypatch.setattr(bench, "SIDES", {"cpu": 8})
    before = torch.random.get_rng_state()
    assert bench.MatrixProduct("cpu").measure() > 0
    assert torch.equal(before, torch.random.get_rng_state())
