"""The settings of a GPT: a Transformer decoder (Radford et al. 2019, GPT-2; Touvron et al. 2023, Llama)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from lmstudio_app.engine.registry import Family, Style, register_family
from lmstudio_app.engine.settings import Problem, Settings, setting

WIDTH_MINIMUM, WIDTH_MAXIMUM = 8, 8192


class GPTSettings(Settings):
    """Shape and parts of a GPT."""

    layers: int = setting(
        4, title="Layers", unit="blocks", minimum=1, maximum=64, help="More layers learn longer patterns; slower."
    )
    heads: int = setting(
        4, title="Heads", unit="per layer", minimum=1, maximum=64, help="Each head can watch for a different relation."
    )
    width: int = setting(
        128,
        title="Width",
        unit="numbers per token",
        minimum=WIDTH_MINIMUM,
        maximum=WIDTH_MAXIMUM,
        help="How many numbers describe one token inside the model.",
    )
    context: int = setting(
        128, title="Context", unit="tokens", minimum=2, maximum=8192, help="Tokens the model can see at once."
    )
    dropout: float = setting(
        0.1,
        title="Dropout",
        unit="share switched off",
        minimum=0.0,
        below=1.0,
        help="Hides random units while learning, so that the model memorises less.",
    )
    attention_dropout: float = setting(
        0.0,
        title="Attention dropout",
        unit="share switched off",
        minimum=0.0,
        below=1.0,
        advanced=True,
        help="Hides random attention weights while learning, as GPT-2 did; slower.",
    )
    inner_dropout: float = setting(
        0.0,
        title="Inner dropout",
        unit="share switched off",
        minimum=0.0,
        below=1.0,
        advanced=True,
        help="Hides random numbers inside the feed-forward part while learning.",
    )
    positions: Literal["learned", "sinusoidal", "rotary", "alibi", "none"] = setting(
        "rotary",
        title="Positions",
        choices={
            "learned": "Learned",
            "sinusoidal": "Sinusoidal",
            "rotary": "Rotary",
            "alibi": "ALiBi",
            "none": "None",
        },
        advanced=True,
        help="How the model knows the order of tokens: a table that is learned or made of sines is added to them, "
        "queries and keys are turned by their place, or attention falls with the distance.",
    )
    key_value_heads: int = setting(
        0,
        title="Key-value heads",
        unit="per layer",
        minimum=0,
        maximum=64,
        advanced=True,
        help="Several heads share the keys and values of one, as in Llama: less memory while writing. 0 gives each "
        "its own.",
    )
    query_key_normalization: bool = setting(
        False,
        title="QK-norm",
        advanced=True,
        help="Brings queries and keys to one length, so that attention stays calm at high learning rates.",
    )
    normalization: Literal["layer", "rms"] = setting(
        "layer",
        title="Normalization",
        choices={"layer": "LayerNorm", "rms": "RMSNorm"},
        advanced=True,
        help="Keeps the numbers in range before each part of a block.",
    )
    activation: Literal["gelu", "relu", "squared_relu", "swiglu"] = setting(
        "gelu",
        title="Activation",
        choices={"gelu": "GELU", "relu": "ReLU", "squared_relu": "Squared ReLU", "swiglu": "SwiGLU"},
        advanced=True,
        help="The bend in the feed-forward part of a block.",
    )
    tied: bool = setting(
        True,
        title="Tied embeddings",
        advanced=True,
        help="Reading and writing share one table of tokens: fewer parameters.",
    )
    bias: bool = setting(
        False,
        title="Biases",
        advanced=True,
        help="Adds a learned offset to each linear map and LayerNorm, as GPT-2 does; slightly slower.",
    )
    zero_outputs: bool = setting(
        False,
        title="Zero outputs",
        advanced=True,
        help="What writes into the running sum of a token starts at zero, so that learning begins calmly.",
    )

    def conflicts(self) -> Iterator[Problem]:
        """A width that its heads cannot share, and heads that cannot share keys and values."""
        if self.width % self.heads:
            below = self.width // self.heads * self.heads
            choices = tuple(w for w in (below, below + self.heads) if WIDTH_MINIMUM <= w <= WIDTH_MAXIMUM)
            yield Problem("width", "Must divide evenly by {heads} heads.", {"heads": self.heads}, choices)
        if self.key_value_heads and self.heads % self.key_value_heads:
            divisors = tuple(d for d in range(1, self.heads) if self.heads % d == 0)
            sentence = "Must divide the {heads} heads evenly."
            yield Problem("key_value_heads", sentence, {"heads": self.heads}, (0, *divisors[-2:]))


def inner_width(settings: GPTSettings) -> int:
    """Numbers inside the feed-forward part: 4 D, or for SwiGLU, which has three maps, 8/3 D rounded up to a multiple of
    8, so that both cost about the same."""
    return -(-8 * settings.width // 24) * 8 if settings.activation == "swiglu" else 4 * settings.width


def shared_width(settings: GPTSettings) -> int:
    """Numbers of the keys of one token, as many as of its values: D, or less where heads share them."""
    return (settings.key_value_heads or settings.heads) * (settings.width // settings.heads)


def parameters(settings: GPTSettings, vocabulary: int) -> int:
    """Trainable numbers, exactly."""
    width, inner = settings.width, inner_width(settings)
    widened, shared = (2 * inner if settings.activation == "swiglu" else inner), shared_width(settings)
    norm = width * (2 if settings.bias and settings.normalization == "layer" else 1)
    block = 2 * width * (width + shared) + (widened + inner) * width + 2 * norm
    if settings.bias:
        block += 2 * (width + shared) + widened + width
    tables = vocabulary * width * (1 if settings.tied else 2)
    if settings.positions == "learned":
        tables += settings.context * width
    return tables + settings.layers * block + norm


def activation_bytes(settings: GPTSettings, vocabulary: int, batch: int) -> int:
    """What one training step keeps for its backward pass, as counted on a CPU; a GPU's kernels keep about the same."""
    width, inner = settings.width, inner_width(settings)
    norm = 2 * width if settings.normalization == "layer" else 3 * width
    feed_forward = {"relu": 1, "swiglu": 4}.get(settings.activation, 2) * inner
    masks = (2 * settings.layers + 1) * width if settings.dropout else 0  # a byte each
    if settings.inner_dropout:
        masks += settings.layers * inner
        feed_forward += inner if settings.activation == "relu" else 0
    floats = settings.layers * (2 * norm + _attention_floats(settings) + feed_forward) + norm + vocabulary
    return batch * settings.context * (4 * floats + masks)


