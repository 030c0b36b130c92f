"""Attention: against a plain computation, with a cache, with probes, with rotary positions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from lmstudio_app.engine.blocks.attention import SelfAttention
from lmstudio_app.engine.blocks.caches import KeyValueCache
from lmstudio_app.engine.blocks.layers import fill_normal
from lmstudio_app.engine.blocks.positions import NOWHERE, RotaryPositions, Rotation, rotate
from lmstudio_app.engine.blocks.probes import attention_layers, attention_weights

HEADS, WIDTH, LENGTH = 3, 24, 10


def attention() -> SelfAttention:
    layer = SelfAttention(WIDTH, HEADS, dropout=0.0, bias=True)
    fill_normal(layer.parameters(), 0.5, torch.Generator().manual_seed(1))
    return layer


def hidden(batch: int = 2) -> Tensor:
    return torch.randn(batch, LENGTH, WIDTH, generator=torch.Generator().manual_seed(2))


def plain(layer: SelfAttention, values: Tensor) -> tuple[Tensor, Tensor]:
    """Output (B, T, D) and weights (B, H, T, T), head by head in float64."""
    query, key, value = (values.double() @ layer.query_key_value.weight.T.double() + layer.query_key_value.bias).chunk(
        3, -1
    )
    outputs, weights = [], []
    for head in range(HEADS):
        own = slice(head * WIDTH // HEADS, (head + 1) * WIDTH // HEADS)
        scores = query[..., own] @ key[..., own].transpose(1, 2) / math.sqrt(WIDTH // HEADS)
        scores = scores + torch.full((LENGTH, LENGTH), -torch.inf).triu(1)
        weights.append(scores.softmax(-1))
        outputs.append(weights[-1] @ value[..., own])
    joined = torch.cat(outputs, -1) @ layer.output.weight.T.double() + layer.output.bias
    return joined, torch.stack(weights, 1)


def test_the_kernel_and_the_probed_computation_equal_a_plain_one() -> None:
    layer, values = attention(), hidden()
    expected, expected_weights = plain(layer, values)
    with torch.no_grad():
        kernel = layer(values)
        with attention_weights(layer) as captured:
            probed = layer(values)
    for output in (kernel, probed):
        np.testing.assert_allclose(output.numpy(), expected.detach().numpy(), atol=1e-5, rtol=1e-5)
    np.testing.assert_allclose(captured[0].numpy(), expected_weights.detach().numpy(), atol=1e-6)


def test_probed_rows_sum_to_one_and_are_exactly_zero_above_the_diagonal() -> None:
    layer = attention()
    with torch.no_grad(), attention_weights(layer) as captured:
        layer(hidden() * 100)
    weights = captured[0].numpy()
    np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-6)
    assert not np.triu(weights, 1).any()
    assert (weights >= 0).all()


def test_a_probe_is_gone_after_its_block_even_when_that_failed() -> None:
    layer = attention()
    with pytest.raises(RuntimeError, match="interrupted"), attention_weights(layer):
        raise RuntimeError("interrupted")
    assert [one.captured for one in attention_layers(layer)] == [None]


@pytest.mark.parametrize("pieces", [(1,) * LENGTH, (4, 1, 5), (3, 7)])
@pytest.mark.parametrize("rotary", [False, True])
def test_reading_in_pieces_with_a_cache_equals_reading_at_once(pieces: tuple[int, ...], rotary: bool) -> None:
    layer, values = attention(), hidden(batch=1)
    table = RotaryPositions(LENGTH, WIDTH // HEADS)
    cache = KeyValueCache(1, HEADS, LENGTH, WIDTH // HEADS, like=values)
    outputs = []
    with torch.no_grad():
        for length in pieces:
            place = cache.length
            placement = table(place, length) if rotary else NOWHERE
            outputs.append(layer(values[:, place : place + length], placement, cache, 0))
            cache.length += length
        whole = layer(values, table(0, LENGTH) if rotary else NOWHERE)
    assert cache.room == 0
    np.testing.assert_allclose(torch.cat(outputs, 1).numpy(), whole.numpy(), atol=1e-5, rtol=1e-5)


def test_rotary_scores_depend_on_the_distance_alone() -> None:
    table = RotaryPositions(64, 8)
    pair = torch.randn(1, 1, 2, 8, generator=torch.Generator().manual_seed(1))  # (B, T, 2 heads, W)

    def turn(place: int) -> Rotation:
        rotation = table(place, 1).rotation
        assert rotation is not None
        return rotation

    def score(query_place: int, key_place: int) -> float:
        turned_query = rotate(pair, turn(query_place))[0, 0, 0]
        turned_key = rotate(pair, turn(key_place))[0, 0, 1]
        return float(turned_query @ turned_key)

    assert score(10, 3) == pytest.approx(score(50, 43), abs=1e-5)
    assert abs(score(10, 3) - score(10, 4)) > 1e-3
    torch.testing.assert_close(rotate(pair, turn(0)), pair)
    assert rotate(pair, turn(33)).norm().item() == pytest.approx(pair.norm().item(), rel=1e-6)
