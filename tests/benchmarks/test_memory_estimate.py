"""The estimate of a training's memory against the peak that the process really has, over what it had before.

Each case trains three steps in a process of its own, after a tiny training that loads everything that is loaded once.
Run by hand: `pytest tests/benchmarks/test_memory_estimate.py -m benchmark -s`.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest

STEPS, TOLERANCE = 3, 0.15

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(900)]

CASES: list[tuple[str, str, str, dict[str, Any]]] = [
    ("gpt", "small", "", {}),
    ("gpt", "small", "", {"batch": 64}),
    ("gpt", "small", "fast", {}),
    ("gpt", "medium", "", {"batch": 8}),
    ("gpt", "medium", "llama", {"batch": 8, "optimizer": "sgd"}),
    ("gpt", "medium", "gpt-2", {"batch": 8, "weight_average": 0.99}),
    ("recurrent", "small", "", {"batch": 32}),
    ("recurrent", "medium", "", {}),
    ("causal_cnn", "small", "", {"batch": 32}),
    ("causal_cnn", "medium", "", {"batch": 8}),
]


def measure(name: str, preset: str, style: str, chosen: dict[str, Any], vocabulary: int) -> tuple[int, int]:
    """Bytes as estimated and at the peak, in this process."""
    import psutil
    import torch

    from lmstudio_app.engine.data.batches import Windows
    from lmstudio_app.engine.data.tokenizer import TokenizerSettings
    from lmstudio_app.engine.devices import cpu_device
    from lmstudio_app.engine.registry import family
    from lmstudio_app.engine.training import execution, learners
    from lmstudio_app.engine.training.run_config import RunConfig
    from lmstudio_app.engine.training.settings import ExecutionSettings, TrainingSettings

    kind = family(name)
    size = kind.chosen(preset, style or None)
    training = TrainingSettings(**{**size["training"], **chosen})
    config = RunConfig("case", "none", name, kind.settings(**size["model"]), training, TokenizerSettings())
    tokens = np.random.default_rng(0).integers(0, vocabulary, 20_000).astype(np.uint16)

    def train(config: RunConfig, kinds: int) -> None:
        settled, _ = execution.settle(ExecutionSettings(device="cpu", threads=1), 1.0)
        learner = learners.make_learner(config, kinds, cpu_device(), settled)
        settings: Any = config.model
        batch: Any = config.training
        text = tokens % kinds
        batches = Windows(text, text, batch=batch.batch, context=settings.context, seed=1, validation_tokens=1)
        for step in range(1, STEPS + 1):
            learner.step(step, batches.at(step))

    torch.set_num_threads(1)
    tiny = config.model.model_copy(update={"layers": 1, "width": 16, "heads": 1, "context": 8})
    tiny = tiny.model_copy(update={"key_value_heads": 0}) if hasattr(tiny, "key_value_heads") else tiny
    small = RunConfig("case", "none", name, tiny, training.model_copy(update={"batch": 2}), TokenizerSettings())
    train(small, 50)
    process, peak, done = psutil.Process(), [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.002):
            peak[0] = max(peak[0], process.memory_info().rss)

    before = process.memory_info().rss
    watcher = threading.Thread(target=watch)
    watcher.start()
    train(config, vocabulary)
    done.set()
    watcher.join()
    return config.training_bytes(vocabulary), peak[0] - before


def test_estimates_are_near_the_peak() -> None:
    ratios = []
    for vocabulary, case in itertools.product((65, 2048, 8192), CASES):
        command = [sys.executable, "-m", "tests.benchmarks.test_memory_estimate", json.dumps([*case, vocabulary])]
        answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        estimate, peak = json.loads(answer)
        ratios.append(estimate / peak)
        print(f"\n{case} vocabulary {vocabulary}: {estimate / 1e6:.0f} MB, peak {peak / 1e6:.0f} MB: {ratios[-1]:.2f}")
    assert all(abs(ratio - 1) <= TOLERANCE for ratio in ratios), [round(ratio, 2) for ratio in ratios]


if __name__ == "__main__":
    print(json.dumps(measure(*json.loads(sys.argv[1]))))
