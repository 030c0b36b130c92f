"""Drawing the next token from what a model expects.

The order is that of most tools: temperature, then top-k (Fan et al. 2018), then top-p (Holtzman et al. 2020, nucleus
sampling). Every draw has a generator of its own, Philox with (seed, position) as its key, so a token can be drawn again
without the ones before it, and nothing else that draws random numbers is disturbed.

Shapes: V vocabulary.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.generation.settings import SamplingSettings

__all__ = ["Sampler", "SamplingSettings", "shape", "softmax"]


def softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    """The probabilities (V,) that `logits` (V,) stand for. Raises `UserError` when the model has gone astray."""
    return _normalised(_centred(np.array(logits, dtype=np.float64)))


def shape(logits: NDArray[Any], settings: SamplingSettings, excluded: int | None = None) -> NDArray[np.float64]:
    """The probabilities (V,) to draw from. The token `excluded` (the unknown one) gets none; of equally likely tokens
    at a limit, those with lower ids are kept. Raises `UserError` when the model has gone astray."""
    values = np.array(logits, dtype=np.float64)
    if excluded is not None:
        values[excluded] = -np.inf
    values = _centred(values)
    if settings.temperature == 0:
        chances = np.zeros(len(values))
        chances[np.argmax(values)] = 1.0
        return chances
    if 0 < settings.top_k < len(values):
        values[~_highest(values, settings.top_k)] = -np.inf
    with np.errstate(over="ignore"):  # near 0 all but the likeliest overflow to −∞, which is right
        values /= settings.temperature
    chances = _normalised(values)
    return _nucleus(chances, settings.top_p) if settings.top_p < 1 else chances


class Sampler:
    """Draws tokens; each draw is a function of (seed, position) and the probabilities."""

    def __init__(self, settings: SamplingSettings, excluded: int | None = None) -> None:
        self.settings = settings
        self._excluded = excluded

    def shape(self, logits: NDArray[Any]) -> NDArray[np.float64]:
        """The probabilities (V,) to draw from."""
        return shape(logits, self.settings, self._excluded)

    def draw(self, probabilities: NDArray[np.float64], position: int) -> int:
        """The token at `position`, counted from 0, of the text that is being written."""
        key = np.array([self.settings.seed, position], dtype=np.uint64)
        chance = np.random.Generator(np.random.Philox(key=key)).random()
        sums = np.cumsum(probabilities)
        token = int(np.searchsorted(sums, chance * sums[-1], side="right"))
        # Rounding may put the draw past the last token that has any probability.
        return min(token, int(np.flatnonzero(probabilities)[-1]))


def _centred(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """`values` moved so that the highest is 0: then nothing overflows, however low the temperature."""
    highest = values.max()
    if not np.isfinite(highest):  # also where one of them is not a number
        raise UserError(
            "The model's expectations are not finite numbers: its training diverged. Choose an earlier checkpoint, or "
            "train again with a lower learning rate."
        )
    centred: NDArray[np.float64] = values - highest
    return centred


def _normalised(values: NDArray[np.float64]) -> NDArray[np.float64]:
    chances: NDArray[np.float64] = np.exp(values)
    chances /= chances.sum()
    return chances


def _highest(values: NDArray[np.float64], count: int) -> NDArray[np.bool_]:
    """Which `count` values are the highest."""
    limit = np.partition(values, len(values) - count)[len(values) - count]
    kept: NDArray[np.bool_] = values > limit
    kept[np.flatnonzero(values == limit)[: count - np.count_nonzero(kept)]] = True
    return kept


def _nucleus(chances: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """`chances` of the fewest tokens that together reach `share`, made to sum to 1."""
    order = np.argsort(-chances, kind="stable")
    count = int(np.searchsorted(np.cumsum(chances[order]), share)) + 1
    kept = np.zeros_like(chances)
    kept[order[:count]] = chances[order[:count]]
    result: NDArray[np.float64] = kept / kept.sum()
    return result
