"""The window that looks for a learning rate, from the form of the next run and back into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import Qt

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.study import learning_rate_finder
from lmstudio_app.gui import theme
from lmstudio_app.gui.panes.training import TrainPane
from lmstudio_app.gui.rate_finder import RateFinder
from lmstudio_app.gui.session import Session
from tests.gui.pseudo_language import installed
from tests.gui.test_walks import cut_off, missed_words
from tests.gui.trained_runs import make_corpus

TINY = {"layers": 1, "heads": 2, "width": 16, "context": 16, "dropout": 0.0}


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
    qtbot.waitUntil(lambda: not made.record.reading)
    return made


@pytest.fixture
def search(pane: TrainPane, qtbot) -> Callable[[], RateFinder]:
    def begin() -> RateFinder:
        qtbot.waitUntil(lambda: pane.form.find_rate is not None and pane.form.find_rate.isEnabled())
        qtbot.mouseClick(pane.form.find_rate, Qt.MouseButton.LeftButton)
        return pane.findChild(RateFinder)

    return begin


def test_what_is_found_goes_into_the_draft(pane: TrainPane, search, session: Session, qtbot):
    dialog = search()
    assert not dialog.use.isEnabled()
    qtbot.waitUntil(dialog.use.isEnabled, timeout=60_000)
    rate = dialog.suggested
    assert rate is not None
    assert dialog.plot.shown_points() > 50
    assert dialog.plot.marked() == pytest.approx(rate)
    assert f"{rate:g}" in dialog.use.text()
    assert f"{rate:g}" in dialog.status.text()
    assert dialog.plot.accessibleDescription() == dialog.status.text()
    qtbot.keyClick(dialog, Qt.Key.Key_Return)
    assert session.draft.training == {"batch": 4, "steps": 12, "learning_rate": rate}
    assert pane.form.form.values()["training.learning_rate"] == rate
    assert session.workspace.run_names() == []
    qtbot.waitUntil(lambda: pane.findChild(RateFinder) is None)


def test_closing_it_ends_the_search_and_changes_nothing(pane: TrainPane, search, session: Session, qtbot):
    before, dialog = session.draft, search()
    qtbot.waitUntil(lambda: dialog.plot.shown_points() > 0, timeout=30_000)
    thread = dialog._thread
    dialog.reject()
    assert thread.stopping()
    qtbot.waitUntil(lambda: not session.jobs._started)
    assert session.draft == before


@pytest.mark.parametrize("failure", [UserError("The text is gone."), ZeroDivisionError("by zero")])
def test_a_search_that_fails_says_why(search, session: Session, qtbot, monkeypatch, failure: Exception):
    def failing(*words: object) -> Iterator[object]:
        raise failure
        yield

    monkeypatch.setattr(learning_rate_finder, "try_rates", failing)
    told: list[object] = []
    session.failed.connect(told.append)
    dialog = search()
    ended: list[int] = []
    dialog.finished.connect(ended.append)
    if isinstance(failure, UserError):
        qtbot.waitUntil(lambda: dialog.status.text() == "The text is gone.")
        assert not dialog.use.isEnabled()
        dialog.reject()
    else:
        qtbot.waitUntil(lambda: bool(told and ended))


def test_the_button_says_why_it_cannot_be_pressed(pane: TrainPane, session: Session, qtbot, monkeypatch):
    qtbot.waitUntil(pane.form.find_rate.isEnabled)
    session.change_draft(model=TINY | {"heads": 3})
    qtbot.waitUntil(lambda: not pane.form.find_rate.isEnabled())
    assert "Fix the fields" in pane.form.find_rate.toolTip()
    session.change_draft(model=TINY)
    qtbot.waitUntil(pane.form.find_rate.isEnabled)
    monkeypatch.setattr(Session, "busy", property(lambda session: True))
    pane.find_rate()
    assert "A run is training" in pane.form.find_rate.toolTip()
    assert pane.findChild(RateFinder) is None


def test_a_family_that_counts_has_no_rate_and_no_button(pane: TrainPane, session: Session, qtbot):
    session.choose_family("ngram")
    qtbot.waitUntil(lambda: "training.learning_rate" not in pane.form.form.rows())
    assert pane.form.find_rate is None
    pane.find_rate()
    assert pane.findChild(RateFinder) is None
    session.choose_family("gpt", TINY)
    qtbot.waitUntil(lambda: pane.form.find_rate is not None and pane.form.find_rate.isEnabled())


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_its_words_are_translated_and_fit(search, qtbot, mode: str):
    theme.current().set_mode(mode)
    with installed():
        dialog = search()
        qtbot.waitUntil(dialog.use.isEnabled, timeout=60_000)
        qtbot.wait(100)
        assert not missed_words(dialog)
        assert not cut_off(dialog)
        dialog.reject()
