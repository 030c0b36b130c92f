"""A causal body with a head over the vocabulary: the `Model` that recurrent networks and Transformers make.

Shapes: B batch, T positions, D width, V vocabulary, N tokens of a text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from lmstudio_app.engine.blocks import scoring, weights
from lmstudio_app.engine.blocks.backbone import Backbone, Memory
from lmstudio_app.engine.blocks.decoding import LanguageDecoding
from lmstudio_app.engine.blocks.layers import Linear
from lmstudio_app.engine.data.tokenizer import refuse_foreign


class LanguageModel(nn.Module):
    """Body and head; a tied head uses the token table as its weights (Press and Wolf 2017)."""

    def __init__(self, body: Backbone, vocabulary: int, *, tied: bool) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.body = body
        self.head = Linear(body.width, vocabulary, bias=False)
        if tied:
            self.head.weight = body.tokens.weight

    @property
    def context(self) -> int | None:
        """The most tokens it sees at once; None when it carries a state of any length."""
        return self.body.context

    @property
    def carries_state(self) -> bool:
        """Whether it learns from windows that follow each other, handing its memory on from one to the next."""
        return self.body.carries_state

    def forward(self, inputs: Tensor, memory: Memory | None = None) -> Tensor:
        """Logits (B, T, V) for the token after each of `inputs` (B, T)."""
        logits: Tensor = self.head(self.body(inputs, memory))
        return logits

    def loss(self, inputs: Tensor, targets: Tensor, memory: Memory | None = None) -> Tensor:
        """The mean nats per token of `targets` (B, T) after `inputs` (B, T); a scalar to differentiate."""
        return functional.cross_entropy(self(inputs, memory).view(-1, self.vocabulary), targets.reshape(-1))

    def objective(
        self, inputs: Tensor, targets: Tensor, smoothing: float, memory: Memory | None = None
    ) -> tuple[Tensor, Tensor]:
        """What is made small when every label is smoothed (Szegedy et al. 2016): (1 − s) · nats of the target + s ·
        the mean nats of all tokens; and the mean nats of the targets alone."""
        logits = self(inputs, memory).view(-1, self.vocabulary)
        loss = functional.cross_entropy(logits, targets.reshape(-1))
        uniform = (logits.logsumexp(dim=-1) - logits.mean(dim=-1)).mean()
        return (1 - smoothing) * loss + smoothing * uniform, loss

    def begin(self, prompt: NDArray[np.int64]) -> LanguageDecoding:
        """Read `prompt` (T,) and be ready for the next token; after an empty prompt every token is equally likely."""
        refuse_foreign(prompt, self.vocabulary)
        return LanguageDecoding(self.body, self.head, prompt)

    def score(self, tokens: NDArray[np.int64]) -> NDArray[np.float64]:
        """Nats of each token (N,) given those before it, each scored once; the first costs ln V.

        A body with a context reads windows that overlap by half; one that carries a state reads the text in one go.
        """
        refuse_foreign(tokens, self.vocabulary)
        return scoring.score(self.body, self.head, tokens)

    def weights(self) -> dict[str, NDArray[Any]]:
        """Copies of all weights by name; a tied head has none of its own."""
        return weights.read(self)

    def load_weights(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take weights over. Raises `UserError`, with nothing changed, when a name or shape does not fit."""
        weights.write(self, arrays)
