"""The GPT: its settings, its parameters, its numbers against plain numpy, its decoding against a full forward pass."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch

from lmstudio_app.engine.blocks.language_model import LanguageModel
from lmstudio_app.engine.blocks.probes import attention_weights
from lmstudio_app.engine.models.gpt.network import blank, build
from lmstudio_app.engine.models.gpt.settings import FAMILY, GPTSettings, activation_bytes, parameters
from lmstudio_app.engine.settings import SettingsError, read
from tests.engine.models import gpt_reference
from tests.engine.models.activations import kept_bytes

VOCABULARY = 23

CHOICES: dict[str, tuple[Any, ...]] = {
    "positions": ("learned", "rotary"),
    "normalization": ("layer", "rms"),
    "activation": ("gelu", "swiglu"),
    "bias": (False, True),
    "tied": (False, True),
}
PARTS = [dict(zip(CHOICES, parts, strict=True)) for parts in itertools.product(*CHOICES.values())]


def small(**changes: Any) -> GPTSettings:
    return GPTSettings(**{"layers": 2, "heads": 2, "width": 16, "context": 12, "dropout": 0.0} | changes)


def lively(settings: GPTSettings, seed: int = 1) -> LanguageModel:
    """A model whose every weight matters: fresh ones are so small that attention is nearly flat."""
    model = build(settings, VOCABULARY, seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.3)
    return model.eval()


def tokens(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, VOCABULARY, count)


def name(parts: dict[str, Any]) -> str:
    return "-".join(f"{key}" if value is True else "" if value is False else str(value) for key, value in parts.items())


@pytest.mark.parametrize("parts", PARTS, ids=name)
def test_parameter_formula_counts_the_network(parts: dict[str, Any]) -> None:
    for layers, heads, width, context in ((1, 1, 8, 2), (2, 2, 24, 9), (3, 5, 40, 16)):
        settings = GPTSettings(layers=layers, heads=heads, width=width, context=context, **parts)
        for vocabulary in (7, 65):
            model = blank(settings, vocabulary)
            assert parameters(settings, vocabulary) == sum(p.numel() for p in model.parameters())
            assert parameters(settings, vocabulary) == sum(a.size for a in model.weights().values())


@pytest.mark.parametrize("parts", [*PARTS, {"heads": 5, "width": 15, "positions": "rotary"}], ids=name)
def test_logits_and_attention_equal_plain_numpy(parts: dict[str, Any]) -> None:
    settings = small(**parts)
    model, text = lively(settings), tokens(12)
    with torch.no_grad(), attention_weights(model) as captured:
        probed = model(torch.from_numpy(text[None]))[0].numpy()
    with torch.no_grad():
        logits = model(torch.from_numpy(text[None]))[0].numpy()
    expected_logits, expected_attention = gpt_reference.run(settings, model.weights(), text)
    assert np.abs(expected_logits).max() > 1
    np.testing.assert_allclose(logits, expected_logits, atol=1e-5, rtol=1e-5)
    np.testing.assert_allclose(probed, expected_logits, atol=1e-5, rtol=1e-5)
    np.testing.assert_allclose(torch.cat(captured).numpy(), expected_attention, atol=1e-5)


@pytest.mark.parametrize("parts", PARTS, ids=name)
def test_cached_decoding_equals_a_full_forward_pass(parts: dict[str, Any]) -> None:
    model, text = lively(small(**parts)), tokens(12, seed=3)
    with torch.no_grad():
        full = model(torch.from_numpy(text[None]))[0].numpy()
    for prompt in (1, 5):
        decoding = model.begin(text[:prompt])
        for place in range(prompt, 12):
            np.testing.assert_allclose(decoding.logits, full[place - 1], atol=1e-5, rtol=1e-5)
            decoding.advance(int(text[place]))
        np.testing.assert_allclose(decoding.logits, full[-1], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("positions", ["learned", "rotary"])
def test_a_full_window_slides_to_its_last_half(positions: str) -> None:
    model, text = lively(small(positions=positions)), tokens(40, seed=4)
    decoding, visible = model.begin(text[:3]), list(text[:3])
    for token in text[3:]:
        decoding.advance(int(token))
        visible = [*visible, token] if len(visible) < 12 else [*visible, token][-6:]
        with torch.no_grad():
            expected = model(torch.tensor([visible]))[0, -1].numpy()
        np.testing.assert_allclose(decoding.logits, expected, atol=1e-5, rtol=1e-5)


def test_a_prompt_longer_than_the_context_is_read_from_its_last_tokens() -> None:
    model, text = lively(small()), tokens(30, seed=5)
    np.testing.assert_array_equal(model.begin(text).logits, model.begin(text[-12:]).logits)


def test_the_smallest_context_still_slides() -> None:
    model = lively(small(context=2))
    decoding = model.begin(np.array([], dtype=np.int64))
    for token in (1, 2, 3, 4):
        decoding.advance(token)
        assert np.isfinite(decoding.logits).all()
    np.testing.assert_allclose(decoding.logits, model.begin(np.array([3, 4])).logits, atol=1e-5)


def test_fresh_weights_are_as_in_gpt2() -> None:
    model = build(GPTSettings(layers=8, heads=4, width=128, context=64, bias=True), 300, seed=5)
    for key, array in model.weights().items():
        if key.endswith("bias"):
            assert not array.any(), key
        elif array.ndim == 1:
            assert (array == 1).all(), key
        else:
            residual = key.endswith(("attention.output.weight", "feed_forward.narrow.weight"))
            expected = 0.02 / math.sqrt(16) if residual else 0.02
            assert array.std() == pytest.approx(expected, rel=0.05), key
            assert abs(array.mean()) < expected / 10, key


def test_the_first_loss_is_near_a_uniform_guess() -> None:
    model = build(GPTSettings(context=32), 65, seed=1)
    batch = torch.randint(0, 65, (8, 33), generator=torch.Generator().manual_seed(1))
    assert model.loss(batch[:, :-1], batch[:, 1:]).item() == pytest.approx(math.log(65), abs=0.1)


@pytest.mark.parametrize("dropout", [0.0, 0.2])
@pytest.mark.parametrize("parts", PARTS[::3], ids=name)
def test_activation_bytes_are_what_a_step_keeps(parts: dict[str, Any], dropout: float) -> None:
    settings = GPTSettings(layers=2, heads=4, width=64, context=32, dropout=dropout, **parts)
    assert activation_bytes(settings, 65, batch=4) == pytest.approx(kept_bytes(build(settings, 65, 1), 4, 32), rel=0.05)


@pytest.mark.parametrize(
    ("given", "sentence", "choices"),
    [
        ({"heads": 6, "width": 200}, "Must divide evenly by 6 heads.", (198, 204)),
        ({"heads": 64, "width": 8}, "Must divide evenly by 64 heads.", (64,)),
        ({"heads": 7, "width": 8192}, "Must divide evenly by 7 heads.", (8190,)),
    ],
)
def test_a_width_that_heads_cannot_share_is_refused_with_widths_that_work(
    given: dict[str, Any], sentence: str, choices: tuple[int, ...]
) -> None:
    with pytest.raises(SettingsError) as caught:
        read(GPTSettings, given, prefix="model")
    (problem,) = caught.value.problems
    assert (problem.field, str(problem), problem.choices) == ("model.width", sentence, choices)
    for width in choices:
        read(GPTSettings, {**given, "width": width})


def test_a_text_beyond_the_context_is_a_bug_that_says_so() -> None:
    model = build(small(), VOCABULARY, 1)
    with pytest.raises(ValueError, match="13 tokens do not fit into a context of 12"):
        model(torch.zeros(1, 13, dtype=torch.int64))


def test_the_family_offers_attention() -> None:
    assert "attention" in FAMILY.offers
    assert FAMILY.outline(GPTSettings(layers=6, heads=3, width=192)) == "6 × 3 × 192"
