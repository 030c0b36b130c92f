"""The settings of a training, declared once. Torch-free."""

from __future__ import annotations

from typing import Literal

from lmstudio_app.engine.registry import Learning
from lmstudio_app.engine.settings import Settings, setting

DeviceChoice = Literal["auto", "cpu", "cuda", "mps"]
OptimizerChoice = Literal["adamw", "adam", "sgd", "muon", "lion", "adafactor"]
ScheduleChoice = Literal["cosine", "linear", "stable", "constant", "plateau"]
WhenFullChoice = Literal["stop", "halve"]
BudgetChoice = Literal["steps", "epochs", "tokens", "minutes"]
DivergenceChoice = Literal["stop", "skip"]
LARGEST_SEED = 2**31 - 1
MOST_STEPS = 10_000_000


class TrainingSettings(Settings):
    """How a family that learns by gradient is trained."""

    steps: int = setting(
        1000,
        title="Steps",
        unit="steps",
        minimum=1,
        maximum=MOST_STEPS,
        help="How many times the model is changed. More steps teach more and take longer.",
    )
    budget: BudgetChoice = setting(
        "steps",
        title="Budget",
        choices={"steps": "Steps", "epochs": "Epochs", "tokens": "Tokens", "minutes": "Minutes"},
        advanced=True,
        help="What says how long to train: the steps above, or an amount of passes over the text, of tokens or of "
        "minutes. The steps are worked out from it when the training begins.",
    )
    amount: float = setting(
        1.0,
        title="Amount",
        above=0,
        maximum=1e12,
        advanced=True,
        help="How many epochs, tokens or minutes, where the budget is one of these.",
    )
    batch: int = setting(
        16,
        title="Batch",
        unit="windows",
        minimum=1,
        maximum=4096,
        help="How many pieces of text the model sees in one step. Larger is steadier and slower.",
    )
    learning_rate: float = setting(
        1e-3,
        title="Learning rate",
        above=0,
        maximum=1,
        help="How far one step moves the weights at most. Too high and the loss jumps; too low and nothing happens.",
    )
    optimizer: OptimizerChoice = setting(
        "adamw",
        title="Optimizer",
        choices={
            "adamw": "AdamW",
            "adam": "Adam",
            "sgd": "SGD",
            "muon": "Muon",
            "lion": "Lion",
            "adafactor": "Adafactor",
        },
        advanced=True,
        help="How a step is made of the gradient. AdamW suits nearly everything; Muon learns quicker, with AdamW for "
        "tables; SGD needs a learning rate about a hundred times higher, Lion one about five times lower.",
    )
    momentum: float = setting(
        0.9,
        title="Momentum",
        minimum=0,
        below=1,
        advanced=True,
        help="How long past gradients go on pushing: beta 1 of Adam and Lion, the momentum of SGD and Muon. Adafactor "
        "has none.",
    )
    schedule: ScheduleChoice = setting(
        "cosine",
        title="Schedule",
        choices={
            "cosine": "Cosine",
            "linear": "Linear",
            "stable": "Stable, then down",
            "constant": "Constant",
            "plateau": "On a plateau",
        },
        advanced=True,
        help="How the learning rate falls after the warm-up: along half a cosine, along a line, only over the last "
        "part, never, or by half whenever validation gets no better.",
    )
    warmup_steps: int = setting(
        100,
        title="Warm-up",
        unit="steps",
        minimum=0,
        maximum=1_000_000,
        advanced=True,
        help="The learning rate rises from zero over these first steps, which keeps the start calm.",
    )
    final_learning_rate: float = setting(
        0.1,
        title="Final learning rate",
        minimum=0,
        maximum=1,
        advanced=True,
        help="The share of the learning rate that is left at the last step, or at least where a plateau lowers it.",
    )
    decay_share: float = setting(
        0.2,
        title="Decay",
        unit="share of the steps",
        above=0,
        maximum=1,
        advanced=True,
        help="Over how much of the training a stable schedule goes down at its end.",
    )
    plateau_patience: int = setting(
        3,
        title="Plateau",
        unit="validations",
        minimum=1,
        maximum=1000,
        advanced=True,
        help="After so many validations without a better one, a plateau schedule halves the learning rate.",
    )
    weight_decay: float = setting(
        0.1,
        title="Weight decay",
        minimum=0,
        maximum=10,
        advanced=True,
        help="Pulls the weight matrices towards zero (L2), which keeps the model from learning the text by heart.",
    )
    l1: float = setting(
        0.0,
        title="L1",
        minimum=0,
        maximum=1,
        advanced=True,
        help="Adds this times the sum of all weight sizes to what is made small, which drives many weights to zero.",
    )
    label_smoothing: float = setting(
        0.0,
        title="Label smoothing",
        minimum=0,
        below=1,
        advanced=True,
        help="Learns that every token is a little possible, which keeps the model from being too sure. Losses are "
        "shown without it.",
    )
    gradient_clip: float = setting(
        1.0,
        title="Gradient clip",
        minimum=0,
        maximum=1000,
        advanced=True,
        help="A gradient longer than this is shortened to it, so that one odd step does no harm. 0 turns it off.",
    )
    beta2: float = setting(
        0.99,
        title="Beta 2",
        minimum=0,
        below=1,
        advanced=True,
        help="How long Adam remembers the size of past gradients, and Lion their direction. Closer to 1 is longer.",
    )
    weight_average: float = setting(
        0.0,
        title="Weight average",
        minimum=0,
        below=1,
        advanced=True,
        help="Validates, writes and saves with an average of the weights over about 1 / (1 − this) steps, which is "
        "steadier. 0 takes the weights as they are.",
    )
    divergence: DivergenceChoice = setting(
        "stop",
        title="When it diverges",
        choices={"stop": "Stop", "skip": "Skip the step"},
        advanced=True,
        help="What happens when the loss or the gradient is no finite number: the training ends, or goes on without "
        "that step.",
    )
    seed: int = setting(
        1,
        title="Seed",
        minimum=0,
        maximum=LARGEST_SEED,
        help="Fixes all chance: the same seed and settings give the same model.",
    )
    validate_every: int = setting(
        100,
        title="Validate every",
        unit="steps",
        minimum=1,
        maximum=10_000_000,
        help="How often the model is tested on text that it does not learn from.",
    )
    validation_tokens: int = setting(
        20_000,
        title="Validation text",
        unit="tokens",
        minimum=1,
        maximum=100_000_000,
        advanced=True,
        help="How much text a validation reads, spread evenly over the split. More is more exact and slower.",
    )
    held_out: float = setting(
        0.0,
        title="Held out for a blend",
        unit="share of the training text",
        minimum=0.0,
        maximum=0.5,
        advanced=True,
        help="Does not learn from this much of the end of the training text, so that a blend can fit its shares there. "
        "0 learns from all of it.",
    )
    patience: int = setting(
        0,
        title="Early stopping",
        unit="validations",
        minimum=0,
        maximum=100_000,
        advanced=True,
        help="Ends the training after so many validations without a better one. 0 goes on to the last step.",
    )
    checkpoint_every: int = setting(
        200,
        title="Checkpoint every",
        unit="steps",
        minimum=0,
        maximum=10_000_000,
        help="How often everything is saved, so that nothing is lost. 0 saves only at the end and when you stop.",
    )
    keep_every: int = setting(
        0,
        title="Keep every",
        unit="steps",
        minimum=0,
        maximum=10_000_000,
        advanced=True,
        help="Keeps the checkpoints of these steps for looking back. 0 keeps the last two and the best.",
    )
    sample_every: int = setting(
        200,
        title="Sample every",
        unit="steps",
        minimum=0,
        maximum=10_000_000,
        help="How often the model writes a little text, so that you can see it learn. 0 means never.",
    )
    sample_length: int = setting(
        120,
        title="Sample length",
        unit="tokens",
        minimum=1,
        maximum=10_000,
        advanced=True,
        help="How many tokens such a sample has.",
    )
    sample_prompt: str = setting(
        "",
        title="Sample prompt",
        advanced=True,
        help="What such a sample starts with. Empty lets the model begin by itself.",
    )


