"""Recurrent layers: a simple RNN (Elman 1990), LSTM (Hochreiter and Schmidhuber 1997) and GRU (Cho et al. 2014).

Shapes: B batch, T positions, D width, L layers.
"""

from __future__ import annotations

from typing import Literal

from torch import nn

Cell = Literal["rnn", "lstm", "gru"]


class _RNN(nn.RNN):
    def reset_parameters(self) -> None:
        """Leave the weights unset."""


class _LSTM(nn.LSTM):
    def reset_parameters(self) -> None:
        """Leave the weights unset."""


class _GRU(nn.GRU):
    def reset_parameters(self) -> None:
        """Leave the weights unset."""


def recurrent_layers(cell: Cell, layers: int, width: int, dropout: float) -> nn.RNNBase:
    """L layers of `cell`, (B, T, D) → (B, T, D) and their last state, with unset weights.

    Dropout acts between the layers.
    """
    kinds: dict[Cell, type[_RNN | _LSTM | _GRU]] = {"rnn": _RNN, "lstm": _LSTM, "gru": _GRU}
    between = dropout if layers > 1 else 0.0  # PyTorch warns where there is no between
    return kinds[cell](width, width, layers, batch_first=True, dropout=between)
