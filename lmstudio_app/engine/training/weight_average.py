"""An exponential average of the weights (Polyak and Juditsky 1992; as an average with decay, Tarvainen and Valpola
2017), which foretells more steadily than the weights of any one step."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lmstudio_app.engine.training.optimizer import Group


class WeightAverage:
    """The average of all groups of weights. It stands in the weights' place while `shown`, and they in its."""

    def __init__(self, groups: Sequence[Group], decay: float) -> None:
        self._groups, self._decay = groups, decay
        self._kept = [group.weights.detach().clone() for group in groups]
        self.shown = False

    @torch.no_grad()
    def add(self, steps: int) -> None:
        """Take in the weights after `steps` steps. The first ones count more, so that the start is soon forgotten."""
        assert not self.shown
        decay = min(self._decay, (1 + steps) / (10 + steps))
        for group, kept in zip(self._groups, self._kept, strict=True):
            kept.lerp_(group.weights, 1 - decay)

    @torch.no_grad()
    def show(self, shown: bool) -> None:
        """Put the average into the network, or the weights back."""
        if shown == self.shown:
            return
        for group, kept in zip(self._groups, self._kept, strict=True):
            before = group.weights.clone()
            group.weights.copy_(kept)
            kept.copy_(before)
        self.shown = shown

    def parts(self) -> dict[str, Tensor]:
        """What is kept aside now, by the name of the parameter; views of it."""
        found: dict[str, Tensor] = {}
        for group, kept in zip(self._groups, self._kept, strict=True):
            found |= group.parts(kept)
        return found
