"""The learner that the settings of a run ask for, and how much work one of its steps is."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from lmstudio_app.engine import devices
from lmstudio_app.engine.task import LANGUAGE_MODELLING, task
from lmstudio_app.engine.training.settings import TrainingSettings

if TYPE_CHECKING:
    from lmstudio_app.engine.devices import Device
    from lmstudio_app.engine.model import Learner, Model, State
    from lmstudio_app.engine.training.execution import Execution
    from lmstudio_app.engine.training.run_config import RunConfig


def work(config: RunConfig, vocabulary: int) -> float:
    """The multiplications of one step; 0 for a family that counts."""
    if not isinstance(config.training, TrainingSettings):
        return 0.0
    tokens = config.training.batch * cast(Any, config.model).context
    return 3.0 * config.described.parameters(config.model, vocabulary) * float(tokens)


def make_learner(
    config: RunConfig,
    vocabulary: int,
    device: Device,
    settled: Execution,
    *,
    state: State | None = None,
    rate: Callable[[int], float] | None = None,
) -> Learner:
    """A learner with fresh weights, or one that goes on from `state`, that computes as it was `settled`. `rate` gives
    the learning rate of a step in the place of the schedule; a family that counts has no use for either."""
    family, settings, kind = config.described, config.model, task(LANGUAGE_MODELLING)

    def blank() -> Model:
        return kind.blank(family, settings, vocabulary)

    model: Any = kind.build(family, settings, vocabulary, config.training.seed) if state is None else blank()
    learner: Learner
    if isinstance(config.training, TrainingSettings):
        from lmstudio_app.engine.training.gradient_learner import GradientLearner

        learner = GradientLearner(
            model,
            blank,
            config.training,
            devices.torch_device(device),
            settled.micro_batch,
            halving=settled.when_full == "halve",
            rate=rate,
        )
    else:
        learner = importlib.import_module(family.learner).CountingLearner(model)
    if state is not None:
        learner.load(state)
    return learner
