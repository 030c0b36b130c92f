"""Capturing attention: what a trace holds, how long texts are cut, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lmstudio_app.engine.blocks.language_model import LanguageModel
from lmstudio_app.engine.data.tokenizer import MISSING_SHOWN
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.inspection import capture as capturing
from lmstudio_app.engine.inspection.capture import capture
from lmstudio_app.engine.models.gpt import network as gpt
from lmstudio_app.engine.models.gpt.settings import GPTSettings
from lmstudio_app.engine.models.ngram import network as ngram
from lmstudio_app.engine.models.ngram.settings import NgramSettings
from lmstudio_app.engine.models.recurrent import network as recurrent
from lmstudio_app.engine.models.recurrent.settings import RecurrentSettings
from tests.engine.models import gpt_reference

LETTERS = "abcdefghijklmnopqrstuvwxyz 你"


class LetterTokenizer:
    """One token per letter."""

    def encode(self, text: str) -> NDArray[np.int64]:
        return np.array([LETTERS.index(letter) for letter in text], dtype=np.int64)

    def pieces(self, tokens: NDArray[np.int64]) -> list[str]:
        return [LETTERS[token] for token in tokens]

    def missing(self, text: str) -> list[str]:
        return sorted(set(text) - set(LETTERS))


SETTINGS = GPTSettings(layers=3, heads=2, width=16, context=12, dropout=0.3)


@pytest.fixture
def model() -> LanguageModel:
    made = gpt.build(SETTINGS, len(LETTERS), seed=1)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(8)
    return made.eval()


def test_a_trace_holds_the_weights_of_every_head(model: LanguageModel) -> None:
    trace = capture(model, LetterTokenizer(), "to be 你 no")
    assert trace.tokens == list("to be 你 no")
    assert trace.cut == 0
    assert trace.attention.shape == (3, 2, 10, 10)
    assert trace.attention.dtype == np.float32
    np.testing.assert_allclose(trace.attention.sum(-1), 1, atol=1e-6)
    assert not np.triu(trace.attention, 1).any()
    assert trace.attention.max(-1)[..., 1:].min() < 0.9
    _, expected = gpt_reference.run(SETTINGS, model.weights(), LetterTokenizer().encode("to be 你 no"))
    np.testing.assert_allclose(trace.attention, expected, atol=1e-5)


def test_one_token_looks_at_itself(model: LanguageModel) -> None:
    assert (capture(model, LetterTokenizer(), "a").attention == np.ones((3, 2, 1, 1))).all()


def test_of_a_text_longer_than_the_context_the_end_is_read(model: LanguageModel) -> None:
    trace = capture(model, LetterTokenizer(), "once upon a time there")
    assert "".join(trace.tokens) == " a time there"[-12:]
    assert trace.cut == 10
    alone = capture(model, LetterTokenizer(), "once upon a time there"[-12:])
    np.testing.assert_array_equal(trace.attention, alone.attention)


def test_a_trace_stays_within_its_memory(model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capturing, "MOST_WEIGHTS", 6 * 5 * 5)  # six heads
    trace = capture(model, LetterTokenizer(), "abcdefgh")
    assert trace.tokens == list("defgh")
    assert trace.cut == 3


def test_capturing_changes_nothing(model: LanguageModel) -> None:
    model.train()
    before = torch.get_rng_state()
    first, second = (capture(model, LetterTokenizer(), "the same") for _ in range(2))
    np.testing.assert_array_equal(first.attention, second.attention)
    assert all(module.training for module in model.modules())
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("family", ["recurrent", "ngram"])
def test_families_without_attention_are_refused_and_those_with_it_named(family: str) -> None:
    models = {
        "recurrent": lambda: recurrent.build(RecurrentSettings(layers=1, width=8), len(LETTERS), 1),
        "ngram": lambda: ngram.build(NgramSettings(order=2), len(LETTERS), 1),
    }
    with pytest.raises(UserError, match=r"no attention to show.*Transformer \(GPT\)") as caught:
        capture(models[family](), LetterTokenizer(), "abc")
    assert "Transformer (GPT)" in caught.value.choices


def test_characters_that_the_vocabulary_lacks_are_named(model: LanguageModel) -> None:
    with pytest.raises(UserError, match="“Q” “é”") as caught:
        capture(model, LetterTokenizer(), "Qué no")
    assert caught.value.field == "text"


def test_many_missing_characters_are_not_all_named(model: LanguageModel) -> None:
    with pytest.raises(UserError) as caught:
        capture(model, LetterTokenizer(), "".join(chr(0x400 + k) for k in range(60)))
    assert str(caught.value).count("“") == MISSING_SHOWN
    assert " …" in str(caught.value)


def test_an_empty_text_is_refused(model: LanguageModel) -> None:
    with pytest.raises(UserError, match="no text to look at"):
        capture(model, LetterTokenizer(), "")
