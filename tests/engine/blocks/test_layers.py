"""Layers that draw nothing when they are made, and dropout."""

from __future__ import annotations

import pytest
import torch

from lmstudio_app.engine.blocks.layers import Embedding, Linear, dropout, fill_normal
from lmstudio_app.engine.blocks.recurrent import recurrent_layers


def test_making_layers_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    Linear(30, 40)
    Embedding(30, 40)
    for cell in ("rnn", "lstm", "gru"):
        recurrent_layers(cell, 2, 8, 0.1)
    assert torch.equal(torch.get_rng_state(), before)


def test_filling_repeats_with_its_generator_and_leaves_the_global_one_alone() -> None:
    before, layer, filled = torch.get_rng_state(), Linear(30, 40), []
    for _ in range(2):
        fill_normal(layer.parameters(), 0.5, torch.Generator().manual_seed(3))
        filled.append(layer.weight.detach().clone())
    assert torch.equal(filled[0], filled[1])
    assert filled[0].std().item() == pytest.approx(0.5, rel=0.1)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("share", [0.05, 0.1, 0.5, 0.9])
def test_dropout_drops_its_share_and_keeps_the_mean(share: float) -> None:
    torch.manual_seed(1)
    values = torch.ones(401, 501)  # an odd number: the last draw decides on fewer than four
    dropped = dropout(values, share, training=True)
    assert (dropped == 0).float().mean().item() == pytest.approx(share, abs=0.01)
    assert dropped[dropped != 0].unique().numel() == 1
    assert dropped.mean().item() == pytest.approx(1.0, abs=0.03)


def test_each_of_four_numbers_decided_by_one_draw_is_dropped_alike_and_on_its_own() -> None:
    torch.manual_seed(2)
    kept = (dropout(torch.ones(200_000), 0.5, training=True) != 0).float().view(-1, 4)
    assert kept.mean(0).tolist() == pytest.approx([0.5] * 4, abs=0.01)
    pairs = torch.corrcoef(kept.T) - torch.eye(4)
    assert pairs.abs().max().item() < 0.02


def test_dropout_is_a_function_of_the_seed_and_passes_gradients_where_it_kept() -> None:
    values, results = torch.randn(30, 50).requires_grad_(), []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        results.append(dropout(values, 0.3, training=True))
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])
    (gradient,) = torch.autograd.grad(results[0].sum(), values)
    assert torch.equal(gradient != 0, results[0] != 0)


def test_a_share_of_almost_all_leaves_finite_numbers() -> None:
    kept = dropout(torch.ones(1000), 0.999_999_9, training=True)
    assert torch.isfinite(kept).all()


def test_dropout_is_off_when_not_training_or_without_a_share() -> None:
    values, before = torch.randn(3, 4), torch.get_rng_state()
    assert dropout(values, 0.5, training=False) is values
    assert dropout(values, 0.0, training=True) is values
    assert torch.equal(torch.get_rng_state(), before)
