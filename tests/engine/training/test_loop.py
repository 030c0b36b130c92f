"""The loop on real tiny models: what happens when, and that nothing depends on interruptions."""

from __future__ import annotations

import errno
import json
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import CheckpointSaved, JobPaused, JobResumed, Noted, StepDone, Validated
from lmstudio_app.engine.storage.json_lines import read_jsonl
from lmstudio_app.engine.training import checkpoint
from lmstudio_app.engine.training.control import Control
from lmstudio_app.engine.training.loop import Diverged
from lmstudio_app.engine.training.record import Record
from tests.engine.storage.faults import FaultyDisk
from tests.engine.training.trials import Trial

FAMILIES = ("gpt", "recurrent")


@pytest.fixture(scope="module", params=FAMILIES)
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """A training that nobody interrupted."""
    trial = Trial(tmp_path_factory.mktemp("whole"), request.param)
    list(trial.go())
    return trial


def test_everything_happens_at_its_step(whole: Trial) -> None:
    rows = whole.rows()
    assert [row["step"] for row in rows if "training_loss" in row] == list(range(1, 25))
    assert [row["step"] for row in rows if "validation_loss" in row] == [0, 7, 14, 21, 24]
    assert [row["step"] for row in rows] == sorted(row["step"] for row in rows)
    assert [row["step"] for row in whole.samples()] == [8, 16, 24]
    assert whole.steps_saved() == [18, 24]
    first, last = rows[0], rows[-1]
    assert first["validation_loss"] == pytest.approx(np.log(24), rel=0.05)
    assert last["validation_loss"] < first["validation_loss"] - 0.1
    assert first["validation_bits_per_byte"] == pytest.approx(first["validation_loss"] / np.log(2))
    stored = list(read_jsonl(whole.folder / "metrics.jsonl"))
    names = ["step", "training_bits_per_byte", "training_loss", "learning_rate", "gradient_norm", "seconds",
             "tokens_per_second", "memory_bytes"]  # fmt: skip
    assert list(stored[1]) == names
    assert stored[3]["seconds"] <= stored[-1]["seconds"]


def test_two_trainings_are_the_same(whole: Trial, tmp_path: Path) -> None:
    again = Trial(tmp_path / "again", whole.family.name)
    events = list(again.go())
    assert [type(e) for e in events].count(StepDone) == 24
    assert_same(again, whole)
    other = Trial(tmp_path / "other", whole.family.name, seed=2, steps=1)
    list(other.go())
    assert other.rows()[1] != whole.rows()[1]


def assert_same(trial: Trial, whole: Trial) -> None:
    assert trial.rows() == whole.rows()
    assert trial.samples() == whole.samples()
    assert trial.bytes_of(24) == whole.bytes_of(24)
    assert trial.bytes_of(24, "optimizer.safetensors") == whole.bytes_of(24, "optimizer.safetensors")


@pytest.mark.parametrize("seed", [1, 2, 3, *(pytest.param(n, marks=pytest.mark.long) for n in range(4, 24))])
def test_stops_anywhere_change_nothing(whole: Trial, tmp_path: Path, seed: int) -> None:
    trial, chance = Trial(tmp_path / "run", whole.family.name), random.Random(seed)
    for _ in range(40):
        control, events = Control(), chance.randrange(1, 25)
        for number, _ in enumerate(trial.go(control)):
            if number == events:
                control.stop()
        if trial.steps_saved()[-1:] == [24]:
            break
    list(trial.go())  # the stop may have come inside the last validation
    assert_same(trial, whole)


def test_a_stop_inside_validation_leaves_it_for_later(whole: Trial, tmp_path: Path) -> None:
    trial = Trial(tmp_path / "run", whole.family.name)
    control = Control()
    for event in trial.go(control):
        if isinstance(event, StepDone) and event.row["step"] == 7:  # read just before the validation of step 7
            control.stop()
    assert trial.steps_saved() == [7]
    assert "validation_loss" not in trial.rows()[-1]
    list(trial.go())
    assert_same(trial, whole)


def test_closing_the_generator_at_any_event_keeps_a_checkpoint(whole: Trial, tmp_path: Path) -> None:
    trial = Trial(tmp_path / "run", whole.family.name)
    for _ in range(30):
        training = trial.go()
        for _ in range(5):
            if next(training, None) is None:
                break
        training.close()
        if trial.steps_saved()[-1:] == [24] and trial.rows()[-1].get("validation_loss"):
            break
    list(trial.go())
    assert_same(trial, whole)


