"""What every family must keep to, whatever it is; walks the registry, so a new family is tested by being there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lmstudio_app.engine import registry
from lmstudio_app.engine.data.batches import Batches
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.model import Learner, Model
from lmstudio_app.engine.registry import Family
from lmstudio_app.engine.settings import Settings, declarations
from lmstudio_app.engine.task import Drawing, task
from lmstudio_app.engine.training.settings import training_settings

VOCABULARY, STEPS = 31, 80
SMALL = {"layers": 2, "heads": 2, "width": 32, "context": 16, "order": 3}
TASK = task("language-modelling")

every_family = pytest.mark.parametrize("family", registry.families().values(), ids=lambda family: family.name)
gradient_families = pytest.mark.parametrize(
    "family",
    [family for family in registry.families().values() if family.learning == "gradient"],
    ids=lambda family: family.name,
)


class Splits:
    """Text with something to learn: each token follows from the one before it, but for some noise."""

    def split(self, name: str) -> NDArray[np.uint16]:
        generator = np.random.default_rng({"training": 1, "validation": 2, "test": 3}[name])
        steps = generator.choice([3, 5, 11], size=4000 if name == "training" else 400, p=[0.8, 0.15, 0.05])
        return (np.cumsum(steps) % VOCABULARY).astype(np.uint16)


def small(family: Family) -> Settings:
    names = {declared.name for declared in declarations(family.settings)}
    return family.settings(**{name: value for name, value in SMALL.items() if name in names})


def batches(family: Family) -> Batches:
    drawing = Drawing(batch=8, context=SMALL["context"], seed=1, validation_tokens=200)
    return TASK.batches(Splits(), drawing if family.learning == "gradient" else None)


def learner(family: Family, settings: Settings) -> Learner:
    model: Any = TASK.build(family, settings, VOCABULARY, 1)
    if family.learning == "counting":
        import importlib

        made: Learner = importlib.import_module(family.learner).CountingLearner(model)
        return made
    from lmstudio_app.engine.training.gradient_learner import GradientLearner
    from lmstudio_app.engine.training.settings import TrainingSettings

    training = TrainingSettings(steps=STEPS, warmup_steps=2, learning_rate=2e-2, seed=1)
    return GradientLearner(model, lambda: TASK.blank(family, settings, VOCABULARY), training, torch.device("cpu"))


def learn(family: Family, settings: Settings, steps: int | None = None) -> tuple[Learner, list[float]]:
    """A learner after some steps, and its losses."""
    taught, source, losses = learner(family, settings), batches(family), []
    count = steps or (STEPS if family.learning == "gradient" else family.counting_steps(settings))
    for step in range(1, count + 1):
        taught.step(step, source.at(step))
    losses = [row["training_loss"] for row in taught.measured()]
    assert len(losses) == count
    return taught, losses


@pytest.fixture(scope="module")
def taught() -> dict[str, Model]:
    """A small trained model of every family."""
    return {name: learn(family, small(family))[0].snapshot() for name, family in registry.families().items()}


def text(count: int = 12) -> NDArray[np.int64]:
    return Splits().split("test")[:count].astype(np.int64)


def nats(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = logits.astype(np.float64)
    return np.log(np.exp(wide - wide.max()).sum()) + wide.max() - wide


# Settings -------------------------------------------------------------------------------------------------------


@every_family
def test_a_family_says_what_it_is(family: Family) -> None:
    assert family.title
    assert family.summary.endswith(".")
    assert "decoding" in family.offers
    assert list(family.presets) == ["tiny", "small", "medium", "large"]
    assert family.outline(family.settings())


@every_family
def test_every_setting_has_a_title_help_and_bounds(family: Family) -> None:
    declared = declarations(family.settings)
    assert declared
    for one in declared:
        assert one.title, one.path
        assert one.title != one.path, one.path
        assert one.help.endswith("."), one.path
        if one.kind in ("integer", "number"):
            assert one.minimum is not None or one.above is not None, one.path
            assert one.maximum is not None or one.below is not None, one.path
        if one.kind == "choice":
            assert len(one.choices) > 1, one.path
            assert all(title for _, title in one.choices), one.path
            assert one.default in [value for value, _ in one.choices], one.path


@every_family
def test_it_builds_from_its_defaults_and_every_preset_with_the_parameters_it_says(family: Family) -> None:
    for values in ({}, *family.presets.values()):
        settings = family.settings(**values)
        model = TASK.blank(family, settings, 65)
        assert model.vocabulary == 65
        if family.learning == "gradient":
            assert family.parameters(settings, 65) == sum(array.size for array in model.weights().values())
            assert family.activation_bytes(settings, 65, 2) > 0


@every_family
def test_presets_grow(family: Family) -> None:
    sizes = [family.settings(**family.presets[name]) for name in ("tiny", "small", "medium", "large")]
    if family.learning == "gradient":
        counts = [family.parameters(settings, 65) for settings in sizes]
        assert counts == sorted(set(counts))


@every_family
def test_every_style_is_a_model_and_a_training_of_every_size(family: Family) -> None:
    for style in family.styles.values():
        assert style.title
        assert style.summary.endswith(".")
        for preset in family.presets:
            chosen = family.chosen(preset, style.name)
            settings = family.settings(**chosen["model"])
            training_settings(family.learning)(**chosen["training"])
            size = family.settings(**family.presets[preset])
            for name in family.presets[preset]:
                assert getattr(settings, name) == getattr(size, name)
    with pytest.raises(UserError, match="has no style “cubist”"):
        family.chosen("tiny", "cubist")
    with pytest.raises(UserError, match="has no preset “vast”"):
        family.chosen("vast", None)


# Chance and weights ---------------------------------------------------------------------------------------------


@every_family
def test_fresh_weights_are_a_function_of_the_seed_and_leave_the_global_generator_alone(family: Family) -> None:
    before = torch.get_rng_state()
    first, again, other = (TASK.build(family, small(family), VOCABULARY, seed).weights() for seed in (1, 1, 2))
    TASK.blank(family, small(family), VOCABULARY)
    assert torch.equal(torch.get_rng_state(), before)
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
    if family.learning == "gradient":
        assert any((first[name] != other[name]).any() for name in first)


@every_family
def test_a_fixed_seed_repeats_its_losses_which_fall(family: Family) -> None:
    (one, losses), (other, again) = (learn(family, small(family)) for _ in range(2))
    assert losses == again
    assert losses[-1] < 0.8 * losses[0]
    for name, array in one.model.weights().items():
        np.testing.assert_array_equal(array, other.model.weights()[name])


@every_family
def test_a_learner_goes_on_from_its_state_bit_for_bit(family: Family) -> None:
    settings = small(family)
    whole, losses = learn(family, settings)
    half = len(losses) // 2
    first, _ = learn(family, settings, steps=half)
    second, source = learner(family, settings), batches(family)
    second.load(first.state())
    for step in range(half + 1, len(losses) + 1):
        second.step(step, source.at(step))
    assert [row["training_loss"] for row in second.measured()] == losses[half:]
    for name, array in whole.model.weights().items():
        np.testing.assert_array_equal(array, second.model.weights()[name])


@every_family
def test_saved_and_loaded_weights_make_the_same_model(family: Family, taught: dict[str, Model]) -> None:
    model = taught[family.name]
    loaded = TASK.blank(family, small(family), VOCABULARY)
    loaded.load_weights(model.weights())
    np.testing.assert_array_equal(loaded.score(text(60)), model.score(text(60)))
    np.testing.assert_array_equal(loaded.begin(text(5)).logits, model.begin(text(5)).logits)
    assert loaded.weights().keys() == model.weights().keys()


@every_family
def test_weights_of_another_model_are_refused(family: Family, taught: dict[str, Model]) -> None:
    weights = taught[family.name].weights()
    name = sorted(weights)[0]
    for wrong in (
        {},
        {**weights, "something else": np.zeros(3, dtype=np.float32)},
        {**weights, name: np.zeros((1, 2, 3))},
    ):
        with pytest.raises(UserError):
            TASK.blank(family, small(family), VOCABULARY).load_weights(wrong)


# Reading and writing --------------------------------------------------------------------------------------------


@every_family
def test_decoding_equals_scoring(family: Family, taught: dict[str, Model]) -> None:
    model, tokens = taught[family.name], text()
    scored = model.score(tokens)
    decoding = model.begin(tokens[:0])
    for place, token in enumerate(tokens):
        assert decoding.logits.shape == (VOCABULARY,)
        assert decoding.logits.dtype == np.float32
        assert nats(decoding.logits)[token] == pytest.approx(scored[place], abs=1e-5)
        decoding.advance(int(token))
    np.testing.assert_allclose(model.begin(tokens).logits, decoding.logits, atol=1e-5)


@every_family
def test_decoding_goes_on_beyond_the_context(family: Family, taught: dict[str, Model]) -> None:
    decoding = taught[family.name].begin(text(3))
    for token in text(60):
        decoding.advance(int(token))
        assert np.isfinite(decoding.logits).all()


@every_family
def test_later_tokens_do_not_change_what_earlier_ones_cost(family: Family, taught: dict[str, Model]) -> None:
    model, tokens = taught[family.name], text(16)
    changed = tokens.copy()
    changed[10:] = (changed[10:] + 7) % VOCABULARY
    np.testing.assert_allclose(model.score(changed)[:10], model.score(tokens)[:10], atol=1e-6)


@gradient_families
def test_later_tokens_do_not_change_earlier_logits(family: Family, taught: dict[str, Model]) -> None:
    network: Any = taught[family.name]
    tokens = torch.from_numpy(text(16)[None].copy())
    changed = tokens.clone()
    changed[:, 10:] = (changed[:, 10:] + 7) % VOCABULARY
    with torch.no_grad():
        before, after = network(tokens), network(changed)
    torch.testing.assert_close(after[:, :10], before[:, :10], atol=1e-6, rtol=0)
    assert (after[:, 10:] - before[:, 10:]).abs().max() > 1e-3


@every_family
def test_what_it_learned_foretells_the_text_better_than_a_guess(family: Family, taught: dict[str, Model]) -> None:
    assert taught[family.name].score(text(300)).mean() < 0.8 * np.log(VOCABULARY)


@every_family
def test_a_snapshot_shares_nothing_with_its_learner(family: Family) -> None:
    settings = small(family)
    taught, source = learner(family, settings), batches(family)
    taught.step(1, source.at(1))
    kept = taught.snapshot()
    scores = kept.score(text(30))
    taught.step(2, source.at(2))
    np.testing.assert_array_equal(kept.score(text(30)), scores)
    assert (taught.model.score(text(30)) != scores).any()
