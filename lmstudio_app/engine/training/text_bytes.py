"""Bits per byte of a batch: nats of tokens, over the bytes of text that the tokens stand for.

Shapes: B batch, T positions, V vocabulary.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from lmstudio_app.engine.data.splits import Split
    from lmstudio_app.engine.data.tokenization import Tokenization


class TextBytes:
    """Counts the bytes behind tokens of one split.

    An unknown token stands for as many bytes as unknown characters of the split have on average, and costs 8 bits for
    each on top of its own nats, so that over the whole split the figure is exact.
    """

    def __init__(self, byte_lengths: NDArray[Any], unknown: int | None = None, unknown_bytes: float = 0.0) -> None:
        """`byte_lengths` (V,) are the bytes each token stands for, `unknown_bytes` those that an unknown one does."""
        self._lengths = np.array(byte_lengths, dtype=np.float64)
        self._code_bits = np.zeros(0)
        if unknown is not None and unknown_bytes:
            self._lengths[unknown] = unknown_bytes
            self._code_bits = np.zeros(len(self._lengths))
            self._code_bits[unknown] = 8 * unknown_bytes

    @classmethod
    def of(cls, tokens: Tokenization, split: Split) -> TextBytes:
        """The bytes behind the tokens of one split of a corpus."""
        size = tokens.store.splits[split]
        each = size.unknown_bytes / size.unknown_tokens if size.unknown_tokens else 0.0
        return cls(tokens.tokenizer.byte_lengths, tokens.tokenizer.unknown, each)

    def measure(self, targets: NDArray[np.int64]) -> tuple[float, float]:
        """The bytes behind `targets` (B, T), and the bits that spell its unknown characters."""
        code = float(self._code_bits[targets].sum()) if len(self._code_bits) else 0.0
        return float(self._lengths[targets].sum()), code


def bits_per_byte(nats: float, text_bytes: float, code_bits: float = 0.0) -> float | None:
    """Bits per byte of a text that costs `nats`; None for a text of no bytes or a cost that is no finite number."""
    if not text_bytes or not math.isfinite(nats):
        return None
    return (nats / math.log(2) + code_bits) / text_bytes
