"""The GPT itself: a Transformer decoder with normalization before each part (pre-norm).

Shapes: B batch, T positions, D width.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from lmstudio_app.engine.blocks.attention import SelfAttention
from lmstudio_app.engine.blocks.backbone import Backbone, Memory, Step
from lmstudio_app.engine.blocks.caches import KeyValueCache
from lmstudio_app.engine.blocks.feed_forward import FeedForward
from lmstudio_app.engine.blocks.language_model import LanguageModel
from lmstudio_app.engine.blocks.layers import Embedding, dropout, fill_normal
from lmstudio_app.engine.blocks.normalization import normalization
from lmstudio_app.engine.blocks.positions import (
    NOWHERE,
    DistanceBias,
    Placement,
    RotaryPositions,
    SinusoidalPositions,
)
from lmstudio_app.engine.models.gpt.settings import GPTSettings, inner_width
from lmstudio_app.engine.models.gpt.stepping import GPTStep

DEVIATION = 0.02
"""Standard deviation of fresh weights, as in GPT-2."""


class Block(nn.Module):
    """Attention, then the feed-forward part, each added to what came in: (B, T, D) → (B, T, D)."""

    def __init__(self, settings: GPTSettings) -> None:
        super().__init__()
        width, bias = settings.width, settings.bias
        self.attention_normalization = normalization(settings.normalization, width, bias)
        self.attention = SelfAttention(
            width,
            settings.heads,
            settings.dropout,
            bias,
            shared_heads=settings.key_value_heads,
            normalized=settings.query_key_normalization,
            weight_dropout=settings.attention_dropout,
        )
        self.feed_forward_normalization = normalization(settings.normalization, width, bias)
        self.feed_forward = FeedForward(
            width,
            inner_width(settings),
            settings.activation,
            settings.dropout,
            bias,
            inner_dropout=settings.inner_dropout,
        )

    def forward(self, hidden: Tensor, placement: Placement, cache: KeyValueCache | None, layer: int) -> Tensor:
        """(B, T, D) → (B, T, D); `layer` says which part of the cache is this block's."""
        hidden = hidden + self.attention(self.attention_normalization(hidden), placement, cache, layer)
        added: Tensor = self.feed_forward(self.feed_forward_normalization(hidden))
        return hidden + added


class GPTBody(Backbone):
    """Tokens (B, T) → hidden vectors (B, T, D).

    Dropout acts where Vaswani et al. (2017, 5.4) have it: on the sum of token and position, and on what each part adds.
    """

    causal = True

    def __init__(self, settings: GPTSettings, vocabulary: int) -> None:
        super().__init__()
        self.settings = settings
        self.width = settings.width
        self.context: int = settings.context
        self.dropout = settings.dropout
        self.tokens = Embedding(vocabulary, settings.width)
        self.positions = _positions(settings)
        self.blocks = nn.ModuleList(Block(settings) for _ in range(settings.layers))
        self.normalization = normalization(settings.normalization, settings.width, settings.bias)

    def forward(self, tokens: Tensor, memory: Memory | None = None) -> Tensor:
        """Hidden vectors (B, T, D); raises `ValueError` where the tokens do not fit into the context."""
        cache = memory if isinstance(memory, KeyValueCache) else None
        start, length = 0 if cache is None else cache.length, tokens.shape[1]
        if start + length > self.context:
            raise ValueError(f"{start + length} tokens do not fit into a context of {self.context}")
        hidden: Tensor = self.tokens(tokens)  # (B, T, D)
        placement = NOWHERE
        if isinstance(self.positions, RotaryPositions | DistanceBias):
            placement = self.positions(start, length)
        elif isinstance(self.positions, SinusoidalPositions):
            hidden = self.positions(hidden, start)
        elif isinstance(self.positions, Embedding):
            hidden = hidden + self.positions.weight[start : start + length]
        hidden = dropout(hidden, self.dropout, self.training)
        for layer, block in enumerate(self.blocks):
            hidden = block(hidden, placement, cache, layer)
        if cache is not None:
            cache.length += length
        normalized: Tensor = self.normalization(hidden)
        return normalized

    def empty_memory(self) -> KeyValueCache:
        """Room for the keys and values of one full context."""
        settings = self.settings
        heads = settings.key_value_heads or settings.heads
        head_width = self.width // settings.heads
        return KeyValueCache(settings.layers, heads, self.context, head_width, like=self.tokens.weight)

    def step(self, memory: Memory) -> Step | None:
        """In numpy, on a CPU."""
        table = self.tokens.weight
        if not isinstance(memory, KeyValueCache) or table.device.type != "cpu" or table.dtype != torch.float32:
            return None
        return GPTStep(self, memory)


def _positions(settings: GPTSettings) -> nn.Module:
    match settings.positions:
        case "learned":
            return Embedding(settings.context, settings.width)
        case "rotary":
            return RotaryPositions(settings.context, settings.width // settings.heads)
        case "alibi":
            return DistanceBias(settings.heads)
        case "sinusoidal":
            return SinusoidalPositions(settings.context, settings.width)
        case "none":  # a causal mask tells of order by itself (Kazemnejad et al. 2023)
            return nn.Identity()


def blank(settings: GPTSettings, vocabulary: int) -> LanguageModel:
    """A GPT to load weights into: nothing is drawn, its weights are unset."""
    return LanguageModel(GPTBody(settings, vocabulary), vocabulary, tied=settings.tied)


def build(settings: GPTSettings, vocabulary: int, seed: int) -> LanguageModel:
    """A GPT with fresh weights from a generator of its own.

    As in GPT-2, weights are normal with deviation 0.02, those that write into the residual stream divided by the square
    root of their number, 2 · layers; biases 0, scales 1. With zero outputs, those that write start at 0, and so does a
    head of its own: each block begins as if it were not there (Zhang et al. 2019, Fixup), every token equally likely.
    """
    model = blank(settings, vocabulary)
    generator = torch.Generator().manual_seed(seed)
    residual = 0.0 if settings.zero_outputs else DEVIATION / math.sqrt(2 * settings.layers)
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(parameter)
        elif parameter.dim() > 1:
            writes = name.endswith(("attention.output.weight", "feed_forward.narrow.weight"))
            writes = writes or (settings.zero_outputs and name == "head.weight")
            fill_normal([parameter], residual if writes else DEVIATION, generator)
    return model
