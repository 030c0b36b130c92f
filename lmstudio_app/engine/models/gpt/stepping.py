"""One token through a GPT on a CPU, in numpy: at the sizes trained here, torch spends most of a token on its own calls.

It reads and writes the memory of the torch body itself (`KeyValueCache`), and its weights are views of the body's, so
that a prompt may be read by torch and continued here, and nothing is copied.

Shapes: D width, H heads, G heads of keys and values, R = H/G queries for each, W = D/H numbers per head, N context, S
positions held, P pairs that are turned, F numbers inside the feed-forward part.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from lmstudio_app.engine.blocks.attention import SelfAttention
from lmstudio_app.engine.blocks.caches import KeyValueCache
from lmstudio_app.engine.blocks.feed_forward import FeedForward
from lmstudio_app.engine.blocks.normalization import LAYER_EPSILON, RMS_EPSILON
from lmstudio_app.engine.blocks.positions import DistanceBias, RotaryPositions, SinusoidalPositions
from lmstudio_app.engine.blocks.vectors import Vector, affine, view

if TYPE_CHECKING:
    from lmstudio_app.engine.models.gpt.network import Block, GPTBody

Map = Callable[[Vector], Vector]


class GPTStep:
    """Adds one token to `cache`; its hidden vector is that of the torch body within rounding (about 1e-6)."""

    def __init__(self, body: GPTBody, cache: KeyValueCache) -> None:
        """`body` is float32 and on a CPU; so is `cache`, which is the body's own memory."""
        self._cache = cache
        self._tokens = view(body.tokens.weight)  # (V, D)
        self._places, self._scale = _places(body.positions)
        turn, bias = _turning(body.positions), _distances(body.positions, body.context)
        blocks = cast("Iterable[Block]", body.blocks)
        self._blocks = [_BlockStep(block, *cache.arrays(layer), turn, bias) for layer, block in enumerate(blocks)]
        self._normalization = _normalization(body.normalization)

    def __call__(self, token: int) -> Vector:
        """The hidden vector (D,) after `token`. Raises `ValueError` where the cache is full."""
        place = self._cache.length
        if self._cache.room == 0:
            raise ValueError(f"{place + 1} tokens do not fit into a context of {place}")
        hidden = self._tokens[token] * self._scale
        if self._places is not None:
            hidden += self._places[place]
        for block in self._blocks:
            block(hidden, place)
        self._cache.length = place + 1
        return self._normalization(hidden)


