"""The recurrent family: parameters, numbers against plain numpy, a state that is carried without end."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lmstudio_app.engine.blocks.caches import CarriedState
from lmstudio_app.engine.models.recurrent.network import blank, build
from lmstudio_app.engine.models.recurrent.settings import FAMILY, RecurrentSettings, activation_bytes, parameters
from tests.engine.models.activations import kept_bytes

VOCABULARY = 23
CELLS = ("rnn", "relu", "lstm", "gru")

Array = NDArray[np.float64]


def tokens(count: int, seed: int = 0) -> NDArray[np.int64]:
    return np.random.default_rng(seed).integers(0, VOCABULARY, count)


@pytest.mark.parametrize(("cell", "tied"), list(itertools.product(CELLS, (False, True))))
def test_parameter_formula_counts_the_network(cell: Any, tied: bool) -> None:
    for layers, width, vocabulary in ((1, 4, 7), (2, 24, 65), (3, 40, 300)):
        settings = RecurrentSettings(cell=cell, layers=layers, width=width, tied=tied)
        model = blank(settings, vocabulary)
        assert parameters(settings, vocabulary) == sum(p.numel() for p in model.parameters())
        assert parameters(settings, vocabulary) == sum(a.size for a in model.weights().values())


@pytest.mark.parametrize(("cell", "layers"), list(itertools.product(CELLS, (1, 2))))
def test_logits_equal_plain_numpy(cell: Any, layers: int) -> None:
    model = build(RecurrentSettings(cell=cell, layers=layers, width=12), VOCABULARY, seed=3).eval()
    text = tokens(20)
    with torch.no_grad():
        logits = model(torch.from_numpy(text[None]))[0].numpy()
    np.testing.assert_allclose(logits, reference(cell, layers, model.weights(), text), atol=1e-5, rtol=1e-5)


def reference(cell: str, layers: int, weights: dict[str, NDArray[Any]], text: NDArray[np.int64]) -> Array:
    """Logits (T, V), cell by cell and token by token, after the equations in PyTorch's documentation."""
    w = {name.removeprefix("body.cells."): array.astype(np.float64) for name, array in weights.items()}
    table = w["body.tokens.weight"]
    states = [np.zeros(table.shape[1]) for _ in range(layers)]
    memories = [np.zeros(table.shape[1]) for _ in range(layers)]
    logits = []
    for token in text:
        values = table[token]
        for k in range(layers):
            read = w[f"weight_ih_l{k}"] @ values + w[f"bias_ih_l{k}"]
            past = w[f"weight_hh_l{k}"] @ states[k] + w[f"bias_hh_l{k}"]
            if cell == "rnn":
                states[k] = np.tanh(read + past)
            elif cell == "relu":
                states[k] = np.maximum(read + past, 0)
            elif cell == "lstm":
                taken, kept, new, shown = np.split(read + past, 4)
                memories[k] = sigmoid(kept) * memories[k] + sigmoid(taken) * np.tanh(new)
                states[k] = sigmoid(shown) * np.tanh(memories[k])
            else:
                (r, z, n), (r_past, z_past, n_past) = np.split(read, 3), np.split(past, 3)
                new = np.tanh(n + sigmoid(r + r_past) * n_past)
                update = sigmoid(z + z_past)
                states[k] = (1 - update) * new + update * states[k]
            values = states[k]
        logits.append(table @ values)
    return np.stack(logits)


def sigmoid(values: Array) -> Array:
    return 1 / (1 + np.exp(-values))


