"""How the learning rate goes, step by step."""

from __future__ import annotations

import math

import pytest

from lmstudio_app.engine.training.schedule import Plateau, learning_rate
from lmstudio_app.engine.training.settings import TrainingSettings


def rates(**changes: object) -> list[float]:
    values = {"steps": 100, "learning_rate": 1.0, "warmup_steps": 10, "final_learning_rate": 0.1}
    settings = TrainingSettings(**(values | changes))
    return [learning_rate(step, settings) for step in range(1, 101)]


@pytest.mark.parametrize("schedule", ["cosine", "linear", "stable", "constant", "plateau"])
def test_every_schedule_warms_up_to_the_highest_rate(schedule: str) -> None:
    found = rates(schedule=schedule)
    assert found[:10] == pytest.approx([step / 10 for step in range(1, 11)])
    assert max(found) == 1.0


def test_they_fall_as_they_say() -> None:
    cosine, linear, stable = (rates(schedule=name) for name in ("cosine", "linear", "stable"))
    for found in (cosine, linear, stable):
        assert found[-1] == pytest.approx(0.1)
    assert cosine[54] == pytest.approx(0.1 + 0.9 * (1 + math.cos(math.pi * 0.5)) / 2)
    assert linear[54] == pytest.approx(0.55)
    assert stable[9:80] == [1.0] * 71
    assert stable[89] == pytest.approx(0.55)
    assert rates(schedule="constant")[9:] == rates(schedule="plateau")[9:] == [1.0] * 91


def test_a_warm_up_longer_than_the_training_is_cut_to_it() -> None:
    assert rates(warmup_steps=1000)[-1] == 1.0
    assert rates(warmup_steps=0)[0] < 1.0


def test_a_stable_schedule_may_fall_all_the_time() -> None:
    found = rates(schedule="stable", decay_share=1.0, warmup_steps=0)
    assert found == sorted(found, reverse=True)


def test_a_plateau_halves_the_rate_down_to_the_final_share() -> None:
    settings = TrainingSettings(schedule="plateau", plateau_patience=2, final_learning_rate=0.2)
    plateau = Plateau()
    heard = []
    for loss in (3.0, 2.0, 2.0, 2.1, 1.9, 1.9, 1.9, 1.9, 1.9, 1.9, 1.9):
        plateau.hear(loss, settings)
        heard.append(plateau.factor)
        assert Plateau.from_mapping(plateau.to_mapping()) == plateau
    assert heard == [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25, 0.2, 0.2, 0.2]
    assert Plateau.from_mapping({}) == Plateau()