class CountingSettings(Settings):
    """How a family that learns by counting is trained: it reads the whole text once per order."""

    seed: int = setting(
        1,
        title="Seed",
        minimum=0,
        maximum=LARGEST_SEED,
        help="Fixes the chance in the text samples. Counting itself needs none.",
    )
    sample_length: int = setting(
        120,
        title="Sample length",
        unit="tokens",
        minimum=1,
        maximum=10_000,
        advanced=True,
        help="How many tokens the text sample at the end has.",
    )
    sample_prompt: str = setting(
        "",
        title="Sample prompt",
        advanced=True,
        help="What the sample starts with. Empty lets the model begin by itself.",
    )


class ExecutionSettings(Settings):
    """On what a training runs. It changes how quick it is, and the last digits of its figures."""

    device: DeviceChoice = setting(
        "auto",
        title="Device",
        choices={"auto": "Choose by itself", "cpu": "CPU", "cuda": "NVIDIA or AMD GPU", "mps": "Apple GPU"},
        help="What computes. By itself it takes a GPU where there is one.",
    )
    threads: int = setting(
        0,
        title="Threads",
        minimum=0,
        maximum=256,
        advanced=True,
        help="How many CPU cores compute. 0 chooses by the size of the model, and leaves small ones on one core.",
    )
    micro_batch: int = setting(
        0,
        title="Micro-batch",
        unit="windows",
        minimum=0,
        maximum=4096,
        advanced=True,
        help="How many windows of a batch are computed at once; their gradients are added up (gradient accumulation). "
        "Fewer take less memory and more time. 0 takes the whole batch.",
    )
    when_full: WhenFullChoice = setting(
        "stop",
        title="When memory is full",
        choices={"stop": "Stop", "halve": "Halve the micro-batch"},
        advanced=True,
        help="What happens when a step does not fit into the memory: the training ends, or goes on with half as many "
        "windows at once. The batch, and so what is learned, stays the same.",
    )


def training_settings(learning: Learning) -> type[TrainingSettings] | type[CountingSettings]:
    """The settings that apply to a family's way of learning."""
    return TrainingSettings if learning == "gradient" else CountingSettings