def _attention_floats(settings: GPTSettings) -> int:
    """What attention keeps of each token: queries, keys and values as mapped, turned, normalized and shared out as far
    as a later part needs them, and the result."""
    width, heads, shared = settings.width, settings.heads, shared_width(settings)
    turned, grouped = width + shared, shared < width
    rotary, normalized = settings.positions == "rotary", settings.query_key_normalization
    floats = width + heads + (2 * width if grouped else 0)
    if not (grouped and rotary):  # else nothing needs the map's own result any more
        floats += turned + shared
    floats += turned * (rotary + normalized)
    if normalized:
        floats += heads + (settings.key_value_heads or heads)
    if settings.attention_dropout or settings.positions == "alibi":  # no fused kernel: the weights are formed
        floats += (3 if settings.attention_dropout else 1) * heads * settings.context - heads
        floats -= (
            turned if settings.attention_dropout and rotary and not grouped else 0
        )  # scaled copies stand for the last turned ones
        floats -= width if grouped else 0
    return floats


def outline(settings: GPTSettings) -> str:
    """Layers × heads × width."""
    return f"{settings.layers} × {settings.heads} × {settings.width}"


GPT2 = Style(
    name="gpt-2",
    title="GPT-2",
    summary="As OpenAI's of 2019: learned positions, LayerNorm, GELU, biases, tied embeddings.",
    model=lambda size: {"positions": "learned", "bias": True},
)
LLAMA = Style(
    name="llama",
    title="Llama",
    summary="As Meta's of 2024: rotary positions, RMSNorm, SwiGLU, two heads to each of keys and values, no dropout.",
    model=lambda size: {
        "normalization": "rms",
        "activation": "swiglu",
        "key_value_heads": size["heads"] // 2 if size["heads"] % 2 == 0 else 0,
        "dropout": 0.0,
        "tied": False,
    },
)
FAST = Style(
    name="fast",
    title="Fast",
    summary="Learns the most in the least time: Muon, rotary positions, RMSNorm, QK-norm, squared ReLU, zero outputs.",
    model=lambda size: {
        "normalization": "rms",
        "activation": "squared_relu",
        "query_key_normalization": True,
        "zero_outputs": True,
        "dropout": 0.0,
    },
    training={
        "batch": 16,
        "learning_rate": 5e-3,
        "optimizer": "muon",
        "momentum": 0.95,
        "schedule": "linear",
        "final_learning_rate": 0.0,
        "warmup_steps": 20,
    },
)

FAMILY = register_family(
    Family(
        name="gpt",
        title="Transformer (GPT)",
        summary="Reads all earlier tokens at once, using attention.",
        settings=GPTSettings,
        network="lmstudio_app.engine.models.gpt.network",
        learning="gradient",
        rung=4,
        presets={
            "tiny": {"layers": 2, "heads": 2, "width": 64, "context": 64},
            "small": {"layers": 4, "heads": 4, "width": 128, "context": 128},
            "medium": {"layers": 6, "heads": 6, "width": 384, "context": 256},
            "large": {"layers": 12, "heads": 12, "width": 768, "context": 512},
        },
        styles={style.name: style for style in (GPT2, LLAMA, FAST)},
        parameters=parameters,
        outline=outline,
        activation_bytes=activation_bytes,
        offers=frozenset({"decoding", "attention"}),
    )
)
