"""The Inspect pane on a real workspace: what it offers, what it shows, and that it shows what the engine captured."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QWidget

from lmstudio_app.engine import pipeline
from lmstudio_app.gui import attention_export, theme
from lmstudio_app.gui.panes.inspection import FOLLOW_MILLISECONDS, InspectPane
from lmstudio_app.gui.session import Session
from lmstudio_app.gui.widgets.token_text import label
from tests.gui.trained_runs import CONTEXT, MODELS, make_corpus, make_run, make_workspace, shared_workspace
from tests.gui.widgets.conftest import picture

TEXT = "The old fox and the fox."


@pytest.fixture
def folder() -> Path:
    """To be read, not written."""
    return shared_workspace()


@pytest.fixture
def open_session(qapp, qtbot) -> Iterator[Callable[[Path], Session]]:
    made: list[Session] = []

    def open_in(folder: Path) -> Session:
        session = Session()
        session.open_workspace(folder)
        made.append(session)
        qtbot.waitUntil(lambda: len(session.runs) == len(session.workspace.runs()))
        return session

    yield open_in
    for session in made:
        session.close()
        session.deleteLater()


@pytest.fixture
def open_pane(qtbot) -> Callable[[Session], InspectPane]:
    def make(session: Session) -> InspectPane:
        pane = InspectPane(session)
        qtbot.addWidget(pane)
        pane.resize(1200, 760)
        with qtbot.waitExposed(pane):
            pane.show()
        return pane

    return make


@pytest.fixture
def pane(folder, open_session, open_pane, qtbot) -> InspectPane:
    """On the run “reader”, with `TEXT` looked at."""
    session = open_session(folder)
    session.open_run("reader")
    made = open_pane(session)
    look_at(made, TEXT, qtbot)
    return made


def look_at(pane: InspectPane, text: str, qtbot) -> None:
    pane.bar.field.set_text(text)
    qtbot.waitUntil(lambda: pane.seen is not None and "".join(pane.seen.pieces) == text and not pane._capture.busy)


def shows_empty(pane: InspectPane) -> bool:
    return pane._stack.currentWidget() is pane.empty


def test_in_an_empty_workspace_it_says_what_it_needs(tmp_path, open_session, open_pane, qtbot):
    pane = open_pane(open_session(tmp_path))
    assert shows_empty(pane)
    assert "Transformer" in pane.empty.words()
    assert pane.empty.button.text() == "Train a Transformer"
    assert not pane.bar.field.isEnabled()
    assert pane.regions() == [pane.empty.button]
    with qtbot.waitSignal(pane.go) as gone:
        pane.empty.button.click()
    assert gone.args == ["train"]
    assert pane.session.draft.family == "gpt"


def test_with_nothing_open_the_newest_transformer_is_offered(folder, open_session, open_pane, qtbot):
    pane = open_pane(open_session(folder))
    assert shows_empty(pane)
    assert pane.empty.button.text() == "Open “reader”"
    pane.empty.button.click()
    qtbot.waitUntil(lambda: pane.seen is not None)
    assert not shows_empty(pane)
    assert pane.crumbs() == ["reader", "best, step 10"]
    assert pane.bar.field.text().startswith("The old fox went to the river")
    assert pane.bar.field.remark() == f"{len(pane.bar.field.text())} tokens"


def test_a_model_without_attention_is_greyed_with_the_reason(folder, open_session, open_pane, qtbot):
    session = open_session(folder)
    session.open_run("listener")
    pane = open_pane(session)
    assert shows_empty(pane)
    assert pane.empty.words() == (
        "“listener” (LSTM 1 × 16) shows nothing here: attention needs a Transformer, transitions need an n-gram model."
    )
    runs = pane.bar.chooser.runs
    item = runs.model().item(runs.findData("listener"))
    assert not item.isEnabled()
    assert "needs a Transformer" in item.toolTip()
    pane.empty.button.click()
    qtbot.waitUntil(lambda: pane.seen is not None and pane.seen.run == "reader")
    session.open_run("reader")
    session.open_run("listener")
    assert shows_empty(pane)


def test_a_run_without_a_checkpoint_says_so(folder, open_session, open_pane):
    session = open_session(folder)
    session.open_run("waiter")
    pane = open_pane(session)
    assert shows_empty(pane)
    assert "no saved model yet" in pane.empty.words()


def test_it_shows_what_the_engine_captured(pane, qtbot):
    run = pane.session.workspace.run("reader")
    expected = pipeline.inspect(run, TEXT, device="cpu")
    np.testing.assert_allclose(pane.seen.trace.attention, expected.attention, atol=1e-6)
    assert (pane.heads.grid.layers, pane.heads.grid.heads) == (2, 3)
    assert pane.large.heatmap.tokens == list(TEXT)
    pane.bar.chooser.version_chosen.emit("last")
    qtbot.waitUntil(lambda: pane.seen.step == 20)
    expected = pipeline.inspect(run, TEXT, checkpoint="last", device="cpu")
    np.testing.assert_allclose(pane.seen.trace.attention, expected.attention, atol=1e-6)
    assert pane.large.note.text() == "step 20"


def test_choosing_a_head_and_a_cell(pane, qtbot):
    grid, heatmap = pane.heads.grid, pane.large.heatmap
    grid.setFocus()
    qtbot.keyClick(grid, Qt.Key.Key_Right)
    qtbot.keyClick(grid, Qt.Key.Key_Down)
    assert pane.large.title.text() == "Layer 2, head 2"
    weights = pane.seen.trace.attention[1, 1]
    np.testing.assert_array_equal(heatmap.weights, weights)
    heatmap.mark((11, 7))
    assert pane.looks.title.text() == "Where token 12 looks"
    assert pane.looks.total() == "row sum 1.000"
    bars = pane.looks.list.bars
    order = np.argsort(-weights[11, :12], kind="stable")
    assert [(bar.label, bar.note) for bar in bars] == [(label(TEXT[to]), str(to + 1)) for to in order]
    assert [bar.share for bar in bars] == pytest.approx(weights[11, order].tolist())
    assert pane.looks.list.current == order.tolist().index(7)
    qtbot.keyClick(pane.looks.list, Qt.Key.Key_Home)
    assert heatmap.cell == (11, order[0])
    assert pane.read.strip.current == 11
    pane.read.strip.go_to(4)
    assert heatmap.cell == (4, 4)
    qtbot.keyClick(heatmap, Qt.Key.Key_Down)
    assert pane.looks.title.text() == "Where token 6 looks"


def test_keys_for_the_table_and_the_checkpoints(pane, qtbot):
    heatmap = pane.large.heatmap
    qtbot.keyClick(heatmap, Qt.Key.Key_T)
    assert pane.large.is_table
    qtbot.keyClick(pane.large.table, Qt.Key.Key_T)
    assert not pane.large.is_table
    qtbot.keyClick(heatmap, Qt.Key.Key_BracketRight)
    assert pane.source.version == "last"
    qtbot.keyClick(heatmap, Qt.Key.Key_BracketRight)
    assert pane.source.version == "last"
    qtbot.keyClick(heatmap, Qt.Key.Key_BracketLeft)
    assert pane.source.version == "best"
    qtbot.keyClicks(pane.bar.field, "t[")
    assert not pane.large.is_table
    assert pane.source.version == "best"


def test_hovering_reads_out_and_leaving_goes_back(pane):
    heatmap = pane.large.heatmap
    heatmap.mark((5, 2))
    place = heatmap.box_of((9, 3)).center()
    heatmap._hover(heatmap.cell_at(QPointF(place)))
    assert pane.looks.title.text() == "Where token 10 looks"
    heatmap._hover(None)
    assert pane.looks.title.text() == "Where token 6 looks"


def test_the_table_has_the_same_numbers(pane, qtbot):
    pane.bar.table.click()
    assert pane.large.is_table
    table, weights = pane.large.table, pane.seen.trace.attention[0, 0]
    assert table.numbers.words(11, 7) == f"{weights[11, 7]:.3f}"
    assert table.numbers.words(7, 11) == ""
    table.setCurrentIndex(table.numbers.index(11, 7))
    assert pane.large.heatmap.cell == (11, 7)
    table.selectRow(1)
    qtbot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = QGuiApplication.clipboard().text().split("\n")
    assert lines[0].split("\t")[1:3] == ["1  T", "2  h"]
    assert lines[1].split("\t")[:3] == ["2  h", *(f"{weights[1, to]:.3f}" for to in (0, 1))]
    pane.bar.table.click()
    assert not pane.large.is_table


def test_a_text_longer_than_the_context_is_cut_and_says_so(pane, qtbot):
    text = "The river was old, and the fox was grey."
    look_at(pane, text, qtbot)
    assert pane.seen.trace.cut == len(text) - CONTEXT
    assert (
        pane.read.words()
        == f"The model sees {CONTEXT} tokens at once; the first {len(text) - CONTEXT} of this text are left out."
    )
    assert pane.read.strip.prompt_tokens == len(text) - CONTEXT
    pane.read.strip.go_to(0)  # left out: there is no row to show
    assert pane.looks.title.text() == f"Where token {CONTEXT} looks"
    pane.read.strip.go_to(len(text) - 1)
    assert pane.large.heatmap.cell == (CONTEXT - 1, CONTEXT - 1)
    look_at(pane, TEXT, qtbot)
    assert pane.read.words() == ""


def test_characters_that_the_vocabulary_lacks_are_named_and_nothing_is_lost(pane, qtbot):
    before = pane.large.heatmap.weights
    pane.bar.field.set_text("The old 龍")
    qtbot.waitUntil(lambda: pane.bar.error() != "")
    assert "lacks “龍”" in pane.bar.error()
    assert pane.bar.field.property("invalid")
    assert pane.large.heatmap.weights is before
    pane.bar.field.set_text("")
    qtbot.waitUntil(lambda: pane.bar.error() == "Type a text to look at.")
    look_at(pane, TEXT, qtbot)
    assert pane.bar.error() == ""


def test_nothing_of_one_run_is_exported_under_the_name_of_another(pane, qtbot, tmp_path):
    """A second Transformer whose vocabulary lacks a character of the text."""
    run = pane.source.run
    other = type(run)(run.folder, run.config.named("other"), run.execution)
    pane.source.run = other
    pane.bar.field.set_text("The old 龍")
    qtbot.waitUntil(lambda: pane.bar.error() != "" and not pane._capture.busy)
    assert pane.shown() is None
    assert pane.seen is None and pane.large.heatmap.tokens == [] and pane.heads.grid.layers == 0
    assert pane.read.strip.texts == [] and pane.looks.list.bars == []
    pane.source.run = run
    look_at(pane, TEXT, qtbot)
    assert pane.shown().run == "reader" and pane.shown().trace is pane.seen.trace


def test_only_the_latest_text_is_looked_at(pane, qtbot):
    for end in range(4, 12):
        pane.bar.field.set_text(TEXT[:end])
    look_at(pane, TEXT[:12], qtbot)
    assert pane.large.heatmap.tokens == list(TEXT[:12])


@pytest.mark.parametrize("ending", [".png", ".svg", ".csv", ".npz"])
def test_export(pane, tmp_path, qtbot, ending):
    pane.heads.grid._take((1, 2))
    path = tmp_path / f"attention{ending}"
    with qtbot.waitSignal(pane.said, timeout=20_000) as said:
        attention_export.save(pane, pane.shown(), path, every=False)
    assert said.args == [f"Saved as “{path}”.", "ok"]
    if ending == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert {(row["layer"], row["head"]) for row in rows} == {("2", "3")}
    if ending == ".npz":
        with np.load(path) as saved:
            np.testing.assert_array_equal(saved["attention"][0, 0], pane.large.heatmap.weights)


def test_exporting_asks_for_a_file_and_says_why_it_cannot_be(pane, tmp_path, qtbot):
    pane.bar.export_wanted.emit(".csv", True)
    dialog = pane.findChild(QFileDialog)
    assert dialog is not None
    with qtbot.waitSignal(pane.said) as said:
        dialog.fileSelected.emit(str(tmp_path / "missing" / "a.csv"))
    assert said.args[1] == "err"
    assert "missing" in said.args[0]
    dialog.close()


def test_it_follows_a_run_in_training(tmp_path, open_session, open_pane, qtbot):
    session = open_session(tmp_path)
    make_corpus(session.workspace)
    session.choose_corpus("tale")
    training = {"steps": 100_000, "batch": 2, "validate_every": 100_000, "sample_every": 0, "checkpoint_every": 0}
    session.change_draft(family="gpt", preset="tiny", model=MODELS["gpt"], training=training)
    session.start_training()
    pane = open_pane(session)
    qtbot.waitUntil(lambda: pane.seen is not None, timeout=20_000)
    assert pane.source.version == "now"
    assert pane._following.interval() == FOLLOW_MILLISECONDS
    before, step = pane.seen.trace.attention, pane.seen.step
    qtbot.waitUntil(lambda: pane.source.step > step)
    pane._follow()
    qtbot.waitUntil(lambda: pane.seen.step > step, timeout=20_000)
    assert not np.array_equal(pane.seen.trace.attention, before)
    assert pane.large.note.text().endswith("in training")
    session.stop()
    qtbot.waitUntil(lambda: not session.busy and pane.source.version == "best", timeout=20_000)
    qtbot.waitUntil(lambda: pane.large.note.text() == f"step {pane.source.step:,}")
    assert not pane._following.isActive()


def test_it_looks_the_same_when_it_is_opened_later(pane, qtbot):
    pane.heads.grid._take((1, 1))
    pane.large.heatmap.mark((6, 3))
    light = picture(pane.large.heatmap)
    theme.current().set_mode("dark")
    assert picture(pane.large.heatmap) != light
    theme.current().set_mode("light")
    qtbot.waitUntil(lambda: picture(pane.large.heatmap) == light)  # the layout settles in the event loop
    for widget in pane.findChildren(QWidget):
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.isVisibleTo(pane):
            assert widget.accessibleName(), type(widget).__name__


def test_it_closes_in_the_middle_of_a_job(folder, open_session, qtbot):
    session = open_session(folder)
    session.open_run("reader")
    pane = InspectPane(session)
    pane.deleteLater()
    qtbot.waitUntil(lambda: not session.jobs._started)


def test_another_runs_folder_may_vanish(pane, qtbot):
    pane.source.choose("nobody")
    assert pane.source.run is not None
    assert pane.source.run.name == "reader"


# A model that counts ---------------------------------------------------------------------------------------------


@pytest.fixture
def counter(folder, open_session, open_pane, qtbot) -> InspectPane:
    """On the n-gram run “counter”."""
    session = open_session(folder)
    session.open_run("counter")
    made = open_pane(session)
    qtbot.waitUntil(lambda: made.reading.seen is not None and not made.reading.busy)
    return made


def test_an_ngram_model_shows_what_follows_what(counter):
    assert counter._stack.currentWidget() is counter.transitions
    assert not counter.bar.field.isVisible() and not counter.bar.table.isVisible()
    assert counter.bar.chooser.isVisible()
    expected = pipeline.transitions(counter.session.workspace.run("counter"))
    heatmap = counter.transitions.heatmap
    np.testing.assert_array_equal(heatmap.weights, expected.probabilities)
    assert heatmap.tokens == expected.tokens == expected.contexts
    assert not heatmap.masked
    assert heatmap.maximum == expected.probabilities.max()
    assert counter.transitions.matrix.note.text() == "step 3"
    assert counter.regions() == [heatmap, counter.transitions.list]


def test_the_value_under_the_pointer_and_the_sorted_row(counter, qtbot):
    heatmap, shown = counter.transitions.heatmap, counter.reading.seen.shown
    row, column = shown.tokens.index("T"), shown.tokens.index("h")
    heatmap._hover(heatmap.cell_at(QPointF(heatmap.box_of((row, column)).center())))
    value = f"{shown.probabilities[row, column]:.3f}"
    assert heatmap.readout((row, column)) == [("after", "T", ""), ("comes", "h", ""), ("probability", "", value)]
    assert heatmap.accessibleDescription() == f"after T comes h, {value}"
    assert counter.transitions.row.title.text() == "What follows “T”"
    bars = counter.transitions.list.bars
    order = np.argsort(-shown.probabilities[row], kind="stable")
    assert [bar.label for bar in bars] == [label(shown.tokens[one]) for one in order]
    assert bars[counter.transitions.list.current].label == "h"
    assert counter.transitions.words() == f"All tokens that are not shown have {shown.others[row]:.3f} together."
    heatmap._hover(None)
    heatmap.mark((row, column))
    qtbot.keyClick(counter.transitions.list, Qt.Key.Key_End)
    assert heatmap.cell == (row, order[-1])
    assert picture(heatmap) is not None


@pytest.mark.parametrize("ending", [".png", ".svg", ".csv"])
def test_transitions_are_exported(counter, tmp_path, qtbot, ending):
    dialog = counter.reading.ask_for_file(ending)
    path = tmp_path / f"transitions{ending}"
    with qtbot.waitSignal(counter.said, timeout=20_000) as said:
        dialog.fileSelected.emit(str(path))
    dialog.close()
    assert said.args == [f"Saved as “{path}”.", "ok"]
    assert path.stat().st_size > 100


def test_it_changes_between_attention_and_transitions(counter, qtbot):
    counter.source.choose("reader")
    qtbot.waitUntil(lambda: counter.seen is not None and not counter._capture.busy)
    assert counter._stack.currentIndex() == 0
    assert counter.bar.field.isVisible() and counter.bar.export.isVisible()
    counter.source.choose("counter")
    qtbot.waitUntil(lambda: not counter.reading.busy)
    assert counter._stack.currentWidget() is counter.transitions
    qtbot.keyClick(counter.transitions.heatmap, Qt.Key.Key_T)
    assert not counter.large.is_table


def test_a_model_that_cannot_be_read_says_so(tmp_path, open_session, open_pane, qtbot):
    workspace = make_workspace(tmp_path)
    make_run(workspace, "counter", "ngram", day=4, steps=(1,))  # it has counted nothing
    session = open_session(tmp_path)
    session.open_run("counter")
    pane = open_pane(session)
    qtbot.waitUntil(pane.transitions.banner.isVisible)
    assert "not counted anything yet" in pane.transitions.banner._words.text()
    assert pane.reading.ask_for_file(".png") is None
    assert not pane.transitions.export.isEnabled()
