"""A GPT in plain numpy, float64, one text at a time and head by head: slow, and written apart from the network.

Shapes: T tokens, D width, W numbers per head, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmstudio_app.engine.models.gpt.settings import GPTSettings

Array = NDArray[np.float64]
Weights = Mapping[str, NDArray[Any]]

_erf = np.vectorize(math.erf)


def run(settings: GPTSettings, weights: Weights, tokens: NDArray[np.int64]) -> tuple[Array, Array]:
    """Logits (T, V) and attention (layers, heads, T, T) of one text."""
    table = np.asarray(weights["body.tokens.weight"], dtype=np.float64)
    hidden = table[tokens]
    if settings.positions == "learned":
        hidden = hidden + weights["body.positions.weight"][: len(tokens)]
    attention = []
    for layer in range(settings.layers):
        block = {
            name.removeprefix(f"body.blocks.{layer}."): np.asarray(array, dtype=np.float64)
            for name, array in weights.items()
            if name.startswith(f"body.blocks.{layer}.")
        }
        mixed, seen = _attend(settings, block, _normalize(settings, block, "attention_normalization", hidden))
        attention.append(seen)
        hidden = hidden + mixed
        hidden = hidden + _feed(settings, block, _normalize(settings, block, "feed_forward_normalization", hidden))
    final = {name.removeprefix("body."): np.asarray(array, dtype=np.float64) for name, array in weights.items()}
    hidden = _normalize(settings, final, "normalization", hidden)
    head = table if settings.tied else weights["head.weight"]
    return hidden @ head.T, np.stack(attention)


def _linear(part: Weights, name: str, values: Array) -> Array:
    return values @ part[f"{name}.weight"].T + part.get(f"{name}.bias", 0.0)


def _normalize(settings: GPTSettings, part: Weights, name: str, values: Array) -> Array:
    if settings.normalization == "rms":
        return values / np.sqrt((values**2).mean(-1, keepdims=True) + 1e-6) * part[f"{name}.weight"]
    centred = values - values.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
    return scaled * part[f"{name}.weight"] + part.get(f"{name}.bias", 0.0)


def _attend(settings: GPTSettings, part: Weights, values: Array) -> tuple[Array, Array]:
    length, width = values.shape
    size = width // settings.heads
    query, key, value = np.split(_linear(part, "attention.query_key_value", values), 3, axis=1)
    gathered, seen = np.zeros((length, width)), np.zeros((settings.heads, length, length))
    for head in range(settings.heads):
        own = slice(head * size, (head + 1) * size)
        for i in range(length):
            looking = _turn(settings, query[i, own], i)
            scores = [looking @ _turn(settings, key[j, own], j) / math.sqrt(size) for j in range(i + 1)]
            shares = np.exp(np.array(scores) - max(scores))
            seen[head, i, : i + 1] = shares / shares.sum()
        gathered[:, own] = seen[head] @ value[:, own]
    return _linear(part, "attention.output", gathered), seen


def _turn(settings: GPTSettings, vector: Array, place: int) -> Array:
    """The vector, turned pair by pair as complex numbers where positions are rotary; an odd last number stays."""
    if settings.positions == "learned":
        return vector
    half = len(vector) // 2
    pairs = vector[:half] + 1j * vector[half : 2 * half]
    turned = pairs * np.exp(1j * place * 10_000.0 ** (-np.arange(half) / max(half, 1)))
    return np.concatenate([turned.real, turned.imag, vector[2 * half :]])


def _feed(settings: GPTSettings, part: Weights, values: Array) -> Array:
    wide = _linear(part, "feed_forward.widen", values)
    if settings.activation == "gelu":
        bent = wide * 0.5 * (1 + _erf(wide / math.sqrt(2)))
    else:
        gate, value = np.split(wide, 2, axis=1)
        bent = gate / (1 + np.exp(-gate)) * value
    return _linear(part, "feed_forward.narrow", bent)
