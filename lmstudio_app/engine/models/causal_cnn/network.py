"""The convolutional language model itself.

Shapes: B batch, T positions, D width.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from lmstudio_app.engine.blocks.backbone import Backbone, Memory
from lmstudio_app.engine.blocks.caches import CarriedInputs
from lmstudio_app.engine.blocks.convolution import CausalConvolution
from lmstudio_app.engine.blocks.language_model import LanguageModel
from lmstudio_app.engine.blocks.layers import Embedding, Linear, dropout, fill_normal
from lmstudio_app.engine.blocks.normalization import normalization
from lmstudio_app.engine.models.causal_cnn.settings import CausalCNNSettings

TOKEN_DEVIATION = 0.05
"""Standard deviation of a fresh token table (0.02 to 0.3 tried on tiny Shakespeare: wider learns quicker at first)."""
WIDE = 320
"""Above this width the table is narrower by the square root of the width, so that a tied head still starts unsure."""


class Block(nn.Module):
    """Normalization, a convolution to twice the width, of which one half is the gate of the other, and a map that is
    added to what came in: (B, T, D) → (B, T, D)."""

    def __init__(self, settings: CausalCNNSettings, dilation: int) -> None:
        super().__init__()
        width = settings.width
        self.gate = settings.gate
        self.dropout = settings.dropout
        self.normalization = normalization(settings.normalization, width, bias=False)
        self.convolution = CausalConvolution(width, 2 * width, settings.kernel, dilation)
        self.output = Linear(width, width)

    def forward(self, hidden: Tensor, memory: CarriedInputs | None, layer: int) -> Tensor:
        """`layer` says which part of the memory is this block's."""
        normalized: Tensor = self.normalization(hidden)
        before = None if memory is None else memory.extend(layer, normalized, self.convolution.reach)
        convolved = self.convolution(normalized, before)
        if self.gate == "linear":
            gated = functional.glu(convolved, dim=-1)
        else:
            values, gates = convolved.chunk(2, dim=-1)
            gated = torch.tanh(values) * torch.sigmoid(gates)
        added: Tensor = self.output(gated)
        return hidden + dropout(added, self.dropout, self.training)


class CausalCNNBody(Backbone):
    """Tokens (B, T) → hidden vectors (B, T, D). Its memory holds what each layer still looks back at."""

    causal = True
    context = None

    def __init__(self, settings: CausalCNNSettings, vocabulary: int) -> None:
        super().__init__()
        self.width = settings.width
        self.dropout = settings.dropout
        self.tokens = Embedding(vocabulary, settings.width)
        self.blocks = nn.ModuleList(Block(settings, dilation) for dilation in settings.dilations)
        self.normalization = normalization(settings.normalization, settings.width, bias=False)

    def forward(self, tokens: Tensor, memory: Memory | None = None) -> Tensor:
        """Hidden vectors (B, T, D) of the last layer."""
        carried = memory if isinstance(memory, CarriedInputs) else None
        hidden: Tensor = dropout(self.tokens(tokens), self.dropout, self.training)  # (B, T, D)
        for layer, block in enumerate(self.blocks):
            hidden = block(hidden, carried, layer)
        normalized: Tensor = self.normalization(hidden)
        return normalized

    def empty_memory(self) -> CarriedInputs:
        """What was there before the first token: nothing."""
        return CarriedInputs(len(self.blocks))


def blank(settings: CausalCNNSettings, vocabulary: int) -> LanguageModel:
    """A network to load weights into: nothing is drawn, its weights are unset."""
    return LanguageModel(CausalCNNBody(settings, vocabulary), vocabulary, tied=settings.tied)


def build(settings: CausalCNNSettings, vocabulary: int, seed: int) -> LanguageModel:
    """A network with fresh weights from a generator of its own.

    Maps are normal with deviation 1/√(numbers they read), those that write into the residual stream divided by the
    square root of the number of layers; offsets are 0, scales 1.
    """
    model = blank(settings, vocabulary)
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(parameter)
        elif name == "body.tokens.weight":
            fill_normal([parameter], TOKEN_DEVIATION / math.sqrt(max(1.0, settings.width / WIDE)), generator)
        elif parameter.dim() > 1:
            deviation = 1 / math.sqrt(parameter.shape[1])
            writes = name.endswith("output.weight")
            fill_normal([parameter], deviation / math.sqrt(settings.layers) if writes else deviation, generator)
    return model
