"""The model made of body and head: scoring, weights and their errors, and that reading teaches nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from lmstudio_app.engine.blocks import scoring
from lmstudio_app.engine.blocks.language_model import LanguageModel
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.models.gpt.network import blank, build
from lmstudio_app.engine.models.gpt.settings import GPTSettings

VOCABULARY, CONTEXT = 17, 8
SETTINGS = GPTSettings(layers=2, heads=2, width=16, context=CONTEXT, dropout=0.2)


@pytest.fixture
def model() -> LanguageModel:
    made = build(SETTINGS, VOCABULARY, seed=1).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(5)
    return made


def tokens(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, VOCABULARY, count)


def expected_nats(model: LanguageModel, text: np.ndarray) -> list[float]:
    """Each token after the first from the one window that must score it, one forward pass each."""
    nats, half, scored = [math.log(VOCABULARY)], CONTEXT // 2, 1
    while scored < len(text):
        end = min(CONTEXT + 1 if scored == 1 else scored + half, len(text))
        window = text[max(0, end - CONTEXT - 1) : end]
        with torch.no_grad():
            logs = model(torch.from_numpy(window[None, :-1]))[0].double().log_softmax(-1)
        fresh = end - scored
        nats += [-logs[k, window[k + 1]].item() for k in range(len(window) - 1 - fresh, len(window) - 1)]
        scored = end
    return nats


@pytest.mark.parametrize("count", [1, 2, 5, 8, 9, 10, 12, 13, 14, 31, 40])
@pytest.mark.parametrize("at_once", [1, 1 << 24])
def test_each_token_is_scored_once_in_windows_that_overlap_by_half(
    model: LanguageModel, count: int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "LOGITS_AT_ONCE", at_once)
    nats = model.score(tokens(count))
    assert nats.dtype == np.float64
    np.testing.assert_allclose(nats, expected_nats(model, tokens(count)), atol=1e-5)


def test_every_scored_token_sees_at_least_half_a_context() -> None:
    for length, count in ((8, 100), (7, 101), (1, 5)):
        seen = {}
        for start, fresh in scoring._windows(count, length):
            assert 0 <= start <= count - 1 - length
            for k in range(fresh, length):
                assert start + k + 1 not in seen, "scored twice"
                seen[start + k + 1] = k + 1
        assert sorted(seen) == list(range(1, count))
        assert all(seen[place] >= min(place, length - length // 2) for place in seen)


def test_nothing_scores_nothing_and_before_the_first_token_all_are_alike(model: LanguageModel) -> None:
    assert model.score(tokens(0)).shape == (0,)
    assert model.score(tokens(1)).tolist() == [math.log(VOCABULARY)]
    logits = model.begin(tokens(0)).logits
    assert logits.dtype == np.float32
    assert logits.tolist() == [0.0] * VOCABULARY


def test_the_loss_is_the_mean_of_the_targets_nats(model: LanguageModel) -> None:
    text = tokens(CONTEXT + 1)
    loss = model.loss(torch.from_numpy(text[None, :-1]), torch.from_numpy(text[None, 1:]))
    assert loss.item() == pytest.approx(model.score(text)[1:].mean(), abs=1e-5)
    assert loss.requires_grad


def test_reading_drops_nothing_draws_nothing_and_gives_the_mode_back(model: LanguageModel) -> None:
    text = tokens(20)
    expected_scores, expected_logits = model.score(text), model.begin(text[:4]).logits
    model.train()
    before = torch.get_rng_state()
    np.testing.assert_array_equal(model.score(text), expected_scores)
    decoding = model.begin(text[:4])
    np.testing.assert_array_equal(decoding.logits, expected_logits)
    decoding.advance(3)
    assert all(module.training for module in model.modules())
    assert torch.equal(torch.get_rng_state(), before)
    model.loss(torch.from_numpy(text[None, :4]), torch.from_numpy(text[None, 1:5])).backward()
    assert model.head.weight.grad is not None


def test_decoding_repeats_bit_for_bit(model: LanguageModel) -> None:
    written = []
    for _ in range(2):
        decoding, logits = model.begin(tokens(3)), []
        for token in tokens(30):
            decoding.advance(int(token))
            logits.append(decoding.logits)
        written.append(np.stack(logits))
    np.testing.assert_array_equal(written[0], written[1])


def test_logits_handed_out_do_not_change_afterwards(model: LanguageModel) -> None:
    decoding = model.begin(tokens(3))
    first = decoding.logits
    copy = first.copy()
    decoding.advance(1)
    np.testing.assert_array_equal(first, copy)


def test_weights_are_copies_and_come_back_equal(model: LanguageModel) -> None:
    saved = model.weights()
    other = blank(SETTINGS, VOCABULARY).eval()
    other.load_weights(saved)
    np.testing.assert_array_equal(other.score(tokens(30)), model.score(tokens(30)))
    kept = {name: array.copy() for name, array in saved.items()}
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
    for name, array in saved.items():
        np.testing.assert_array_equal(array, kept[name])
    for array in saved.values():
        array.setflags(write=False)  # as those of a mapped file
    model.load_weights(saved)
    np.testing.assert_array_equal(other.score(tokens(30)), model.score(tokens(30)))


def test_a_tied_head_has_no_weights_of_its_own_and_follows_the_table(model: LanguageModel) -> None:
    assert "head.weight" not in model.weights()
    assert model.head.weight is model.body.tokens.weight
    untied = build(SETTINGS.model_copy(update={"tied": False}), VOCABULARY, 1)
    assert "head.weight" in untied.weights()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("missing", "no tensor “body.normalization.weight”"),
        ("unknown", "a tensor “body.extra” that this model lacks"),
        ("shape", r"“body.normalization.weight” has the shape \(3,\), but this model needs \(16,\)"),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_name_and_change_nothing(
    model: LanguageModel, change: str, message: str
) -> None:
    arrays = {name: array + 1 for name, array in model.weights().items()}
    if change == "missing":
        del arrays["body.normalization.weight"]
    elif change == "unknown":
        arrays["body.extra"] = np.zeros(3, dtype=np.float32)
    else:
        arrays["body.normalization.weight"] = np.zeros(3, dtype=np.float32)
    before = model.weights()
    with pytest.raises(UserError, match=message):
        model.load_weights(arrays)
    for name, array in model.weights().items():
        np.testing.assert_array_equal(array, before[name])


def test_tokens_of_another_vocabulary_are_refused(model: LanguageModel) -> None:
    for text in (np.array([1, VOCABULARY]), np.array([-1, 2])):
        with pytest.raises(UserError, match="outside this model's vocabulary of 17"):
            model.begin(text)
        with pytest.raises(UserError, match="outside this model's vocabulary of 17"):
            model.score(text)
    with pytest.raises(ValueError, match="token 17 is outside"):
        model.begin(tokens(2)).advance(VOCABULARY)
