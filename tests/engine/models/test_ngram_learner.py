"""Counting in steps: every step leaves a usable model, and can be resumed after."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lmstudio_app.engine.data.batches import WholeSplit
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.models.ngram.learner import CountingLearner
from lmstudio_app.engine.models.ngram.network import blank, build
from lmstudio_app.engine.models.ngram.settings import NgramSettings

VOCABULARY = 12
ORDER = 6


def tokens(seed: int, length: int) -> NDArray[np.uint8]:
    """A text with habits: each token depends on the two before it."""
    generator = np.random.default_rng(seed)
    text = [1, 2]
    for surprise in generator.random(length - 2):
        text.append((text[-1] * 3 + text[-2]) % 11 if surprise < 0.7 else int(surprise * 1000) % 11)
    return np.array(text, dtype=np.uint8)


SPLIT = WholeSplit(tokens(1, 800), tokens(2, 200))


def learner(order: int = ORDER) -> CountingLearner:
    return CountingLearner(build(NgramSettings(order=order), VOCABULARY, seed=1))


def test_each_step_leaves_the_model_of_its_order() -> None:
    growing = learner()
    for order in range(1, ORDER + 1):
        growing.step(order, SPLIT.at(order))
        whole = learner(order)
        for step in range(1, order + 1):
            whole.step(step, SPLIT.at(step))
        assert growing.model.order == order
        np.testing.assert_array_equal(
            growing.model.score(tokens(3, 100).astype(np.int64)), whole.model.score(tokens(3, 100).astype(np.int64))
        )


def test_measured_rows_are_the_models_own_loss() -> None:
    counting = learner()
    text = tokens(1, 800).astype(np.int64)
    for step in (1, 2, 3):
        counting.step(step, SPLIT.at(step))
        (row,) = counting.measured()
        assert row["step"] == step
        assert row["training_loss"] == pytest.approx(counting.model.score(text).mean(), abs=1e-12)
        assert row["ngrams"] == len({tuple(text[i : i + step]) for i in range(len(text) - step + 1)})
    assert counting.measured() == []


def test_check_scores_the_targets() -> None:
    counting = learner()
    counting.step(1, SPLIT.at(1))
    (batch,) = SPLIT.validation()
    likelihood = counting.check(batch)
    assert likelihood.tokens == 199
    assert likelihood.nats == pytest.approx(counting.model.score(tokens(2, 200).astype(np.int64))[1:].sum())


@pytest.mark.parametrize("stop", range(ORDER))
def test_resuming_after_any_step_changes_nothing(stop: int) -> None:
    through, before = learner(), learner()
    for step in range(1, stop + 1):
        before.step(step, SPLIT.at(step))
    after = CountingLearner(blank(NgramSettings(order=ORDER), VOCABULARY))
    after.load(before.state())
    for step in range(1, ORDER + 1):
        through.step(step, SPLIT.at(step))
        if step > stop:
            after.step(step, SPLIT.at(step))
    assert after.measured() == through.measured()[stop:]
    assert_same(after.state().weights, through.state().weights)


def test_weights_come_back() -> None:
    counting = learner()
    for step in range(1, ORDER + 1):
        counting.step(step, SPLIT.at(step))
    loaded = blank(NgramSettings(order=ORDER), VOCABULARY)
    loaded.load_weights(counting.model.weights())
    assert_same(loaded.weights(), counting.model.weights())
    np.testing.assert_array_equal(loaded.score(np.arange(11)), counting.model.score(np.arange(11)))


def test_a_snapshot_stays_as_it_is() -> None:
    counting = learner()
    counting.step(1, SPLIT.at(1))
    snapshot = counting.snapshot()
    before = snapshot.score(np.arange(11))
    counting.step(2, SPLIT.at(2))
    np.testing.assert_array_equal(snapshot.score(np.arange(11)), before)
    assert (snapshot.order, counting.model.order) == (1, 2)
    with pytest.raises(ValueError, match="read-only"):
        snapshot.levels[0].counts[0] = 5


def test_a_changed_text_is_noticed_on_resuming() -> None:
    counting = learner()
    for step in (1, 2, 3):
        counting.step(step, SPLIT.at(step))
    resumed = learner()
    resumed.load(counting.state())
    changed = tokens(1, 800)
    changed[400] = 11
    with pytest.raises(UserError, match="not the one that this run has counted"):
        resumed.step(4, WholeSplit(changed, changed).at(4))


def test_steps_come_in_order() -> None:
    counting = learner(2)
    with pytest.raises(ValueError, match="step 2 after 0 of 2"):
        counting.step(2, SPLIT.at(2))
    counting.step(1, SPLIT.at(1))
    counting.step(2, SPLIT.at(2))
    with pytest.raises(ValueError, match="step 3 after 2 of 2"):
        counting.step(3, SPLIT.at(3))


def test_tokens_outside_the_vocabulary_are_refused() -> None:
    odd = tokens(1, 50)
    odd[7] = VOCABULARY
    with pytest.raises(UserError, match="Prepare the corpus again"):
        learner().step(1, WholeSplit(odd, odd).at(1))


def damaged(name: str, array: NDArray[Any] | None) -> dict[str, NDArray[Any]]:
    counting = learner()
    for step in (1, 2, 3):
        counting.step(step, SPLIT.at(step))
    weights = counting.model.weights()
    if array is None:
        del weights[name]
    else:
        weights[name] = array
    return weights


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("order", None),
        ("order", np.array([4], dtype=np.uint8)),
        ("order", np.array([9], dtype=np.uint8)),
        ("order", np.array(3, dtype=np.uint8)),
        ("order", np.array([1, 2], dtype=np.uint8)),
        ("counts_1", None),
        ("counts_1", np.zeros(VOCABULARY, dtype=np.uint8)),
        ("counts_1", np.ones(VOCABULARY + 1, dtype=np.uint8)),
        ("counts_1", np.ones(VOCABULARY, dtype=np.float32)),
        ("counts_1", np.full(VOCABULARY, -3)),
        ("keys_2", None),
        ("keys_2", np.array([3, 3, 7], dtype=np.uint8)),
        ("keys_2", np.array([[3, 4]], dtype=np.uint8)),
        ("keys_2", np.array([3, VOCABULARY**2], dtype=np.uint16)),
        ("keys_2", np.array([2**64 - 5], dtype=np.uint64)),
        ("counts_2", np.array([3], dtype=np.uint8)),
        ("keys_3", np.arange(10**6, 10**6 + 4)),
        ("keys_9", np.array([3], dtype=np.uint8)),
    ],
)
def test_damaged_counts_are_refused_and_change_nothing(name: str, array: NDArray[Any] | None) -> None:
    model = blank(NgramSettings(order=ORDER), VOCABULARY)
    model.load_weights(damaged("order", np.array([3], dtype=np.uint8)))
    before = model.weights()
    with pytest.raises(UserError, match="missing, damaged or of a model with other settings"):
        model.load_weights(damaged(name, array))
    assert_same(model.weights(), before)


def test_counts_of_zero_above_the_first_level_are_refused() -> None:
    weights = damaged("order", np.array([3], dtype=np.uint8))
    weights["counts_3"] = np.zeros_like(weights["counts_3"])
    with pytest.raises(UserError, match="counts_3"):
        blank(NgramSettings(order=ORDER), VOCABULARY).load_weights(weights)


def test_flipped_bits_never_make_a_broken_model() -> None:
    """Whatever the arrays hold, loading either refuses them or gives distributions that sum to 1."""
    generator = np.random.default_rng(5)
    sound = damaged("order", np.array([3], dtype=np.uint8))
    refused = 0
    for _ in range(200):
        weights = {name: array.copy() for name, array in sound.items()}
        name = generator.choice(sorted(weights))
        raw = weights[name].view(np.uint8)
        raw[generator.integers(len(raw))] ^= 1 << generator.integers(8)
        model = blank(NgramSettings(order=ORDER), VOCABULARY)
        try:
            model.load_weights(weights)
        except UserError:
            refused += 1
            continue
        context = generator.integers(0, VOCABULARY, 4)
        assert abs(model.begin(context).probabilities.sum() - 1) < 1e-9
        assert np.isfinite(model.score(context)).all()
    assert refused > 20


def assert_same(one: dict[str, NDArray[Any]], other: dict[str, NDArray[Any]]) -> None:
    assert one.keys() == other.keys()
    for name, array in one.items():
        assert array.dtype == other[name].dtype
        np.testing.assert_array_equal(array, other[name])