_CHILD = """
import sys, pathlib, torch
from tests.engine.training.trials import Trial
torch.set_num_threads(1)
trial = Trial(pathlib.Path(sys.argv[1]), sys.argv[2], checkpoint_every=1)
training = trial.go()
print("ready", flush=True)
for event in training:
    pass
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is a Unix word; Windows' TerminateProcess is like it")
def test_kills_at_any_moment_change_nothing(whole: Trial, tmp_path: Path) -> None:
    trial, chance = Trial(tmp_path / "run", whole.family.name, checkpoint_every=1), random.Random(5)
    for _ in range({"gpt": 2, "recurrent": 1}[whole.family.name]):
        command = [sys.executable, "-c", _CHILD, str(trial.folder), whole.family.name]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]) as child:
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(chance.uniform(0.1, 0.5))
            child.send_signal(signal.SIGKILL)
        for saved in checkpoint.found(trial.folder / "checkpoints"):
            checkpoint.load(saved.folder)  # none is half
    list(trial.go())
    assert_same(trial, whole)
    assert not list((trial.folder / "checkpoints").glob(".unfinished-*"))


def test_pause_resume_checkpoint_and_snapshot(whole: Trial, tmp_path: Path) -> None:
    trial, control, seen = Trial(tmp_path / "run", whole.family.name), Control(), []

    def person() -> None:
        early = control.snapshot()
        while not any(isinstance(event, JobPaused) for event in seen):
            time.sleep(0.005)
        steps = len(trial.rows())
        frozen = control.snapshot().result(timeout=10)
        np.testing.assert_array_equal(early.result(timeout=10).weights().keys(), frozen.weights().keys())
        control.checkpoint()
        while trial.steps_saved() != [7]:
            time.sleep(0.005)
        assert len(trial.rows()) == steps
        control.resume()

    other = threading.Thread(target=person)
    other.start()
    for event in trial.go(control):
        seen.append(event)
        if isinstance(event, StepDone) and event.row["step"] == 7:
            control.pause()
    other.join(10)
    kinds = [type(event) for event in seen]
    assert kinds.index(JobPaused) < kinds.index(CheckpointSaved) < kinds.index(JobResumed)
    assert sum(kind is JobPaused for kind in kinds) == 1
    assert trial.steps_saved()[-1] == 24
    assert trial.rows() == whole.rows()
    control.end()
    with pytest.raises(UserError, match="has ended"):
        control.snapshot().result(timeout=1)


def test_a_snapshot_stays_as_it_was(tmp_path: Path) -> None:
    trial, control = Trial(tmp_path / "run"), Control()
    training = trial.go(control)
    future = control.snapshot()
    next(training)
    model = future.result(timeout=1)
    before = {name: array.copy() for name, array in model.weights().items()}
    list(training)
    after, trained = model.weights(), trial.learner.model.weights()
    for name, array in before.items():
        np.testing.assert_array_equal(array, after[name])
    assert any(not np.array_equal(trained[name], after[name]) for name in after)


def test_a_loss_that_is_no_number_stops_the_training(tmp_path: Path) -> None:
    trial = Trial(tmp_path / "run", checkpoint_every=2)
    training, steps = trial.go(), []
    with pytest.raises(Diverged, match=r"since step \d+: .*lower learning rate") as stopped:
        for event in training:
            if isinstance(event, StepDone):
                steps.append(event.row["step"])
            if isinstance(event, CheckpointSaved) and event.step == 4:
                import torch

                with torch.no_grad():
                    next(iter(trial.learner.model.parameters())).fill_(float("nan"))
    assert stopped.value.values["step"] == 5
    assert trial.steps_saved()[-1] == 4
    last = [json.loads(line) for line in (trial.folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()][-1]
    assert last["training_loss"] is None
    assert last["training_bits_per_byte"] is None
    assert b"NaN" not in (trial.folder / "metrics.jsonl").read_bytes()
    state, _ = checkpoint.load(trial.folder / "checkpoints" / checkpoint.folder_name(4))
    assert all(np.isfinite(array).all() for array in state.weights.values())


def _fill_disk_now(monkeypatch: pytest.MonkeyPatch) -> FaultyDisk:
    return FaultyDisk(monkeypatch, errno.ENOSPC, 0, lasting=True)


def test_a_full_disk_pauses_and_nothing_is_lost(whole: Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trial, control, reasons = Trial(tmp_path / "run", whole.family.name), Control(), []
    with monkeypatch.context() as patch:
        disk: FaultyDisk | None = None
        for event in trial.go(control):
            if isinstance(event, Validated) and event.row["step"] in (0, 14):
                disk = _fill_disk_now(patch)
            if isinstance(event, JobPaused):
                reasons.append(event.reason)
                assert event.template.format(**event.values) == event.reason
                assert disk is not None
                disk.mend()
                control.resume()
    assert len(reasons) == 2
    assert all("needs" in reason and "the disk has" in reason for reason in reasons)
    assert_same(trial, whole)


def test_a_stop_while_the_disk_is_full_keeps_the_last_checkpoint(
    whole: Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial, control, notes = Trial(tmp_path / "run", whole.family.name), Control(), []
    with monkeypatch.context() as patch:
        for event in trial.go(control):
            if isinstance(event, CheckpointSaved):
                _fill_disk_now(patch)
            if isinstance(event, JobPaused):
                control.stop()
            if isinstance(event, Noted):
                notes.append(event.sentence.format(**event.values))
    assert trial.steps_saved() == [9]
    assert "The disk is full" in notes[0]
    assert notes[1:] == ["What was learned since step 9 could not be saved."]
    list(trial.go())
    assert_same(trial, whole)


@pytest.mark.parametrize("code", [errno.EIO, errno.EACCES])
def test_another_disk_error_is_told_and_nothing_is_lost(
    whole: Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    trial = Trial(tmp_path / "run", whole.family.name)
    with monkeypatch.context() as patch, pytest.raises(UserError, match="run"):
        for event in trial.go():
            if isinstance(event, CheckpointSaved):
                FaultyDisk(patch, code, 4, lasting=True)
    assert trial.steps_saved()[0] == 9
    list(trial.go())
    assert_same(trial, whole)


def test_a_disk_that_fails_once_at_any_call_of_a_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Trial(tmp_path / "whole", steps=4, checkpoint_every=2)
    list(whole.go())
    for at in range(60):
        trial, control = Trial(tmp_path / str(at), steps=4, checkpoint_every=2), Control()
        with monkeypatch.context() as patch:
            disk: FaultyDisk | None = None
            for event in trial.go(control):
                if isinstance(event, CheckpointSaved) and event.step == 2:
                    disk = FaultyDisk(patch, errno.ENOSPC, at)
                if isinstance(event, JobPaused):
                    assert trial.steps_saved()[0] == 2
                    control.resume()
        assert trial.rows() == whole.rows()
        assert trial.bytes_of(4) == whole.bytes_of(4)
        assert disk is not None
        if not disk.failed:
            break
    assert at > 20


class _ForgetfulRecord(Record):
    """Raises what no code expects, in the midst of training."""

    def sample(self, row: Any) -> None:
        raise RuntimeError("a bug")


def test_a_bug_leaves_the_checkpoints(tmp_path: Path) -> None:
    trial = Trial(tmp_path / "run", checkpoint_every=2)
    with pytest.raises(RuntimeError, match="a bug"):
        list(trial.go(record=_ForgetfulRecord))
    assert trial.steps_saved()[-1] == 6


def test_the_best_and_the_last_two_checkpoints_are_kept(tmp_path: Path) -> None:
    trial = Trial(tmp_path / "run", steps=20, checkpoint_every=2, validate_every=4, learning_rate=1.0, warmup_steps=0)
    saved: list[CheckpointSaved] = [event for event in trial.go() if isinstance(event, CheckpointSaved)]
    losses = {row["step"]: row["validation_loss"] for row in trial.rows() if "validation_loss" in row}
    best = min((step for step in losses if step), key=lambda step: losses[step])
    assert trial.steps_saved() == sorted({best, 18, 20})
    assert [event.step for event in saved] == list(range(2, 21, 2))
    assert saved[[event.step for event in saved].index(best)].best
    found = checkpoint.best(checkpoint.found(trial.folder / "checkpoints"))
    assert found is not None
    assert found.step == best


def test_bits_per_byte() -> None:
    """Bits per byte of a batch count the bytes behind its targets, and spell unknown characters."""
    from lmstudio_app.engine.training.text_bytes import TextBytes, bits_per_byte

    text = TextBytes(np.array([1, 2, 0]), unknown=2, unknown_bytes=3.0)
    assert text.measure(np.array([[0, 1], [2, 2]])) == (9.0, 48.0)
    assert bits_per_byte(np.log(2) * 6, 9.0, 48.0) == pytest.approx(6.0)
    assert bits_per_byte(1.0, 0.0) is None
    assert bits_per_byte(float("inf"), 9.0) is None
