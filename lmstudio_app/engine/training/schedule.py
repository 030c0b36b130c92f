"""How the learning rate changes over a training."""

from __future__ import annotations

import math


def learning_rate(step: int, *, steps: int, highest: float, warmup_steps: int, final_share: float) -> float:
    """The learning rate of `step` (1 … steps).

    It rises linearly to `highest` over the warm-up, then falls along half a cosine (Loshchilov and Hutter 2017) to
    `final_share` of it at the last step.
    """
    warmup = min(warmup_steps, steps)
    if step <= warmup:
        return highest * step / warmup
    done = (step - warmup) / (steps - warmup)
    return highest * (final_share + (1 - final_share) * (1 + math.cos(math.pi * done)) / 2)
