"""The convolutional family: parameters, numbers against PyTorch's own convolution, and how far back it sees."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn import functional

from lmstudio_app.engine.models.causal_cnn.network import blank, build
from lmstudio_app.engine.models.causal_cnn.settings import (
    FAMILY,
    CausalCNNSettings,
    activation_bytes,
    parameters,
)
from tests.engine.models.activations import kept_bytes

VOCABULARY = 23


def tokens(count: int, seed: int = 0) -> NDArray[np.int64]:
    return np.random.default_rng(seed).integers(0, VOCABULARY, count)


@pytest.mark.parametrize("normalization", ["layer", "rms"])
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("kernel", [2, 5])
def test_parameter_formula_counts_the_network(normalization: Any, tied: bool, kernel: int) -> None:
    for layers, width, vocabulary in ((1, 4, 7), (3, 24, 65)):
        settings = CausalCNNSettings(layers=layers, width=width, kernel=kernel, tied=tied, normalization=normalization)
        model = blank(settings, vocabulary)
        assert parameters(settings, vocabulary) == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("gate", ["linear", "tanh"])
@pytest.mark.parametrize(("layers", "kernel", "cycle"), [(1, 2, 1), (3, 3, 3), (4, 2, 2)])
def test_logits_equal_a_dilated_convolution_of_pytorch(gate: Any, layers: int, kernel: int, cycle: int) -> None:
    settings = CausalCNNSettings(layers=layers, width=12, kernel=kernel, cycle=cycle, gate=gate)
    model = build(settings, VOCABULARY, seed=3).eval()
    text = tokens(40)
    with torch.no_grad():
        logits = model(torch.from_numpy(text[None]))[0]
    torch.testing.assert_close(logits, reference(settings, model.weights(), text), atol=1e-5, rtol=1e-5)


def reference(settings: CausalCNNSettings, weights: dict[str, NDArray[Any]], text: NDArray[np.int64]) -> torch.Tensor:
    """Logits (T, V) by `conv1d` over channels, which takes padding and dilation itself."""
    w = {name.removeprefix("body."): torch.from_numpy(array) for name, array in weights.items()}
    width = settings.width
    hidden = w["tokens.weight"][torch.from_numpy(text)].T[None]  # (1, D, T)
    for layer in range(settings.layers):
        block, gap = f"blocks.{layer}.", 2 ** (layer % settings.cycle)
        normalized = functional.layer_norm(hidden.mT, [width], w[block + "normalization.weight"]).mT
        taps = w[block + "convolution.taps.weight"].reshape(2 * width, settings.kernel, width).permute(0, 2, 1)
        padded = functional.pad(normalized, ((settings.kernel - 1) * gap, 0))
        values, gates = functional.conv1d(padded, taps, w[block + "convolution.taps.bias"], dilation=gap).chunk(2, 1)
        gated = (values if settings.gate == "linear" else torch.tanh(values)) * torch.sigmoid(gates)
        hidden = hidden + functional.conv1d(gated, w[block + "output.weight"][..., None], w[block + "output.bias"])
    last = functional.layer_norm(hidden.mT, [width], w["normalization.weight"])[0]
    return last @ w["tokens.weight"].T


@pytest.mark.parametrize(("layers", "kernel", "cycle"), [(1, 2, 1), (3, 3, 3), (4, 2, 2), (2, 5, 1)])
def test_it_sees_as_far_as_it_says_and_no_further(layers: int, kernel: int, cycle: int) -> None:
    settings = CausalCNNSettings(layers=layers, width=16, kernel=kernel, cycle=cycle)
    reach = settings.receptive_field
    model = build(settings, VOCABULARY, seed=1).eval().double()
    text = torch.from_numpy(tokens(reach + 5)[None])
    with torch.no_grad():
        before = model(text)[0, -1]
        for place in range(text.shape[1]):
            changed = text.clone()
            changed[0, place] = (changed[0, place] + 1) % VOCABULARY
            same = torch.equal(model(changed)[0, -1], before)
            assert same == (place < text.shape[1] - reach)


def test_its_memory_gives_the_same_as_reading_it_whole() -> None:
    model = build(CausalCNNSettings(layers=4, width=16, cycle=3), VOCABULARY, seed=2).eval()
    text = tokens(300)
    with torch.no_grad():
        whole = functional.log_softmax(model(torch.from_numpy(text[None]))[0], -1).numpy()
    expected = [math.log(VOCABULARY), *(-whole[place, text[place + 1]] for place in range(299))]
    np.testing.assert_allclose(model.score(text), expected, atol=1e-5)
    decoding = model.begin(text[:7])
    for token in text[7:]:
        decoding.advance(int(token))
    logits = decoding.logits.astype(np.float64)
    np.testing.assert_allclose(logits - np.log(np.exp(logits).sum()), whole[-1], atol=1e-5)


@pytest.mark.parametrize("normalization", ["layer", "rms"])
@pytest.mark.parametrize("gate", ["linear", "tanh"])
@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_activation_bytes_are_about_what_a_step_keeps(normalization: Any, gate: Any, dropout: float) -> None:
    settings = CausalCNNSettings(
        layers=3, width=48, context=32, dropout=dropout, gate=gate, normalization=normalization
    )
    expected = kept_bytes(build(settings, 65, 1), 4, 32)
    assert activation_bytes(settings, 65, batch=4) == pytest.approx(expected, rel=0.05)


def test_a_fresh_network_is_about_as_unsure_as_a_uniform_guess() -> None:
    for preset in FAMILY.presets.values():
        model = build(CausalCNNSettings(**preset), 65, seed=1).eval()
        text = torch.from_numpy(np.random.default_rng(1).integers(0, 65, (4, 64)))
        with torch.no_grad():
            loss = functional.cross_entropy(model(text[:, :-1]).flatten(0, 1), text[:, 1:].flatten())
        assert loss.item() == pytest.approx(math.log(65), rel=0.15)
