"""Two real steps of a training before it is begun: what each takes, and how far the memory rises meanwhile.

To be called in a process that has done nothing else: memory that an earlier model has left to the allocator would be
taken again without a trace.
"""

from __future__ import annotations

import contextlib
import math
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lmstudio_app.engine import devices
from lmstudio_app.engine.training import checkpoint

if TYPE_CHECKING:
    from lmstudio_app.engine.data.batches import Batches
    from lmstudio_app.engine.devices import Device
    from lmstudio_app.engine.model import Learner

WARM, TIMED = 1, 2
"""Steps before the clock counts, and while it does."""
WATCH_SECONDS = 0.002


@dataclass(frozen=True)
class Trial:
    """Seconds of one step, of validating `validation_tokens` and of one checkpoint; the bytes by which the memory rose
    while it learned and validated; `finite`: whether every loss and gradient was a number."""

    step_seconds: float
    step_tokens: int
    validation_seconds: float
    validation_tokens: int
    checkpoint_seconds: float
    memory_bytes: int
    finite: bool


def steps(make: Callable[[], Learner], batches: Batches, device: Device) -> Trial:
    """Make a learner and let it take a step that warms up, two that count, and validate one batch."""
    with _peak(device) as peak:
        learner = make()
        learner.step(1, batches.at(1))
        learner.measured()  # waits for the device
        began, size = time.perf_counter(), 0
        for number in range(WARM + 1, WARM + TIMED + 1):
            batch = batches.at(number)
            learner.step(number, batch)
            size += batch.targets.size
        rows = learner.measured()
        seconds = (time.perf_counter() - began) / TIMED
        checked, tokens = _validation(learner, batches)
    finite = all(math.isfinite(row[name]) for row in rows for name in ("training_loss", "gradient_norm"))
    return Trial(seconds, size // TIMED, checked, tokens, _checkpoint(learner), peak(), finite)


def counting(make: Callable[[], Learner], batches: Batches, device: Device, orders: int) -> Trial:
    """Make a learner that counts and let it count everything of a part of the text; a step is all orders on average."""
    with _peak(device) as peak:
        learner = make()
        began, batch = time.perf_counter(), batches.at(1)
        for number in range(1, orders + 1):
            learner.step(number, batch)
        seconds = (time.perf_counter() - began) / orders
        checked, tokens = _validation(learner, batches)
    return Trial(seconds, batch.targets.size, checked, tokens, 0.0, peak(), True)


def _validation(learner: Learner, batches: Batches) -> tuple[float, int]:
    """The seconds that the first batch takes to score, and its tokens."""
    batch = next(iter(batches.validation()))
    began = time.perf_counter()
    learner.check(batch)
    return time.perf_counter() - began, batch.targets.size


def _checkpoint(learner: Learner) -> float:
    """The seconds that a checkpoint takes, written where temporary files go and taken away again."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="lmstudio-app-trial-", ignore_cleanup_errors=True) as folder:
        checkpoint.save(Path(folder), learner.state(), checkpoint.Progress(step=WARM + TIMED))
        return time.perf_counter() - began


@contextlib.contextmanager
def _peak(device: Device) -> Iterator[Callable[[], int]]:
    """Hands out a function that says, after the block, by how much memory had risen at its highest: of the device where
    that counts by itself, else as looked at every few milliseconds."""
    if device.kind == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats(device.name)
        yield lambda: int(torch.cuda.max_memory_allocated(device.name))
        return
    before, highest, over = devices.memory_used_bytes(device.name), [0], threading.Event()

    def watch() -> None:
        while not over.wait(WATCH_SECONDS):
            highest[0] = max(highest[0], devices.memory_used_bytes(device.name))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield lambda: max(0, highest[0] - before)
    finally:
        highest[0] = max(highest[0], devices.memory_used_bytes(device.name))
        over.set()
        watcher.join()
