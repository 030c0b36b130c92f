"""Read a text with a model and keep what its attention did.

Shapes: L layers, H heads, T tokens.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from lmstudio_app.engine import registry
from lmstudio_app.engine.data.tokenizer import listed
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.inspection.trace import Trace

if TYPE_CHECKING:
    from lmstudio_app.engine.blocks.language_model import LanguageModel
    from lmstudio_app.engine.model import Model

MOST_WEIGHTS = 1 << 27
"""How many weights one trace may hold (512 MiB); a longer text is cut."""


class Pieces(Protocol):
    """What capturing asks of a tokenizer."""

    def encode(self, text: str) -> NDArray[np.int64]:
        """The tokens (T,) of `text`."""

    def pieces(self, tokens: NDArray[np.int64]) -> Sequence[str]:
        """What each token shows as."""

    def missing(self, text: str) -> Sequence[str]:
        """The characters of `text` that the vocabulary lacks."""


def capture(model: Model, tokenizer: Pieces, text: str) -> Trace:
    """The attention of every head while `model` reads `text`.

    Of a text longer than the context, the last tokens are read, and `Trace.cut` counts those left out. Raises
    `UserError` when the model has no attention, the text is empty, or it has characters that the vocabulary lacks.
    """
    if not hasattr(model, "body"):
        raise without_attention()
    from lmstudio_app.engine.blocks.probes import attention_layers

    network = cast("LanguageModel", model)
    layers = attention_layers(network)
    if not layers or network.context is None:
        raise without_attention()
    _check(tokenizer, text)
    tokens = np.asarray(tokenizer.encode(text), dtype=np.int64)
    longest = min(network.context, math.isqrt(MOST_WEIGHTS // sum(layer.heads for layer in layers)))
    visible = tokens[-longest:]
    return Trace(list(tokenizer.pieces(visible)), _attention(network, visible), cut=len(tokens) - len(visible))


def without_attention() -> UserError:
    """The error for a model without attention; it names the families that have it."""
    titles = [family.title for family in registry.families().values() if "attention" in family.offers]
    return UserError(
        "This model has no attention to show. Families with attention: {families}.",
        choices=titles,
        families=", ".join(titles),
    )


def _attention(network: LanguageModel, tokens: NDArray[np.int64]) -> NDArray[np.float32]:
    """The weights (L, H, T, T) of one forward pass over `tokens` (T,)."""
    import torch

    from lmstudio_app.engine.blocks.probes import attention_weights
    from lmstudio_app.engine.blocks.reading import reading

    with reading(network), attention_weights(network.body) as captured:
        network.body(torch.tensor(tokens[None], device=network.head.weight.device))
        weights: NDArray[np.float32] = torch.cat(captured).float().cpu().numpy()
    return weights


def _check(tokenizer: Pieces, text: str) -> None:
    if not text:
        raise UserError("There is no text to look at. Type some.", field="text")
    refuse_missing(tokenizer, text, "text")


def refuse_missing(tokenizer: Pieces, text: str, field: str) -> None:
    """Raises `UserError` about `field` when the vocabulary lacks characters of `text`."""
    if missing := list(tokenizer.missing(text)):
        raise UserError(
            "The run's vocabulary lacks what is in the text: {characters}. Leave it out, or train with a tokenizer "
            "that can spell everything, such as BPE.",
            field=field,
            characters=listed(missing),
        )
