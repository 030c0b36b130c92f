"""A workspace with one small corpus, and small runs on it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from lmstudio_app.engine import pipeline
from lmstudio_app.engine.data.corpus import CorpusSettings
from lmstudio_app.engine.data.tokenizer import TokenizerSettings
from lmstudio_app.engine.run import Run
from lmstudio_app.engine.storage.json_lines import read_jsonl
from lmstudio_app.engine.workspace import Workspace
from tests.engine.training.trials import TIMED

MODELS: dict[str, dict[str, Any]] = {
    "gpt": {"layers": 1, "heads": 2, "width": 16, "context": 16, "dropout": 0.1},
    "recurrent": {"cell": "gru", "layers": 1, "width": 16, "context": 16, "dropout": 0.1},
    "causal_cnn": {"layers": 2, "width": 16, "context": 16, "dropout": 0.1},
    "ngram": {"order": 3},
}
TRAINING: dict[str, Any] = {
    "steps": 12, "batch": 4, "warmup_steps": 2, "validate_every": 4, "validation_tokens": 100, "checkpoint_every": 5,
    "sample_every": 6, "sample_length": 8,
}  # fmt: skip


def story(words: int = 1500) -> str:
    """Made-up prose, always the same."""
    chance = random.Random(7)
    parts = chance.choices(
        ["the", "fox", "sees", "a", "hen", "and", "runs", "home.", "Then", "it", "sleeps.\n"], k=words
    )
    return " ".join(parts) + "\n"


def small_workspace(folder: Path) -> Workspace:
    """A workspace with the corpus "tales" in it."""
    workspace = Workspace.open(folder)
    settings = CorpusSettings(tokenizer=TokenizerSettings(kind="character"))
    for _ in pipeline.prepare(workspace, text=story(), name="tales", settings=settings):
        pass
    return workspace


def small_run(workspace: Workspace, family: str = "gpt", name: str = "first", **training: Any) -> Run:
    """A run that waits to be trained."""
    values: dict[str, dict[str, Any]] = {"model": MODELS[family], "execution": {"device": "cpu"}}
    values["training"] = training if family == "ngram" else TRAINING | training
    return workspace.new_run(pipeline.draft(workspace, corpus="tales", family=family, name=name, values=values))


def untimed(run: Run) -> list[dict[str, Any]]:
    """The metrics without what the clock says."""
    found = read_jsonl(run.folder / "metrics.jsonl")
    return [{key: value for key, value in row.items() if key not in TIMED} for row in found]


def model_bytes(run: Run) -> bytes:
    """The weights of the last checkpoint, as they lie on the disk."""
    return (run.checkpoints()[-1].folder / "model.safetensors").read_bytes()
