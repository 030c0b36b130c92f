"""Without smoothing the n-gram model is the Markov chain of the textbook."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.lm import MLE

from lmstudio_app.engine.data.batches import Batch
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.generation.sampling import SamplingSettings, shape, softmax
from lmstudio_app.engine.models.ngram import network
from lmstudio_app.engine.models.ngram.learner import CountingLearner
from lmstudio_app.engine.models.ngram.network import NgramModel
from lmstudio_app.engine.models.ngram.settings import FAMILY, HIGHEST_ORDER, NgramSettings
from lmstudio_app.engine.settings import SettingsError, read

ORDERS = range(1, HIGHEST_ORDER + 1)
VOCABULARY = 6
A, B, C, D, E, F = range(VOCABULARY)
SHORT = [A, B, A, C, A, B, B, A]  # F, E and D never occur
LONG = [*SHORT, D, A, B, D, C, C, B, A, B, A, C, D, B, A, D, D, A, B, C, A, B, A, C]


def chain(order: int, floor: float = 1e-4) -> NgramSettings:
    return NgramSettings(order=order, smoothing="none", floor=floor)


def counted(order: int, *texts: list[int], floor: float = 1e-4) -> NgramModel:
    learner = CountingLearner(network.build(chain(order, floor), VOCABULARY, seed=1))
    rows = np.array(texts, dtype=np.int64)
    for step in range(1, order + 1):
        learner.step(step, Batch(inputs=rows[:, :-1], targets=rows[:, 1:]))
    return learner.model


def after(model: NgramModel, *context: int) -> list[float]:
    return model.begin(np.array(context, dtype=np.int64)).probabilities.tolist()


def plainly_counted(texts: list[list[int]], history: list[int], order: int) -> list[Fraction]:
    """The shares of the tokens that follow the longest end of `history` that anything follows."""
    for length in range(min(order - 1, len(history)), -1, -1):
        context = history[len(history) - length :]
        follow = Counter(
            text[place]
            for text in texts
            for place in range(length, len(text))
            if text[place - length : place] == context
        )
        if total := sum(follow.values()):
            return [Fraction(follow[token], total) for token in range(VOCABULARY)]
    raise AssertionError("a text has at least one token")


def test_a_chain_counted_by_hand() -> None:
    model = counted(2, SHORT)
    assert after(model) == [4 / 8, 3 / 8, 1 / 8, 0, 0, 0]
    assert after(model, A) == [0, 2 / 3, 1 / 3, 0, 0, 0]  # the last A has nothing after it
    assert after(model, B) == [2 / 3, 1 / 3, 0, 0, 0, 0]
    assert after(model, C) == [1, 0, 0, 0, 0, 0]
    assert after(counted(3, SHORT), A, B) == [1 / 2, 1 / 2, 0, 0, 0, 0]


def test_a_context_that_never_occurred_gives_way_to_a_shorter_one() -> None:
    model = counted(3, SHORT)
    assert after(model, C, B) == after(model, B)
    assert after(model, D) == after(model, A, F) == after(model)
    assert after(model, B, B) == [1, 0, 0, 0, 0, 0]
    assert [model.begin(np.array(context)).reach for context in ([A, B], [C, B], [A, D])] == [2, 1, 0]
    assert counted(3, [C, C, A, B]).begin(np.array([A, B])).reach == 0  # it occurred, but at the very end


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 4), min_size=2, max_size=50), st.integers(1, HIGHEST_ORDER), st.data())
def test_equals_plain_counting_on_any_text(text: list[int], order: int, data: st.DataObject) -> None:
    history = data.draw(st.lists(st.integers(0, 5), max_size=8))
    expected = [float(share) for share in plainly_counted([text], history, order)]
    np.testing.assert_allclose(after(counted(order, text), *history), expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize("order", ORDERS)
def test_no_ngram_crosses_from_one_text_to_the_next(order: int) -> None:
    texts = [LONG[:10], LONG[10:20], LONG[20:30]]
    model = counted(order, *texts)
    for place in range(len(LONG)):
        expected = [float(share) for share in plainly_counted(texts, LONG[:place], order)]
        np.testing.assert_allclose(after(model, *LONG[:place]), expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_equals_the_maximum_likelihood_of_another_library(order: int) -> None:
    words = ["abcdef"[token] for token in LONG]
    reference = MLE(order)
    ngrams = [tuple(words[i : i + k]) for k in range(1, order + 1) for i in range(len(words) - k + 1)]
    reference.fit([ngrams], vocabulary_text=list("abcdef"))
    model = counted(order, LONG)
    for place in range(order - 1, len(LONG) - order):
        context = LONG[place : place + order - 1]
        expected = [reference.score(word, ["abcdef"[token] for token in context]) for word in "abcdef"]
        np.testing.assert_allclose(after(model, *context), expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize("order", ORDERS)
def test_a_score_is_the_mixture_of_the_chain_and_a_uniform_guess(order: int) -> None:
    model = counted(order, LONG, floor=0.01)
    text = [*LONG[20:], F, E, *LONG[:9]]
    shares = np.array([float(plainly_counted([LONG], text[:i], order)[token]) for i, token in enumerate(text)])
    nats = model.score(np.array(text))
    np.testing.assert_allclose(np.exp(-nats), 0.99 * shares + 0.01 / VOCABULARY, rtol=1e-12)
    assert nats[np.flatnonzero(shares == 0)] == pytest.approx(np.log(VOCABULARY / 0.01))


@pytest.mark.parametrize("floor", [1e-12, 1e-4, 0.5])
def test_scores_are_a_distribution_and_finite(floor: float) -> None:
    model = counted(3, SHORT, floor=floor)
    for context in ([], [A], [A, B], [F, C], [E, F]):
        nats = np.array([model.score(np.array([*context, token]))[-1] for token in range(VOCABULARY)])
        assert np.isfinite(nats).all()
        assert np.exp(-nats).sum() == pytest.approx(1, abs=1e-14)
    assert model.floored(np.array([0.25, 0.75])).sum() + 4 * floor / VOCABULARY == pytest.approx(1, abs=1e-15)


def test_writing_takes_only_what_followed() -> None:
    model = counted(3, SHORT)
    for context in ([], [A], [A, B], [C, B], [F]):
        decoding = model.begin(np.array(context, dtype=np.int64))
        assert np.isfinite(decoding.logits).all()
        np.testing.assert_allclose(softmax(decoding.logits), decoding.probabilities, rtol=0, atol=1e-7)
        for sampling in (SamplingSettings(temperature=5.0), SamplingSettings(top_k=5), SamplingSettings(top_p=0.9)):
            assert not shape(decoding.logits, sampling)[decoding.probabilities == 0].any()


def test_where_the_only_token_that_followed_is_excluded_writing_goes_on_with_shorter_contexts() -> None:
    model = counted(3, SHORT)
    decoding = model.begin(np.array([B, B]))  # only A followed
    assert after(model, B, B)[A] == 1
    chances = shape(decoding.logits, SamplingSettings(temperature=1.0), A)
    np.testing.assert_allclose(chances, [0, 1, 0, 0, 0, 0], atol=1e-9)  # B followed one B
    decoding = model.begin(np.array([C]))
    chances = shape(decoding.logits, SamplingSettings(temperature=1.0), A)
    np.testing.assert_allclose(chances, [0, 3 / 4, 1 / 4, 0, 0, 0], atol=1e-3)  # the shares of single tokens


def test_losses_of_the_steps_are_scores_of_the_text() -> None:
    learner = CountingLearner(network.build(chain(4), VOCABULARY, seed=1))
    rows = np.array([LONG], dtype=np.int64)
    for step in range(1, 5):
        learner.step(step, Batch(inputs=rows[:, :-1], targets=rows[:, 1:]))
        (row,) = learner.measured()
        assert row["training_loss"] == pytest.approx(learner.model.score(rows[0]).mean(), abs=1e-12)
        np.testing.assert_array_equal(learner.model.score(rows[0]), counted(step, LONG).score(rows[0]))


@pytest.mark.parametrize("stop", range(4))
def test_it_goes_on_from_its_saved_counts(stop: int) -> None:
    rows = np.array([LONG], dtype=np.int64)
    batch = Batch(inputs=rows[:, :-1], targets=rows[:, 1:])
    first, second = (CountingLearner(network.build(chain(4), VOCABULARY, seed=1)) for _ in range(2))
    for step in range(1, stop + 1):
        first.step(step, batch)
    second.load(first.state())
    for step in range(stop + 1, 5):
        second.step(step, batch)
    whole = counted(4, LONG).weights()
    assert whole.keys() == second.model.weights().keys()
    for name, array in whole.items():
        np.testing.assert_array_equal(second.model.weights()[name], array)


def test_counts_are_not_taken_for_those_of_the_other_kind() -> None:
    plain, smooth = counted(2, LONG), network.blank(NgramSettings(order=2), VOCABULARY)
    with pytest.raises(UserError, match="of a model with other settings"):
        smooth.load_weights(plain.weights())
    weights = plain.weights()
    del weights["unsmoothed"]
    smooth.load_weights(weights)
    with pytest.raises(UserError, match="of a model with other settings"):
        plain.load_weights(smooth.weights())


@pytest.mark.parametrize("order", [1, 3])
def test_how_often_tokens_occur(order: int) -> None:
    assert counted(order, SHORT).occurrences().tolist() == [4, 3, 1, 0, 0, 0]
    learner = CountingLearner(network.build(NgramSettings(order=order), VOCABULARY, seed=1))
    rows = np.array([SHORT], dtype=np.int64)
    for step in range(1, order + 1):
        learner.step(step, Batch(inputs=rows[:, :-1], targets=rows[:, 1:]))
    left_out = Counter(SHORT[: order - 1])
    assert learner.model.occurrences().tolist() == [n - left_out[t] for t, n in enumerate([4, 3, 1, 0, 0, 0])]
    assert not network.build(chain(2), VOCABULARY, seed=1).occurrences().any()


def test_what_it_says_of_itself() -> None:
    assert NgramSettings().smoothing == "kneser-ney"
    assert FAMILY.outline(chain(2)) == "Markov chain, order 2"
    assert FAMILY.score_note(NgramSettings()) == ""
    assert FAMILY.score_note(chain(2)) == "a uniform guess mixed in with a share of 0.0001"
    for floor in (0, 0.6):
        with pytest.raises(SettingsError, match=r"model\.floor"):
            read(NgramSettings, {"floor": floor}, "model")
    with pytest.raises(SettingsError, match=r"model\.smoothing"):
        read(NgramSettings, {"smoothing": "laplace"}, "model")
