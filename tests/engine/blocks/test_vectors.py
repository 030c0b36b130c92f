"""Linear maps of single vectors: numpy and torch say the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lmstudio_app.engine.blocks import vectors
from lmstudio_app.engine.blocks.layers import Linear


@pytest.mark.parametrize("threaded", [0, 1 << 40])
@pytest.mark.parametrize("bias", [True, False])
def test_a_map_equals_the_layer_and_leaves_its_input_and_earlier_results_alone(
    bias: bool, threaded: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "THREADED", threaded)
    generator, layer = torch.Generator().manual_seed(1), Linear(24, 40, bias=bias)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_(generator=generator)
        inputs = torch.randn(2, 24, generator=generator)
        expected = layer(inputs).numpy()
    mapped, given = vectors.affine(layer), inputs.numpy().copy()
    results = [mapped(row) for row in given]
    np.testing.assert_allclose(np.stack(results), expected, atol=1e-5, rtol=1e-5)
    np.testing.assert_array_equal(given, inputs.numpy())


def test_a_map_follows_the_weights_of_its_layer() -> None:
    layer = Linear(4, 2, bias=False)
    torch.nn.init.ones_(layer.weight)
    mapped = vectors.affine(layer)
    torch.nn.init.zeros_(layer.weight)
    assert mapped(np.ones(4, dtype=np.float32)).tolist() == [0, 0]
