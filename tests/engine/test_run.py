"""A run's folder: what is in it, what is read from it, and what it says when it is damaged."""

from __future__ import annotations

import json
import random
import shutil
import tomllib
from pathlib import Path

import numpy as np
import pytest

from lmstudio_app.engine import pipeline
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import CheckpointRead, Event, Noted
from lmstudio_app.engine.run import Run
from lmstudio_app.engine.settings import SettingsError
from lmstudio_app.engine.storage import atomic
from lmstudio_app.engine.training import checkpoint, execution, status
from lmstudio_app.engine.training.checkpoint import Damaged, Progress
from lmstudio_app.engine.training.settings import ExecutionSettings
from lmstudio_app.engine.workspace import Workspace
from tests.engine.training.worlds import small_run, small_workspace


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run, not to be changed."""
    run = small_run(small_workspace(tmp_path_factory.mktemp("workspace")))
    list(pipeline.train(run))
    return run


@pytest.fixture
def run(trained: Run, tmp_path: Path) -> Run:
    """A copy of it to break."""
    workspace = Path(shutil.copytree(trained.folder.parent.parent, tmp_path / "workspace"))
    return Workspace.open(workspace).run("first")


def test_the_folder_is_the_document(trained: Run) -> None:
    text = (trained.folder / "run.toml").read_text(encoding="utf-8")
    assert text.startswith('name = "first"\n')
    assert tomllib.loads(text)["format"] == 1
    opened = Run.open(trained.folder)
    assert opened.config == trained.config
    assert opened.execution == trained.execution
    assert opened.corpus_folder.name == "tales"
    assert [saved.step for saved in opened.checkpoints()] == [10, 12]
    assert opened.samples()[0]["step"] == 6
    assert opened.tokenizer().decode(opened.tokenizer().encode("fox")) == "fox"


def test_models_of_its_checkpoints(trained: Run) -> None:
    tokens = trained.tokenizer().encode("the fox sees a hen")
    scores = {which: trained.model(which).score(tokens).sum() for which in ("best", "last", 10, 12)}
    assert scores["last"] == scores[12]
    assert trained.best is not None
    assert scores["best"] == scores[trained.best.step]
    assert scores[10] != scores[12]
    np.testing.assert_array_equal(trained.model(10).score(tokens), trained.model(10).score(tokens))
    with pytest.raises(UserError, match=r"no checkpoint at step 7. It has: 10, 12") as missing:
        trained.model(7)
    assert missing.value.choices == (10, 12)


def test_a_damaged_best_checkpoint_gives_way_to_the_newest_sound_one(run: Run) -> None:
    assert run.best is not None
    (run.best.folder / "model.safetensors").write_bytes(b"x" * 10)
    tokens = run.tokenizer().encode("the fox")
    sound = [saved.step for saved in run.checkpoints() if saved.step != run.best.step][-1]
    np.testing.assert_array_equal(run.model("best").score(tokens), run.model(sound).score(tokens))
    assert "is damaged" in (run.folder / "log.txt").read_text(encoding="utf-8")
    with pytest.raises(Damaged, match=r"model\.safetensors.*10 bytes instead of"):
        run.model(run.best.step)


def test_a_checkpoint_with_a_damaged_state_comes_after_the_sound_ones(run: Run) -> None:
    def told(expected: int) -> list[str]:
        """What is told while the best model is opened, which is to be that of the step `expected`."""
        events: list[Event] = []
        tokens = run.tokenizer().encode("the fox")
        scores = run.model("best", heard=events.append).score(tokens)
        np.testing.assert_array_equal(scores, run.model(expected).score(tokens))
        assert events.pop() == CheckpointRead(expected)
        return [event.sentence.format(**event.values) for event in events if isinstance(event, Noted)]

    assert run.best is not None
    assert told(run.best.step) == []
    *_, before, newest = run.checkpoints()
    (newest.folder / "state.json").write_bytes(b"{}")
    damage, used = told(before.step)
    assert "state.json” is damaged" in damage and used == f"The checkpoint of step {before.step} is used."
    for saved in run.checkpoints()[:-1]:
        (saved.folder / "model.safetensors").write_bytes(b"x")
    assert told(newest.step)[-1] == f"The weights of the checkpoint of step {newest.step} are sound, and are used."


def test_a_run_file_that_was_cut_short_is_damaged(trained: Run, run: Run) -> None:
    path = run.folder / "run.toml"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    threads = next(number for number, line in enumerate(lines) if line.startswith("threads"))
    for kept in range(threads + 1):
        path.write_text("".join(lines[:kept]), encoding="utf-8")
        with pytest.raises(UserError, match=r"run\.toml"):
            Run.open(run.folder)
    path.write_text("".join(lines), encoding="utf-8")
    assert Run.open(run.folder).config == trained.config


def test_an_untrained_run_says_so(tmp_path: Path) -> None:
    run = small_run(small_workspace(tmp_path / "workspace"))
    for use in (run.model, run.tokenizer):
        with pytest.raises(UserError, match="no saved model yet"):
            use()
    assert run.rows() == run.samples() == run.checkpoints() == []
    assert run.best is None
    summary = run.summary()
    assert (summary.state, summary.saved, summary.device) == ("queued", False, "")
    assert summary.config == run.config
    assert json.loads(json.dumps(summary.to_json()))["name"] == run.name and "config" not in summary.to_json()


BROKEN = {
    'name = "first"\nformat = [': "is not a TOML file",
    "\udcff": "is not a TOML file",
    "format = 9\nname = 'x'": "newer version",
    'family = "gpt"': "corpus",
    'corpus = "tales"\nfamily = "gqt"': "no family “gqt”",
    'corpus = "tales"\nfamily = 7': "family",
    'corpus = "tales"\nfamily = "gpt"\nmodel = 3': "model: Must be a group",
    'corpus = "tales"\nfamily = "gpt"\n[model]\nwidth = 130\nheads = 4': "model.width: Must divide evenly by 4 heads",
    'corpus = "tales"\nfamily = "gpt"\n[training]\nbatch = "many"': "training.batch: Must be a whole number",
    'corpus = "tales"\nfamily = "gpt"\n[training]\nbtach = 3': "training.btach: There is no such setting",
    'corpus = "tales"\nfamily = "gpt"\n[execution]\ndevice = "gpu"': "execution.device",
}


@pytest.mark.parametrize("content", BROKEN)
def test_a_damaged_run_file_is_one_sentence_that_names_it(run: Run, content: str) -> None:
    (run.folder / "run.toml").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError) as damaged:
        Run.open(run.folder)
    assert "run.toml" in str(damaged.value)
    assert "“first”" in str(damaged.value)
    assert BROKEN[content] in str(damaged.value)


def test_a_run_file_repeats_the_run(trained: Run, run: Run) -> None:
    workspace = Workspace.open(run.folder.parent.parent)
    config = pipeline.draft_from_file(
        run.folder / "run.toml", workspace, name="again", values={"training": {"seed": 2}}
    )
    assert config.model == trained.config.model
    assert config.training.seed == 2
    assert config.execution.threads == 1
    again = workspace.new_run(config)
    assert again.execution is None
    with pytest.raises(SettingsError, match=r"training\.batch"):
        pipeline.draft_from_file(run.folder / "run.toml", workspace, values={"training": {"batch": 0}})
    with pytest.raises(UserError, match=r"missing\.toml.*not there"):
        pipeline.draft_from_file(run.folder / "missing.toml", workspace)
    with pytest.raises(UserError, match="There is no corpus “none”"):
        pipeline.draft_from_file(run.folder / "run.toml", workspace, corpus="none")


def test_a_draft_reports_every_wrong_field(run: Run) -> None:
    workspace = Workspace.open(run.folder.parent.parent)
    values = {"model": {"heads": 3}, "training": {"steps": 0}, "execution": {"threads": -1}}
    with pytest.raises(SettingsError) as wrong:
        pipeline.draft(workspace, corpus="tales", family="gpt", preset="tiny", values=values)
    assert [problem.field for problem in wrong.value.problems] == ["model.width", "training.steps", "execution.threads"]
    assert wrong.value.problems[0].choices == (63, 66)
    with pytest.raises(UserError, match="no preset “huge”") as preset:
        pipeline.draft(workspace, corpus="tales", preset="huge")
    assert "tiny" in preset.value.choices
    with pytest.raises(UserError, match="cannot be in a file name"):
        pipeline.draft(workspace, corpus="tales", name="a/b")


def test_status_survives_a_lost_or_damaged_file(run: Run) -> None:
    before = run.summary()
    path = run.folder / "status.json"
    for content in (
        b"",
        b"[]",
        b'{"state": "dancing"}',
        b'{"state": "finished", "curve": 5}',
        b'{"state": "finished", "curve": [[Infinity, 1]]}',
        b'{"state": "finished", "parameters": "many"}',
        b'{"state": "finished", "best_bits_per_byte": "low"}',
        b'{"state": "finished", "reason": 3}',
        b"[" * 5000,
    ):
        path.write_bytes(content)
        summary = run.summary()
        assert summary.state == "interrupted"
        assert (summary.step, summary.best_bits_per_byte) == (before.step, before.best_bits_per_byte)
        assert summary.curve == before.curve
    path.unlink()
    assert run.summary().step == before.step
    with (run.folder / "metrics.jsonl").open("a", encoding="utf-8") as rows:
        rows.write('{"step": "last", "seconds": [], "validation_bits_per_byte": true}\n')
    assert run.summary().curve == before.curve


def test_the_curve_of_a_long_run_stays_short() -> None:
    rows = [{"step": step, "validation_bits_per_byte": 5 - step / 1000} for step in range(0, 3000, 3)]
    curve = status.from_rows(rows).curve
    assert 30 < len(curve) <= status.POINTS
    assert curve[0][0] == 0
    assert curve[-1][0] == 2997


def test_checkpoints_are_equal_bytes_for_equal_states(run: Run, tmp_path: Path) -> None:
    saved = run.checkpoints()[-1]
    state, progress = checkpoint.load(saved.folder)
    state.weights = dict(reversed(state.weights.items()))
    state.weights["body.tokens.weight"] = np.asfortranarray(state.weights["body.tokens.weight"])
    again = checkpoint.save(tmp_path, state, progress)
    for name in ("model.safetensors", "optimizer.safetensors", "state.json", "manifest.json"):
        assert (again.folder / name).read_bytes() == (saved.folder / name).read_bytes()


@pytest.mark.parametrize("mutations", [60, pytest.param(500, marks=pytest.mark.long)])
def test_every_mutation_of_a_checkpoint_is_found(run: Run, mutations: int) -> None:
    folder, chance = run.checkpoints()[-1].folder, random.Random(3)
    sound, _ = checkpoint.load(folder)
    files = sorted(folder.iterdir())
    for number in range(mutations):
        path = files[number % len(files)]
        data = path.read_bytes()
        damaged = bytearray(data)
        kind = chance.randrange(3)
        if kind == 0:
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del damaged[chance.randrange(len(damaged)) :]
        else:
            damaged += b"\0"
        path.write_bytes(damaged)
        try:
            state, _ = checkpoint.load(folder)
        except UserError as error:
            assert "step-" in str(error)
        else:  # spaces and the like in the manifest change nothing that it says
            assert path.name == "manifest.json"
            for name, array in sound.weights.items():
                np.testing.assert_array_equal(array, state.weights[name])
        path.write_bytes(data)
    checkpoint.load(folder)


def test_missing_files_and_newer_checkpoints(run: Run) -> None:
    folder = run.checkpoints()[-1].folder
    (folder / "optimizer.safetensors").unlink()
    checkpoint.load_weights(folder)
    with pytest.raises(Damaged, match="is missing"):
        checkpoint.load(folder)
    manifest = (folder / "manifest.json").read_text(encoding="utf-8")
    (folder / "manifest.json").write_text(manifest.replace('"format": 1', '"format": 2'), encoding="utf-8")
    with pytest.raises(UserError, match="newer version"):
        checkpoint.load_weights(folder)
    (folder / "manifest.json").unlink()
    assert folder not in [saved.folder for saved in run.checkpoints()]
    renamed = run.checkpoints()[0].folder.rename(run.folder / "checkpoints" / "step-000000099")
    with pytest.raises(Damaged, match="another step"):
        checkpoint.load_weights(renamed)


def test_a_checkpoint_that_cannot_be_removed_stops_nobody(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    place = run.folder / "checkpoints"
    state, _ = checkpoint.load(run.checkpoints()[-1].folder)

    def held(folder: Path) -> None:
        raise UserError("There is no permission to use “{path}”.", path=folder)

    for step in (20, 30):
        checkpoint.save(place, state, Progress(step=step, validation_loss=9.0))
    with monkeypatch.context() as patch:
        patch.setattr(atomic, "remove_folder", held)
        checkpoint.thin_out(place)
    assert len(run.checkpoints()) == 4
    checkpoint.thin_out(place)
    assert run.best is not None
    assert [saved.step for saved in run.checkpoints()] == [run.best.step, 20, 30]


def test_a_full_disk_names_the_size_of_the_whole_checkpoint(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    from tests.engine.storage.faults import FaultyDisk

    state, _ = checkpoint.load(run.checkpoints()[-1].folder)
    needed = sum(array.nbytes for array in (*state.weights.values(), *state.memory.values()))
    with monkeypatch.context() as patch:
        FaultyDisk(patch, errno.ENOSPC, 6, lasting=True)
        with pytest.raises(atomic.DiskFull) as full:
            checkpoint.save(tmp_path / "checkpoints", state, Progress(step=1))
    assert full.value.needed >= needed
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_threads_are_a_rule_of_size_and_machine() -> None:
    small, large = execution.WORK_PER_THREAD / 10, execution.WORK_PER_THREAD * 100
    assert execution.threads_for(small, 8) == 1
    assert execution.threads_for(large, 8) == 8
    settled, device = execution.settle(ExecutionSettings(device="cpu", threads=3), small)
    assert (settled.threads, settled.device, device.name) == (3, "cpu", "cpu")
    assert execution.from_mapping(execution.to_mapping(settled)) == settled
    assert execution.from_mapping({"device": "cpu", "threads": 2}) is None
