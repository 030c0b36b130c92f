"""The window that measures the machine; the figures are made up."""

from __future__ import annotations

import threading
from collections.abc import Generator

import pytest
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QApplication, QDialog
from shiboken6 import isValid

from lmstudio_app.engine import pipeline
from lmstudio_app.engine.events import BenchDone, BenchMeasured, Event, Noted, Progress
from lmstudio_app.gui.job_thread import Jobs
from lmstudio_app.gui.machine_speed import MachineSpeed
from tests.gui.pseudo_language import installed
from tests.gui.test_walks import controls, cut_off, missed_words, name_of

MEASURED = (
    BenchMeasured("import", value=2.3456, unit="MB/s", tokenizer="bpe"),
    BenchMeasured("training", "gpt", "small", 12345.6, "tokens/s", threads=2, gflops=61.0, share=0.304),
)


class Quiet(QObject):
    """A session that may be busy."""

    job_changed = Signal()
    preparing_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.jobs = Jobs(self)
        self.busy = False
        self.preparing: Progress | None = None


@pytest.fixture
def quiet(qapp: QApplication) -> Generator[Quiet, None, None]:
    made = Quiet()
    yield made
    made.jobs.close()


@pytest.fixture
def dialog(qtbot, quiet: Quiet) -> Generator[MachineSpeed, None, None]:
    made = MachineSpeed(quiet)  # type: ignore[arg-type]
    made.show()
    qtbot.waitExposed(made)
    yield made
    if isValid(made):
        made.close()


class Bench:
    """Stands in for the verb: waits before its end until it may go on; `closed` once it was given up."""

    def __init__(self) -> None:
        self.go_on, self.closed = threading.Event(), False

    def __call__(self) -> Generator[Event, None, None]:
        try:
            yield Progress("Measuring", 0, 2, "measurements")
            yield from MEASURED
            while not self.go_on.wait(0.01):
                yield Progress("Measuring", 1, 2, "measurements")
            yield Noted("{family} could not be measured.", {"family": "tower"})
            yield BenchDone("A processor", "A device", 2, 1.0)
        except GeneratorExit:
            self.closed = True
            raise


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench()
    monkeypatch.setattr(pipeline, "bench", made, raising=False)
    return made


def words(dialog: MachineSpeed) -> str:
    return dialog._words.text()


def test_figures_arrive_one_by_one_and_are_copied_as_text(qtbot, dialog: MachineSpeed, bench: Bench):
    assert not dialog.copying.isEnabled()
    dialog.start.click()
    assert not dialog.start.isEnabled()
    qtbot.waitUntil(lambda: dialog.table.model().rowCount() == 2)
    assert dialog.halt.isEnabled()
    bench.go_on.set()
    qtbot.waitUntil(dialog.start.isEnabled)
    assert "A processor" in words(dialog)
    assert "tower could not be measured." in words(dialog)
    dialog.copying.click()
    lines = [line.split("\t") for line in QApplication.clipboard().text().splitlines()]
    assert lines[0][:2] == ["Of", "What"]
    assert lines[2] == ["gpt small", "Training", "12,346", "tokens/s", "2", "61.00", "30.4 %"]


def test_it_can_be_stopped(qtbot, dialog: MachineSpeed, bench: Bench):
    dialog.start.click()
    qtbot.waitUntil(lambda: dialog.table.model().rowCount() == 2)
    dialog.halt.click()
    qtbot.waitUntil(dialog.start.isEnabled)
    assert bench.closed
    assert words(dialog) == "Stopped."
    assert dialog.table.model().rowCount() == 2


def test_closing_it_stops_it_too(qtbot, dialog: MachineSpeed, bench: Bench):
    dialog.start.click()
    qtbot.waitUntil(lambda: dialog.table.model().rowCount() == 2)
    dialog.accept()
    qtbot.waitUntil(lambda: bench.closed)


def test_it_refuses_while_something_else_computes(qtbot, dialog: MachineSpeed, quiet: Quiet, bench: Bench):
    quiet.busy = True
    quiet.job_changed.emit()
    assert not dialog.start.isEnabled()
    assert "training" in dialog.start.toolTip()
    assert "training" in words(dialog)
    quiet.busy = False
    quiet.job_changed.emit()
    assert dialog.start.isEnabled()
    assert not words(dialog)
    dialog.start.click()
    quiet.preparing = Progress("Reading", 0, 1, "bytes")
    quiet.preparing_changed.emit()
    qtbot.waitUntil(lambda: bench.closed)
    assert not dialog.start.isEnabled()


def test_a_failure_is_told_in_one_sentence(qtbot, dialog: MachineSpeed, monkeypatch: pytest.MonkeyPatch):
    def broken() -> Generator[Event, None, None]:
        yield Progress("Measuring", 0, 2, "measurements")
        raise ValueError("no")

    monkeypatch.setattr(pipeline, "bench", broken, raising=False)
    dialog.measure()
    qtbot.waitUntil(dialog.start.isEnabled)
    assert words(dialog) == "ValueError: no"


def test_its_words_are_translated_and_fit(qtbot, quiet: Quiet):
    with installed():
        made = MachineSpeed(quiet)  # type: ignore[arg-type]
        made.show()
        qtbot.waitExposed(made)
        assert not missed_words(made)
        assert not cut_off(made)
        assert not [widget for widget in controls(made) if not name_of(widget)]
        made.close()


def test_the_settings_lead_there(qtbot, window):
    window.show_settings()
    window._settings.measure.click()
    qtbot.waitUntil(lambda: [type(one) for one in window.findChildren(QDialog) if one.isVisible()] == [MachineSpeed])
    next(one for one in window.findChildren(QDialog) if one.isVisible()).reject()
