"""The workspace: names, bins, dependents, claims."""

from __future__ import annotations

import errno
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from lmstudio_app.engine import pipeline
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.storage import locks
from lmstudio_app.engine.workspace import Workspace, default_folder
from tests.engine.training.worlds import small_run, small_workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return small_workspace(tmp_path / "workspace")


def test_a_workspace_is_made_on_demand(tmp_path: Path) -> None:
    made = Workspace.open(tmp_path / "a" / "b")
    assert made.corpora() == []
    assert made.runs() == []
    assert json.loads((made.folder / "workspace.json").read_text(encoding="utf-8")) == {"format": 1}
    assert Workspace.open(made.folder).size_bytes() > 0
    assert default_folder().is_absolute()


def test_folders_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(UserError, match="is a file"):
        Workspace.open(tmp_path / "file")
    made = Workspace.open(tmp_path / "new")
    (made.folder / "workspace.json").write_text('{"format": 2}', encoding="utf-8")
    with pytest.raises(UserError, match="newer version"):
        Workspace.open(made.folder)
    (made.folder / "workspace.json").write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match=r"workspace\.json.*is damaged"):
        Workspace.open(made.folder)


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="permissions do not bind this account")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="no permission"):
        Workspace.open(tmp_path / "new")


def test_names_that_exist_get_a_number(workspace: Workspace) -> None:
    names = [small_run(workspace, name=name).name for name in ("tales", "tales", "Tales", "tales 2")]
    assert names == ["tales", "tales 2", "Tales 3", "tales 4"]
    for name in names:
        assert (
            (workspace.folder / "runs" / name / "run.toml").read_text(encoding="utf-8").startswith(f'name = "{name}"')
        )


def test_runs_are_renamed_with_their_file(workspace: Workspace) -> None:
    small_run(workspace, name="one")
    small_run(workspace, name="two")
    renamed = workspace.rename_run("one", "One")
    assert renamed.name == "One"
    workspace.rename_run("One", "eins 1")
    assert sorted(summary.name for summary in workspace.runs()) == ["eins 1", "two"]
    assert 'name = "eins 1"' in (workspace.folder / "runs" / "eins 1" / "run.toml").read_text(encoding="utf-8")
    with pytest.raises(UserError, match=r"“two” is taken. “two 2” is free"):
        workspace.rename_run("eins 1", "two")
    with pytest.raises(UserError, match="cannot be in a file name"):
        workspace.rename_run("two", "../two")
    with pytest.raises(UserError, match=r"There is no run “three”. There are: eins 1, two"):
        workspace.rename_run("three", "four")


def test_deleted_runs_can_be_restored(workspace: Workspace) -> None:
    small_run(workspace, name="one")
    first = workspace.delete_run("one")
    small_run(workspace, name="one")
    second = workspace.delete_run("one")
    assert (first, second) == ("one", "one 2")
    assert workspace.runs() == []
    assert sorted(path.name for path in (workspace.folder / "bin" / "runs").iterdir()) == ["one", "one 2"]
    small_run(workspace, name="one")
    assert workspace.restore_run(first) == "one 2"
    assert workspace.run("one 2").name == "one 2"
    assert workspace.restore_run(second) == "one 3"
    assert len(workspace.runs()) == 3
    with pytest.raises(UserError, match="There is no run"):
        workspace.delete_run("nine")


def test_a_run_in_use_stays_where_it_is(workspace: Workspace) -> None:
    run = small_run(workspace, name="one")
    with run.lock(), pytest.raises(locks.Held, match="the training of “one”"):
        workspace.rename_run("one", "two")
    with run.lock(), pytest.raises(locks.Held):
        workspace.delete_run("one")
    with run.lock(), pytest.raises(locks.Held):
        workspace.rename_corpus("tales", "stories")
    workspace.rename_run("one", "two")


def test_a_corpus_that_runs_depend_on_stays(workspace: Workspace) -> None:
    small_run(workspace, name="one")
    small_run(workspace, name="two")
    with pytest.raises(UserError, match=r"is used by: “one”, “two”. Delete these runs first"):
        workspace.delete_corpus("tales")
    workspace.delete_run("one")
    workspace.delete_run("two")
    binned = workspace.delete_corpus("tales")
    assert workspace.corpora() == []
    assert workspace.restore_corpus(binned) == "tales"
    assert workspace.corpus("tales").statistics.bytes > 0
    with pytest.raises(UserError, match=r"There is no corpus “novels”. There are: tales"):
        workspace.corpus("novels")


