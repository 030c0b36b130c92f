"""Recurrent layers: a simple RNN (Elman 1990) with tanh or ReLU, LSTM (Hochreiter and Schmidhuber 1997), GRU (Cho et
al. 2014).

Shapes: B batch, T positions, D width, L layers.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from torch.func import functional_call

from lmstudio_app.engine.blocks.layers import dropout

State = Tensor | tuple[Tensor, Tensor] | None
Cell = Literal["rnn", "relu", "lstm", "gru"]


class _RNN(nn.RNN):
    def reset_parameters(self) -> None:
        """Leave the weights unset."""


class _LSTM(nn.LSTM):
    def reset_parameters(self) -> None:
        """Leave the weights unset."""


class _GRU(nn.GRU):
    def reset_parameters(self) -> None:
        """Leave the weights unset."""


def recurrent_layers(cell: Cell, layers: int, width: int, between: float) -> nn.RNNBase:
    """L layers of `cell`, (B, T, D) → (B, T, D) and their last state, with unset weights.

    Dropout of the share `between` acts between the layers.
    """
    between = between if layers > 1 else 0.0  # PyTorch warns where there is no between
    match cell:
        case "rnn" | "relu":
            bend = "tanh" if cell == "rnn" else "relu"
            return _RNN(width, width, layers, nonlinearity=bend, batch_first=True, dropout=between)
        case "lstm":
            return _LSTM(width, width, layers, batch_first=True, dropout=between)
        case "gru":
            return _GRU(width, width, layers, batch_first=True, dropout=between)


def with_dropped_weights(cells: nn.RNNBase, share: float, hidden: Tensor, state: State) -> tuple[Tensor, State]:
    """What `cells` make of `hidden` (B, T, D) and `state` while a `share` of the weights between one token and the next
    is hidden, the same for all tokens (Wan et al. 2013; Merity et al. 2018)."""
    past = {n: p for n, p in cells.named_parameters() if n.startswith("weight_hh")}
    dropped = {name: dropout(weight, share, training=True) for name, weight in past.items()}
    made: tuple[Tensor, State] = functional_call(cells, dropped, (hidden, state))
    return made
