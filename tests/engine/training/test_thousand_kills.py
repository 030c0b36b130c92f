"""Trainings that are killed again and again at random moments: nothing that was announced as saved is ever lost."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lmstudio_app.engine.events import StepDone
from lmstudio_app.engine.training import checkpoint
from lmstudio_app.engine.training.control import Control
from lmstudio_app.engine.training.execution import torch_threads
from tests.engine.training.trials import Trial

SETTINGS: dict[str, Any] = {
    "steps": 1_000_000, "schedule": "constant", "checkpoint_every": 3, "validate_every": 50, "sample_every": 20,
    "weight_average": 0.9,
}  # fmt: skip

_KILLER = """
import json, os, pathlib, random, signal, sys, time
import torch
import lmstudio_app.engine.models.gpt.network
from lmstudio_app.engine.events import CheckpointSaved
from lmstudio_app.engine.training import checkpoint, gradient_learner  # before the forks, that none imports anew
from tests.engine.training.trials import Trial

folder, kills, settings = pathlib.Path(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
chance, announced, lost, unreadable = random.Random(kills), folder.with_name("announced"), 0, 0
torch.set_num_threads(1)


def child():
    out = os.open(announced, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for event in Trial(folder, "gpt", **settings).go():
        if isinstance(event, CheckpointSaved):
            os.pwrite(out, b"%12d" % event.step, 0)


before = 0
for _ in range(kills):
    announced.write_bytes(b"")
    started = os.fork()
    if not started:
        child()
        os._exit(1)
    time.sleep(chance.uniform(0.02, 0.8))
    os.kill(started, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(started, 0)[1]) == -signal.SIGKILL
    found = 0
    for saved in checkpoint.found(folder / "checkpoints"):
        try:
            checkpoint.load(saved.folder)
            found = saved.step
        except Exception:
            unreadable += 1
    told = int(announced.read_bytes() or 0)
    lost += found < max(before, told)
    before = found
print(json.dumps({"unreadable": unreadable, "lost": lost, "step": before}))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 and fork are Unix words")
@pytest.mark.parametrize("kills", [8, pytest.param(1000, marks=[pytest.mark.long, pytest.mark.timeout(1800)])])
def test_no_kill_loses_what_was_saved(tmp_path: Path, kills: int) -> None:
    trial = Trial(tmp_path / "run", "gpt", **SETTINGS)
    command = [sys.executable, "-c", _KILLER, str(trial.folder), str(kills), json.dumps(SETTINGS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3])
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["unreadable"], result["lost"]) == (0, 0)
    step = result["step"]
    assert step > 0
    alone, control = Trial(tmp_path / "alone", "gpt", **SETTINGS), Control()
    with torch_threads(1):
        for event in alone.go(control):  # as if nobody had ever killed it
            if isinstance(event, StepDone) and event.row["step"] >= step:
                control.stop()
    (one,) = [saved for saved in checkpoint.found(trial.folder / "checkpoints") if saved.step == step]
    (other,) = [saved for saved in checkpoint.found(alone.folder / "checkpoints") if saved.step == step]
    states = [checkpoint.load(saved.folder)[0] for saved in (one, other)]
    for mine, theirs in ((states[0].weights, states[1].weights), (states[0].memory, states[1].memory)):
        assert mine.keys() == theirs.keys()
        for name, array in mine.items():
            np.testing.assert_array_equal(array, theirs[name])
