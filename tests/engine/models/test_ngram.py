"""The n-gram model equals the textbook, and is a distribution everywhere."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lmstudio_app.engine.data.batches import Batch
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.model import Learner, Model
from lmstudio_app.engine.models.ngram import levels, network
from lmstudio_app.engine.models.ngram.learner import CountingLearner
from lmstudio_app.engine.models.ngram.network import NgramModel
from lmstudio_app.engine.models.ngram.settings import HIGHEST_ORDER, NgramSettings
from lmstudio_app.engine.registry import family
from lmstudio_app.engine.settings import SettingsError, read
from tests.engine.models.kneser_ney_reference import Reference

ORDERS = range(1, HIGHEST_ORDER + 1)
SENTENCES = (
    "the miller's daughter went to the mill, and the miller went to the daughter of the king; the king went to "
    "the mill and said: where is the daughter of the miller? and the daughter said: the miller is at the mill."
)


def batch_of(*texts: list[int]) -> Batch:
    rows = np.array(texts, dtype=np.int64)
    return Batch(inputs=rows[:, :-1], targets=rows[:, 1:])


def counted(order: int, vocabulary: int, *texts: list[int]) -> NgramModel:
    learner = CountingLearner(network.build(NgramSettings(order=order), vocabulary, seed=1))
    for step in range(1, order + 1):
        learner.step(step, batch_of(*texts))
    return learner.model


def letters(text: str) -> tuple[list[int], int]:
    """The text as character ids, and a vocabulary with two tokens that the text lacks."""
    alphabet = sorted(set(text))
    return [alphabet.index(letter) for letter in text], len(alphabet) + 2


def reference_nats(reference: Reference, text: list[int]) -> NDArray[np.float64]:
    chances = [reference.probability(token, text[:place]) for place, token in enumerate(text)]
    return -np.log(np.array([float(chance) for chance in chances]))


@pytest.mark.parametrize("order", ORDERS)
def test_equals_the_reference_on_sentences(order: int) -> None:
    text, vocabulary = letters(SENTENCES)
    model, reference = counted(order, vocabulary, text), Reference([text], order, vocabulary)
    other = [*text[90:30:-1], vocabulary - 1, 3, 4, vocabulary - 2, *text[:40]]
    for tokens in (text, other):
        np.testing.assert_allclose(model.score(np.array(tokens)), reference_nats(reference, tokens), rtol=0, atol=1e-9)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 3), min_size=2, max_size=60), st.integers(1, HIGHEST_ORDER), st.data())
def test_equals_the_reference_on_any_text(text: list[int], order: int, data: st.DataObject) -> None:
    other = data.draw(st.lists(st.integers(0, 4), min_size=1, max_size=20))
    model, reference = counted(order, 5, text), Reference([text], order, 5)
    np.testing.assert_allclose(model.score(np.array(other)), reference_nats(reference, other), rtol=0, atol=1e-9)


@pytest.mark.parametrize("order", ORDERS)
def test_no_ngram_crosses_from_one_text_to_the_next(order: int) -> None:
    text, vocabulary = letters(SENTENCES)
    texts = [text[:60], text[60:120], text[120:180]]
    model, reference = counted(order, vocabulary, *texts), Reference(texts, order, vocabulary)
    np.testing.assert_allclose(model.score(np.array(text)), reference_nats(reference, text), rtol=0, atol=1e-9)


@pytest.mark.parametrize("order", ORDERS)
def test_probabilities_sum_to_one_and_none_is_zero(order: int) -> None:
    text, vocabulary = letters(SENTENCES)
    model = counted(order, vocabulary, text)
    generator = np.random.default_rng(1)
    contexts = [np.array(text[place : place + length]) for place in range(0, 150, 7) for length in range(order + 1)]
    contexts += [generator.integers(0, vocabulary, 8) for _ in range(60)]
    for context in contexts:
        distribution = model.begin(context).probabilities
        assert abs(distribution.sum() - 1) < 1e-9
        assert distribution.min() > 0


@pytest.mark.parametrize("order", [1, 2, 5, 7])
def test_decoding_equals_scoring(order: int) -> None:
    text, vocabulary = letters(SENTENCES)
    model = counted(order, vocabulary, text)
    tokens = np.array([*text[100:130], vocabulary - 1, *text[:30]])
    nats = model.score(tokens)
    decoding = model.begin(tokens[:20])
    for place in range(20, len(tokens)):
        assert decoding.logits.dtype == np.float32
        assert decoding.logits[tokens[place]] == pytest.approx(-nats[place], abs=1e-5)
        np.testing.assert_allclose(
            decoding.probabilities, model.begin(tokens[:place]).probabilities, rtol=0, atol=1e-15
        )
        decoding.advance(int(tokens[place]))


def test_probabilities_of_a_long_text_scored_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    text, vocabulary = letters(SENTENCES)
    model = counted(5, vocabulary, text)
    whole = model.score(np.array(text))
    monkeypatch.setattr(network, "CHUNK", 3)
    np.testing.assert_array_equal(model.score(np.array(text)), whole)


@pytest.mark.parametrize("order", ORDERS)
def test_a_text_shorter_than_the_order(order: int) -> None:
    model, reference = counted(order, 4, [2, 0]), Reference([[2, 0]], order, 4)
    tokens = [2, 0, 2, 1, 3]
    np.testing.assert_allclose(model.score(np.array(tokens)), reference_nats(reference, tokens), rtol=0, atol=1e-9)


def test_the_largest_vocabulary_at_the_highest_order() -> None:
    generator = np.random.default_rng(2)
    text = generator.integers(65_000, 65_536, 3_000)
    model = counted(7, 65_536, text.tolist())
    assert abs(model.begin(text[:6]).probabilities.sum() - 1) < 1e-9
    assert np.isfinite(model.score(text)).all()


def test_sorting_large_keys_equals_sorting_small_ones() -> None:
    keys = np.random.default_rng(3).integers(0, 50, 400)
    small, large = levels.distinct(keys), levels.distinct(keys + (1 << 61))
    for one, other in (
        (small.keys, large.keys - (1 << 61)),
        (small.counts, large.counts),
        (small.first, large.first),
        (small.rows, large.rows),
    ):
        np.testing.assert_array_equal(one, other)
    expected = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
    for one, other in zip((small.keys, small.first, small.rows, small.counts), expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_discounts_are_those_of_the_paper() -> None:
    counts = np.array([1] * 20 + [2] * 8 + [3] * 4 + [4] * 2 + [9] * 3)
    y = 20 / 36
    assert levels.estimated_discounts(counts) == pytest.approx(
        (1 - 2 * y * 8 / 20, 2 - 3 * y * 4 / 8, 3 - 4 * y * 2 / 4), abs=1e-15
    )


@pytest.mark.parametrize("counts", [[], [1], [1, 1, 2], [2, 3, 3], [1, 3], [1, 2] + [3] * 40, [1, 2, 3] + [4] * 9])
def test_discounts_fall_back_where_counts_are_few(counts: list[int]) -> None:
    assert levels.estimated_discounts(np.array(counts, dtype=np.int64)) == levels.FALLBACK_DISCOUNTS


def test_a_model_that_counted_nothing_finds_all_tokens_as_likely() -> None:
    model = network.build(NgramSettings(), 8, seed=1)
    np.testing.assert_allclose(model.score(np.array([1, 2])), np.log(8))
    assert model.begin(np.array([], dtype=np.int64)).probabilities.tolist() == [1 / 8] * 8
    assert model.context == 0


@pytest.mark.parametrize("token", [-1, 9])
def test_tokens_of_another_tokenizer_are_refused(token: int) -> None:
    model = counted(2, 4, [0, 1, 2, 3])
    with pytest.raises(UserError, match="another tokenizer"):
        model.score(np.array([0, token]))
    with pytest.raises(UserError, match="another tokenizer"):
        model.begin(np.array([token]))
    with pytest.raises(ValueError, match="outside the vocabulary"):
        model.begin(np.array([0])).advance(token)


def test_settings_name_the_range() -> None:
    with pytest.raises(SettingsError, match=r"model\.order: Must be between 1 and 7, not 8\."):
        read(NgramSettings, {"order": 8}, "model")


def test_family_describes_itself() -> None:
    described = family("ngram")
    assert described.learning == "counting"
    assert described.network == network.__name__
    assert {"tiny", "small", "medium"} <= set(described.presets)
    for preset in described.presets.values():
        assert described.outline(read(NgramSettings, preset)) == f"order {preset['order']}"


def test_meets_the_contracts() -> None:
    model: Model = counted(2, 4, [0, 1, 2, 3])
    learner: Learner = CountingLearner(network.blank(NgramSettings(), 4))
    assert model.vocabulary == learner.model.vocabulary


def test_needs_no_torch() -> None:
    program = (
        "import sys; import numpy as np; from lmstudio_app.engine.registry import families; families();"
        "from lmstudio_app.engine.models.ngram.learner import CountingLearner;"
        "import lmstudio_app.engine.generation.stream, lmstudio_app.engine.evaluation.likelihood;"
        "assert 'torch' not in sys.modules and 'tokenizers' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
