"""The yardsticks of a corpus: what guessing costs, in bits per byte of the validation text.

A token that stands for an unknown character costs its own bits and then 8 for each byte of that character, as in
`evaluation`, so that all figures are exact and comparable.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Generator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import Progress
from lmstudio_app.engine.storage.atomic import write_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lmstudio_app.engine.data.splits import Split
    from lmstudio_app.engine.data.tokenization import Tokenization

FILE = "baselines.json"
_UNKNOWN_CODE_BITS = 8


@dataclass(frozen=True)
class Baselines:
    """Bits per byte of the validation text: `uniform` when every token is equally likely, `unigram` when each is as
    likely as it is frequent in the training text, one added to every count so that unseen tokens are possible
    (Laplace)."""

    uniform: float
    unigram: float


def baselines(tokenization: Tokenization) -> Baselines:
    """The baselines of a tokenization, kept beside it once they are counted. Raises `UserError` for damaged tokens."""
    steps = count_baselines(tokenization)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            counted: Baselines = end.value
            return counted


def count_baselines(tokenization: Tokenization) -> Generator[Progress, None, Baselines]:
    """`baselines` step by step: yields progress while the tokens of the training and validation text are counted."""
    path = tokenization.folder / FILE
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
        known = Baselines(float(described["uniform"]), float(described["unigram"]))
        if described["corpus_hash"] == tokenization.store.corpus_hash and math.isfinite(known.uniform + known.unigram):
            return known
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass  # not there, or damaged: it is counted again
    counted = yield from _count(tokenization)
    with contextlib.suppress(UserError):  # a full disk must not hide what was counted
        write_json(path, asdict(counted) | {"corpus_hash": tokenization.store.corpus_hash})
    return counted


def _count(tokenization: Tokenization) -> Generator[Progress, None, Baselines]:
    import numpy as np

    store = tokenization.store
    learned = yield from _counts(tokenization, "training")
    chances = (learned + 1) / (learned.sum() + store.vocabulary)
    spelled = _UNKNOWN_CODE_BITS * store.unknown_bytes("validation")
    size = store.bytes("validation")
    uniform = store.tokens("validation") * math.log2(store.vocabulary) + spelled
    heard = yield from _counts(tokenization, "validation")
    unigram = -float(heard @ np.log2(chances)) + spelled
    return Baselines(uniform / size, unigram / size)


def _counts(tokenization: Tokenization, split: Split) -> Generator[Progress, None, NDArray[np.int64]]:
    steps, total = tokenization.store.count(split), tokenization.store.tokens(split)
    while True:
        try:
            yield Progress("Counting tokens", next(steps), total, "tokens")
        except StopIteration as end:
            counts: NDArray[np.int64] = end.value
            return counts
