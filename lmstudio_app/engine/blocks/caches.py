"""What a causal body remembers of a text: keys and values of a Transformer, the state of a recurrent network, the last
inputs of a convolutional one."""

from __future__ import annotations

import torch
from torch import Tensor

from lmstudio_app.engine.blocks.vectors import Vector, view


class KeyValueCache:
    """Keys and values of every layer for one text, in memory set aside once.

    Legend: L layers, H heads, N the context, W numbers per head.
    """

    def __init__(self, layers: int, heads: int, context: int, head_width: int, like: Tensor) -> None:
        self.length = 0
        self._context = context
        self._store = torch.zeros(layers, 2, 1, heads, context, head_width, dtype=like.dtype, device=like.device)

    @property
    def room(self) -> int:
        """How many more tokens fit."""
        return self._context - self.length

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Write the new keys and values (1, H, T, W) of one layer after those held; all of them so far.

        `length` is advanced by the body once all layers have written.
        """
        end = self.length + keys.shape[2]
        held_keys, held_values = self._store[layer, 0], self._store[layer, 1]  # (1, H, N, W)
        held_keys[:, :, self.length : end] = keys
        held_values[:, :, self.length : end] = values
        return held_keys[:, :, :end], held_values[:, :, :end]

    def arrays(self, layer: int) -> tuple[Vector, Vector]:
        """All keys and all values of one layer (H, N, W) on a CPU, shared with this cache: who writes them there
        advances `length` as well."""
        return view(self._store[layer, 0, 0]), view(self._store[layer, 1, 0])


class CarriedState:
    """The state of a recurrent net after the tokens read so far; None before the first."""

    room = None

    def __init__(self, *parts: Tensor) -> None:
        """With one part, or an LSTM's two, (layers, B, D) each, it goes on from there."""
        self.state: Tensor | tuple[Tensor, Tensor] | None = None
        if parts:
            self.state = parts[0] if len(parts) == 1 else (parts[0], parts[1])

    def parts(self) -> tuple[Tensor, ...]:
        """The state apart from how it was computed: none, one tensor, or an LSTM's two."""
        if self.state is None:
            return ()
        return tuple(part.detach() for part in (self.state if isinstance(self.state, tuple) else (self.state,)))


class CarriedInputs:
    """The last inputs of every layer of a convolutional net, which the next positions still look at.

    Legend: P positions that a layer looks back over, D width.
    """

    room = None

    def __init__(self, layers: int) -> None:
        self._inputs: list[Tensor | None] = [None] * layers

    def extend(self, layer: int, values: Tensor, reach: int) -> Tensor:
        """What came before `values` (1, T, D), as (1, P, D) for a `reach` of P; zeros where nothing did. The last P of
        both are kept."""
        before = self._inputs[layer]
        if before is None:
            before = values.new_zeros(1, reach, values.shape[2])
        self._inputs[layer] = torch.cat([before, values], dim=1)[:, values.shape[1] :]
        return before
