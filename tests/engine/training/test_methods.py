"""Ways to train beside the plain one: every optimizer and schedule goes on bit for bit, and what each setting does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lmstudio_app.engine.blocks.caches import CarriedState
from lmstudio_app.engine.events import CheckpointSaved, JobPaused, Validated
from lmstudio_app.engine.training import checkpoint
from lmstudio_app.engine.training.control import Control
from lmstudio_app.engine.training.exhaustion import MemoryExhausted
from tests.engine.training.trials import SETTINGS, Trial

EVERYTHING = {"weight_average": 0.9, "label_smoothing": 0.1, "l1": 1e-5, "micro_batch": 3}
WAYS: dict[str, dict[str, Any]] = {
    "adamw": {"schedule": "linear"},
    "adam": {"schedule": "stable"},
    "sgd": {"schedule": "plateau", "plateau_patience": 1, "learning_rate": 0.3},
    "muon": {"schedule": "cosine"},
    "lion": {"schedule": "constant", "learning_rate": 1e-3},
    "adafactor": {"schedule": "cosine"},
}


def stopped_after(trial: Trial, event_kind: type, step: int) -> None:
    """Train until such an event of `step` has come, or the first one after it, then stop."""
    control = Control()
    for event in trial.go(control):
        reached = event.row["step"] if isinstance(event, Validated) else getattr(event, "step", -1)
        if isinstance(event, event_kind) and reached >= step:
            control.stop()


@pytest.mark.parametrize("name", ["gpt", "recurrent", "causal_cnn"])
@pytest.mark.parametrize("method", WAYS)
def test_every_method_goes_on_bit_for_bit(name: str, method: str, tmp_path: Path) -> None:
    """Stopped in the middle of an epoch after a checkpoint, and again right after a validation."""
    ways = {"optimizer": method, **EVERYTHING, **WAYS[method]}
    whole, parts = Trial(tmp_path / "whole", name, **ways), Trial(tmp_path / "parts", name, **ways)
    list(whole.go())
    stopped_after(parts, CheckpointSaved, 9)
    assert parts.steps_saved()[-1] < 24
    stopped_after(parts, Validated, 14)
    assert parts.steps_saved()[-1] < 24
    list(parts.go())
    assert parts.rows() == whole.rows()
    assert parts.samples() == whole.samples()
    for file in ("model.safetensors", "optimizer.safetensors"):
        assert parts.bytes_of(24, file) == whole.bytes_of(24, file)


@pytest.mark.parametrize("cell", ["relu", "lstm"])
def test_a_carried_state_goes_on_bit_for_bit(cell: str, tmp_path: Path) -> None:
    model = {"cell": cell, "carry_state": True, "inner_dropout": 0.2}
    ways = {"optimizer": "muon", "model": model, **EVERYTHING}
    whole, parts = (Trial(tmp_path / name, "recurrent", **ways | {"model": dict(model)}) for name in ("whole", "parts"))
    list(whole.go())
    stopped_after(parts, CheckpointSaved, 9)
    stopped_after(parts, Validated, 14)
    list(parts.go())
    assert parts.rows() == whole.rows()
    for file in ("model.safetensors", "optimizer.safetensors"):
        assert parts.bytes_of(24, file) == whole.bytes_of(24, file)
    state, _ = checkpoint.load(parts.folder / "checkpoints" / checkpoint.folder_name(24))
    carried = {name for name in state.memory if name.startswith("carried.")}
    assert len(carried) == (4 if cell == "lstm" else 2)  # of two micro-batches


def test_a_pause_changes_nothing(tmp_path: Path) -> None:
    ways = {"optimizer": "muon", **EVERYTHING}
    whole, paused = Trial(tmp_path / "whole", **ways), Trial(tmp_path / "paused", **ways)
    list(whole.go())
    control, pauses = Control(), 0
    for event in paused.go(control):
        if isinstance(event, Validated):
            control.pause()
            control.snapshot()
        if isinstance(event, JobPaused):
            pauses += 1
            control.resume()
    assert pauses >= 3
    assert paused.rows() == whole.rows()


@pytest.mark.parametrize("micro_batch", [1, 3, 4, 7])
def test_a_micro_batch_makes_the_same_steps(tmp_path: Path, micro_batch: int) -> None:
    model = {"dropout": 0.0}
    whole = Trial(tmp_path / "whole", batch=7, model=model)
    parts = Trial(tmp_path / "parts", batch=7, model=model, micro_batch=micro_batch)
    for trial in (whole, parts):
        list(trial.go())
    for one, other in zip(whole.rows(), parts.rows(), strict=True):
        assert one.keys() == other.keys()
        for key, value in one.items():
            assert other[key] == pytest.approx(value, rel=2e-3), (key, one["step"])


def test_smoothed_labels_lower_certainty_and_the_loss_shown_is_the_true_one(tmp_path: Path) -> None:
    plain, smooth = (Trial(tmp_path / n, label_smoothing=s, steps=1) for n, s in (("plain", 0.0), ("smooth", 0.5)))
    for trial in (plain, smooth):
        list(trial.go())
    first = [next(row for row in trial.rows() if row["step"] == 1) for trial in (plain, smooth)]
    assert first[0]["training_loss"] == pytest.approx(first[1]["training_loss"], rel=1e-5)
    assert first[0]["gradient_norm"] > first[1]["gradient_norm"]
    network = smooth.learner.model
    inputs, targets = (torch.randint(0, 24, (2, 16)) for _ in range(2))
    objective, loss = network.objective(inputs, targets, 0.3)
    logits = network(inputs).flatten(0, 1)
    expected = torch.nn.functional.cross_entropy(logits, targets.flatten(), label_smoothing=0.3)
    torch.testing.assert_close(objective, expected)
    torch.testing.assert_close(loss, torch.nn.functional.cross_entropy(logits, targets.flatten()))


def test_the_average_is_what_is_validated_and_opened_and_the_raw_weights_go_on(tmp_path: Path) -> None:
    trial = Trial(tmp_path / "run", weight_average=0.99)
    list(trial.go())
    state, _ = checkpoint.load(trial.folder / "checkpoints" / checkpoint.folder_name(24))
    raw = {name.removeprefix("raw."): a for name, a in state.memory.items() if name.startswith("raw.")}
    assert raw.keys() == state.weights.keys()
    assert any((raw[name] != array).any() for name, array in state.weights.items())
    snapshot = trial.learner.snapshot().weights()
    for name, array in state.weights.items():
        np.testing.assert_array_equal(snapshot[name], array)


def test_early_stopping_ends_at_a_validation_and_stays_ended(tmp_path: Path) -> None:
    trial = Trial(tmp_path / "run", steps=400, learning_rate=1.0, optimizer="sgd", validate_every=5, patience=3)
    list(trial.go())
    losses = [row["validation_loss"] for row in trial.rows() if "validation_loss" in row]
    best = int(np.argmin(losses))
    assert len(losses) == best + 1 + 3 < 81  # it ended early
    last = trial.rows()[-1]["step"]
    assert trial.steps_saved()[-1] == last
    assert list(trial.go()) == []
    assert trial.rows()[-1]["step"] == last


def test_nothing_better_after_so_many_validations_is_the_end(tmp_path: Path) -> None:
    trial = Trial(tmp_path / "run", steps=400, learning_rate=1e-12, warmup_steps=0, validate_every=5, patience=2)
    list(trial.go())
    assert trial.rows()[-1]["step"] < 400


def test_checkpoints_to_look_back_at_are_kept(tmp_path: Path) -> None:
    trial = Trial(tmp_path / "run", steps=40, checkpoint_every=4, keep_every=8, validate_every=40)
    list(trial.go())
    assert trial.steps_saved() == [8, 16, 24, 32, 36, 40]


@pytest.mark.parametrize("carried", [False, True])
def test_a_step_that_diverges_can_be_skipped(tmp_path: Path, carried: bool) -> None:
    chosen: dict[str, Any] = {"name": "recurrent", "model": {"carry_state": True}} if carried else {}
    trial = Trial(tmp_path / "run", divergence="skip", **chosen)
    for event in trial.go():
        if isinstance(event, CheckpointSaved) and event.step == 9:
            learner = trial.learner
            whole = learner._objective

            def broken(*arguments: Any, whole: Any = whole, learner: Any = learner) -> Any:
                learner._objective = whole  # once
                objective, loss = whole(*arguments)
                if carried:  # what made the step diverge stands in the state that it leaves, too
                    learner._carried[0] = CarriedState(*(part * float("nan") for part in learner._carried[0].parts()))
                return objective * float("nan"), loss * float("nan")

            learner._objective = broken
    rows = [row for row in trial.rows() if "training_loss" in row]
    assert [row["step"] for row in rows if row.get("skipped")] == [10]
    assert [row["step"] for row in rows] == list(range(1, SETTINGS["steps"] + 1))
    assert rows[9]["training_loss"] is None
    assert rows[10]["training_loss"] > 0
    state, _ = checkpoint.load(trial.folder / "checkpoints" / checkpoint.folder_name(24))
    assert state.counters["updates"] == 23


def full_above(learner: Any, windows: int, error: Exception) -> None:
    """Let more than so many windows at once run out of memory, after half of the work was done."""
    whole = learner.model.loss

    def loss(inputs: Any, targets: Any, memory: Any = None) -> Any:
        if learner.model.training and len(inputs) > windows:
            whole(inputs[:1], targets[:1]).backward()
            raise error
        return whole(inputs, targets, memory)

    learner.model.loss = loss


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("no"), MemoryError(), RuntimeError("[enforce fail] can't allocate memory: you…")]
)
def test_a_step_that_does_not_fit_is_named_or_made_of_smaller_parts(tmp_path: Path, error: Exception) -> None:
    plain, halved = (Trial(tmp_path / name, batch=7, model={"dropout": 0.0}) for name in ("plain", "halved"))
    list(plain.go())
    halved.halving = True
    training = halved.go()
    next(training)
    full_above(halved.learner, 2, error)
    list(training)
    assert halved.learner.micro_batch == 1
    losses = [[r["training_loss"] for r in trial.rows() if "training_loss" in r] for trial in (plain, halved)]
    assert losses[1] == pytest.approx(losses[0], rel=2e-3)

    stopped = Trial(tmp_path / "stopped", batch=7)
    training = stopped.go()
    next(training)
    full_above(stopped.learner, 2, error)
    with pytest.raises(MemoryExhausted, match="does not fit into the memory of the computer") as full:
        list(training)
    assert (full.value.field, full.value.choices) == ("execution.micro_batch", (3,))
    smallest = Trial(tmp_path / "smallest", batch=1)
    training = smallest.go()
    next(training)
    full_above(smallest.learner, 0, error)
    with pytest.raises(MemoryExhausted, match="Make the model smaller"):
        list(training)


def test_another_error_of_pytorch_is_no_want_of_memory(tmp_path: Path) -> None:
    trial = Trial(tmp_path / "run")
    training = trial.go()
    next(training)
    full_above(trial.learner, 0, RuntimeError("shapes differ"))
    with pytest.raises(RuntimeError, match="shapes differ"):
        list(training)
