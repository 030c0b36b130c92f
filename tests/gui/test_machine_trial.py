"""Two steps before Train is pressed, and the size that suits this machine, in the form of the next run."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import Event, Progress, TrialDone
from lmstudio_app.engine.study.sizes import Machine
from lmstudio_app.gui.panes.training import TrainPane
from lmstudio_app.gui.session import Session
from lmstudio_app.gui.widgets.text import Text
from tests.gui.trained_runs import make_corpus

TINY = {"layers": 1, "heads": 2, "width": 16, "context": 16, "dropout": 0.0}
DONE = TrialDone("a machine", 1, 12, 0.25, 4321.0, 0.1, 0.1, 3723.0, 250_000_000, 240_000_000)


@pytest.fixture
def pane(session: Session, qtbot) -> Iterator[TrainPane]:
    make_corpus(session.workspace)
    session.choose_corpus("tale")
    session.change_draft(family="gpt", preset="tiny", model=TINY, training={"batch": 4, "steps": 12})
    made = TrainPane(session)
    qtbot.addWidget(made)
    made.resize(1280, 760)
    with qtbot.waitExposed(made):
        made.show()
    qtbot.waitUntil(lambda: not made.record.reading and made.form.try_steps.isEnabled())
    return made


def answer(monkeypatch: pytest.MonkeyPatch, *events: Event, failure: Exception | None = None) -> None:
    def told(*words: object) -> Iterator[Event]:
        yield from events
        if failure is not None:
            raise failure

    monkeypatch.setattr(importlib.import_module("lmstudio_app.engine.pipeline"), "preflight", told)


def basis(pane: TrainPane) -> str:
    return pane.form._basis.text()


def test_a_real_process_tells_what_it_takes_and_makes_no_run(pane: TrainPane, session: Session, qtbot):
    session.choose_family("ngram", {"order": 3})
    qtbot.waitUntil(lambda: pane.next_run.config is not None and pane.next_run.config.family == "ngram")
    qtbot.mouseClick(pane.form.try_steps, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: pane.form.try_steps.text() == "Stop measuring")
    qtbot.waitUntil(lambda: "Measured on 100 % of the text" in basis(pane), timeout=60_000)
    qtbot.waitUntil(lambda: pane.form.try_steps.text() == "Try two steps")
    assert session.workspace.run_names() == []
    assert not session.busy


def test_figures_go_when_a_setting_changes_and_come_back_with_it(pane, session: Session, qtbot, monkeypatch):
    answer(monkeypatch, DONE)
    pane.form.try_steps.click()
    qtbot.waitUntil(lambda: "4,321 tokens/s" in basis(pane))
    told = " ".join(one.text() for one in pane.form._time.findChildren(Text))
    assert "1 h" in told or "62" in told, told
    session.change_draft(name="another name")
    pane.next_run.check()
    assert "4,321" in basis(pane), "a name changes no figure"
    session.change_draft(training={"batch": 8, "steps": 12})
    pane.next_run.check()
    assert "4,321" not in basis(pane)
    session.change_draft(training={"batch": 4, "steps": 12})
    pane.next_run.check()
    assert "4,321" in basis(pane)


def test_a_trial_that_cannot_be_says_why(pane: TrainPane, qtbot, monkeypatch):
    answer(monkeypatch, failure=UserError("Two steps need more than there is."))
    pane.form.try_steps.click()
    qtbot.waitUntil(lambda: "Two steps need more" in basis(pane))
    assert pane.form.try_steps.isEnabled()


def test_it_stops_when_asked_and_gives_way_to_a_training(pane: TrainPane, session: Session, qtbot, monkeypatch):
    ended: list[str] = []

    def endless(*words: object) -> Iterator[Event]:
        import time

        try:
            while True:
                yield Progress("Trying", 0, 0, "steps")
                time.sleep(0.01)
        finally:
            ended.append("ended")

    monkeypatch.setattr(importlib.import_module("lmstudio_app.engine.pipeline"), "preflight", endless)
    pane.form.try_steps.click()
    assert pane.next_run.trial.busy
    pane.form.try_steps.click()
    qtbot.waitUntil(lambda: not pane.next_run.trial.busy)
    pane.form.try_steps.click()
    monkeypatch.setattr(Session, "busy", property(lambda session: True))
    session.job_changed.emit()
    qtbot.waitUntil(lambda: not pane.next_run.trial.busy)
    assert ended == ["ended", "ended"]
    pane.next_run.check()
    assert not pane.form.try_steps.isEnabled()
    assert "A run is training" in pane.form.try_steps.toolTip()
    pane.next_run.try_steps()
    assert not pane.next_run.trial.busy
    pane.form.preset_chosen.emit("fit")
    assert not pane.next_run.trial.busy
    qtbot.waitUntil(lambda: basis(pane).startswith("A run is training. Try when it has ended."))
    session.change_draft(preset="small")
    qtbot.waitUntil(lambda: not basis(pane).startswith("A run is training"))


def test_the_size_of_this_machine_fills_the_form(pane: TrainPane, session: Session, qtbot, monkeypatch):
    story = importlib.import_module("lmstudio_app.engine.pipeline.fit_machine")
    monkeypatch.setattr(story, "this_machine", lambda config: Machine(2e10, 8 * 10**9))
    session.change_draft(model={}, training={})
    box = pane.form.preset
    box.setCurrentIndex(box.findText("Fit this machine"))
    box.activated.emit(box.currentIndex())
    qtbot.waitUntil(lambda: pane.next_run.trial.fitted, timeout=30_000)
    qtbot.waitUntil(lambda: box.currentText() == "Fit this machine")
    slow = dict(session.draft.model)
    assert {"layers", "heads", "width", "context"} <= slow.keys()
    values = pane.form.form.values()
    assert {name: values[f"model.{name}"] for name in slow} == slow
    assert session.configuration().model.model_dump().items() >= slow.items()
    monkeypatch.setattr(story, "this_machine", lambda config: Machine(1e12, 8 * 10**9))
    pane.next_run.trial.fit()
    qtbot.waitUntil(lambda: session.draft.model["width"] > slow["width"], timeout=30_000)
    pane.form.preset_chosen.emit("tiny")
    assert session.draft.model == {}
    assert box.currentText().startswith("Tiny")


def test_a_family_that_counts_has_presets_alone(pane: TrainPane, session: Session):
    session.choose_family("ngram")
    assert pane.form.preset.findText("Fit this machine") == -1
