"""Muon in float32 is PyTorch's, but for the digits that bfloat16 lacks."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from lmstudio_app.engine.training import muon
from lmstudio_app.engine.training.muon import Muon, orthogonal

SHAPES = ((16, 16), (16, 16), (48, 16), (16, 40))


def matrices() -> list[torch.nn.Parameter]:
    generator = torch.Generator().manual_seed(3)
    return [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in SHAPES]


def trained(own: list[torch.nn.Parameter], optimizer: torch.optim.Optimizer, steps: int = 5) -> list[Tensor]:
    generator = torch.Generator().manual_seed(4)
    for group in optimizer.param_groups:
        group["lr"] = 0.02
    for _ in range(steps):
        for parameter in own:
            parameter.grad = torch.randn(parameter.shape, generator=generator)
        optimizer.step()
    return [parameter.detach() for parameter in own]


@pytest.mark.parametrize("short", [False, True], ids=["float32", "bfloat16"])
def test_it_moves_as_that_of_pytorch(short: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(muon, "short_numbers", lambda: short)
    ours, theirs, before = matrices(), matrices(), matrices()
    reference = torch.optim.Muon(theirs, weight_decay=0.1, momentum=0.9, adjust_lr_fn="match_rms_adamw")
    found = trained(ours, Muon(ours, weight_decay=0.1, momentum=0.9))
    for one, other, first in zip(found, trained(theirs, reference), before, strict=True):
        far = (one - first).norm()
        assert (one - other).norm() <= (0.0 if short else 0.02 * far)


def test_updates_are_orthogonal_whatever_the_shape() -> None:
    for rows, columns in ((8, 8), (24, 8), (8, 24)):
        given = torch.randn(3, rows, columns, generator=torch.Generator().manual_seed(5))
        found = orthogonal(given, (3.4445, -4.775, 2.0315), 5, 1e-7)
        values = torch.linalg.svdvals(found)
        assert found.shape == given.shape
        assert values.min() > 0.3
        assert values.max() < 1.3
        alone = torch.cat([orthogonal(one[None], (3.4445, -4.775, 2.0315), 5, 1e-7) for one in given])
        torch.testing.assert_close(found, alone, atol=1e-5, rtol=1e-4)