@pytest.mark.parametrize("cell", CELLS)
def test_the_state_is_carried_far_beyond_the_context(cell: Any) -> None:
    model = build(RecurrentSettings(cell=cell, layers=2, width=16, context=8), VOCABULARY, seed=2).eval()
    assert model.context is None
    text = tokens(300)
    with torch.no_grad():
        full = model(torch.from_numpy(text[None]))[0].double()
    decoding = model.begin(text[:5])
    for place in range(5, 300):
        np.testing.assert_allclose(decoding.logits, full[place - 1].numpy(), atol=1e-5, rtol=1e-5)
        decoding.advance(int(text[place]))
    nats = -full.log_softmax(-1)[torch.arange(299), torch.from_numpy(text[1:])].numpy()
    np.testing.assert_allclose(model.score(text)[1:], nats, atol=1e-5)


def test_scoring_in_chunks_hands_the_state_on(monkeypatch: pytest.MonkeyPatch) -> None:
    from lmstudio_app.engine.blocks import scoring

    model = build(RecurrentSettings(layers=2, width=16), VOCABULARY, seed=2).eval()
    whole = model.score(tokens(100))
    monkeypatch.setattr(scoring, "CHUNK", 7)
    np.testing.assert_allclose(model.score(tokens(100)), whole, atol=1e-5)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_activation_bytes_are_about_what_a_step_keeps(cell: Any, dropout: float) -> None:
    settings = RecurrentSettings(cell=cell, layers=2, width=64, context=32, dropout=dropout)
    assert activation_bytes(settings, 65, batch=4) == pytest.approx(kept_bytes(build(settings, 65, 1), 4, 32), rel=0.2)


@pytest.mark.parametrize("cell", CELLS)
def test_weights_between_tokens_are_hidden_while_learning_and_still_learn(cell: Any) -> None:
    model = build(RecurrentSettings(cell=cell, width=16, dropout=0.0, inner_dropout=0.5), VOCABULARY, seed=1)
    text = torch.from_numpy(tokens(13)[None])
    with torch.no_grad():
        hidden = [model(text) for _ in range(2)]
        model.eval()
        whole = [model(text) for _ in range(2)]
    assert not torch.equal(*hidden)
    assert torch.equal(*whole)
    model.train()
    model.loss(text[:, :-1], text[:, 1:]).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        if "weight_hh" in name:
            shares = (parameter.grad == 0).float().mean().item()
            assert 0.3 < shares < 0.9, name


@pytest.mark.parametrize("cell", CELLS)
def test_a_carried_state_reads_windows_as_one_text_and_gradients_stay_in_their_window(cell: Any) -> None:
    settings = RecurrentSettings(cell=cell, width=16, context=8, dropout=0.0, carry_state=True)
    model = build(settings, VOCABULARY, seed=1)
    assert model.carries_state
    text = torch.from_numpy(np.stack([tokens(17, seed) for seed in (1, 2)]))
    memory = CarriedState()
    with torch.no_grad():
        whole = model(text[:, :-1])
    first = model(text[:, :8], memory)
    memory = CarriedState(*memory.parts())
    assert all(not part.requires_grad for part in memory.parts())
    second = model(text[:, 8:-1], memory)
    torch.testing.assert_close(torch.cat([first, second], 1).detach(), whole, atol=1e-5, rtol=1e-5)


def test_the_first_loss_is_near_a_uniform_guess_and_a_forget_gate_starts_open() -> None:
    model = build(RecurrentSettings(width=64), 65, seed=1)
    batch = torch.randint(0, 65, (8, 33), generator=torch.Generator().manual_seed(1))
    assert model.loss(batch[:, :-1], batch[:, 1:]).item() == pytest.approx(math.log(65), abs=0.1)
    offsets = model.weights()["body.cells.bias_ih_l1"]
    assert (offsets[64:128] == 1).all()
    assert not offsets[:64].any()
    assert not offsets[128:].any()


def test_the_family_has_no_attention_and_says_its_cell() -> None:
    assert FAMILY.offers == {"decoding"}
    assert FAMILY.outline(RecurrentSettings(cell="gru", layers=3, width=96)) == "GRU 3 × 96"
    assert FAMILY.outline(RecurrentSettings(cell="relu", layers=1, width=96)) == "ReLU RNN 1 × 96"
