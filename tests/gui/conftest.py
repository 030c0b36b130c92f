"""What every test of the window gets: an application, a throw-away place for preferences, and a look for leaks.

Tests run without a screen unless `QT_QPA_PLATFORM` says otherwise. Warnings of Qt fail a test (`pyproject.toml`).
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QCoreApplication, QEvent, QSettings, QTimer
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from lmstudio_app.gui import theme
from lmstudio_app.gui.job_thread import JobThread
from lmstudio_app.gui.main_window import MainWindow
from lmstudio_app.gui.session import Session

GOODBYE_SECONDS = 3.0
"""How long threads and widgets may take to go after a test."""


@pytest.fixture(scope="session")
def qapp_args() -> list[str]:
    return ["lmstudio-app", "-style", "Fusion"]


@pytest.fixture(autouse=True)
def fresh_preferences(qapp: QApplication, tmp_path: Path) -> Iterator[None]:
    """Preferences of its own for each test; the light palette at normal size."""
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(tmp_path / "preferences"))
    look = theme.current()
    if (look.mode, look.scale) != ("light", 1.0) or not qapp.styleSheet():
        theme.preferences().setValue("theme", "light")
        look.restore()
    yield


@pytest.fixture(autouse=True)
def no_leaks(fresh_preferences: None, qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """After a test no thread works, no timer ticks and no window is left that was not there before."""
    threads: list[JobThread] = []
    timers: list[QTimer] = []
    start_thread, start_timer = JobThread.start, QTimer.start

    def note_thread(thread: JobThread, *arguments: object) -> None:
        threads.append(thread)
        start_thread(thread, *arguments)

    def note_timer(timer: QTimer, *arguments: object) -> None:
        timers.append(timer)
        start_timer(timer, *arguments)

    monkeypatch.setattr(JobThread, "start", note_thread)
    monkeypatch.setattr(QTimer, "start", note_timer)
    before = {id(widget) for widget in qapp.topLevelWidgets()}
    yield
    limit = time.monotonic() + GOODBYE_SECONDS
    while (left := leftovers(threads, timers, before)) and time.monotonic() < limit:
        gc.collect()
        qapp.processEvents()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        time.sleep(0.01)
    assert not left, f"left behind: {', '.join(left)}"


def leftovers(threads: list[JobThread], timers: list[QTimer], before: set[int]) -> list[str]:
    found = [f"a thread ({thread})" for thread in threads if isValid(thread) and thread.isRunning()]
    found += [f"a timer of {timer.parent()}" for timer in timers if isValid(timer) and timer.isActive()]
    widgets: list[QWidget] = QApplication.topLevelWidgets()
    return found + [f"the window {widget}" for widget in widgets if id(widget) not in before and isValid(widget)]


@pytest.fixture
def session(qapp: QApplication, tmp_path: Path) -> Iterator[Session]:
    """A session on an empty workspace."""
    made = Session()
    made.open_workspace(tmp_path / "workspace")
    yield made
    made.close()
    made.deleteLater()


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[MainWindow]:
    """The whole window on an empty workspace."""
    session = Session()
    made = MainWindow(session)
    session.setParent(made)
    qtbot.addWidget(made)
    made.resize(1440, 900)
    made.show()
    qtbot.waitExposed(made)
    with qtbot.waitSignal(session.corpora_changed):
        session.open_workspace(tmp_path / "workspace")
    yield made
    session.close()
