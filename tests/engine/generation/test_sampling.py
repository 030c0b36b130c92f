"""Temperature, top-k, top-p and draws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.generation.sampling import Sampler, SamplingSettings, shape, softmax
from lmstudio_app.engine.settings import SettingsError, declarations, read

CHANCES = np.array([0.1, 0.4, 0.05, 0.3, 0.15])
LOGITS = np.log(CHANCES).astype(np.float32)


def shaped(logits: NDArray[np.float32] = LOGITS, excluded: int | None = None, **values: object) -> NDArray[np.float64]:
    return shape(logits, read(SamplingSettings, values), excluded)


def test_temperature_one_leaves_probabilities_as_they_are() -> None:
    np.testing.assert_allclose(shaped(temperature=1), CHANCES, atol=1e-7)
    np.testing.assert_allclose(softmax(LOGITS + 100), CHANCES, atol=1e-6)


def test_temperature_raises_probabilities_to_a_power() -> None:
    expected = CHANCES**2 / (CHANCES**2).sum()
    np.testing.assert_allclose(shaped(temperature=0.5), expected, atol=1e-7)


@pytest.mark.parametrize("temperature", [0.0, 1e-300, 1e-9])
def test_temperature_zero_takes_the_likeliest(temperature: float) -> None:
    assert shaped(temperature=temperature).tolist() == [0, 1, 0, 0, 0]


@pytest.mark.parametrize("temperature", [5e-324, 1e-307])
def test_a_temperature_near_zero_does_not_overflow(temperature: float) -> None:
    chances = shape(np.array([1.0, 900.0, -900.0]), SamplingSettings(temperature=temperature))
    assert chances.tolist() == [0, 1, 0]


def test_of_equally_likely_tokens_greedy_takes_the_lowest_id() -> None:
    assert shaped(np.zeros(4, dtype=np.float32), temperature=0).tolist() == [1, 0, 0, 0]


def test_top_k_keeps_the_likeliest() -> None:
    np.testing.assert_allclose(shaped(temperature=1, top_k=2), [0, 4 / 7, 0, 3 / 7, 0], atol=1e-6)
    np.testing.assert_allclose(shaped(temperature=1, top_k=99), CHANCES, atol=1e-7)


def test_top_k_keeps_exactly_k_when_tokens_are_equally_likely() -> None:
    assert np.flatnonzero(shaped(np.zeros(9, dtype=np.float32), top_k=3)).tolist() == [0, 1, 2]


def test_top_p_keeps_the_fewest_that_reach_it() -> None:
    np.testing.assert_allclose(shaped(temperature=1, top_p=0.6), [0, 4 / 7, 0, 3 / 7, 0], atol=1e-6)
    np.testing.assert_allclose(shaped(temperature=1, top_p=0.3), [0, 1, 0, 0, 0], atol=1e-6)
    assert np.count_nonzero(shaped(temperature=1, top_p=0.8)) == 3


def test_top_p_counts_what_top_k_left() -> None:
    # After top-k the chances are 4/7 and 3/7: the first alone reaches 0.5, of all tokens it would not.
    assert shaped(temperature=1, top_k=2, top_p=0.5).tolist() == [0, 1, 0, 0, 0]


def test_the_excluded_token_is_never_drawn() -> None:
    for values in ({"temperature": 0}, {"temperature": 1}, {"top_k": 1}, {"top_p": 0.2}):
        chances = shaped(excluded=1, **values)
        assert chances[1] == 0
        assert chances.sum() == pytest.approx(1)


@settings(deadline=None, derandomize=True)
@given(
    st.lists(st.floats(-80, 80, width=32), min_size=1, max_size=40),
    st.floats(0, 5),
    st.integers(0, 45),
    st.floats(0.001, 1),
)
def test_shaped_chances_are_a_distribution(values: list[float], temperature: float, top_k: int, top_p: float) -> None:
    logits = np.array(values, dtype=np.float32)
    chances = shaped(logits, temperature=temperature, top_k=top_k, top_p=top_p)
    assert chances.sum() == pytest.approx(1)
    assert chances.min() >= 0
    assert chances[logits >= logits.max() - 1e-6].max() > 0  # closer ones become equal by rounding
    assert 0 < np.count_nonzero(chances) <= (top_k or len(values))


@pytest.mark.parametrize("spoilt", [[np.nan, 1.0], [np.inf, 1.0], [-np.inf, -np.inf]])
def test_a_diverged_model_gets_a_sentence(spoilt: list[float]) -> None:
    for values in ({}, {"temperature": 0}, {"top_k": 1}):
        with pytest.raises(UserError, match="diverged"):
            shaped(np.array(spoilt, dtype=np.float32), **values)
    with pytest.raises(UserError, match="diverged"):
        softmax(np.array(spoilt))


def test_draws_follow_the_probabilities() -> None:
    sampler = Sampler(SamplingSettings(seed=3))
    drawn = np.bincount([sampler.draw(CHANCES, position) for position in range(20_000)], minlength=5) / 20_000
    np.testing.assert_allclose(drawn, CHANCES, atol=0.012)


def test_a_draw_is_a_function_of_seed_and_position() -> None:
    forwards = [Sampler(SamplingSettings(seed=3)).draw(CHANCES, position) for position in range(50)]
    sampler = Sampler(SamplingSettings(seed=3))
    assert [sampler.draw(CHANCES, position) for position in reversed(range(50))] == forwards[::-1]
    assert [Sampler(SamplingSettings(seed=4)).draw(CHANCES, position) for position in range(50)] != forwards


def test_draws_leave_numpys_own_generator_alone() -> None:
    np.random.seed(5)
    expected = np.random.get_state()[1].tolist()
    Sampler(SamplingSettings()).draw(CHANCES, 0)
    assert np.random.get_state()[1].tolist() == expected


def test_tokens_without_probability_are_never_drawn() -> None:
    sampler = Sampler(SamplingSettings())
    chances = np.array([0, 0.5, 0, 0.5, 0])
    assert {sampler.draw(chances, position) for position in range(200)} == {1, 3}


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("temperature", -0.1, "Must be between 0 and 5, not -0.1."),
        ("top_p", 0, "Must be above 0 and at most 1, not 0."),
        ("top_k", -1, "Must be between 0 and 65536, not -1."),
        ("length", 0, "Must be between 1 and 100000, not 0."),
        ("seed", -1, "Must be between 0 and 2147483647, not -1."),
    ],
)
def test_settings_out_of_range_name_the_range(name: str, value: float, sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(SamplingSettings, {name: value})
    assert caught.value.field == name
    assert str(caught.value.problems[0]) == sentence


def test_every_setting_is_declared_with_words() -> None:
    for declared in declarations(SamplingSettings):
        assert declared.title
        assert declared.help.endswith(".")
