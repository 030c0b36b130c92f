"""What was captured of a model while it read a text: plain arrays with token labels.

Shapes: L layers, H heads, T tokens.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Trace:
    """The attention of every head on a text.

    `attention` (L, H, T, T) is float32: row i holds how much token i takes from each token j ≤ i; a row sums to 1 and
    is exactly 0 after its own place. `tokens` are the texts of the T tokens; `cut` earlier ones did not fit and were
    left out.
    """

    tokens: list[str]
    attention: NDArray[np.float32]
    cut: int = 0
