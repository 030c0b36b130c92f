"""How quick this machine is: medians over repeated blocks, the first of which only warms up and does not count.

Each function is handed what is measured (a training, a way to write or to prepare) and lets it run block by block. It
yields `told` after each block, so that whoever follows can show it or stop, and gives the figures back in the end.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmstudio_app.engine.events import Event, GenerationEnded, Progress, RunStarted, StepDone, TokenWritten

if TYPE_CHECKING:
    from torch import Tensor

FEWEST_BLOCKS = 3
"""A median of fewer says little, however long each takes."""
OPERATIONS = 6
"""Floating-point operations for each parameter and token of a training step: two forward, four backward. What attention
computes between positions comes on top and is not counted (Kaplan et al. 2020, section 2.1)."""
SIDES = {"cpu": 1024}
SIDE = 4096
"""Rows and columns of the matrices that are multiplied for comparison; those on a GPU have to be large to fill it."""
PRODUCT_SECONDS = 0.1


@dataclass(frozen=True)
class TrainingSpeed:
    """Tokens a second, floating-point operations a second, and their share of those of a plain product of matrices that
    was measured in turns with the steps."""

    tokens_per_second: float
    operations_per_second: float
    share: float


@dataclass(frozen=True)
class WritingSpeed:
    """Tokens a second after the first one, and the seconds until that first one, the prompt read and scored."""

    tokens_per_second: float
    first_token_seconds: float


class MatrixProduct:
    """A plain product of two square float32 matrices, with the threads that torch has just then."""

    def __init__(self, device: str) -> None:
        """`device` is how torch calls it ("cpu", "cuda", "mps")."""
        import torch

        self._side = SIDES.get(device, SIDE)
        generator = torch.Generator().manual_seed(1)  # the global one belongs to the training
        self._left, self._right = (torch.rand(self._side, self._side, generator=generator).to(device) for _ in range(2))
        self._multiply()

    def measure(self) -> float:
        """Floating-point operations a second, over a tenth of a second."""
        began, count = time.perf_counter(), 0
        while (passed := time.perf_counter() - began) < PRODUCT_SECONDS or not count:
            self._multiply()
            count += 1
        return 2.0 * self._side**3 * count / passed

    def _multiply(self) -> None:
        product: Tensor = self._left @ self._right
        product[0, 0].item()  # waits for a GPU


class Blocks:
    """The rows of figures of the blocks so far, until there are enough of them and `seconds` have passed."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._began = seconds, 0.0
        self._rows: list[tuple[float, ...]] = []

    def add(self, *figures: float) -> None:
        """Take the figures of one block; the first of all is forgotten."""
        if not self._began:
            self._began = time.perf_counter()
        else:
            self._rows.append(figures)

    @property
    def enough(self) -> bool:
        """Whether no further block is needed."""
        return len(self._rows) >= FEWEST_BLOCKS and time.perf_counter() - self._began >= self._seconds

    def medians(self) -> tuple[float, ...]:
        """The median of each figure."""
        return tuple(statistics.median(column) for column in zip(*self._rows, strict=True))


def time_training(
    training: Generator[Event, None, None], product: Callable[[], float], seconds: float, told: Progress
) -> Generator[Progress, None, TrainingSpeed]:
    """How quick `training` (the events of `pipeline.train`) takes its steps; it is closed in the end.

    A block is what the loop reads from the device at once. After each of them `product()` measures a plain product of
    matrices, so that other work on the machine slows both.
    """
    blocks, parameters, latest = Blocks(seconds), 0, 0.0
    try:
        for event in training:
            if isinstance(event, RunStarted):
                parameters = event.parameters
            if not isinstance(event, StepDone) or (speed := event.row["tokens_per_second"] or 0.0) == latest:
                continue  # the rows of one block say the same
            latest = speed
            operations = OPERATIONS * parameters * speed
            blocks.add(speed, operations, operations / product())
            yield told
            if blocks.enough:
                break
    finally:
        training.close()
    return TrainingSpeed(*blocks.medians())


def time_counting(
    train: Callable[[], Iterable[Event]], seconds: float, told: Progress
) -> Generator[Progress, None, float]:
    """Tokens of text a second that a counting family takes in, all orders together; `train()` is a whole training."""
    blocks = Blocks(seconds)
    while not blocks.enough:
        speeds = [event.row["tokens_per_second"] for event in train() if isinstance(event, StepDone)]
        blocks.add(1 / sum(1 / speed for speed in speeds if speed))
        yield told
    return blocks.medians()[0]


def time_writing(
    write: Callable[[], Iterator[Event]], seconds: float, told: Progress
) -> Generator[Progress, None, WritingSpeed]:
    """How quick `write()` (the events of `pipeline.generate`, at least two tokens of them) is."""
    blocks = Blocks(seconds)
    while not blocks.enough:
        began, first, tokens = time.perf_counter(), 0.0, 0
        for event in write():
            if isinstance(event, TokenWritten) and not first:
                first = time.perf_counter()
            if isinstance(event, GenerationEnded):
                tokens = event.tokens
        blocks.add((tokens - 1) / (time.perf_counter() - first), first - began)
        yield told
    return WritingSpeed(*blocks.medians())


def time_preparing(
    prepare: Callable[[], None], size: int, seconds: float, told: Progress
) -> Generator[Progress, None, float]:
    """Bytes of text a second that `prepare()` makes a corpus of; the text has `size` bytes."""
    blocks = Blocks(seconds)
    while not blocks.enough:
        began = time.perf_counter()
        prepare()
        blocks.add(size / (time.perf_counter() - began))
        yield told
    return blocks.medians()[0]
