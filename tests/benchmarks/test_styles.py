"""What the styles of a GPT learn in the same processor time on one thread: Fast against GPT-2.

Each trains on the first 90 % of a text, character by character, for as many steps as fit into the budget by the pace of
a short trial, and is scored once on the last 10 %. Run by hand:
`LMSTUDIO_APP_TEST_DATA=… pytest tests/benchmarks/test_styles.py -m benchmark -s`.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lmstudio_app.engine.data.batches import Windows
from lmstudio_app.engine.data.samples import generate, samples
from lmstudio_app.engine.model import Model
from lmstudio_app.engine.registry import family
from lmstudio_app.engine.task import task
from lmstudio_app.engine.training.execution import torch_threads
from lmstudio_app.engine.training.gradient_learner import GradientLearner
from lmstudio_app.engine.training.settings import TrainingSettings

CONTEXT, TRIAL_STEPS = 64, 12
CLOSEST = 0.97
"""Of the budget: a pace measured at the start is never quite that of the whole."""

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1800)]


def text(name: str) -> str:
    if name == "tiny Shakespeare":
        file = Path(os.environ.get("LMSTUDIO_APP_TEST_DATA", "")) / "tinyshakespeare.txt"
        if not file.is_file():
            pytest.skip("tiny Shakespeare is not at hand: set LMSTUDIO_APP_TEST_DATA")
        return file.read_text(encoding="utf-8")
    sample = next(each for each in samples() if each.name == name)
    return "".join(generate(sample).documents)


def tokens(whole: str) -> tuple[int, NDArray[np.uint16], NDArray[np.uint16]]:
    """The size of the vocabulary, the first 90 % and the last 10 %."""
    letters, found = np.unique(np.array(list(whole)), return_inverse=True)
    cut = len(found) * 9 // 10
    return len(letters), found[:cut].astype(np.uint16), found[cut:].astype(np.uint16)


class Trial:
    """A GPT of 4 × 4 × 128 in one style, on one text."""

    def __init__(self, style: str, name: str) -> None:
        self.vocabulary, self.training, self.held_out = tokens(text(name))
        self.family = family("gpt")
        self.chosen = self.family.chosen("small", style)
        self.settings = self.family.settings(**{**self.chosen["model"], "context": CONTEXT})

    def learn(self, steps: int, whole: int) -> tuple[Model, float]:
        """The model after `steps` of `whole`, and the processor seconds they took."""
        kind = task("language-modelling")

        def blank() -> Model:
            return kind.blank(self.family, self.settings, self.vocabulary)

        model: Any = kind.build(self.family, self.settings, self.vocabulary, 1)
        training = TrainingSettings(**self.chosen["training"], steps=whole)
        learner = GradientLearner(model, blank, training, torch.device("cpu"))
        batches = Windows(
            self.training, self.held_out, batch=training.batch, context=CONTEXT, seed=1, validation_tokens=CONTEXT
        )
        began = time.process_time()
        for step in range(1, steps + 1):
            learner.step(step, batches.at(step))
        return learner.snapshot(), time.process_time() - began

    def nats_after(self, seconds: float) -> tuple[float, int, float]:
        """Nats per character of the last 10 %, steps, and the processor seconds that they took."""
        self.learn(TRIAL_STEPS, 1000)
        pace = self.learn(TRIAL_STEPS, 1000)[1] / TRIAL_STEPS
        steps = int(CLOSEST * seconds / pace)
        model, used = self.learn(steps, steps)
        return float(model.score(self.held_out.astype(np.int64)).mean()), steps, used


@pytest.mark.parametrize(
    ("name", "seconds"),
    [("tiny Shakespeare", 60), ("tiny Shakespeare", 180), ("stories", 60), ("stories-chinese", 60)],
)
def test_fast_is_ahead_of_gpt2(name: str, seconds: float) -> None:
    found = {}
    with torch_threads(1):
        for style in ("fast", "gpt-2"):
            nats, steps, used = Trial(style, name).nats_after(seconds)
            found[style] = nats
            print(f"\n{name}, {seconds} s, {style}: {nats:.4f} nats/character, {steps} steps in {used:.1f} s", end="")
    assert found["fast"] < found["gpt-2"]
