"""The settings of a recurrent language model (Mikolov et al. 2010; with an LSTM, Zaremba et al. 2014)."""

from __future__ import annotations

from typing import Literal

from lmstudio_app.engine.registry import Family, register_family
from lmstudio_app.engine.settings import Settings, setting

MAPS = {"rnn": 1, "relu": 1, "lstm": 4, "gru": 3}
"""How many maps of width D each cell has."""

KEPT = {"rnn": 2, "relu": 2, "lstm": 17, "gru": 8}
"""How many numbers per unit of width and token PyTorch keeps for the backward pass of each cell."""


class RecurrentSettings(Settings):
    """Cell and shape of a recurrent network."""

    cell: Literal["rnn", "relu", "lstm", "gru"] = setting(
        "lstm",
        title="Cell",
        choices={"rnn": "RNN (tanh)", "relu": "RNN (ReLU)", "lstm": "LSTM", "gru": "GRU"},
        help="What carries the past from token to token: LSTM and GRU have gates that keep it for longer.",
    )
    layers: int = setting(
        2, title="Layers", unit="cells deep", minimum=1, maximum=16, help="More layers learn longer patterns; slower."
    )
    width: int = setting(
        192,
        title="Width",
        unit="numbers per token",
        minimum=4,
        maximum=8192,
        help="How many numbers each layer carries from token to token.",
    )
    context: int = setting(
        128,
        title="Context",
        unit="tokens",
        minimum=2,
        maximum=8192,
        help="Tokens that learning looks back over. Writing carries its state on without end.",
    )
    dropout: float = setting(
        0.1,
        title="Dropout",
        unit="share switched off",
        minimum=0.0,
        below=1.0,
        help="Hides random units before, between and after the layers while learning, so that it memorises less.",
    )
    inner_dropout: float = setting(
        0.0,
        title="Inner dropout",
        unit="share switched off",
        minimum=0.0,
        below=1.0,
        advanced=True,
        help="Hides random weights between one token and the next while learning (as in AWD-LSTM).",
    )
    carry_state: bool = setting(
        False,
        title="Carry the state",
        advanced=True,
        help="Reads the text in order while learning, and carries the state from window to window, so that it learns "
        "to use a past longer than the context. Otherwise windows are drawn at random.",
    )
    tied: bool = setting(
        True,
        title="Tied embeddings",
        advanced=True,
        help="Reading and writing share one table of tokens: fewer parameters.",
    )


def parameters(settings: RecurrentSettings, vocabulary: int) -> int:
    """Trainable numbers, exactly: each map of a cell reads the layer below and its own past, with two offsets."""
    width = settings.width
    cell = MAPS[settings.cell] * (2 * width * width + 2 * width)
    return vocabulary * width * (1 if settings.tied else 2) + settings.layers * cell


def activation_bytes(settings: RecurrentSettings, vocabulary: int, batch: int) -> int:
    """An estimate of what one training step keeps for its backward pass, from counts on a CPU."""
    cell = KEPT[settings.cell] + (1.25 if settings.dropout else 0.0)
    floats = settings.width * (1 + settings.layers * cell) + vocabulary
    dropped = 5 * settings.layers * MAPS[settings.cell] * settings.width**2 if settings.inner_dropout else 0
    return int(batch * settings.context * 4 * floats) + dropped


def outline(settings: RecurrentSettings) -> str:
    """Cell, layers × width."""
    cell = "ReLU RNN" if settings.cell == "relu" else settings.cell.upper()
    return f"{cell} {settings.layers} × {settings.width}"


FAMILY = register_family(
    Family(
        name="recurrent",
        title="Recurrent (RNN, LSTM, GRU)",
        summary="Reads token by token and carries a memory along.",
        settings=RecurrentSettings,
        network="lmstudio_app.engine.models.recurrent.network",
        learning="gradient",
        rung=2,
        presets={
            "tiny": {"layers": 1, "width": 96, "context": 64},
            "small": {"layers": 2, "width": 192, "context": 128},
            "medium": {"layers": 2, "width": 512, "context": 256},
            "large": {"layers": 3, "width": 1280, "context": 256},
        },
        parameters=parameters,
        outline=outline,
        activation_bytes=activation_bytes,
        working_share=0.0,
    )
)
