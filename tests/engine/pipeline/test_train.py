"""Training a run of the workspace, in all families: fresh, stopped, interrupted, failed."""

from __future__ import annotations

import errno
import math
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lmstudio_app.engine import pipeline
from lmstudio_app.engine.data.tokenizer import TokenizerSettings
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import (
    CheckpointSaved,
    Event,
    JobPaused,
    Noted,
    Progress,
    RunEnded,
    RunStarted,
    SampleWritten,
    StepDone,
    Validated,
)
from lmstudio_app.engine.run import Run
from lmstudio_app.engine.settings import SettingsError
from lmstudio_app.engine.storage import locks
from lmstudio_app.engine.storage.atomic import DiskFull
from lmstudio_app.engine.training.control import Control
from lmstudio_app.engine.training.record import Record
from lmstudio_app.engine.workspace import Workspace
from tests.engine.storage.faults import FaultyDisk
from tests.engine.training.worlds import model_bytes, small_run, small_workspace, untimed

FAMILIES = ("gpt", "recurrent", "ngram")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace to copy."""
    return small_workspace(tmp_path_factory.mktemp("prepared")).folder


@pytest.fixture
def workspace(prepared: Path, tmp_path: Path) -> Workspace:
    return Workspace.open(Path(shutil.copytree(prepared, tmp_path / "workspace")))


@pytest.fixture(scope="module")
def whole(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """A finished run of each family."""
    place = tmp_path_factory.mktemp("whole") / "workspace"
    workspace = Workspace.open(Path(shutil.copytree(prepared, place)))
    runs = {name: small_run(workspace, name, name) for name in FAMILIES}
    for run in runs.values():
        list(pipeline.train(run))
    return runs


def assert_same(run: Run, whole: Run) -> None:
    assert untimed(run) == untimed(whole)
    assert run.samples() == whole.samples()
    assert model_bytes(run) == model_bytes(whole)
    assert run.state == "finished"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_run_from_start_to_end(workspace: Workspace, family: str) -> None:
    run = small_run(workspace, family)
    assert run.state == "queued"
    events = [event for event in pipeline.train(run) if not isinstance(event, Progress)]
    steps = run.config.plan.steps
    started, ended = events[0], events[-1]
    assert isinstance(started, RunStarted)
    assert (started.run, started.step, started.steps) == ("first", 0, steps)
    assert started.parameters == run.summary().parameters
    assert ended == RunEnded("first", str(run.folder), steps, "finished", steps)
    assert [event.row["step"] for event in events if isinstance(event, StepDone)] == list(range(1, steps + 1))
    rows = [event.row for event in events if isinstance(event, StepDone | Validated)]
    assert rows == run.rows()
    assert [event.text for event in events if isinstance(event, SampleWritten)] == [
        row["text"] for row in run.samples()
    ]
    assert [e.step for e in events if isinstance(e, CheckpointSaved)][-1] == steps
    assert run.state == "finished"
    validated = [row["validation_bits_per_byte"] for row in run.rows() if "validation_loss" in row]
    assert validated[-1] < validated[0]
    summary = run.summary()
    assert (summary.step, summary.steps, summary.last_bits_per_byte) == (steps, steps, validated[-1])
    assert summary.best_bits_per_byte == min(validated)
    log = (run.folder / "log.txt").read_text(encoding="utf-8")
    assert "Started at step 0" in log
    assert f"Finished after step {steps}." in log


@pytest.mark.parametrize("family", FAMILIES)
def test_a_stop_and_another_process_change_nothing(workspace: Workspace, whole: dict[str, Run], family: str) -> None:
    run, control = small_run(workspace, family, family), Control()
    events: list[Event] = []
    for event in pipeline.train(run, control):
        events.append(event)
        if isinstance(event, StepDone) and event.row["step"] == 2:
            control.stop()
    stopped = events[-1]
    assert isinstance(stopped, RunEnded)
    assert stopped.outcome == "stopped"
    assert run.state == "stopped"
    assert run.checkpoints()[-1].step == stopped.step == stopped.saved_step
    script = (
        "import sys, pathlib; from lmstudio_app.engine import pipeline; from lmstudio_app.engine.run import Run; "
        "[print(type(e).__name__) for e in pipeline.train(Run.open(pathlib.Path(sys.argv[1])))]"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", script, str(run.folder)],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    assert done.stdout.split()[-1] == "RunEnded"
    assert_same(Run.open(run.folder), whole[family])
    assert "Resumed after step" in (run.folder / "log.txt").read_text(encoding="utf-8")
    seconds = [row["seconds"] for row in run.rows()]
    assert seconds == sorted(seconds)


def test_counting_needs_no_torch(workspace: Workspace) -> None:
    run = small_run(workspace, "ngram")
    script = (
        "import sys, pathlib; from lmstudio_app.engine import pipeline; from lmstudio_app.engine.run import Run; "
        "run = Run.open(pathlib.Path(sys.argv[1])); list(pipeline.train(run)); run.model(); "
        "assert 'torch' not in sys.modules, 'torch was imported'"
    )
    root = Path(__file__).parents[3]
    subprocess.run([sys.executable, "-c", script, str(run.folder)], cwd=root, timeout=100, check=True)


def test_the_pipeline_is_light_to_import_and_its_verbs_are_functions() -> None:
    script = (
        "import sys; from lmstudio_app.engine import pipeline; "
        "assert not {'torch', 'numpy', 'tokenizers', 'matplotlib', 'pydantic'} & set(sys.modules); "
        "import lmstudio_app.engine.pipeline.train; assert callable(pipeline.train); assert callable(pipeline.draft); "
        "assert not {'torch', 'tokenizers', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[3], timeout=60, check=True)
    with pytest.raises(AttributeError):
        _ = pipeline.cook  # type: ignore[attr-defined]


def test_closing_the_generator_keeps_a_checkpoint(workspace: Workspace, whole: dict[str, Run]) -> None:
    run = small_run(workspace, "gpt", "gpt")
    training = pipeline.train(run)
    for event in training:
        if isinstance(event, StepDone) and event.row["step"] == 2:
            break
    training.close()  # type: ignore[attr-defined]
    assert run.state == "stopped"
    assert run.checkpoints()[-1].step >= 2
    assert not locks.is_held(run.folder)
    list(pipeline.train(run))
    assert_same(run, whole["gpt"])


def test_a_killed_run_is_interrupted_and_its_late_rows_are_cut(workspace: Workspace, whole: dict[str, Run]) -> None:
    run = small_run(workspace, "gpt", "gpt")
    training = pipeline.train(run)
    for event in training:
        if isinstance(event, CheckpointSaved):
            break
    copy = Path(shutil.copytree(run.folder, workspace.folder / "runs" / "copy"))  # as a kill would leave it
    training.close()  # type: ignore[attr-defined]
    with (copy / "metrics.jsonl").open("ab") as metrics:
        metrics.write(b'{"step": 6, "training_loss": 1}\n{"step": 7, "tra')
    (copy / "checkpoints" / ".unfinished-1-a").mkdir()
    (copy / ".unfinished-2-b").write_bytes(b"x")
    killed = workspace.run("copy")
    assert killed.state == "interrupted"
    assert [summary.state for summary in workspace.runs() if summary.name == "copy"] == ["interrupted"]
    list(pipeline.train(killed))
    assert_same(killed, whole["gpt"])
    assert not list(copy.rglob(".unfinished-*"))


def test_a_finished_run_has_nothing_left_to_do(workspace: Workspace) -> None:
    run = small_run(workspace)
    list(pipeline.train(run))
    before, weights = run.rows(), model_bytes(run)
    again = [type(event) for event in pipeline.train(run)]
    assert again == [RunStarted, RunEnded]
    assert run.rows() == before
    assert model_bytes(run) == weights
    assert run.state == "finished"


def test_a_damaged_newest_checkpoint_is_passed_over(workspace: Workspace, whole: dict[str, Run]) -> None:
    run, control = small_run(workspace, "gpt", "gpt"), Control()
    for event in pipeline.train(run, control):
        if isinstance(event, CheckpointSaved) and event.step == 10:
            control.stop()
    newest = run.checkpoints()[-1].folder / "optimizer.safetensors"
    data = bytearray(newest.read_bytes())
    data[-5] ^= 1
    newest.write_bytes(data)
    notes = [event for event in pipeline.train(run) if isinstance(event, Noted)]
    assert len(notes) == 1
    assert "is damaged" in notes[0].sentence.format(**notes[0].values)
    assert_same(run, whole["gpt"])
    for saved in run.checkpoints():
        (saved.folder / "model.safetensors").write_bytes(b"")
    with pytest.raises(UserError, match=r"all its checkpoints are damaged.*step-000000012"):
        list(pipeline.train(run))
    with pytest.raises(UserError, match="All checkpoints"):
        run.model()
    assert run.state == "failed"


def test_two_trainers_of_one_run(workspace: Workspace) -> None:
    run = small_run(workspace)
    training = pipeline.train(run)
    next(training)
    with pytest.raises(locks.Held, match=r"training of “first” on .+ \(process \d+\)"):
        next(pipeline.train(workspace.run("first")))
    assert workspace.run("first").state in ("running", "queued")
    training.close()  # type: ignore[attr-defined]


def test_failures_are_told_and_noted(workspace: Workspace) -> None:
    settings = TokenizerSettings(kind="character", vocabulary=300)  # its tokens are made only when it trains
    values = {"tokenizer": settings.model_dump(), "training": {"sample_prompt": "Ünknown"}, "model": {"context": 5000}}
    run = workspace.new_run(pipeline.draft(workspace, corpus="tales", values=values))
    with pytest.raises(SettingsError, match=r"sample prompt: .*“Ü”") as failed:
        list(pipeline.train(run))
    assert [problem.field for problem in failed.value.problems] == ["training.sample_prompt", "model.context"]
    assert "too few for a context of 5000" in str(failed.value.problems[1])
    assert run.state == "failed"
    assert "sample prompt" in run.summary().reason


@pytest.mark.parametrize("moved", [StepDone, CheckpointSaved])
def test_a_run_folder_that_is_taken_away_is_told(
    workspace: Workspace, whole: dict[str, Run], moved: type[Event]
) -> None:
    run = small_run(workspace, "gpt", "gpt")
    elsewhere = workspace.folder / "elsewhere"
    with pytest.raises(UserError, match="The folder of the run “gpt” is no longer there"):
        for event in pipeline.train(run):
            if isinstance(event, moved) and not elsewhere.exists():
                run.folder.rename(elsewhere)
    assert not run.folder.exists()  # nothing comes back by halves
    elsewhere.rename(run.folder)
    list(pipeline.train(Run.open(run.folder)))
    assert_same(run, whole["gpt"])


@pytest.mark.parametrize("kept", [0, 3])
def test_lost_rows_are_told_and_the_rest_stays_right(workspace: Workspace, whole: dict[str, Run], kept: int) -> None:
    run = small_run(workspace, "gpt", "gpt")
    control = Control()
    for event in pipeline.train(run, control):
        if isinstance(event, CheckpointSaved):
            control.stop()
    path, saved = run.folder / "metrics.jsonl", run.checkpoints()[-1].step
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:kept]), encoding="utf-8")
    control = Control()
    control.stop()
    started, note, ended = (
        event for event in pipeline.train(Run.open(run.folder), control) if not isinstance(event, Progress)
    )
    assert isinstance(started, RunStarted) and started.step == saved
    assert isinstance(note, Noted) and note.values["count"] == len(lines) - kept
    assert isinstance(ended, RunEnded) and (ended.step, ended.saved_step) == (saved, saved)
    assert run.status.step == saved
    list(pipeline.train(Run.open(run.folder)))
    assert model_bytes(run) == model_bytes(whole["gpt"])
    assert untimed(run)[-1] == untimed(whole["gpt"])[-1]


def test_closing_a_training_that_waits_keeps_the_reason(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    run = small_run(workspace)
    training = pipeline.train(run)
    for event in training:
        if isinstance(event, CheckpointSaved):
            monkeypatch.setattr(Record, "rows", _full)
            monkeypatch.setattr(Record, "checkpoint", _full)
        if isinstance(event, JobPaused):
            break
    training.close()
    assert run.state == "stopped"
    assert "The disk is full" in run.status.reason


def test_a_bug_leaves_its_traceback_in_the_log(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(record: Record, row: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Record, "sample", forgetful)
    run = small_run(workspace)
    with pytest.raises(RuntimeError, match="a bug"):
        list(pipeline.train(run))
    assert run.status.reason == "RuntimeError: a bug"
    log = (run.folder / "log.txt").read_text(encoding="utf-8")
    assert "Failed. RuntimeError: a bug\nTraceback" in log and "in forgetful" in log


def test_a_corpus_that_is_gone_or_another(workspace: Workspace) -> None:
    run = small_run(workspace)
    list(pipeline.train(run))
    tales = workspace.corpus_folder("tales")
    tales.rename(workspace.folder / "elsewhere")
    with pytest.raises(UserError, match="is not in the workspace"):
        list(pipeline.train(run))
    for _ in pipeline.prepare(workspace, text="Another text. " * 300, name="tales"):
        pass
    with pytest.raises(UserError, match="has changed since"):
        list(pipeline.train(run))


def test_a_missing_tokenizer_is_named(workspace: Workspace) -> None:
    run = small_run(workspace)
    list(pipeline.train(run))
    (run.folder / "tokenizer.json").unlink()
    with pytest.raises(UserError, match=r"tokenizer\.json.*missing"):
        list(pipeline.train(run))


def test_a_full_disk_pauses_the_run(workspace: Workspace, whole: dict[str, Run], monkeypatch: Any) -> None:
    run, control, states = small_run(workspace, "gpt", "gpt"), Control(), []
    with monkeypatch.context() as patch:
        disk: FaultyDisk | None = None
        for event in pipeline.train(run, control):
            if isinstance(event, CheckpointSaved) and event.step == 5:
                disk = FaultyDisk(patch, errno.ENOSPC, 0, lasting=True)
            if isinstance(event, JobPaused):
                assert disk is not None
                assert "needs" in event.reason
                disk.mend()
                states.append(run.state)
                control.resume()
    assert len(states) == 1
    assert_same(run, whole["gpt"])
    assert "Paused after step" in (run.folder / "log.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("saved", [0, 5])
def test_a_stop_on_a_full_disk_says_what_is_lost(workspace: Workspace, monkeypatch: Any, saved: int) -> None:
    run, control, events = small_run(workspace), Control(), []
    with monkeypatch.context() as patch:
        for event in pipeline.train(run, control):
            events.append(event)
            begun = isinstance(event, CheckpointSaved) if saved else isinstance(event, StepDone)
            if begun and not control.stopping:
                patch.setattr(Record, "checkpoint", _full)
                patch.setattr(Record, "rows", _full)
                if not saved:
                    control.stop()
            if isinstance(event, JobPaused):
                control.stop()
    ended = events[-1]
    assert isinstance(ended, RunEnded)
    assert (ended.outcome, ended.saved_step) == ("stopped", saved)
    lost = f"What was learned since step {saved} could not be saved."
    assert [event.sentence.format(**event.values) for event in events if isinstance(event, Noted)][-1] == lost
    assert run.state == "stopped"
    assert "The disk is full" in run.status.reason and run.status.reason.endswith(lost)
    assert lost in (run.folder / "log.txt").read_text(encoding="utf-8")


def _full(record: Record, *arguments: object) -> None:
    raise DiskFull(Path("somewhere"), 1000)


def test_execution_is_settled_once_and_reused(workspace: Workspace) -> None:
    run, control = small_run(workspace), Control()
    control.stop()
    list(pipeline.train(run, control))
    settled = Run.open(run.folder).execution
    assert settled is not None
    assert (settled.device, settled.threads, settled.precision) == ("cpu", 1, "float32")
    assert settled.torch.startswith("2.")
    assert settled.processor
    list(pipeline.train(run, execution={"threads": 2}))
    again = Run.open(run.folder).execution
    assert again is not None
    assert again.threads == 2
    with pytest.raises(UserError, match="no device “mps”") as missing:
        list(pipeline.train(run, execution={"device": "mps"}))
    assert "cpu" in missing.value.choices


def test_a_run_from_another_machine_goes_on_with_what_there_is(workspace: Workspace) -> None:
    run, control = small_run(workspace), Control()
    for event in pipeline.train(run, control):
        if isinstance(event, StepDone):
            control.stop()
    path = run.folder / "run.toml"
    path.write_text(path.read_text(encoding="utf-8").replace('device = "cpu"', 'device = "mps"'), encoding="utf-8")
    moved = Run.open(run.folder)
    assert moved.execution is not None
    assert moved.execution.device == "mps"
    list(pipeline.train(moved))
    assert moved.state == "finished"
    assert moved.execution.device != "mps"


def test_a_snapshot_is_a_model_in_its_own_right(workspace: Workspace) -> None:
    run, control, models = small_run(workspace), Control(), []
    waiter = threading.Thread(target=lambda: models.append(control.snapshot().result(timeout=30)))
    waiter.start()
    list(pipeline.train(run, control))
    waiter.join(30)
    scores = models[0].score(np.array([1, 2, 3]))
    assert np.isfinite(scores).all()
    with pytest.raises(UserError):
        control.snapshot().result(timeout=1)


def test_unknown_characters_are_paid_for(workspace: Workspace) -> None:
    """y is in the validation split only: each costs its unknown token and 8 bits."""
    text = "abc abd " * 400 + "xxx " * 20 + "yyy " * 25 + "abc " * 55
    for _ in pipeline.prepare(workspace, text=text, name="gaps"):
        pass
    config = pipeline.draft(
        workspace, corpus="gaps", family="ngram",
        values={"model": {"order": 1}, "tokenizer": {"kind": "character"}},
    )  # fmt: skip
    run = workspace.new_run(config)
    list(pipeline.train(run))
    last = run.rows()[-1]
    store = workspace.corpus("gaps").tokenization(config.tokenizer).store
    size = store.splits["validation"]
    assert size.unknown_bytes == 75
    bits = last["validation_loss"] / np.log(2) + 8 * size.unknown_bytes / size.tokens
    assert last["validation_bits_per_byte"] == pytest.approx(bits, rel=0.01)


def test_a_budget_becomes_steps_once_and_the_trial_leaves_no_trace(workspace: Workspace) -> None:
    timed = small_run(workspace, name="timed", budget="minutes", amount=0.02)
    started = next(event for event in pipeline.train(timed) if isinstance(event, RunStarted))
    steps = timed.config.training.steps  # type: ignore[union-attr]
    assert started.steps == steps == Run.open(timed.folder).config.plan.steps
    list(pipeline.train(timed))
    assert timed.rows()[-1]["step"] == Run.open(timed.folder).config.plan.steps == steps
    plain = small_run(workspace, name="plain", steps=steps)
    list(pipeline.train(plain))
    assert untimed(plain) == untimed(timed)

    passes = small_run(workspace, name="passes", budget="epochs", amount=0.05)
    tokens = workspace.corpus("tales").tokenization().store.splits["training"].tokens
    list(pipeline.train(passes))
    assert passes.config.plan.steps == math.ceil(0.05 * tokens / (4 * 16)) == passes.summary().step


def test_a_training_that_gets_no_better_ends_early_and_says_so(workspace: Workspace) -> None:
    run = small_run(workspace, steps=400, learning_rate=1e-12, warmup_steps=0, validate_every=2, patience=2)
    events = list(pipeline.train(run))
    note = next(event for event in events if isinstance(event, Noted))
    assert events[-1].outcome == run.state == "finished"  # type: ignore[attr-defined]
    sentence = note.sentence.format(**note.values)
    assert sentence.startswith(f"Ended early after step {run.summary().step}: the last 2 validations")
    assert run.status.reason == sentence
    assert sentence in (run.folder / "log.txt").read_text(encoding="utf-8")
    assert [type(event) for event in pipeline.train(run)] == [RunStarted, Noted, RunEnded]
    assert run.summary().step < 400


def test_a_family_that_counts_has_no_micro_batch_to_halve(workspace: Workspace) -> None:
    values = {"execution": {"device": "cpu", "micro_batch": 8}}
    run = workspace.new_run(pipeline.draft(workspace, corpus="tales", family="ngram", name="counts", values=values))
    assert not [event for event in pipeline.train(run) if isinstance(event, Noted)]
    assert run.execution is not None
    assert run.execution.micro_batch == 8


def test_a_micro_batch_that_had_to_be_halved_is_told_and_kept(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from lmstudio_app.engine.blocks.language_model import LanguageModel

    whole = LanguageModel.loss

    def loss(self: Any, inputs: Any, targets: Any, memory: Any = None) -> Any:
        if self.training and len(inputs) > 2:
            raise torch.OutOfMemoryError("no")
        return whole(self, inputs, targets, memory)

    monkeypatch.setattr(LanguageModel, "loss", loss)
    run = small_run(workspace, name="full")
    with pytest.raises(UserError, match="Compute 2 windows at once or less"):
        list(pipeline.train(run))
    assert run.state == "failed"
    events = list(pipeline.train(run, execution={"when_full": "halve"}))
    notes = [event.sentence.format(**event.values) for event in events if isinstance(event, Noted)]
    assert len(notes) == 1
    assert notes[0].startswith("A step did not fit into the memory; 2 windows are computed at once")
    again = Run.open(run.folder)
    assert again.state == "finished"
    assert again.execution is not None
    assert (again.execution.micro_batch, again.execution.when_full) == (2, "halve")
