"""Runs that released versions have written open, score, write and go on, whatever has changed since."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from lmstudio_app.engine import pipeline
from lmstudio_app.engine.run import Run
from lmstudio_app.engine.workspace import Workspace
from tests.released.make import HERE, RUNS, bits_per_byte, greedy

VERSIONS = sorted(folder.name for folder in HERE.iterdir() if (folder / "expected.json").is_file())


@pytest.fixture(params=VERSIONS)
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Workspace, dict[str, Any]]:
    """A copy of the workspace of one version, and what that version made of it."""
    folder = HERE / request.param
    shutil.copytree(folder / "workspace", tmp_path / "workspace")
    return Workspace.open(tmp_path / "workspace"), json.loads((folder / "expected.json").read_text(encoding="utf-8"))


def opened(workspace: Workspace, name: str) -> Run:
    run = workspace.run(name)
    assert run.summary().state in ("stopped", "finished")
    return run


def test_there_is_a_run_of_every_kind_that_a_version_could_train() -> None:
    assert VERSIONS
    for version in VERSIONS:
        kept = {folder.name for folder in (HERE / version / "workspace" / "runs").iterdir()}
        assert set(RUNS) <= kept


def test_their_texts_and_scores_are_the_same(kept: tuple[Workspace, dict[str, Any]]) -> None:
    workspace, expected = kept
    for name, then in expected.items():
        run = opened(workspace, name)
        assert bits_per_byte(run) == pytest.approx(then["bits_per_byte"], rel=1e-4), name
        assert greedy(run) == then["text"], name


def test_they_go_on_where_they_stopped(kept: tuple[Workspace, dict[str, Any]]) -> None:
    workspace, expected = kept
    for name, then in expected.items():
        run = opened(workspace, name)
        before = run.summary().step
        list(pipeline.train(run))
        assert run.summary().state == "finished"
        assert run.summary().step >= before == then["step"]
        losses = [row["training_loss"] for row in run.rows() if "training_loss" in row][-len(then["losses"]) :]
        assert losses == pytest.approx(then["losses"], rel=5e-3), name
