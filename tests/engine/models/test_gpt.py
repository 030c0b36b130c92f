"""The GPT: its settings, its parameters, its numbers against plain numpy, its decoding against a full forward pass."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch

from lmstudio_app.engine.blocks.caches import KeyValueCache
from lmstudio_app.engine.blocks.language_model import LanguageModel
from lmstudio_app.engine.blocks.positions import DistanceBias
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
PARTS += [
    {"positions": "sinusoidal"},
    {"positions": "alibi"},
    {"positions": "none"},
    {"activation": "relu"},
    {"activation": "squared_relu"},
    {"key_value_heads": 1},
    {"key_value_heads": 1, "positions": "learned", "bias": True},
    {"key_value_heads": 1, "positions": "alibi", "query_key_normalization": True},
    {"key_value_heads": 1, "query_key_normalization": True, "activation": "squared_relu", "normalization": "rms"},
    {"query_key_normalization": True},
    {"query_key_normalization": True, "positions": "learned"},
]
KEPT = [
    *PARTS[::3],
    *PARTS[32:],
    {"attention_dropout": 0.1},
    {"attention_dropout": 0.1, "positions": "alibi", "key_value_heads": 2},
    {"inner_dropout": 0.1},
    {"inner_dropout": 0.1, "activation": "relu"},
    {"inner_dropout": 0.1, "activation": "squared_relu"},
    {"inner_dropout": 0.1, "activation": "swiglu"},
]


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
    for layers, heads, width, context in ((1, 1, 8, 2), (2, 2, 24, 9), (3, 6, 48, 16)):
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


@pytest.mark.parametrize("positions", ["learned", "sinusoidal", "rotary", "alibi", "none"])
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


@pytest.mark.parametrize("parts", PARTS, ids=name)
def test_a_step_in_numpy_leaves_the_memory_that_torch_leaves(parts: dict[str, Any]) -> None:
    body, text = lively(small(**parts)).body, tokens(12, seed=6)
    read, stepped = body.empty_memory(), body.empty_memory()
    step = body.step(stepped)
    assert step is not None
    assert isinstance(read, KeyValueCache)
    assert isinstance(stepped, KeyValueCache)
    with torch.no_grad():
        expected = body(torch.from_numpy(text[None]), read)[0].numpy()
    hidden = np.stack([step(int(token)) for token in text])
    np.testing.assert_allclose(hidden, expected, atol=1e-5, rtol=1e-5)
    assert (read.room, stepped.room) == (0, 0)
    for layer in range(body.settings.layers):
        for mine, its in zip(stepped.arrays(layer), read.arrays(layer), strict=True):
            np.testing.assert_allclose(mine, its, atol=1e-5, rtol=1e-5)
    with pytest.raises(ValueError, match="13 tokens do not fit into a context of 12"):
        step(1)


def test_only_single_precision_on_a_cpu_is_stepped_in_numpy() -> None:
    for body in (lively(small()).body.double(), lively(small()).body.to("meta")):
        assert body.step(body.empty_memory()) is None


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


def test_heads_that_cannot_share_keys_are_refused_with_numbers_that_work() -> None:
    with pytest.raises(SettingsError) as caught:
        read(GPTSettings, {"heads": 6, "width": 48, "key_value_heads": 4}, prefix="model")
    (problem,) = caught.value.problems
    assert (problem.field, problem.choices) == ("model.key_value_heads", (0, 2, 3))
    assert str(problem) == "Must divide the 6 heads evenly."
    with pytest.raises(SettingsError):
        read(GPTSettings, {"heads": 4, "width": 48, "key_value_heads": 8})


@pytest.mark.parametrize("heads", [1, 3, 4, 12])
def test_slopes_of_alibi_are_those_of_its_paper(heads: int) -> None:
    slopes = DistanceBias(heads).slopes.tolist()
    known = {1: [2**-8], **{count: list(gpt_reference.SLOPES[count]) for count in (3, 4)}}
    known[12] = [2 ** -(i + 1) for i in range(8)] + [2 ** -(i + 0.5) for i in range(4)]
    assert slopes == pytest.approx(known[heads])


def test_zero_outputs_start_at_a_uniform_guess_and_learn() -> None:
    for tied in (True, False):
        model = build(small(zero_outputs=True, tied=tied), VOCABULARY, seed=1)
        written = {k: a for k, a in model.weights().items() if k.endswith(("output.weight", "narrow.weight"))}
        assert len(written) == 4
        assert not any(array.any() for array in written.values())
        batch = torch.from_numpy(tokens(13)[None])
        loss = model.loss(batch[:, :-1], batch[:, 1:])
        if not tied:
            assert loss.item() == pytest.approx(math.log(VOCABULARY), rel=1e-6)
        loss.backward()
        assert model.head.weight.grad.abs().max() > 0


def test_dropout_acts_at_every_place_while_learning_and_never_else() -> None:
    text = torch.from_numpy(tokens(12)[None])
    for place in ("dropout", "attention_dropout", "inner_dropout"):
        model = lively(small(**{place: 0.5}))
        with torch.no_grad():
            assert torch.equal(model(text), model(text)), place
            model.train()
            assert not torch.equal(model(text), model(text)), place


def test_the_first_loss_is_near_a_uniform_guess() -> None:
    model = build(GPTSettings(context=32), 65, seed=1)
    batch = torch.randint(0, 65, (8, 33), generator=torch.Generator().manual_seed(1))
    assert model.loss(batch[:, :-1], batch[:, 1:]).item() == pytest.approx(math.log(65), abs=0.1)


@pytest.mark.parametrize("dropout", [0.0, 0.2])
@pytest.mark.parametrize("parts", KEPT, ids=name)
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
