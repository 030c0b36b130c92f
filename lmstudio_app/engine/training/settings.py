"""The settings of a training, declared once. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lmstudio_app.engine.registry import Learning
from lmstudio_app.engine.settings import Settings, setting

DeviceChoice = Literal["auto", "cpu", "cuda", "mps"]
LARGEST_SEED = 2**31 - 1


class TrainingSettings(Settings):
    """How a family that learns by gradient is trained: AdamW, warm-up, then a cosine."""

    steps: int = setting(
        1000,
        title="Steps",
        unit="steps",
        minimum=1,
        maximum=10_000_000,
        help="How many times the model is changed. More steps teach more and take longer.",
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
        help="The share of the learning rate that is left at the last step; it falls there along a cosine.",
    )
    weight_decay: float = setting(
        0.1,
        title="Weight decay",
        minimum=0,
        maximum=10,
        advanced=True,
        help="Pulls the weight matrices towards zero, which keeps the model from learning the text by heart.",
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
        help="How long AdamW remembers the size of past gradients. Closer to 1 is longer.",
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
    checkpoint_every: int = setting(
        200,
        title="Checkpoint every",
        unit="steps",
        minimum=0,
        maximum=10_000_000,
        help="How often everything is saved, so that nothing is lost. 0 saves only at the end and when you stop.",
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


def training_settings(learning: Learning) -> type[TrainingSettings] | type[CountingSettings]:
    """The settings that apply to a family's way of learning."""
    return TrainingSettings if learning == "gradient" else CountingSettings


@dataclass(frozen=True)
class Plan:
    """What happens at which step. Step 0 is the state before the first update."""

    steps: int
    validate_every: int
    checkpoint_every: int
    sample_every: int

    def validates(self, step: int) -> bool:
        """At the start, every `validate_every` steps and at the end."""
        return step % self.validate_every == 0 or step == self.steps

    def samples(self, step: int) -> bool:
        """Every `sample_every` steps and at the end, unless that is 0."""
        return step > 0 and self.sample_every > 0 and (step % self.sample_every == 0 or step == self.steps)

    def complete(self, step: int, validated: int, sampled: int) -> bool:
        """Whether nothing is left to do when the last step, validation and sample were those."""
        return step >= self.steps and validated >= step and (sampled >= step or not self.samples(step))

    def saves(self, step: int) -> bool:
        """Every `checkpoint_every` steps and at the end."""
        return step > 0 and (step == self.steps or (self.checkpoint_every > 0 and step % self.checkpoint_every == 0))


def plan(training: TrainingSettings | CountingSettings, orders: int = 1) -> Plan:
    """The plan of a training; a family that counts takes one step for each of its `orders`, and samples at the end."""
    if isinstance(training, CountingSettings):
        return Plan(steps=orders, validate_every=1, checkpoint_every=0, sample_every=orders)
    return Plan(training.steps, training.validate_every, training.checkpoint_every, training.sample_every)
