"""Promise 17: window, terminal and plain calls write the same records for one configuration."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from lmstudio_app.__main__ import main
from lmstudio_app.engine import pipeline
from lmstudio_app.engine.workspace import Workspace
from lmstudio_app.gui.session import Session

TIMES = {"seconds", "tokens_per_second", "memory_bytes"}
TEXT = "".join(f"The {a} {b} sat by the {c}.\n" for a in ("old", "red", "sly") for b in ("fox", "hen", "owl") for c in
               ("mill", "well", "gate", "pond", "hill", "barn"))  # fmt: skip
VALUES = {
    "gpt": {
        "model": {"layers": 2, "heads": 2, "width": 16, "context": 16, "dropout": 0.2},
        "training": {"steps": 30, "batch": 4, "validate_every": 10, "checkpoint_every": 10, "sample_every": 15},
    },
    "recurrent": {
        "model": {"cell": "lstm", "layers": 2, "width": 16, "context": 16, "dropout": 0.2},
        "training": {"steps": 20, "batch": 4, "validate_every": 10, "checkpoint_every": 10, "sample_every": 10},
    },
    "ngram": {"model": {"order": 4}},
}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace.open(tmp_path / "w")
    text = tmp_path / "farm.txt"
    text.write_text(TEXT, encoding="utf-8")
    assert (
        main(["--workspace", str(made.folder), "--json", "corpus", "add", str(text), "--tokenizer", "character"]) == 0
    )
    return made


@pytest.mark.parametrize("family", VALUES)
def test_window_terminal_and_calls_write_the_same(qtbot: QtBot, workspace: Workspace, family: str) -> None:
    config = pipeline.draft(workspace, corpus="farm", family=family, name="calls", values=VALUES[family])
    list(pipeline.train(workspace.new_run(config)))

    words = [f"--{g}.{n.replace('_', '-')}={v}" for g, values in VALUES[family].items() for n, v in values.items()]
    by_terminal = ["train", "--corpus", "farm", "--family", family, "--name", "terminal", *words]
    assert main(["--workspace", str(workspace.folder), "--json", *by_terminal]) == 0

    session = Session()
    session.open_workspace(workspace.folder)
    session.change_draft(corpus="farm", family=family, name="window", **VALUES[family])
    session.start_training()
    qtbot.waitUntil(lambda: workspace.run("window").state == "finished", timeout=60_000)
    qtbot.waitUntil(lambda: not session.busy)
    session.close()
    session.deleteLater()

    records = [recorded(workspace.run(name).folder) for name in ("calls", "terminal", "window")]
    assert records[0] == records[1] == records[2]
    assert len(records[0][0]) > 4
    shutil.rmtree(workspace.folder)


def recorded(folder: Path) -> tuple[list[dict[str, object]], str, bytes]:
    """Metrics without times, samples, and the last weights."""
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [{key: value for key, value in json.loads(line).items() if key not in TIMES} for line in lines]
    weights = max((folder / "checkpoints").glob("step-*")) / "model.safetensors"
    return rows, (folder / "samples.jsonl").read_text(encoding="utf-8"), weights.read_bytes()
