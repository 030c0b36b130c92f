"""A workspace with a corpus and a run of each family; networks need no training, their weights are random but fixed."""

from __future__ import annotations

import atexit
import functools
import tempfile
from pathlib import Path
from typing import Any

from lmstudio_app.engine import pipeline
from lmstudio_app.engine.data.corpus import CorpusSettings
from lmstudio_app.engine.data.tokenizer import TokenizerSettings
from lmstudio_app.engine.model import Model, State
from lmstudio_app.engine.run import Run
from lmstudio_app.engine.task import task
from lmstudio_app.engine.training import checkpoint, run_config
from lmstudio_app.engine.training.status import Status, write_status
from lmstudio_app.engine.workspace import Workspace

TALE = (
    "".join(
        f"The {size} {beast} went to the river, and the river was {size}.\n"
        for size in ("old", "grey", "quick", "small", "proud")
        for beast in ("fox", "hare", "crow", "mole", "toad", "wren")
    )
    * 3
)
CONTEXT = 24
MODELS: dict[str, dict[str, Any]] = {
    "gpt": {"layers": 2, "heads": 3, "width": 24, "context": CONTEXT, "dropout": 0.0},
    "recurrent": {"cell": "lstm", "layers": 1, "width": 16, "context": 16, "dropout": 0.0},
    "ngram": {"order": 3},
}


def make_corpus(workspace: Workspace, name: str = "tale") -> None:
    """The corpus that the runs name, in characters."""
    settings = CorpusSettings(tokenizer=TokenizerSettings(kind="character"))
    for _ in pipeline.prepare(workspace, text=TALE, name=name, settings=settings):
        pass


def make_run(workspace: Workspace, name: str, family: str, *, day: int, steps: tuple[int, ...] = (10, 20)) -> Run:
    """A run of `family` with checkpoints at `steps`, the first of them the best; the weights are random but fixed."""
    config = run_config.from_mapping(
        {
            "name": name,
            "corpus": "tale",
            "family": family,
            "tokenizer": {"kind": "character"},
            "model": MODELS[family],
            "training": {},
            "created": f"2025-01-{day:02d}T12:00:00",
        }
    )
    run = workspace.new_run(config)
    tokenizer = workspace.corpus("tale").tokenization(config.tokenizer).tokenizer
    tokenizer.save(run.folder / "tokenizer.json")
    for step in steps:
        progress = checkpoint.Progress(step=step, validation_loss=float(step), validation_bits_per_byte=float(step))
        weights = model_at(run, tokenizer.vocabulary, step).weights()
        checkpoint.save(run.folder / "checkpoints", State(weights), progress)
    write_status(run.folder, Status(state="finished", step=max(steps, default=0)))
    return run


def model_at(run: Run, vocabulary: int, step: int) -> Model:
    """The model whose weights the checkpoint of `step` holds; larger than fresh ones, so that chances differ."""
    model = task("language-modelling").build(run.config.described, run.config.model, vocabulary, seed=step)
    if run.config.family != "ngram":
        model.load_weights({name: 6 * value for name, value in model.weights().items()})
    return model


@functools.cache
def shared_workspace() -> Path:
    """One such workspace for all tests that only read it, with a trained n-gram "counter" besides; it goes when the
    tests end."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    workspace = make_workspace(Path(folder.name))
    for _ in pipeline.train(make_run(workspace, "counter", "ngram", day=2, steps=())):
        pass
    return workspace.folder


def make_workspace(folder: Path) -> Workspace:
    """A corpus and three runs: "reader" (GPT, the newest), "listener" (LSTM), "waiter" (GPT without a checkpoint)."""
    workspace = Workspace.open(folder)
    make_corpus(workspace)
    make_run(workspace, "waiter", "gpt", day=1, steps=())
    make_run(workspace, "listener", "recurrent", day=2)
    make_run(workspace, "reader", "gpt", day=3)
    return workspace
