"""The blend as a model: mixed probabilities, and shares that make a text likeliest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lmstudio_app.engine import registry
from lmstudio_app.engine.data.batches import Batch
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.model import Model
from lmstudio_app.engine.models.blend.learner import CountingLearner, fitted_shares
from lmstudio_app.engine.models.blend.network import BlendModel, blank, mixed_nats
from lmstudio_app.engine.models.blend.settings import BlendSettings
from lmstudio_app.engine.settings import SettingsError, read
from lmstudio_app.engine.task import LANGUAGE_MODELLING, task

VOCABULARY = 13


def text(count: int, seed: int = 1) -> NDArray[np.int64]:
    steps = np.random.default_rng(seed).choice([1, 2, 5], size=count, p=[0.7, 0.2, 0.1])
    return np.asarray(np.cumsum(steps) % VOCABULARY, dtype=np.int64)


def member(family: str, **model: Any) -> dict[str, Any]:
    settings = registry.family(family).settings(**model).model_dump()
    return {"run": f"the {family}", "step": 1, "family": family, "model": settings}


def whole(tokens: NDArray[np.int64]) -> Batch:
    return Batch(inputs=tokens[None, :-1], targets=tokens[None, 1:])


def trained(named: dict[str, Any], tokens: NDArray[np.int64]) -> Model:
    """A member's own model: counted, or with fresh weights where it learns by gradient."""
    family = registry.family(named["family"])
    model: Any = task(LANGUAGE_MODELLING).build(family, family.settings(**named["model"]), VOCABULARY, 3)
    if family.learning == "gradient":
        model.eval()
        return model  # type: ignore[no-any-return]
    from lmstudio_app.engine.models.ngram.learner import CountingLearner as Counting

    learner = Counting(model)
    for number in range(1, learner.steps + 1):
        learner.step(number, whole(tokens))
    return learner.model


MEMBERS = [
    member("ngram", order=3),
    member("gpt", layers=1, heads=2, width=16, context=8),
    member("recurrent", cell="gru", layers=1, width=16, context=8),
    member("causal_cnn", layers=2, width=16, context=8),
]


def blend(*named: dict[str, Any], tokens: NDArray[np.int64], **others: Any) -> BlendModel:
    settings = read(BlendSettings, {"members": named, **others})
    return BlendModel(settings, [trained(one, tokens) for one in named], VOCABULARY)


def test_scores_mix_probabilities_whatever_the_members_are() -> None:
    model, new = blend(*MEMBERS, tokens=text(600)), text(80, seed=2)
    model.shares = np.array([0.4, 0.3, 0.2, 0.1])
    chances = np.stack([np.exp(-one.score(new)) for one in model.members])
    np.testing.assert_allclose(np.exp(-model.score(new)), model.shares @ chances, rtol=1e-9)


def test_writing_expects_what_scoring_says_and_the_parts_add_up() -> None:
    model, new = blend(*MEMBERS, tokens=text(600)), text(8, seed=3)
    decoding, scored = model.begin(new[:2]), model.score(new)
    for place in range(2, len(new)):
        logits = decoding.logits.astype(np.float64)
        assert np.exp(logits).sum() == pytest.approx(1, abs=1e-5)
        assert -logits[new[place]] == pytest.approx(scored[place], abs=1e-4)
        parts = decoding.parts(int(new[place]))
        assert sum(parts) == pytest.approx(1)
        own = np.array([np.exp(-one.score(new[: place + 1])[place]) for one in model.members]) / 4
        np.testing.assert_allclose(parts, own / own.sum(), atol=1e-4)
        decoding.advance(int(new[place]))


def test_a_member_that_rules_a_token_out_leaves_it_to_the_others() -> None:
    nats = np.array([[np.inf, 1.0], [2.0, np.inf]])
    np.testing.assert_allclose(mixed_nats(nats, np.array([0.25, 0.75])), [2 - np.log(0.75), 1 - np.log(0.25)])
    assert np.isinf(mixed_nats(np.full((2, 1), np.inf), np.array([0.5, 0.5]))).all()
    assert mixed_nats(nats, np.array([0.0, 1.0]))[0] == pytest.approx(2.0)


def test_fitted_shares_are_the_best_there_are() -> None:
    nats = np.random.default_rng(5).exponential(2, size=(2, 4000)) + np.array([[0.3], [0.0]])
    shares = fitted_shares(nats)
    tried = [mixed_nats(nats, np.array([share, 1 - share])).mean() for share in np.linspace(0.001, 0.999, 999)]
    assert shares.sum() == pytest.approx(1)
    assert mixed_nats(nats, shares).mean() <= min(tried) + 1e-9
    assert abs(shares[0] - np.linspace(0.001, 0.999, 999)[int(np.argmin(tried))]) < 2e-3


def test_a_model_that_counts_is_counted_anew_without_the_held_out_piece() -> None:
    """As it is, an n-gram of a high order knows its own text by heart and would take everything."""
    tokens = np.random.default_rng(4).integers(0, VOCABULARY, 3000)  # nothing to learn but the first order
    deep, shallow = member("ngram", order=6), member("ngram", order=1)
    model = blend(deep, shallow, tokens=tokens)
    learner = CountingLearner(model)
    learner.step(1, whole(tokens))
    (row,) = learner.measured()
    piece = tokens[-300:]
    by_heart = fitted_shares(np.stack([one.score(tokens)[-300:] for one in model.members]))
    assert by_heart[0] > 0.99
    assert model.shares[0] < 0.1
    assert row["share_1"] == model.shares[0]
    assert row["training_loss"] > np.log(VOCABULARY) - 0.1
    assert len(piece) == 300
    elsewhere = blend(deep | {"same_text": False}, shallow, tokens=tokens)
    CountingLearner(elsewhere).step(1, whole(tokens))
    assert elsewhere.shares[0] > 0.99  # of another text: there is nothing to leave out


def test_weights_come_back_and_damaged_ones_are_refused() -> None:
    model, new = blend(*MEMBERS, tokens=text(600)), text(40, seed=6)
    model.shares = np.array([0.1, 0.2, 0.3, 0.4])
    saved, again = model.weights(), blank(model.settings, VOCABULARY)
    again.load_weights(saved)
    np.testing.assert_array_equal(again.score(new), model.score(new))
    for shares in (None, [0.5, 0.5], [0.5, 0.5, 0.5, 0.5], [1.5, -0.5, 0.0, 0.0], [np.nan, 0.4, 0.3, 0.3]):
        broken = {name: array for name, array in saved.items() if name != "shares"}
        if shares is not None:
            broken["shares"] = np.array(shares)
        with pytest.raises(UserError, match="lacks the shares"):
            again.load_weights(broken)
    with pytest.raises(UserError):
        again.load_weights({name: array for name, array in saved.items() if not name.startswith("member_2.")})


def test_too_few_members_and_a_share_out_of_bounds_are_refused() -> None:
    with pytest.raises(SettingsError, match="two runs or more"):
        read(BlendSettings, {"members": MEMBERS[:1]})
    for share in (0.0, 0.6):
        with pytest.raises(SettingsError, match="held_out"):
            read(BlendSettings, {"members": MEMBERS, "held_out": share})


def test_a_text_that_is_too_short_is_refused() -> None:
    model = blend(MEMBERS[0], MEMBERS[1], tokens=text(600))
    with pytest.raises(UserError, match="too short"):
        CountingLearner(model).step(1, whole(text(4)))


def test_it_is_no_family_to_train_from_a_text() -> None:
    assert "blend" not in registry.families()
    assert registry.every_family()["blend"].composed
