"""Training on several processes: the same as on one, a lost rank is named, and a job written for elsewhere trains."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from lmstudio_app.engine import pipeline
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import CheckpointSaved, RunStarted
from lmstudio_app.engine.run import Run
from lmstudio_app.engine.workspace import Workspace

TORCHRUN = [sys.executable, "-m", "torch.distributed.run"]
TINY = {
    "model": {"layers": 1, "heads": 1, "width": 16, "context": 16, "dropout": 0.0},
    "training": {"batch": 5, "steps": 12, "validate_every": 6, "checkpoint_every": 6, "sample_every": 0},
}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    place = Workspace.open(tmp_path / "work space")
    source = tmp_path / "lines.txt"
    source.write_text("the cat sat on the mat and the dog on the log\n" * 60, encoding="utf-8")
    list(pipeline.prepare(place, paths=[source], name="lines"))
    return place


def drafted(workspace: Workspace, name: str, family: str = "gpt", **training: Any) -> Run:
    values = {**TINY, "training": TINY["training"] | training} if family == "gpt" else {}
    return workspace.new_run(pipeline.draft(workspace, corpus="lines", family=family, name=name, values=values))


def started(workspace: Workspace, *words: str) -> subprocess.Popen[str]:
    command = [*TORCHRUN, "--standalone", "--nproc-per-node", "2", "-m", "lmstudio_app"]
    return subprocess.Popen(
        [*command, "--workspace", str(workspace.folder), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def ended(process: subprocess.Popen[str]) -> str:
    try:
        return process.communicate(timeout=100)[0]
    finally:
        for child in [*_children(process), process]:
            with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
                child.kill()


def _children(process: subprocess.Popen[str]) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(process.pid).children()
    return []


def losses(run: Run) -> dict[int, float]:
    return {row["step"]: row["training_loss"] for row in run.rows() if "training_loss" in row}


def killed(workspace: Workspace, name: str, rank: int) -> tuple[str, float]:
    """What the terminal says of a training of which `rank` is killed after its first checkpoint, and how many seconds
    it took to end."""
    process = started(workspace, "resume", name)
    until = time.monotonic() + 60
    while not workspace.run(name).checkpoints() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    (victim,) = (child for child in _children(process) if child.environ().get("RANK") == str(rank))
    victim.send_signal(signal.SIGKILL)
    began = time.monotonic()
    return ended(process), time.monotonic() - began


@pytest.mark.long
def test_a_job_trains_elsewhere_as_one_process_does_here(workspace: Workspace, tmp_path: Path) -> None:
    run = drafted(workspace, "my run")
    folder = pipeline.export_job(run, tmp_path / "job", gpus_per_node=2)
    list(pipeline.train(run))
    (tmp_path / "torchrun").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m torch.distributed.run "$@"\n')
    (tmp_path / "torchrun").chmod(0o755)
    done = subprocess.run(
        ["sh", folder / "train.sh"],
        env={**os.environ, "TORCHRUN": str(tmp_path / "torchrun")},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    there = Workspace.open(folder / "workspace", make=False).run("my run")
    assert there.execution is not None and there.execution.ranks == 2
    alone, shared = losses(run), losses(there)
    assert list(shared) == list(range(1, 13))  # a batch of 5 on two ranks: 2 windows and 3
    assert shared == pytest.approx(alone, abs=1e-5)
    assert there.status.best_bits_per_byte == pytest.approx(run.status.best_bits_per_byte, abs=1e-5)
    with pytest.raises(UserError, match="exists already"):
        pipeline.export_job(run, folder)


def test_two_ranks_learn_the_same_and_a_lost_one_is_named_and_the_run_goes_on(workspace: Workspace) -> None:
    run = drafted(workspace, "long", steps=50000, validate_every=50000)
    alone = drafted(workspace, "alone", steps=50000, validate_every=50000)
    said, seconds = killed(workspace, "long", rank=1)
    assert "Error: Rank 1 of 2" in said and "Go on with:" in said, said
    assert seconds < 30
    run = workspace.run("long")
    assert run.state == "failed" and "Rank 1 of 2" in run.status.reason
    assert run.execution is not None and run.execution.ranks == 2
    events = pipeline.train(alone)
    while not any(isinstance(event, CheckpointSaved) for event in (next(events),)):
        pass
    events.close()
    expected = {step: loss for step, loss in losses(alone).items() if step <= 6}
    shared = losses(run)
    assert {step: shared[step] for step in expected} == pytest.approx(expected, abs=1e-5)  # 5 windows: 2 and 3
    saved = run.checkpoints()[-1].step
    events = pipeline.train(run)  # in one process now
    assert any(isinstance(next(events), RunStarted) for _ in range(3))
    next(events)
    events.close()
    log = (run.folder / "log.txt").read_text(encoding="utf-8")
    assert f"Resumed after step {saved} of" in log
    assert "computed by 2 ranks so far and is by 1" in log


@pytest.mark.long
def test_the_loss_of_the_first_rank_ends_the_others(workspace: Workspace) -> None:
    drafted(workspace, "long", steps=50000, validate_every=50000)
    said, seconds = killed(workspace, "long", rank=0)
    assert "Error: Rank 0 of 2" in said, said
    assert seconds < 30
    run = workspace.run("long")
    assert run.state == "interrupted"
    assert "Rank 0 of 2" in (run.folder / "log.txt").read_text(encoding="utf-8")


@pytest.mark.long
def test_a_resume_by_two_ranks_gives_what_an_unbroken_training_by_two_gives(workspace: Workspace) -> None:
    for name, seconds in (("whole", None), ("cut", 1)):
        run = drafted(workspace, name, steps=400, validate_every=400, checkpoint_every=50)
        if seconds is not None:
            killed(workspace, name, rank=1)
        assert "Finished" in ended(started(workspace, "resume", run.name))
    assert losses(workspace.run("cut")) == losses(workspace.run("whole"))


@pytest.mark.long
def test_a_family_that_counts_is_trained_by_rank_0_alone(workspace: Workspace) -> None:
    drafted(workspace, "counts", family="ngram")
    process = started(workspace, "resume", "counts")
    assert "Finished counts" in ended(process)
    assert process.returncode == 0


@pytest.mark.long
def test_a_stop_is_heard_by_all_ranks(workspace: Workspace) -> None:
    drafted(workspace, "long", steps=50000, validate_every=50000)
    process = started(workspace, "resume", "long")
    while not workspace.run("long").checkpoints() and process.poll() is None:
        time.sleep(0.05)
    (first,) = (child for child in _children(process) if child.environ().get("RANK") == "0")
    first.send_signal(signal.SIGTERM)
    assert "Stopped long after step" in ended(process)
    assert process.returncode == 0
