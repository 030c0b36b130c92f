"""Writes the workspace that a version leaves behind for all later ones: `python -m tests.released.make VERSION`.

It is run once, by the version itself, before its release; what it wrote is never changed. Each run is stopped in the
middle. `expected.json` holds what that version then wrote and how it went on, to be compared within a tolerance, since
the last digits belong to a processor.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from lmstudio_app.engine import pipeline
from lmstudio_app.engine.data.corpus import CorpusSettings
from lmstudio_app.engine.data.tokenizer import TokenizerSettings
from lmstudio_app.engine.events import CheckpointSaved, Evaluated, GenerationEnded
from lmstudio_app.engine.generation.settings import SamplingSettings
from lmstudio_app.engine.run import Run
from lmstudio_app.engine.training.control import Control
from lmstudio_app.engine.workspace import Workspace

HERE = Path(__file__).parent
STEPS, STOPPED = 160, 140
TRAINING = {
    "steps": STEPS,
    "batch": 8,
    "learning_rate": 1e-2,
    "warmup_steps": 2,
    "validate_every": 20,
    "checkpoint_every": 140,
    "sample_every": 140,
    "sample_length": 20,
    "validation_tokens": 200,
}
SMALL = {"layers": 2, "width": 16, "context": 16}
RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "counting": ("ngram", {"order": 3}),
    "simple recurrent": ("recurrent", {"cell": "rnn", **SMALL}),
    "lstm": ("recurrent", {"cell": "lstm", **SMALL}),
    "gru": ("recurrent", {"cell": "gru", **SMALL, "tied": False}),
    "convolution": ("causal_cnn", {**SMALL}),
    "gpt": ("gpt", {**SMALL, "heads": 2}),
    "gpt like llama": ("gpt", {**SMALL, "heads": 2, "normalization": "rms", "activation": "swiglu"}),
    "gpt like gpt-2": ("gpt", {**SMALL, "heads": 2, "positions": "learned", "bias": True, "tied": False}),
}


def greedy(run: Run) -> str:
    """The likeliest text of the last checkpoint."""
    settings = SamplingSettings(temperature=0, length=24)
    events = list(pipeline.generate(run, "The ", settings, checkpoint="last", device="cpu"))
    return next(event.text for event in events if isinstance(event, GenerationEnded))


def bits_per_byte(run: Run) -> float:
    """Of its text for tests, by the last checkpoint."""
    events = list(pipeline.evaluate(run, checkpoint="last", device="cpu"))
    return next(event.bits_per_byte for event in events if isinstance(event, Evaluated))


def train_to_the_middle(run: Run) -> None:
    """Stop after half of the steps."""
    control = Control()
    for event in pipeline.train(run, control):
        if isinstance(event, CheckpointSaved) and event.step == STOPPED:
            control.stop()


def make(version: str) -> None:
    """Write `version`/workspace and `version`/expected.json."""
    folder = HERE / version
    workspace = Workspace.open(folder / "workspace")
    text = (HERE / "text.txt").read_text(encoding="utf-8")
    list(
        pipeline.prepare(
            workspace, name="text", text=text, settings=CorpusSettings(tokenizer=TokenizerSettings(kind="character"))
        )
    )
    expected: dict[str, Any] = {}
    for name, (family, model) in RUNS.items():
        training = {"sample_length": 20} if family == "ngram" else TRAINING
        values = {"model": model, "training": training, "execution": {"device": "cpu", "threads": 1}}
        run = workspace.new_run(pipeline.draft(workspace, corpus="text", family=family, name=name, values=values))
        train_to_the_middle(run)
        written, bits = greedy(run), bits_per_byte(run)
        copy = Run.open(Path(shutil.copytree(run.folder, run.folder.with_name("copy"))))
        list(pipeline.train(copy))
        losses = [row["training_loss"] for row in copy.rows() if "training_loss" in row]
        expected[name] = {
            "text": written,
            "bits_per_byte": bits,
            "step": run.checkpoints()[-1].step,
            "losses": [round(loss, 4) for loss in losses[-20:]],
        }
        shutil.rmtree(copy.folder)
        for trace in (".lock", ".holder"):  # of one who is no longer there
            (run.folder / trace).unlink(missing_ok=True)
    (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    make(sys.argv[1])
