"""The recurrent language model itself.

Shapes: B batch, T positions, D width.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from lmstudio_app.engine.blocks.backbone import Backbone, Memory
from lmstudio_app.engine.blocks.caches import CarriedState
from lmstudio_app.engine.blocks.language_model import LanguageModel
from lmstudio_app.engine.blocks.layers import Embedding, dropout
from lmstudio_app.engine.blocks.recurrent import recurrent_layers, with_dropped_weights
from lmstudio_app.engine.models.recurrent.settings import RecurrentSettings

TOKEN_DEVIATION = 0.3
"""Standard deviation of a fresh token table (0.04 to 1 tried on tiny Shakespeare; at 0.04 an LSTM stalls at first)."""


class RecurrentBody(Backbone):
    """Tokens (B, T) → hidden vectors (B, T, D); its state starts at zero and is carried on in a memory."""

    causal = True
    context = None

    def __init__(self, settings: RecurrentSettings, vocabulary: int) -> None:
        super().__init__()
        self.width = settings.width
        self.carries_state = settings.carry_state
        self.dropout, self.inner_dropout = settings.dropout, settings.inner_dropout
        self.tokens = Embedding(vocabulary, settings.width)
        self.cells = recurrent_layers(settings.cell, settings.layers, settings.width, settings.dropout)

    def forward(self, tokens: Tensor, memory: Memory | None = None) -> Tensor:
        """Hidden vectors (B, T, D) of the last layer."""
        carried = memory if isinstance(memory, CarriedState) else None
        hidden: Tensor = self._drop(self.tokens(tokens))  # (B, T, D)
        before = None if carried is None else carried.state
        if self.training and self.inner_dropout:
            hidden, state = with_dropped_weights(self.cells, self.inner_dropout, hidden, before)
        else:
            hidden, state = self.cells(hidden, before)
        if carried is not None:
            carried.state = state
        return self._drop(hidden)

    def empty_memory(self) -> CarriedState:
        """The state before the first token."""
        return CarriedState()

    def _drop(self, hidden: Tensor) -> Tensor:
        return dropout(hidden, self.dropout, self.training)


def blank(settings: RecurrentSettings, vocabulary: int) -> LanguageModel:
    """A network to load weights into: nothing is drawn, its weights are unset."""
    return LanguageModel(RecurrentBody(settings, vocabulary), vocabulary, tied=settings.tied)


def build(settings: RecurrentSettings, vocabulary: int, seed: int) -> LanguageModel:
    """A network with fresh weights from a generator of its own.

    Maps are uniform in ±1/√D, PyTorch's choice for recurrent layers; offsets are 0, but an LSTM's forget gate starts
    at 1, so that it keeps its memory until it has learned what to forget (Jozefowicz et al. 2015). The token table is
    normal: wide enough that tokens move the gates from the first step on, narrow enough that a head tied to it still
    starts near a uniform guess.
    """
    model = blank(settings, vocabulary)
    generator = torch.Generator().manual_seed(seed)
    bound = 1 / math.sqrt(settings.width)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name == "body.tokens.weight":
                parameter.normal_(0.0, TOKEN_DEVIATION, generator=generator)
            elif parameter.dim() > 1:
                parameter.uniform_(-bound, bound, generator=generator)
            else:
                nn.init.zeros_(parameter)
                if settings.cell == "lstm" and "bias_ih" in name:
                    parameter[settings.width : 2 * settings.width] = 1.0
    return model
