"""A real tiny training without a corpus: made-up tokens, a GPT or an LSTM, the loop, a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lmstudio_app.engine.data.batches import Streams, Windows
from lmstudio_app.engine.events import Event
from lmstudio_app.engine.model import Model
from lmstudio_app.engine.registry import family
from lmstudio_app.engine.storage.json_lines import read_jsonl
from lmstudio_app.engine.task import task
from lmstudio_app.engine.training import checkpoint, loop
from lmstudio_app.engine.training.checkpoint import Progress
from lmstudio_app.engine.training.control import Control
from lmstudio_app.engine.training.loop import Job
from lmstudio_app.engine.training.plan import plan
from lmstudio_app.engine.training.record import Record
from lmstudio_app.engine.training.settings import TrainingSettings
from lmstudio_app.engine.training.text_bytes import TextBytes

VOCABULARY = 24
TIMED = ("seconds", "tokens_per_second", "memory_bytes")
SHAPES: dict[str, dict[str, Any]] = {
    "gpt": {"layers": 2, "heads": 2, "width": 16, "context": 16, "dropout": 0.1},
    "recurrent": {"cell": "lstm", "layers": 2, "width": 16, "context": 16, "dropout": 0.1},
    "causal_cnn": {"layers": 2, "width": 16, "context": 16, "dropout": 0.1},
}
SETTINGS: dict[str, Any] = {
    "steps": 24, "batch": 4, "warmup_steps": 4, "learning_rate": 0.01, "validate_every": 7, "validation_tokens": 200,
    "checkpoint_every": 9, "sample_every": 8, "sample_length": 5,
}  # fmt: skip


def tokens(seed: int, count: int) -> np.ndarray[Any, Any]:
    """A walk that a model can learn: each token is near the one before."""
    steps = np.random.default_rng(seed).integers(-2, 3, size=count)
    return (np.cumsum(steps) % VOCABULARY).astype(np.uint8)


def write_sample(model: Model, stopping: Callable[[], bool]) -> tuple[str, str]:
    """The likeliest tokens, as letters."""
    decoding, letters = model.begin(np.array([1, 2], dtype=np.int64)), ""
    for _ in range(5):
        token = int(decoding.logits.argmax())
        letters += chr(97 + token)
        decoding.advance(token)
    return "bc", letters


class Trial:
    """One training in one folder; `go` trains it on from where it stands, as the pipeline does."""

    def __init__(self, folder: Path, name: str = "gpt", **settings: Any) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.family = family(name)
        self.model_settings = self.family.settings(**(SHAPES[name] | settings.pop("model", {})))
        self.micro_batch, self.halving = settings.pop("micro_batch", 0), False
        self.settings = TrainingSettings(**(SETTINGS | settings))
        self.learner: Any = None

    def go(self, control: Control | None = None, record: type[Record] = Record) -> Iterator[Event]:
        import torch

        from lmstudio_app.engine.training.gradient_learner import GradientLearner

        kind = task("language-modelling")

        def blank() -> Model:
            return kind.blank(self.family, self.model_settings, VOCABULARY)

        model: Any = kind.build(self.family, self.model_settings, VOCABULARY, self.settings.seed)
        self.learner = GradientLearner(
            model, blank, self.settings, torch.device("cpu"), self.micro_batch, halving=self.halving
        )
        progress = Progress()
        for saved in reversed(checkpoint.found(self.folder / "checkpoints")):
            state, progress = checkpoint.load(saved.folder)
            self.learner.load(state)
            break
        keeper = record(self.folder, progress, 1, self.settings.keep_every)
        try:
            yield from loop.train(self._job(keeper, progress), control or Control())
        finally:
            keeper.close()

    def _job(self, keeper: Record, progress: Progress) -> Job:
        kind = Streams if getattr(self.model_settings, "carry_state", False) else Windows
        batches = kind(
            tokens(1, 3000), tokens(2, 600), batch=self.settings.batch, context=16, seed=self.settings.seed,
            validation_tokens=self.settings.validation_tokens,
        )  # fmt: skip
        lengths = TextBytes(np.ones(VOCABULARY))
        return Job(
            self.learner, batches, plan(self.settings), keeper, lengths, lengths, write_sample, lambda: 1, progress
        )

    def rows(self) -> list[dict[str, Any]]:
        """The metrics without what the clock says."""
        found = read_jsonl(self.folder / "metrics.jsonl")
        return [{key: value for key, value in row.items() if key not in TIMED} for row in found]

    def samples(self) -> list[dict[str, Any]]:
        return list(read_jsonl(self.folder / "samples.jsonl"))

    def steps_saved(self) -> list[int]:
        return [saved.step for saved in checkpoint.found(self.folder / "checkpoints")]

    def bytes_of(self, step: int, name: str = "model.safetensors") -> bytes:
        return (self.folder / "checkpoints" / checkpoint.folder_name(step) / name).read_bytes()