def test_a_renamed_corpus_takes_its_runs_along(workspace: Workspace) -> None:
    run = small_run(workspace, "ngram", "one")
    list(pipeline.train(run))
    workspace.rename_corpus("tales", "stories")
    renamed = workspace.run("one")
    assert renamed.config.corpus == "stories"
    assert renamed.execution == run.execution
    assert renamed.corpus_folder.is_dir()
    list(pipeline.train(renamed))


def test_damaged_runs_do_not_hide_the_others(workspace: Workspace) -> None:
    small_run(workspace, name="sound")
    damaged = small_run(workspace, name="damaged")
    (damaged.folder / "run.toml").write_text("name =", encoding="utf-8")
    (workspace.folder / "runs" / "empty").mkdir()
    (workspace.folder / "runs" / ".hidden").mkdir()
    states = {summary.name: summary for summary in workspace.runs()}
    assert {name: summary.state for name, summary in states.items()} == {
        "sound": "queued", "damaged": "damaged", "empty": "damaged",
    }  # fmt: skip
    assert "run.toml" in states["damaged"].reason
    workspace.delete_run("damaged")
    workspace.delete_run("empty")
    assert [summary.name for summary in workspace.runs()] == ["sound"]


def test_folders_that_nobody_may_look_into_are_told(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    run = small_run(workspace)
    closed = (run.folder, workspace.corpus_folder("tales"))
    look, read = Path.stat, Path.read_bytes

    def forbidden(path: Path, *arguments: Any, **named: Any) -> Any:
        if any(folder in path.parents for folder in closed):
            raise PermissionError(errno.EACCES, "Permission denied")
        return look(path, *arguments, **named)

    def unread(path: Path) -> bytes:
        forbidden(path)
        return read(path)

    monkeypatch.setattr(Path, "stat", forbidden)
    monkeypatch.setattr(Path, "read_bytes", unread)
    assert workspace.corpora() == ["tales"]
    with pytest.raises(UserError, match="There is no permission"):
        workspace.corpus("tales")
    assert [(each.name, each.state) for each in workspace.runs()] == [("first", "damaged")]
    assert "There is no permission" in workspace.runs()[0].reason


def test_a_name_is_one_name_in_whatever_way_its_letters_are_written(workspace: Workspace) -> None:
    composed, apart = "caf\u00e9", "cafe\u0301"
    assert composed != apart
    workspace.rename_corpus("tales", apart)
    assert workspace.corpora() == [composed]
    for spelling in (composed, apart):
        config = pipeline.draft(workspace, corpus=spelling, family="ngram", name=spelling)
        assert (config.corpus, config.name) == (composed, composed)
        workspace.new_run(config)
    assert workspace.run_names() == [composed, f"{composed} 2"]
    assert workspace.run(apart).name == composed
    assert workspace.dependents(apart) == [composed, f"{composed} 2"]
    (workspace.folder / "runs" / composed).rename(workspace.folder / "runs" / apart)  # as another system may spell it
    assert workspace.run(composed).folder.name == apart
    assert workspace.delete_run(composed) == apart


def test_runs_come_newest_first(workspace: Workspace) -> None:
    for number in (2, 1, 3):
        run = small_run(workspace, name=f"run {number}")
        path = run.folder / "run.toml"
        text = path.read_text(encoding="utf-8").replace(run.config.created, f"2025-01-0{number}T00:00:00")
        path.write_text(text, encoding="utf-8")
    assert [summary.name for summary in workspace.runs()] == ["run 3", "run 2", "run 1"]


def test_names_cannot_leave_the_workspace(workspace: Workspace, tmp_path: Path) -> None:
    (workspace.folder / "runs" / "link").symlink_to(tmp_path)
    for name in ("../corpora/tales", "..", "/etc", "link", "nul"):
        for use in (workspace.run, workspace.delete_run, workspace.corpus_folder, workspace.restore_run):
            if not (name == "link" and use == workspace.corpus_folder):
                with pytest.raises(UserError):
                    use(name)


def test_only_one_window_claims_it(workspace: Workspace) -> None:
    with workspace.claim_window():
        with pytest.raises(locks.Held, match=r"a window on .+ since"), Workspace.open(workspace.folder).claim_window():
            pass
        assert workspace.corpora() == ["tales"]
    with workspace.claim_window():
        pass


@pytest.mark.benchmark
def test_forty_runs_are_listed_quickly(workspace: Workspace) -> None:
    for number in range(40):
        small_run(workspace, name=f"run {number}")
    workspace.runs()
    began = time.perf_counter()
    assert len(workspace.runs()) == 40
    seconds = time.perf_counter() - began
    print(f"\n40 runs listed in {seconds * 1000:.0f} ms")
    assert seconds < 0.2
