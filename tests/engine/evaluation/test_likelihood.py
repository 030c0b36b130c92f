"""Bits per byte, perplexity and loss; long texts in parts; unknown characters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lmstudio_app.engine.data.batches import WholeSplit
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.evaluation import likelihood
from lmstudio_app.engine.evaluation.likelihood import method, parts, scores
from lmstudio_app.engine.events import Evaluated
from lmstudio_app.engine.model import Decoding, Likelihood, Model
from lmstudio_app.engine.models.ngram.learner import CountingLearner
from lmstudio_app.engine.models.ngram.network import NgramModel, build
from lmstudio_app.engine.models.ngram.settings import NgramSettings

TEXT = np.random.default_rng(1).integers(0, 6, 1500).astype(np.uint8)


class Fixed:
    """A model whose nats are given; notes how it was asked."""

    vocabulary = 4

    def __init__(self, nats: float, context: int | None) -> None:
        self.nats = nats
        self.asked: list[int] = []
        self._context = context

    @property
    def context(self) -> int | None:
        return self._context

    def score(self, tokens: NDArray[np.int64]) -> NDArray[np.float64]:
        assert tokens.dtype == np.int64
        self.asked.append(len(tokens))
        return np.full(len(tokens), self.nats)

    def begin(self, prompt: NDArray[np.int64]) -> Decoding:
        raise NotImplementedError

    def weights(self) -> dict[str, NDArray[Any]]:
        return {}

    def load_weights(self, weights: object) -> None:
        raise NotImplementedError


def evaluate(model: Model, tokens: NDArray[np.integer[Any]], text_bytes: int, unknown_bytes: int = 0) -> Evaluated:
    total = sum(parts(model, tokens), Likelihood(0.0, 0))
    return scores(total, text_bytes, unknown_bytes, method(model.context, "gradient"))


def counted(order: int) -> NgramModel:
    learner = CountingLearner(build(NgramSettings(order=order), 6, seed=1))
    split = WholeSplit(TEXT, TEXT)
    for step in range(1, order + 1):
        learner.step(step, split.at(step))
    return learner.model


def test_figures_of_a_uniform_guess() -> None:
    result = evaluate(Fixed(math.log(4), None), TEXT, text_bytes=1500)
    assert result.bits_per_byte == pytest.approx(2)
    assert result.perplexity == pytest.approx(4)
    assert result.nats_per_token == pytest.approx(math.log(4))
    assert (result.tokens, result.bytes) == (1500, 1500)
    assert "state carried" in result.method


def test_tokens_of_several_bytes() -> None:
    assert evaluate(Fixed(math.log(4), None), TEXT, text_bytes=6000).bits_per_byte == pytest.approx(0.5)


def test_unknown_characters_cost_a_byte_code_on_top() -> None:
    result = evaluate(Fixed(math.log(4), None), TEXT, text_bytes=1500, unknown_bytes=300)
    assert result.bits_per_byte == pytest.approx(2 + 8 * 300 / 1500)
    assert result.perplexity == pytest.approx(4)


@pytest.mark.parametrize("order", [1, 2, 5, 7])
def test_parts_cover_every_token_once(order: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model = counted(order)
    monkeypatch.setattr(likelihood, "PART", 64)
    pieces = list(parts(model, TEXT))
    assert len(pieces) > 10
    assert sum(piece.tokens for piece in pieces) == len(TEXT)
    whole = model.score(TEXT.astype(np.int64)).sum()
    assert sum(piece.nats for piece in pieces) == pytest.approx(whole, rel=1e-12)


def test_a_part_reads_the_context_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(likelihood, "PART", 10)
    model = Fixed(1.0, 8)
    assert [part.tokens for part in parts(model, TEXT[:300])] == [128, 128, 44]
    assert model.asked == [128, 136, 52]


def test_a_model_with_a_state_reads_the_text_in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(likelihood, "PART", 10)
    model = Fixed(1.0, None)
    assert [part.tokens for part in parts(model, TEXT)] == [1500]


def test_an_empty_text_gets_a_sentence() -> None:
    for context in (None, 8):
        with pytest.raises(UserError, match="nothing to score"):
            evaluate(Fixed(1.0, context), TEXT[:0], text_bytes=0)


def test_a_diverged_model_gets_a_sentence() -> None:
    for nats in (math.nan, math.inf):
        with pytest.raises(UserError, match="diverged"):
            scores(Likelihood(nats, 3), 3, 0, "")


def test_a_hopeless_model_still_has_a_perplexity() -> None:
    assert math.isfinite(scores(Likelihood(5000.0, 3), 3, 0, "").perplexity)


def test_the_method_is_told() -> None:
    assert "state carried" in method(None, "gradient")
    assert method(64, "gradient").endswith("windows of 64 tokens that overlap by half")
    assert method(4, "counting").endswith("given up to 4 tokens before it")
