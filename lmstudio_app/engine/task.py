"""What a model is trained to do: which examples it sees, which head sits on a body, what it needs of that body.

A task is one file in `tasks/` that ends in `register_task(...)`. Task files import torch nowhere: the network's
module is imported when a model is built.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from lmstudio_app.engine import registry
from lmstudio_app.engine.data.batches import Batches
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.registry import Family
from lmstudio_app.engine.settings import Settings

if TYPE_CHECKING:
    from lmstudio_app.engine.model import Model

Need = Literal["causal", "two-way", "source"]
LANGUAGE_MODELLING = "language-modelling"
"""The task of every run so far."""


class Splits(Protocol):
    """The tokens of a corpus by split, as a `TokenStore` gives them."""

    def split(self, name: Literal["training", "validation", "test"]) -> NDArray[np.unsignedinteger[Any]]:
        """The token ids (N,) of one split."""


@dataclass(frozen=True)
class Drawing:
    """How batches are drawn for a family that learns by gradient.

    `batch` windows of `context` tokens at each step, as a function of `seed` and the step, and about
    `validation_tokens` tokens at each validation. They are `consecutive` for a model that carries its state from step
    to step, else random.
    """

    batch: int
    context: int
    seed: int
    validation_tokens: int
    consecutive: bool = False


class Task(Protocol):
    """One thing to train a model for."""

    @property
    def name(self) -> str:
        """How run files and the terminal call it."""

    @property
    def title(self) -> str:
        """How the window calls it."""

    @property
    def needs(self) -> frozenset[Need]:
        """What a body must be or take for this task."""

    def batches(self, store: Splits, drawing: Drawing | None) -> Batches:
        """The examples of every step and of a validation; `drawing` is None for a family that learns by counting."""

    def build(self, family: Family, settings: Settings, vocabulary: int, seed: int) -> Model:
        """A model with fresh weights, a function of `seed` alone."""

    def blank(self, family: Family, settings: Settings, vocabulary: int) -> Model:
        """The same model without initialisation, to load weights into; draws no random number."""


def register_task(task: Task) -> Task:
    """Add a task; called once at the bottom of `tasks/<name>.py`."""
    registry.register_task(task.name, task)
    return task


def tasks() -> dict[str, Task]:
    """All tasks by name."""
    return cast(dict[str, Task], registry.tasks())


def task(name: str) -> Task:
    """The task called `name`. Raises `UserError` naming those that exist."""
    known = tasks()
    if name not in known:
        raise UserError(
            "There is no task “{name}”. Known tasks: {known}.",
            field="task",
            choices=tuple(known),
            name=name,
            known=", ".join(known),
        )
    return known[name]
