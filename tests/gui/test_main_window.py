"""The window itself: panes, keys, status, closing, workspaces."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QApplication, QMessageBox

from lmstudio_app.engine.devices import Device
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import Noted
from lmstudio_app.engine.storage.atomic import DiskFull
from lmstudio_app.engine.training.control import Control
from lmstudio_app.engine.training.record import Record
from lmstudio_app.engine.workspace import Workspace
from lmstudio_app.gui import app, theme
from lmstudio_app.gui.main_window import PANES, MainWindow
from lmstudio_app.gui.session import Session
from lmstudio_app.gui.training_job import TrainingJob
from lmstudio_app.gui.widgets.text import ElidedText, Text
from tests.gui.trained_runs import MODELS, make_run, make_workspace

ENDLESS = {"steps": 1_000_000, "batch": 2, "validate_every": 100, "sample_every": 0, "checkpoint_every": 0}


@pytest.fixture
def window(qtbot, qapp, tmp_path: Path) -> Iterator[MainWindow]:
    """The window on a workspace with a corpus and three runs."""
    make_workspace(tmp_path / "trained")
    made = opened(qtbot, tmp_path / "trained")
    yield made
    made.session.close()


def opened(qtbot, folder: Path) -> MainWindow:
    session = Session()
    made = MainWindow(session)
    session.setParent(made)
    qtbot.addWidget(made, before_close_func=lambda window: window.session.close())
    made.resize(1280, 800)
    with qtbot.waitSignal(made.painted):
        made.show()
    made.activateWindow()  # keys go to the active window, and no window manager makes it so
    qtbot.waitUntil(made.isActiveWindow)
    made.open_workspace(folder)
    qtbot.waitUntil(lambda: not session._run_list.reading)
    return made


def train(window: MainWindow, qtbot) -> str:
    session = window.session
    session.change_draft(corpus="tale", family="gpt", model=MODELS["gpt"], tokenizer={"kind": "character"},
                         execution={"device": "cpu"}, training=ENDLESS)  # fmt: skip
    name = session.start_training()
    qtbot.waitUntil(lambda: session.job.step > 3, timeout=30_000)
    return name


def stop(window: MainWindow, qtbot) -> None:
    window.session.stop()
    qtbot.waitUntil(lambda: not window.session.busy, timeout=30_000)


def press(window: MainWindow, qtbot, keys: str) -> None:
    qtbot.keySequence(window, QKeySequence(keys))


def box(window: MainWindow, qtbot) -> QMessageBox:
    qtbot.waitUntil(lambda: any(found.isVisible() for found in window.findChildren(QMessageBox)))
    return next(found for found in window.findChildren(QMessageBox) if found.isVisible())


def answer(window: MainWindow, qtbot, words: str) -> None:
    asked = box(window, qtbot)
    next(button for button in asked.buttons() if button.text() == words).click()


def status_words(window: MainWindow) -> str:
    labels = [label for label in window.strip.findChildren(Text) if label.isVisible()]
    return " ".join(label.words() if isinstance(label, ElidedText) else label.text() for label in labels)


# Panes ----------------------------------------------------------------------------------------------------------


def test_an_empty_workspace_begins_with_the_start_page(qtbot, tmp_path):
    window = opened(qtbot, tmp_path / "empty")
    assert window.pane.name == "start"
    assert window.rail.buttons["corpus"].isChecked()
    window.session.close()


def test_keys_and_buttons_show_the_panes(window, qtbot):
    for number, entry in enumerate(PANES, 1):
        press(window, qtbot, f"Ctrl+{number}")
        assert window.pane.name == entry.name
        assert [button.name for button in window.rail.buttons.values() if button.isChecked()] == [entry.name]
        assert window.top_bar._title.text() == window.pane.title()
    qtbot.mouseClick(window.rail.buttons["runs"], Qt.MouseButton.LeftButton)
    assert window.pane.name == "runs"


def test_a_pane_is_built_once(window):
    window.show_pane("runs")
    first = window.pane
    window.show_pane("console")
    window.show_pane("runs")
    assert window.pane is first


def test_f6_leaves_out_what_cannot_be_used(qtbot, tmp_path):
    window = opened(qtbot, tmp_path / "empty")
    usable = [part for part in window.pane.regions() if part.isVisible() and part.isEnabled()]
    window.rail.buttons["corpus"].setFocus()
    seen = []
    for _ in range(len(usable) + 2):
        press(window, qtbot, "F6")
        seen.append(window.focusWidget())
    assert seen[0] is window.top_bar.theme_button and seen[-1] is window.rail.buttons["corpus"]
    assert len(set(seen)) == len(seen)
    window.session.close()


def test_the_rail_shows_what_is_shown_although_another_button_was_pressed(qtbot, qapp):
    session = Session()
    window = MainWindow(session)  # no workspace is open yet
    session.setParent(window)
    qtbot.addWidget(window, before_close_func=lambda closing: closing.session.close())
    with qtbot.waitSignal(window.painted):
        window.show()
    for name in ("train", "runs"):
        qtbot.mouseClick(window.rail.buttons[name], Qt.MouseButton.LeftButton)
        assert [button.name for button in window.rail.buttons.values() if button.isChecked()] == ["corpus"]


def test_f6_goes_from_region_to_region_and_back(window, qtbot):
    window.show_pane("runs")
    window.rail.buttons["runs"].setFocus()
    seen = []
    for _ in range(4):
        press(window, qtbot, "F6")
        seen.append(window.focusWidget())
    assert seen[:3] == [window.top_bar.theme_button, window.pane.filter, window.pane.table]
    press(window, qtbot, "Shift+F6")
    assert window.focusWidget() is not seen[3]


def test_text_grows_by_keys(window, qtbot):
    press(window, qtbot, "Ctrl++")
    assert theme.current().scale > 1
    press(window, qtbot, "Ctrl+0")
    assert theme.current().scale == 1
    press(window, qtbot, "Ctrl+-")
    assert theme.current().scale < 1


def test_the_theme_button_changes_the_palette_and_its_own_words(window, qtbot):
    before = window.top_bar.theme_button.accessibleName()
    qtbot.mouseClick(window.top_bar.theme_button, Qt.MouseButton.LeftButton)
    assert theme.current().dark
    assert window.top_bar.theme_button.accessibleName() != before


def test_a_pane_without_something_to_show_is_grey_and_says_why(window):
    window.session.open_run("listener")
    button = window.rail.buttons["inspect"]
    assert button.property("lacking") and button.accessibleDescription()
    make_run(window.session.workspace, "counter", "ngram", day=4)
    for run in ("reader", "counter"):
        window.session.open_run(run)
        assert not button.property("lacking")


# The status strip -----------------------------------------------------------------------------------------------


def test_the_strip_follows_the_training(window, qtbot):
    assert "No job running" in status_words(window)
    name = train(window, qtbot)
    qtbot.waitUntil(lambda: "of 1,000,000" in status_words(window))
    assert name in status_words(window) and "left" in status_words(window)
    assert window.rail.buttons["train"].accessibleDescription() == "A run is training"
    qtbot.mouseClick(window.strip.pause, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Paused" in status_words(window))
    assert window.strip.pause.text() == "Resume"
    press(window, qtbot, "Ctrl+P")
    qtbot.waitUntil(lambda: "Training" in status_words(window))
    press(window, qtbot, "Ctrl+.")
    qtbot.waitUntil(lambda: "Stopped" in status_words(window), timeout=30_000)
    assert "a checkpoint is kept" in status_words(window)
    assert not window.strip.stop.isVisible()


def test_the_strip_says_what_an_end_has_left(window, qtbot):
    def said(step: int, saved: int, outcome: str, steps: int = 40) -> str:
        window.session.trainings.job = job = TrainingJob("tale 1", "tale", Control())
        job.step, job.saved_step, job.steps, job.outcome, job.state = step, saved, steps, outcome, "ended"
        window.session.job_changed.emit()
        return status_words(window)

    assert "before its first step" in said(0, 0, "stopped")
    assert "nothing could be saved" in said(9, 0, "stopped")
    assert "only its checkpoint of step 4 is kept" in said(9, 4, "stopped")
    assert "a checkpoint is kept" in said(9, 9, "stopped")
    assert "could not begin" in said(0, 0, "failed", steps=0)
    assert "it has no checkpoint" in said(9, 0, "failed")
    assert "its checkpoint of step 4 is kept" in said(9, 4, "failed")


def test_the_strip_shows_a_corpus_in_preparation(window, qtbot):
    window.session.prepare(sample="stories")
    qtbot.waitUntil(lambda: "Preparing text" in status_words(window))
    assert window.strip.stop.isVisible() and not window.strip.pause.isVisible()
    qtbot.mouseClick(window.strip.stop, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "No job running" in status_words(window), timeout=30_000)


def test_ctrl_s_saves_a_checkpoint(window, qtbot):
    name = train(window, qtbot)
    before = len(window.session.workspace.run(name).checkpoints())
    press(window, qtbot, "Ctrl+S")
    qtbot.waitUntil(lambda: len(window.session.workspace.run(name).checkpoints()) > before, timeout=30_000)
    stop(window, qtbot)


def test_the_strip_leaves_out_what_matters_least_in_a_narrow_window(window, qtbot):
    window.strip.show_machine("A processor with a rather long name", "RAM 1.0 GB / 16.0 GB", "GPU memory 1 GB / 8 GB")
    train(window, qtbot)
    window.resize(900, 600)
    qtbot.wait(50)
    assert window.strip.stop.isVisible()
    assert not window.strip._offline.isVisible()
    assert window.strip.minimumSizeHint().width() <= window.width()
    stop(window, qtbot)


# Sentences ------------------------------------------------------------------------------------------------------


def test_what_went_wrong_is_said_above_the_pane(window):
    window.session.failed.emit(UserError("“{path}” is empty.", path="a.txt"))
    assert window.banner.words() == "“a.txt” is empty."
    window.session.prepared.emit("b")
    assert window.banner.words() == ""
    window.say("“c” is in the bin.")
    window.session.prepared.emit("b")
    assert window.banner.words() == "“c” is in the bin."


def test_a_bug_offers_its_details(window, qtbot):
    try:
        raise ZeroDivisionError("oh")
    except ZeroDivisionError as error:
        window.session.failed.emit(error)
    assert "ZeroDivisionError" in window.banner.words()
    qtbot.mouseClick(window.banner._action, Qt.MouseButton.LeftButton)
    assert "Traceback" in QApplication.clipboard().text()
    assert window.banner.words() == ""


def test_a_note_of_the_training_is_shown(window):
    names = ("step-000000004", "step-000000008")
    window.session.noted.emit([Noted("The checkpoint “{name}” is damaged.", {"name": name}) for name in names])
    assert all(name in window.banner.words() for name in names)


# Workspaces -----------------------------------------------------------------------------------------------------


def test_another_folder_is_opened_in_the_same_window(window, qtbot, tmp_path):
    window.show_pane("runs")
    window.open_workspace(tmp_path / "other")
    assert window.pane.name == "start"
    assert theme.preferences().value("workspace") == str(tmp_path / "other")
    qtbot.waitUntil(lambda: window.session.runs == ())
    window.open_workspace(tmp_path / "trained")
    assert window.pane.name == "runs"  # where it was left
    qtbot.waitUntil(lambda: window.pane.table.filtered.rowCount() == 3)


def test_a_folder_that_cannot_be_opened_is_told_and_the_old_one_stays(window, tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    window.open_workspace(tmp_path / "file")
    assert "is a file" in window.banner.words()
    assert window.session.workspace.folder == tmp_path / "trained"


def test_place_and_size_are_remembered_with_the_workspace(qtbot, tmp_path):
    make_workspace(tmp_path / "trained")
    first = opened(qtbot, tmp_path / "trained")
    first.resize(900, 640)
    first.show_pane("runs")
    first.close()
    again = opened(qtbot, tmp_path / "trained")
    if again.screen().availableSize().height() > 700:  # what is beyond a small screen is cut
        assert again.height() == 640
    assert again.pane.name == "runs"
    again.close()


def test_a_second_window_says_so_and_works(window, qtbot, tmp_path):
    other = opened(qtbot, tmp_path / "trained")
    assert "in use" in other.banner.words()
    other.show_pane("runs")
    qtbot.waitUntil(lambda: other.pane.table.filtered.rowCount() == 3)
    other.close()


# Settings -------------------------------------------------------------------------------------------------------


def test_settings_take_effect_at_once(window, qtbot, tmp_path):
    press(window, qtbot, "Ctrl+,")
    dialog = window._settings
    assert dialog.folder.text() == str(tmp_path / "trained")
    qtbot.waitUntil(lambda: "takes" in dialog._size.text())
    dialog.folder_chosen.emit(tmp_path / "other")
    assert dialog.folder.text() == str(tmp_path / "other")
    dialog.text_size.setCurrentIndex(dialog.text_size.findData(1.5))
    dialog.text_size.activated.emit(dialog.text_size.currentIndex())
    assert theme.current().scale == 1.5
    dialog.device_chosen.emit("cpu")
    assert window.session.draft.execution == {"device": "cpu"}
    again = app.open_window()  # the next start of the program
    assert again.session.preferred_device == "cpu"
    again.session.close()
    again.deleteLater()
    dialog.accept()
    qtbot.waitUntil(lambda: window._settings is None)


def test_devices_of_one_kind_are_one_choice(window, qtbot):
    cards = [Device("cpu", "CPU", 1), Device("cuda:0", "The first card", 1), Device("cuda:1", "The second", 1)]
    window.session.devices = tuple(cards)
    window.show_settings()
    box = window._settings.device
    assert [box.itemData(place) for place in range(box.count())] == ["auto", "cpu", "cuda"]
    assert box.itemText(2) == "The first card"
    window._settings.accept()


def test_the_size_is_that_of_the_folder_beside_it(window, qtbot, tmp_path, monkeypatch):
    measured = threading.Event()

    def size_bytes(workspace: Workspace) -> int:
        if workspace.folder.name != "trained":
            return 2_500_000
        measured.wait(20)
        return 111_000_000

    monkeypatch.setattr(Workspace, "size_bytes", size_bytes)
    window.show_settings()
    window.open_workspace(tmp_path / "other")
    qtbot.waitUntil(lambda: "2.5 MB" in window._settings._size.text())
    measured.set()
    qtbot.waitUntil(lambda: not window.session.jobs._started)
    assert "2.5 MB" in window._settings._size.text()
    window._settings.accept()


# Adding text and training ---------------------------------------------------------------------------------------


def test_training_while_a_run_trains_asks(window, qtbot):
    first = train(window, qtbot)
    window.show_pane("runs")
    window.session.change_draft(training={"steps": 8, "batch": 2, "sample_every": 0})
    window.pane.train()
    answer(window, qtbot, "Cancel")
    assert window.session.queued == []
    window.pane.train()
    answer(window, qtbot, "Queue behind it")
    assert len(window.session.queued) == 1 and "Queued" in window.banner.words()
    window.pane.train()
    answer(window, qtbot, "Stop it first")
    qtbot.waitUntil(lambda: window.session.job.run != first, timeout=30_000)
    qtbot.waitUntil(lambda: not window.session.busy and not window.session.queued, timeout=60_000)


# Closing --------------------------------------------------------------------------------------------------------


def test_closing_with_a_training_asks_keeps_it_or_stops_it(window, qtbot):
    name = train(window, qtbot)
    assert not window.close()
    answer(window, qtbot, "Keep training")
    assert window.isVisible() and window.session.busy
    assert not window.close()
    answer(window, qtbot, "Stop and close")
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=30_000)
    run = window.session.workspace.run(name)
    assert run.state == "stopped" and run.checkpoints()


def test_closing_with_a_paused_training_stops_it_too(window, qtbot):
    name = train(window, qtbot)
    window.session.pause()
    qtbot.waitUntil(lambda: window.session.job.state == "paused")
    assert not window.close()
    answer(window, qtbot, "Stop and close")
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=30_000)
    assert window.session.workspace.run(name).state == "stopped"


def test_closing_waits_for_an_answer_when_the_last_checkpoint_cannot_be_saved(window, qtbot, monkeypatch):
    name = train(window, qtbot)

    def full(record: Record, *arguments: object) -> None:
        raise DiskFull(tmp, 1_000)

    tmp = window.session.workspace.folder
    monkeypatch.setattr(Record, "checkpoint", full)
    window.close()
    answer(window, qtbot, "Stop and close")
    answer(window, qtbot, "Keep the window open")
    assert window.isVisible() and not window.session.busy
    assert "The disk is full" in window.banner.words() and "since step 0 could not be saved" in window.banner.words()
    run = window.session.workspace.run(name)
    assert run.checkpoints() == [] and "The disk is full" in run.status.reason
    window.closing.ask_to_lose(window.session.job)
    answer(window, qtbot, "Close all the same")
    qtbot.waitUntil(lambda: not window.isVisible())


def test_closing_forgets_what_waits(window, qtbot):
    train(window, qtbot)
    window.session.change_draft(training={"steps": 8, "batch": 2})
    waiting = window.session.start_training()
    window.close()
    answer(window, qtbot, "Stop and close")
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=30_000)
    assert window.session.workspace.run(waiting).state == "queued"


def test_it_opens_and_closes_often_without_a_trace(qtbot, qapp, tmp_path):
    make_workspace(tmp_path / "trained")
    for _ in range(3):
        window = opened(qtbot, tmp_path / "trained")
        for entry in PANES:
            window.show_pane(entry.name)
        window.close()
