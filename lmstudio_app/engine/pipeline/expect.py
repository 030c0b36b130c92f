"""Ask a model what it expects next, and what a sampler would make of it.

Shapes: V vocabulary, T tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lmstudio_app.engine.generation.settings import SamplingSettings

if TYPE_CHECKING:
    from lmstudio_app.engine.model import Model
    from lmstudio_app.engine.run import Run

SHOWN = 24
"""How many of the likeliest tokens are named."""


@dataclass(frozen=True)
class Chances:
    """What a sampler leaves of an expectation.

    `rows` are the likeliest tokens as (id, text, probability before the sampler, probability after it), the likeliest
    first; `kept` and `cut` count all tokens of the vocabulary. Entropies are in bits.
    """

    rows: tuple[tuple[int, str, float, float], ...]
    kept: int
    cut: int
    entropy_before: float
    entropy_after: float


class Expectation:
    """What a model expects after a text: the logits (V,) of the next token, and the texts of the likeliest ones."""

    def __init__(self, logits: NDArray[np.float32], texts: Sequence[tuple[int, str]], unknown: int | None) -> None:
        self._logits = logits
        self._texts = tuple(texts)
        self._unknown = unknown

    def shaped(self, settings: SamplingSettings, also: tuple[int, str] | None = None) -> Chances:
        """What `settings` make of it; the token `also` (id, text) is named too. Raises `UserError` when the model has
        gone astray."""
        from lmstudio_app.engine.generation.sampling import shape, softmax

        before, after = softmax(self._logits), shape(self._logits, settings, self._unknown)
        kept = int(np.count_nonzero(after))
        named = self._texts if also is None or also[0] in dict(self._texts) else (*self._texts, also)
        return Chances(
            tuple((token, text, float(before[token]), float(after[token])) for token, text in named),
            kept,
            len(after) - kept,
            _entropy(before),
            _entropy(after),
        )


def expect(
    run: Run,
    prompt: Sequence[int],
    written: Sequence[int] = (),
    snapshot: Model | None = None,
    *,
    checkpoint: str | int = "best",
    device: str = "auto",
) -> Expectation:
    """What the model expects after the tokens `prompt` and those it has `written` since.

    The model sees exactly what it saw while it wrote them. It is `snapshot` where a running training gave one, else
    what `checkpoint` holds. Raises `UserError` when the run has no such checkpoint.
    """
    from lmstudio_app.engine.pipeline.opening import open_model

    model = snapshot if snapshot is not None else open_model(run, checkpoint, device)
    tokenizer = run.tokenizer()
    tokens = np.array([*prompt, *written], dtype=np.int64)
    # Counts have no window to slide: they look at the last tokens, wherever these stand.
    window = model.context if run.config.described.learning == "gradient" else None
    visible = _visible(len(prompt), len(written), window)
    logits = np.array(model.begin(tokens[len(tokens) - visible :]).logits)
    likeliest = np.argsort(-logits, kind="stable")[:SHOWN]
    return Expectation(
        logits, list(zip(likeliest.tolist(), tokenizer.pieces(likeliest), strict=True)), tokenizer.unknown
    )


def _visible(prompt: int, written: int, context: int | None) -> int:
    """How many tokens a model sees after it wrote `written` behind a prompt: when a context is full, the window slides
    and keeps half of it."""
    if context is None:
        return prompt + written
    visible = min(prompt, context)
    full = context - visible
    if written <= full:
        return visible + written
    half = max(1, context // 2)
    return half + (written - full - 1) % (context - half + 1)


def _entropy(chances: NDArray[np.float64]) -> float:
    known = chances[chances > 0]
    return float(-(known * np.log2(known)).sum()) + 0.0