class _BlockStep:
    """Adds to one hidden vector (D,) what attention and the feed-forward part of one block say, in place."""

    def __init__(
        self, block: Block, keys: Vector, values: Vector, turn: tuple[Vector, Vector] | None, bias: Vector | None
    ) -> None:
        """`keys` and `values` are the memory of this block (G, N, W)."""
        attention: SelfAttention = block.attention
        self._keys, self._values, self._turn = keys, values, turn
        self._own, self._shared, self._width = attention.heads, attention.shared_heads, attention.head_width
        self._bias = None if bias is None else bias.reshape(self._shared, -1, bias.shape[-1])  # (G, R, N)
        self._normalized = attention.normalized
        self._before_attention = _normalization(block.attention_normalization)
        self._query_key_value, self._output = affine(attention.query_key_value), affine(attention.output)
        self._before_feed_forward = _normalization(block.feed_forward_normalization)
        self._feed_forward = _feed_forward(block.feed_forward)

    def __call__(self, hidden: Vector, place: int) -> None:
        hidden += self._output(self._gather(self._before_attention(hidden), place))
        hidden += self._feed_forward(self._before_feed_forward(hidden))

    def _gather(self, hidden: Vector, place: int) -> Vector:
        """What the heads bring from the places up to this one (D,)."""
        own, shared = self._own, self._shared
        heads = self._query_key_value(hidden).reshape(own + 2 * shared, self._width)
        turned = heads[: own + shared]
        if self._turn is not None:
            _rotate(turned, self._turn[0][place], self._turn[1][place])
        if self._normalized:
            squares = np.einsum("hw,hw->h", turned, turned)[:, None]
            turned /= np.sqrt(squares / self._width + RMS_EPSILON)
        self._keys[:, place], self._values[:, place] = heads[own : own + shared], heads[own + shared :]
        query = heads[:own].reshape(shared, own // shared, self._width)
        query *= 1 / math.sqrt(self._width)
        held = place + 1
        scores: Vector = query @ self._keys[:, :held].transpose(0, 2, 1)  # (G, R, S)
        if self._bias is not None:
            scores += self._bias[:, :, -held:]
        scores -= np.maximum.reduce(scores, axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= np.add.reduce(scores, axis=-1, keepdims=True)
        gathered: Vector = scores @ self._values[:, :held]  # (G, R, W)
        return gathered.reshape(-1)


def _rotate(heads: Vector, cosines: Vector, sines: Vector) -> None:
    """Turn queries and keys (H + G, W) in place by the angles (P,) of one position (`positions.rotate`)."""
    pairs = len(cosines)
    first, second = heads[:, :pairs], heads[:, pairs : 2 * pairs]
    turned = first * cosines
    turned -= second * sines
    second *= cosines
    second += first * sines
    first[:] = turned


def _places(positions: nn.Module) -> tuple[Vector | None, float]:
    """What is added to a token by its place (N, D), if anything, and what the token is multiplied by before."""
    if isinstance(positions, SinusoidalPositions):
        return view(positions.table), positions.scale
    return (view(positions.weight), 1.0) if isinstance(positions, nn.Embedding) else (None, 1.0)


def _turning(positions: nn.Module) -> tuple[Vector, Vector] | None:
    """Cosines and sines (N, P) of rotary positions."""
    if not isinstance(positions, RotaryPositions):
        return None
    return view(positions.cosines), view(positions.sines)


def _distances(positions: nn.Module, context: int) -> Vector | None:
    """What ALiBi adds to the products with the last N places (H, N); the nearest comes last."""
    if not isinstance(positions, DistanceBias):
        return None
    distance = np.arange(context - 1, -1, -1, dtype=np.float32)
    return -view(positions.slopes)[:, None] * distance


def _normalization(module: nn.Module) -> Map:
    """LayerNorm or RMSNorm of one vector (D,), into a new one."""
    if isinstance(module, nn.LayerNorm):
        return _layer_norm(view(module.weight), None if module.bias is None else view(module.bias))
    assert isinstance(module, nn.RMSNorm)
    return _rms_norm(view(module.weight))


def _layer_norm(weight: Vector, bias: Vector | None) -> Map:
    mean = np.full(len(weight), 1 / len(weight), dtype=np.float32)  # its dot product is the quickest mean

    def normalize(vector: Vector) -> Vector:
        result: Vector = vector - mean.dot(vector)
        result *= 1 / math.sqrt(float(result.dot(result)) / len(weight) + LAYER_EPSILON)
        result *= weight
        if bias is not None:
            result += bias
        return result

    return normalize


def _rms_norm(weight: Vector) -> Map:
    def normalize(vector: Vector) -> Vector:
        scale = 1 / math.sqrt(float(vector.dot(vector)) / len(weight) + RMS_EPSILON)
        result: Vector = vector * scale
        result *= weight
        return result

    return normalize


def _feed_forward(module: FeedForward) -> Map:
    """Widen, bend, narrow one vector (D,)."""
    widen, narrow, bend = affine(module.widen), affine(module.narrow), _BENDS[module.activation]
    return lambda hidden: narrow(bend(widen(hidden)))


def _gelu(wide: Vector) -> Vector:
    bent: Vector = functional.gelu(torch.from_numpy(wide)).numpy()  # numpy has no error function
    return bent


def _relu(wide: Vector) -> Vector:
    return np.maximum(wide, 0, out=wide)


def _squared_relu(wide: Vector) -> Vector:
    np.maximum(wide, 0, out=wide)
    return np.square(wide, out=wide)


def _swiglu(wide: Vector) -> Vector:
    inner = len(wide) // 2
    gate = wide[:inner]
    with np.errstate(over="ignore"):  # far below 0 the gate is shut, which is right
        closed = np.exp(-gate)
    closed += 1
    gate /= closed
    gate *= wide[inner:]
    return gate


_BENDS: dict[str, Map] = {"gelu": _gelu, "relu": _relu, "squared_relu": _squared_relu, "swiglu": _swiglu}
