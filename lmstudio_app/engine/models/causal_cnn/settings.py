"""The settings of a convolutional language model (van den Oord et al. 2016, WaveNet; Dauphin et al. 2017)."""

from __future__ import annotations

from typing import Literal

from lmstudio_app.engine.registry import Family, register_family
from lmstudio_app.engine.settings import Settings, setting


class CausalCNNSettings(Settings):
    """Shape and parts of a convolutional network."""

    layers: int = setting(
        6, title="Layers", unit="convolutions deep", minimum=1, maximum=64, help="More layers see further back; slower."
    )
    width: int = setting(
        128,
        title="Width",
        unit="numbers per token",
        minimum=4,
        maximum=8192,
        help="How many numbers describe one token inside the model.",
    )
    kernel: int = setting(
        3,
        title="Kernel",
        unit="tokens",
        minimum=2,
        maximum=32,
        help="How many tokens each convolution looks at: its own and earlier ones.",
    )
    cycle: int = setting(
        6,
        title="Dilation cycle",
        unit="layers",
        minimum=1,
        maximum=16,
        advanced=True,
        help="The gaps between these tokens double from layer to layer and begin anew after so many; 1 leaves no gaps.",
    )
    context: int = setting(
        128,
        title="Context",
        unit="tokens",
        minimum=2,
        maximum=8192,
        help="How long the pieces are that it learns from. How far it sees follows from layers and kernel.",
    )
    dropout: float = setting(
        0.1,
        title="Dropout",
        unit="share switched off",
        minimum=0.0,
        below=1.0,
        help="Hides random units while learning, so that the model memorises less.",
    )
    gate: Literal["linear", "tanh"] = setting(
        "linear",
        title="Gate",
        choices={"linear": "Linear (GLU)", "tanh": "Tanh (WaveNet)"},
        advanced=True,
        help="What a sigmoid gate lets through: numbers as they are, or squeezed between −1 and 1.",
    )
    normalization: Literal["layer", "rms"] = setting(
        "layer",
        title="Normalization",
        choices={"layer": "LayerNorm", "rms": "RMSNorm"},
        advanced=True,
        help="Keeps the numbers in range before each convolution.",
    )
    tied: bool = setting(
        True,
        title="Tied embeddings",
        advanced=True,
        help="Reading and writing share one table of tokens: fewer parameters.",
    )

    @property
    def dilations(self) -> list[int]:
        """How far apart the tokens are that each layer looks at."""
        return [2 ** (layer % self.cycle) for layer in range(self.layers)]

    @property
    def receptive_field(self) -> int:
        """How many tokens the output at one place depends on, its own among them."""
        return 1 + (self.kernel - 1) * sum(self.dilations)


def parameters(settings: CausalCNNSettings, vocabulary: int) -> int:
    """Trainable numbers, exactly: each layer has a convolution to twice the width, a map back, and a normalization."""
    width = settings.width
    layer = 2 * width * (settings.kernel * width + 1) + width * (width + 1) + width
    return vocabulary * width * (1 if settings.tied else 2) + settings.layers * layer + width


def activation_bytes(settings: CausalCNNSettings, vocabulary: int, batch: int) -> int:
    """What one training step keeps for its backward pass, as counted on a CPU."""
    width = settings.width
    norm = 1 if settings.normalization == "layer" else 2
    layer = norm + settings.kernel + 3
    floats = (settings.layers * layer + norm + 1) * width + vocabulary
    masks = (settings.layers + 1) * width if settings.dropout else 0  # a byte each
    return batch * settings.context * (4 * floats + masks)


def outline(settings: CausalCNNSettings) -> str:
    """Layers × width."""
    return f"{settings.layers} × {settings.width}"


FAMILY = register_family(
    Family(
        name="causal_cnn",
        title="Causal CNN",
        summary="Looks at a few earlier tokens at a time, further apart in every layer.",
        settings=CausalCNNSettings,
        network="lmstudio_app.engine.models.causal_cnn.network",
        learning="gradient",
        rung=3,
        presets={
            "tiny": {"layers": 4, "width": 64, "context": 64},
            "small": {"layers": 6, "width": 128, "context": 128},
            "medium": {"layers": 12, "width": 320, "context": 256},
            "large": {"layers": 16, "width": 768, "context": 512},
        },
        parameters=parameters,
        outline=outline,
        activation_bytes=activation_bytes,
    )
)
