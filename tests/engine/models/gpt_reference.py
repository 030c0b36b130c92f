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

SLOPES = {2: (1 / 16, 1 / 256), 3: (1 / 16, 1 / 256, 1 / 4), 4: (1 / 4, 1 / 16, 1 / 64, 1 / 256)}
"""ALiBi, by the number of heads, as its paper gives them."""

_erf = np.vectorize(math.erf)


def run(settings: GPTSettings, weights: Weights, tokens: NDArray[np.int64]) -> tuple[Array, Array]:
    """Logits (T, V) and attention (layers, heads, T, T) of one text."""
    table = np.asarray(weights["body.tokens.weight"], dtype=np.float64)
    hidden = table[tokens]
    if settings.positions == "sinusoidal":
        hidden = hidden * math.sqrt(settings.width) + _sinusoids(len(tokens), settings.width)
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


def _sinusoids(length: int, width: int) -> Array:
    """Sines at even numbers, cosines at odd ones."""
    table = np.zeros((length, width))
    for place in range(length):
        for number in range(width):
            angle = place / 10_000 ** (number // 2 * 2 / width)
            table[place, number] = math.sin(angle) if number % 2 == 0 else math.cos(angle)
    return table


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
    shared = (settings.key_value_heads or settings.heads) * size
    three = _linear(part, "attention.query_key_value", values)
    query, key, value = np.split(three, [width, width + shared], axis=1)
    gathered, seen = np.zeros((length, width)), np.zeros((settings.heads, length, length))
    for head in range(settings.heads):
        own = slice(head * size, (head + 1) * size)
        group = head * shared // width
        read = slice(group * size, (group + 1) * size)
        for i in range(length):
            looking = _turn(settings, query[i, own], i)
            scores = [looking @ _turn(settings, key[j, read], j) / math.sqrt(size) for j in range(i + 1)]
            if settings.positions == "alibi":
                scores = [score - SLOPES[settings.heads][head] * (i - j) for j, score in enumerate(scores)]
            shares = np.exp(np.array(scores) - max(scores))
            seen[head, i, : i + 1] = shares / shares.sum()
        gathered[:, own] = seen[head] @ value[:, read]
    return _linear(part, "attention.output", gathered), seen


def _turn(settings: GPTSettings, vector: Array, place: int) -> Array:
    """The vector, turned pair by pair as complex numbers where positions are rotary (an odd last number stays), with a
    mean square of 1 where it is normalized."""
    if settings.query_key_normalization:
        vector = vector / np.sqrt((vector**2).mean() + 1e-6)
    if settings.positions != "rotary":
        return vector
    half = len(vector) // 2
    pairs = vector[:half] + 1j * vector[half : 2 * half]
    turned = pairs * np.exp(1j * place * 10_000.0 ** (-np.arange(half) / max(half, 1)))
    return np.concatenate([turned.real, turned.imag, vector[2 * half :]])


def _feed(settings: GPTSettings, part: Weights, values: Array) -> Array:
    wide = _linear(part, "feed_forward.widen", values)
    if settings.activation == "gelu":
        bent = wide * 0.5 * (1 + _erf(wide / math.sqrt(2)))
    elif settings.activation in ("relu", "squared_relu"):
        bent = np.maximum(wide, 0) ** (1 if settings.activation == "relu" else 2)
    else:
        gate, value = np.split(wide, 2, axis=1)
        bent = gate / (1 + np.exp(-gate)) * value
    return _linear(part, "feed_forward.narrow", bent)
