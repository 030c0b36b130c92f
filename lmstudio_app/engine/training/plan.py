"""What is due at which step of a training. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass

from lmstudio_app.engine.training.settings import CountingSettings, TrainingSettings


@dataclass(frozen=True)
class Plan:
    """What happens at which step. Step 0 is the state before the first update."""

    steps: int
    validate_every: int
    checkpoint_every: int
    sample_every: int
    patience: int = 0
    keep_every: int = 0

    def validates(self, step: int) -> bool:
        """At the start, every `validate_every` steps and at the end."""
        return step % self.validate_every == 0 or step == self.steps

    def samples(self, step: int) -> bool:
        """Every `sample_every` steps and at the end, unless that is 0."""
        return step > 0 and self.sample_every > 0 and (step % self.sample_every == 0 or step == self.steps)

    def ends_early(self, waited: int) -> bool:
        """Whether `waited` validations without a better one are enough."""
        return 0 < self.patience <= waited

    def complete(self, step: int, validated: int, sampled: int, waited: int = 0) -> bool:
        """Whether nothing is left to do when the last step, validation and sample were those, and the last `waited`
        validations were no better than one before."""
        ended = step >= self.steps or self.ends_early(waited)
        return ended and validated >= step and (sampled >= step or not self.samples(step))

    def saves(self, step: int) -> bool:
        """Every `checkpoint_every` steps and at the end."""
        return step > 0 and (step == self.steps or (self.checkpoint_every > 0 and step % self.checkpoint_every == 0))


def plan(training: TrainingSettings | CountingSettings, orders: int = 1) -> Plan:
    """The plan of a training; a family that counts takes one step for each of its `orders`, and samples at the end."""
    if isinstance(training, CountingSettings):
        return Plan(steps=orders, validate_every=1, checkpoint_every=0, sample_every=orders)
    return Plan(
        training.steps,
        training.validate_every,
        training.checkpoint_every,
        training.sample_every,
        training.patience,
        training.keep_every,
    )
