"""The Runs pane on real run folders."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QApplication, QLineEdit

from lmstudio_app.engine.training.run_config import from_mapping
from lmstudio_app.engine.training.status import Status, write_status
from lmstudio_app.engine.workspace import Workspace
from lmstudio_app.gui import theme
from lmstudio_app.gui.panes.runs import RunsPane
from lmstudio_app.gui.session import Session
from lmstudio_app.gui.widgets.runs_model import ROW, Column
from lmstudio_app.gui.widgets.text import Text
from tests.gui.trained_runs import MODELS, make_corpus, make_workspace


@pytest.fixture
def trained(session: Session, tmp_path: Path, qtbot) -> Session:
    make_workspace(tmp_path / "trained")
    session.open_workspace(tmp_path / "trained")
    qtbot.waitUntil(lambda: len(session.runs) == 3)
    return session


@pytest.fixture
def pane(trained: Session, qtbot) -> RunsPane:
    return shown(trained, qtbot)


def shown(session: Session, qtbot) -> RunsPane:
    made = RunsPane(session)
    qtbot.addWidget(made)
    made.resize(1200, 760)
    made.show()
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    qtbot.waitUntil(lambda: made.table.filtered.rowCount() == len(session.runs))
    return made


def names(pane: RunsPane) -> list[str]:
    model = pane.table.filtered
    return [model.index(place, 0).data(ROW).name for place in range(model.rowCount())]


def said(pane: RunsPane) -> list[tuple[str, str]]:
    told: list[tuple[str, str]] = []
    pane.said.connect(lambda words, kind: told.append((words, kind)))
    return told


def test_an_empty_workspace_offers_to_train(session, qtbot):
    pane = RunsPane(session)
    qtbot.addWidget(pane)
    pane.show()
    with qtbot.waitSignal(pane.go) as wanted:
        pane.empty.button.click()
    assert wanted.args == ["train"]


def test_rows_say_what_is_in_the_folders(pane):
    assert names(pane) == ["reader", "listener", "waiter"]  # the newest first
    model = pane.table.filtered
    row = {Column(c): model.index(1, c).data() for c in range(len(Column))}
    assert row[Column.MODEL] == "LSTM 1 × 16"
    assert row[Column.CORPUS] == "tale"
    assert row[Column.STEPS] == "20 / 1,000"
    assert row[Column.STATE] == "Finished"
    assert model.index(2, Column.BEST).data() == "–"
    assert pane.count.text() == "3 runs"
    assert pane.table.picked_names() == ["reader"]


def test_the_filter_finds_names_and_settings(pane, qtbot):
    qtbot.waitUntil(lambda: all(row.search for row in pane.table.runs.rows()))
    pane.filter.setText("cell lstm")
    assert names(pane) == ["listener"]
    assert pane.count.text() == "1 of 3 runs"
    pane.filter.setText("layers=2")
    assert names(pane) == ["reader", "waiter"]
    pane.filter.setText("READER")
    assert names(pane) == ["reader"]
    pane.filter.setText("nothing like it")
    assert names(pane) == []
    pane.filter.clear()
    assert len(names(pane)) == 3


def test_columns_sort(pane):
    pane.table.sortByColumn(Column.NAME, Qt.SortOrder.AscendingOrder)
    assert names(pane) == ["listener", "reader", "waiter"]
    pane.table.sortByColumn(Column.STEPS, Qt.SortOrder.DescendingOrder)
    assert names(pane)[-1] == "waiter"


def test_columns_stay_as_wide_as_they_were_made(pane):
    pane.table.setColumnWidth(Column.MODEL, 301)
    theme.current().toggle()
    assert pane.table.columnWidth(Column.MODEL) == 301
    theme.current().set_scale(2.0)
    assert pane.table.columnWidth(Column.MODEL) == 602


def test_opening_goes_to_the_run(pane, qtbot):
    pane.table.pick(["listener"])
    with qtbot.waitSignal(pane.go) as wanted:
        pane.open.click()
    assert wanted.args == ["train"]
    assert pane.session.run.name == "listener"
    pane.table.pick(["reader"])
    with qtbot.waitSignal(pane.go):
        qtbot.keyClick(pane.table, Qt.Key.Key_Return)
    assert pane.session.run.name == "reader"


def test_a_run_is_renamed_in_its_place(pane, qtbot):
    pane.table.pick(["reader"])
    pane.rename.click()
    editor = pane.table.findChild(QLineEdit)
    assert editor.accessibleName() == "Name of the run"
    editor.setText("scholar")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "scholar" in names(pane))
    assert (pane.session.workspace.folder / "runs" / "scholar").is_dir()


@pytest.mark.parametrize("name", ["listener", "a/b", "", "con"])
def test_a_name_that_cannot_be_is_refused_in_one_sentence(pane, qtbot, name):
    told = said(pane)
    pane.table.renamed.emit("reader", name)
    assert len(told) == 1 and told[0][1] == "err"
    assert "reader" in names(pane)


def test_deleting_offers_undo(pane, qtbot):
    offers = []
    pane.offered.connect(lambda *offer: offers.append(offer))
    pane.table.pick(["reader", "waiter"])
    pane.delete.click()
    qtbot.waitUntil(lambda: names(pane) == ["listener"])
    words, _, action, undo = offers[0]
    assert "2 runs" in words and action == "Undo"
    undo()
    qtbot.waitUntil(lambda: sorted(names(pane)) == ["listener", "reader", "waiter"])


def test_keys_delete_and_undo(pane, qtbot):
    pane.table.pick(["waiter"])
    pane.table.setFocus()
    qtbot.keyClick(pane.table, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: "waiter" not in names(pane))
    qtbot.keySequence(pane.table, QKeySequence(QKeySequence.StandardKey.Undo))
    qtbot.waitUntil(lambda: "waiter" in names(pane))


def test_a_copy_is_a_table(pane, qtbot):
    pane.table.pick(["reader", "listener"])
    qtbot.keySequence(pane.table, QKeySequence(QKeySequence.StandardKey.Copy))
    lines = QApplication.clipboard().text().split("\n")
    assert [line.split("\t")[0] for line in lines] == ["Run", "reader", "listener"]
    assert len(lines[1].split("\t")) == len(Column)


def test_the_settings_of_the_picked_run_are_shown(pane):
    pane.table.pick(["reader"])
    told = " ".join(label.text() for label in pane.details.findChildren(type(pane.count)))
    assert "Heads" in told and "3 per layer" in told and "Byte pairs" not in told
    pane.table.pick(["reader", "listener"])
    assert not pane.rename.isEnabled() and pane.delete.isEnabled()


def test_a_damaged_run_says_why_and_can_only_be_deleted(pane, qtbot):
    (pane.session.workspace.folder / "runs" / "waiter" / "run.toml").write_text("no toml at all [", encoding="utf-8")
    pane.session.list_runs()
    qtbot.waitUntil(lambda: any("Damaged" in row.state for row in pane.table.runs.rows()))
    pane.table.pick(["waiter"])
    assert not pane.open.isEnabled() and not pane.resume.isEnabled() and pane.delete.isEnabled()


def test_a_run_that_vanished_is_told(pane, qtbot):
    shutil.rmtree(pane.session.workspace.folder / "runs" / "reader")
    told = said(pane)
    pane.table.pick(["reader"])
    pane.open.click()
    assert told and "reader" in told[0][0]


def test_it_looks_the_same_live_and_opened_afterwards(session, qtbot):
    make_corpus(session.workspace)
    session.change_draft(
        corpus="tale", family="gpt", model=MODELS["gpt"], tokenizer={"kind": "character"}, execution={"device": "cpu"},
        training={"steps": 12, "batch": 2, "validate_every": 4, "sample_every": 0, "checkpoint_every": 4},
    )  # fmt: skip
    pane = RunsPane(session)
    qtbot.addWidget(pane)
    pane.show()
    name = session.start_training()
    qtbot.waitUntil(lambda: any(row.step > 0 for row in pane.table.runs.rows()), timeout=30_000)
    live = next(row for row in pane.table.runs.rows() if row.name == name)
    assert live.state in ("Training", "Finished")
    qtbot.waitUntil(lambda: [row.state for row in pane.table.runs.rows()] == ["Finished"], timeout=30_000)
    qtbot.waitUntil(lambda: bool(pane.table.runs.rows()[0].search))
    afterwards = shown(session, qtbot)
    qtbot.waitUntil(lambda: bool(afterwards.table.runs.rows()[0].search))
    assert afterwards.table.runs.rows() == pane.table.runs.rows()
    row = pane.table.runs.rows()[0]
    assert row.step == 12 and len(row.curve) == 4 and row.best is not None


def test_a_stopped_run_is_resumed(session, qtbot):
    make_corpus(session.workspace)
    session.change_draft(
        corpus="tale", family="gpt", model=MODELS["gpt"], tokenizer={"kind": "character"}, execution={"device": "cpu"},
        training={"steps": 1_000_000, "batch": 2, "validate_every": 50, "sample_every": 0},
    )  # fmt: skip
    session.start_training()
    qtbot.waitUntil(lambda: session.job.step > 3, timeout=30_000)
    session.stop()
    qtbot.waitUntil(lambda: not session.busy and session.runs[0].state == "stopped", timeout=30_000)
    pane = shown(session, qtbot)
    qtbot.waitUntil(pane.resume.isEnabled)
    step = session.job.step
    pane.resume.click()
    qtbot.waitUntil(lambda: session.busy and session.job.step > step, timeout=30_000)
    qtbot.waitUntil(lambda: pane.table.runs.rows()[0].state == "Training")
    assert not pane.delete.isEnabled() and not pane.rename.isEnabled()
    session.stop()
    qtbot.waitUntil(lambda: not session.busy, timeout=30_000)


def test_a_waiting_run_is_taken_out_of_the_queue(session, qtbot):
    make_corpus(session.workspace)
    session.change_draft(
        corpus="tale", family="gpt", model=MODELS["gpt"], execution={"device": "cpu"},
        training={"steps": 1_000_000, "batch": 2, "validate_every": 50, "sample_every": 0},
    )  # fmt: skip
    session.start_training()
    waiting = session.start_training()
    qtbot.waitUntil(lambda: len(session.runs) == 2)
    pane = shown(session, qtbot)
    pane.table.pick([session.job.run])
    assert not pane.unqueue.isVisible()
    pane.table.pick([waiting])
    assert pane.unqueue.isVisible()
    pane.unqueue.click()
    assert session.queued == [] and not pane.unqueue.isVisible()
    row = next(row for row in pane.table.runs.rows() if row.name == waiting)
    assert row.state == "Not started" and pane.resume.isEnabled()
    session.stop()
    qtbot.waitUntil(lambda: not session.busy, timeout=30_000)


def many_runs(folder: Path, count: int) -> None:
    workspace = Workspace.open(folder)
    for number in range(count):
        config = from_mapping(
            {"name": f"run {number:03d}", "corpus": "tale", "family": "gpt", "training": {"steps": 100 + number},
             "created": f"2025-01-01T{number // 60:02d}:{number % 60:02d}:00"}
        )  # fmt: skip
        run = workspace.new_run(config)
        curve = tuple((10 * step, 4 - step / 5) for step in range(11))
        write_status(run.folder, Status("finished", "", 100 + number, 1000, 5.0, 2.0, 2.0, curve))


def test_forty_runs_are_there_and_paint(session, tmp_path, qtbot):
    many_runs(tmp_path / "many", 40)
    session.open_workspace(tmp_path / "many")
    qtbot.waitUntil(lambda: len(session.runs) == 40)
    pane = shown(session, qtbot)
    qtbot.waitUntil(lambda: all(row.search for row in pane.table.runs.rows()))
    pane.filter.setText("steps=117")
    assert names(pane) == ["run 017"]
    pane.filter.clear()
    pane.table.scrollToTop()
    picture = pane.table.viewport().grab().toImage()
    place = pane.table.visualRect(pane.table.filtered.index(3, Column.LOSS))
    inside = [picture.pixelColor(place.topLeft() + QPoint(x, y)).name() for x in range(place.width())
              for y in range(place.height())]  # fmt: skip
    assert len(set(inside)) > 5  # a curve is drawn there
    index = pane.table.filtered.index(3, Column.LOSS)
    assert index.data(Qt.ItemDataRole.AccessibleTextRole) == "Loss by step: from 4.00 to 2.00"


def test_picked_runs_are_blended_into_a_new_one(pane, qtbot):
    session = pane.session
    pane.table.pick(["reader"])
    assert not pane.blend.isEnabled()
    pane.table.pick(["listener", "reader"])
    assert pane.blend.isEnabled()
    qtbot.mouseClick(pane.blend, Qt.MouseButton.LeftButton)
    assert not pane.blend.isEnabled()  # not twice
    qtbot.waitUntil(lambda: len(session.runs) == 4 and session.runs[0].state == "finished", timeout=20_000)
    made = session.runs[0]
    assert made.family == "blend"
    assert sorted(made.outline.split(" + ")) == ["listener", "reader"]
    assert session.run is not None
    assert session.run.name == made.name
    qtbot.waitUntil(lambda: made.name in names(pane))
    pane.table.pick([made.name])
    shown_words = {"Shares", "listener", "reader", "Held out"}
    qtbot.waitUntil(lambda: shown_words <= {words.text() for words in pane.details.findChildren(Text)})


def test_what_cannot_be_blended_is_said(pane, qtbot):
    session = pane.session
    told = said(pane)
    shutil.rmtree(session.workspace.run("listener").folder / "checkpoints")
    (session.workspace.run("reader").folder / "tokenizer.json").write_text("{}", encoding="utf-8")
    pane.table.pick(["listener", "reader"])
    qtbot.mouseClick(pane.blend, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(told))
    assert told[0][1] == "err"
    assert len(session.workspace.run_names()) == 3
