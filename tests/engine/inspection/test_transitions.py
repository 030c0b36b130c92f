"""Transitions: which contexts and tokens are shown, that their probabilities are the model's, and what is refused."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from lmstudio_app.engine.data.batches import Batch
from lmstudio_app.engine.data.tokenizer import Tokenizer, TokenizerSettings, learn
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.inspection.transitions import MOST, Transitions, spelled, transitions
from lmstudio_app.engine.models.ngram import network
from lmstudio_app.engine.models.ngram.learner import CountingLearner
from lmstudio_app.engine.models.ngram.network import NgramModel
from lmstudio_app.engine.models.ngram.settings import NgramSettings
from lmstudio_app.engine.models.recurrent import network as recurrent
from lmstudio_app.engine.models.recurrent.settings import RecurrentSettings

TEXT = "abacabba"
Smoothing = Literal["kneser-ney", "none"]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return learn(TokenizerSettings(kind="character"), [TEXT + "de"])


def counted(tokenizer: Tokenizer, order: int, smoothing: Smoothing = "none") -> NgramModel:
    learner = CountingLearner(
        network.build(NgramSettings(order=order, smoothing=smoothing), tokenizer.vocabulary, seed=1)
    )
    tokens = tokenizer.encode(TEXT)[None]
    for step in range(1, order + 1):
        learner.step(step, Batch(inputs=tokens[:, :-1], targets=tokens[:, 1:]))
    return learner.model


def test_the_matrix_of_a_chain_counted_by_hand(tokenizer: Tokenizer) -> None:
    shown = transitions(counted(tokenizer, 2), tokenizer)
    assert shown.contexts == shown.tokens == ["a", "b", "c"]
    np.testing.assert_allclose(
        shown.probabilities, [[0, 2 / 3, 1 / 3], [2 / 3, 1 / 3, 0], [1, 0, 0]], rtol=0, atol=1e-15
    )
    assert shown.others == pytest.approx([0, 0, 0], abs=1e-15)
    assert (shown.lengths, shown.seen, shown.cut) == ([1, 1, 1], [1, 1, 1], 0)


def test_only_the_most_frequent_tokens_are_shown(tokenizer: Tokenizer) -> None:
    shown = transitions(counted(tokenizer, 3), tokenizer, top=2)
    assert shown.contexts == shown.tokens == ["a", "b"]
    assert shown.others == pytest.approx([1 / 3, 0])


def test_a_chosen_context_and_its_ends(tokenizer: Tokenizer) -> None:
    shown = transitions(counted(tokenizer, 3), tokenizer, "acb")
    assert shown.contexts == ["cb", "b", ""]
    assert shown.tokens == ["a", "b"]  # c never followed b
    np.testing.assert_allclose(
        shown.probabilities, [[2 / 3, 1 / 3], [2 / 3, 1 / 3], [4 / 8, 3 / 8]], rtol=0, atol=1e-15
    )
    assert (shown.lengths, shown.seen, shown.cut) == ([2, 1, 0], [1, 1, 0], 1)


@pytest.mark.parametrize("context", ["", "ab"])
@pytest.mark.parametrize("smoothing", ["kneser-ney", "none"])
def test_probabilities_are_the_models_own(tokenizer: Tokenizer, smoothing: Smoothing, context: str) -> None:
    model = counted(tokenizer, 4, smoothing)
    shown = transitions(model, tokenizer, context)
    for row, chances in zip(shown.contexts, shown.probabilities, strict=True):
        expected = model.begin(tokenizer.encode(row)).probabilities
        places = [int(tokenizer.encode(token)[0]) for token in shown.tokens]
        np.testing.assert_array_equal(chances, expected[places])
        assert chances.sum() <= 1 + 1e-12
    assert isinstance(shown, Transitions)


def test_single_tokens_have_no_context(tokenizer: Tokenizer) -> None:
    model = counted(tokenizer, 1)
    shown = transitions(model, tokenizer, "ab")
    assert (shown.contexts, shown.cut) == ([""], 2)
    np.testing.assert_allclose(shown.probabilities, [[4 / 8, 3 / 8, 1 / 8]])
    shown = transitions(model, tokenizer)
    assert shown.contexts == ["a", "b", "c"]
    assert (shown.lengths, shown.seen) == ([1, 1, 1], [0, 0, 0])
    np.testing.assert_allclose(shown.probabilities, [[4 / 8, 3 / 8, 1 / 8]] * 3)


def test_bytes_that_are_no_character_show_as_numbers() -> None:
    letters = learn(TokenizerSettings(kind="byte"), [TEXT])
    first, second = "é".encode()
    assert spelled(letters, [first]) == "<C3>"
    assert spelled(letters, [ord("a"), first, second]) == "aé"
    assert spelled(letters, [second, ord("a")]) == "<A9>a"


def test_what_is_refused(tokenizer: Tokenizer) -> None:
    with pytest.raises(UserError, match=r"no transitions to show. Families with transitions: n-gram\.") as caught:
        transitions(recurrent.build(RecurrentSettings(layers=1, width=8), tokenizer.vocabulary, 1), tokenizer)
    assert caught.value.choices == ("n-gram",)
    model = counted(tokenizer, 2)
    with pytest.raises(UserError, match="“Z”") as caught:
        transitions(model, tokenizer, "aZ")
    assert caught.value.field == "context"
    for top in (0, MOST + 1):
        with pytest.raises(UserError, match=f"1 to {MOST}"):
            transitions(model, tokenizer, top=top)
    with pytest.raises(UserError, match="not counted anything yet"):
        transitions(network.build(NgramSettings(), tokenizer.vocabulary, 1), tokenizer)
