"""Transitions of a run, read from its checkpoints and written into files."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lmstudio_app.engine import pipeline
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import CheckpointRead, Event
from lmstudio_app.engine.workspace import Workspace
from tests.engine.training.worlds import small_run, small_workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    opened = small_workspace(tmp_path_factory.mktemp("workspace"))
    list(pipeline.train(small_run(opened, "ngram")))
    return opened


def test_the_best_checkpoint_or_the_one_asked_for_or_a_snapshot(workspace: Workspace) -> None:
    run, heard = workspace.run("first"), list[Event]()
    shown = pipeline.transitions(run, "the f", 5, checkpoint=3, heard=heard.append)
    assert [event.step for event in heard if isinstance(event, CheckpointRead)] == [3]
    assert (shown.contexts, shown.cut) == ([" f", "f", ""], 3)
    again = pipeline.transitions(run, "the f", 5, run.model("last"))
    np.testing.assert_array_equal(again.probabilities, shown.probabilities)
    with pytest.raises(UserError, match="step 7"):
        pipeline.transitions(run, checkpoint=7)


def test_a_family_that_does_not_count_is_refused_before_anything_is_read(workspace: Workspace) -> None:
    run = small_run(workspace, "recurrent", "listener")
    with pytest.raises(UserError, match="no transitions to show"):
        pipeline.transitions(run)


def test_a_table_has_a_row_for_each_context(workspace: Workspace, tmp_path: Path) -> None:
    shown = pipeline.transitions(workspace.run("first"), top=6)
    pipeline.save_transitions(shown, tmp_path / "t.csv")
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["context", *shown.tokens, "(others)"]
    assert [row[0] for row in rows] == shown.contexts
    written = np.array([[float(value) for value in row[1:]] for row in rows])
    np.testing.assert_allclose(written[:, :-1], shown.probabilities, rtol=1e-5)
    np.testing.assert_allclose(written.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("name", ["t.png", "t.SVG"])
@pytest.mark.parametrize("context", ["", "the"])
def test_pictures(workspace: Workspace, tmp_path: Path, name: str, context: str) -> None:
    pipeline.save_transitions(pipeline.transitions(workspace.run("first"), context), tmp_path / name, title="first")
    data = (tmp_path / name).read_bytes()
    assert data.startswith(b"\x89PNG") if name.endswith("png") else b"<svg" in data


def test_other_endings_and_folders_that_are_not_there_are_refused(workspace: Workspace, tmp_path: Path) -> None:
    shown = pipeline.transitions(workspace.run("first"), top=3)
    with pytest.raises(UserError, match=r"\.png or \.svg or \.csv"):
        pipeline.save_transitions(shown, tmp_path / "t.npz")
    with pytest.raises(UserError, match="no folder"):
        pipeline.check_transitions_format(tmp_path / "none" / "t.png")


def test_needs_no_torch(workspace: Workspace) -> None:
    program = (
        "import sys; from pathlib import Path; from lmstudio_app.engine import pipeline;"
        "from lmstudio_app.engine.workspace import Workspace;"
        f"run = Workspace.open(Path({str(workspace.folder)!r})).run('first');"
        "assert pipeline.transitions(run).tokens; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
