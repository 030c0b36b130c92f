"""Opening the window: what is loaded before it paints, which workspace it opens, the ring around the focus."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QRect, Qt, QTimer
from PySide6.QtWidgets import QApplication, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from lmstudio_app.gui import app, theme
from lmstudio_app.gui.session import Session
from lmstudio_app.gui.widgets.button import Button
from lmstudio_app.gui.widgets.focus_ring import OUTSIDE, FocusRing

HEAVY = ("torch", "pyqtgraph", "numpy", "pydantic", "matplotlib", "tokenizers", "safetensors", "cyclopts", "psutil")
FIRST_PAINT = """
import json, sys
from pathlib import Path
from PySide6.QtCore import QSettings
QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, sys.argv[1])
from lmstudio_app.gui import app, theme
application = theme.make_application([])
window = app.open_window(Path(sys.argv[1]) / "workspace")
seen = {}
def painted():
    seen["modules"] = sorted({name.partition(".")[0] for name in sys.modules})
    seen["buttons"] = [button.text() for button in window.rail.buttons.values()]
    seen["usable"] = window.pane.text.choose_files.isVisible() and window.pane.text.choose_files.isEnabled()
window.painted.disconnect()
window.painted.connect(painted)
window.painted.connect(application.quit)
window.show()
application.exec()
print(json.dumps(seen))
"""
WHOLE_WAY = """
import json, sys, time
from pathlib import Path
from PySide6.QtCore import QSettings, QTimer
QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, sys.argv[1])
from lmstudio_app.gui import app
from lmstudio_app.gui.main_window import MainWindow
opened = []
def look():
    window = opened[0]
    if window.session.devices and not window.session.jobs._started:
        icon = window.windowIcon().pixmap(64).toImage()
        drawn = any(icon.pixelColor(x, y).alpha() for x in range(icon.width()) for y in range(icon.height()))
        print(json.dumps({"icon": drawn, "torch": "torch" in sys.modules, "dynamo": "torch._dynamo" in sys.modules,
                          "pane": window.pane.name, "folder": str(window.session.workspace.folder)}))
        window.close()
    else:
        QTimer.singleShot(20, look)
build = app.open_window
def open_window(folder):
    opened.append(build(folder))
    QTimer.singleShot(20, look)
    return opened[0]
app.open_window = open_window
sys.exit(app.main(workspace=Path(sys.argv[1]) / "workspace"))
"""


def run(script: str, folder: Path) -> dict[str, object]:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder)], capture_output=True, text=True, timeout=100, env=environment,
        cwd=Path(__file__).resolve().parents[2], check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_the_window_paints_before_anything_heavy_is_imported(tmp_path):
    seen = run(FIRST_PAINT, tmp_path)
    assert not set(HEAVY) & set(seen["modules"])
    assert seen["buttons"] == ["Corpus", "Train", "Inspect", "Console", "Runs"]
    assert seen["usable"]


@pytest.mark.timeout(120)
def test_all_that_a_training_needs_comes_afterwards_and_the_window_closes_clean(tmp_path):
    seen = run(WHOLE_WAY, tmp_path)
    folder = str(tmp_path / "workspace")
    assert seen == {"icon": True, "torch": True, "dynamo": True, "pane": "start", "folder": folder}


def test_the_last_workspace_is_remembered_while_it_is_there(tmp_path):
    assert app.remembered_workspace() is None
    theme.preferences().setValue("workspace", str(tmp_path))
    assert app.remembered_workspace() == tmp_path
    theme.preferences().setValue("workspace", str(tmp_path / "gone"))
    assert app.remembered_workspace() is None


def test_a_bug_in_the_window_is_told_and_printed(qapp, qtbot, monkeypatch):
    printed: list[str] = []
    told: list[str] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: printed.append(str(error)))
    before = sys.excepthook

    def fail() -> None:
        raise RuntimeError("a bug")

    def tell(error: Exception) -> None:
        told.append("".join(traceback.format_exception(error)))
        raise RuntimeError("a bug while it is told")

    session = Session()
    session.failed.connect(tell)
    with app.bugs_told(session):
        QTimer.singleShot(0, session, fail)
        qtbot.waitUntil(lambda: len(printed) == 2)
    assert printed == ["a bug", "a bug while it is told"]
    assert len(told) == 1 and "in fail" in told[0]
    assert sys.excepthook is before
    session.close()
    session.deleteLater()


# The ring around the focus --------------------------------------------------------------------------------------


@pytest.fixture
def page(qtbot) -> QWidget:
    made = QWidget()
    made.ring = FocusRing(made)
    column = QVBoxLayout(made)
    column.setContentsMargins(20, 20, 20, 20)
    made.first, made.second = Button("First"), QLineEdit("second")
    column.addWidget(made.first)
    column.addWidget(made.second)
    qtbot.addWidget(made)
    with qtbot.waitActive(made):
        made.show()
        made.activateWindow()
    made.first.setFocus(Qt.FocusReason.OtherFocusReason)
    return made


def test_the_keyboard_moves_a_ring(page, qtbot):
    qtbot.keyClick(page, Qt.Key.Key_Tab)
    qtbot.waitUntil(page.second.hasFocus)
    place = page.ring._overlay.geometry()
    assert place == page.second.geometry().adjusted(-OUTSIDE, -OUTSIDE, OUTSIDE, OUTSIDE)
    page.resize(page.width() + 60, page.height())
    qtbot.waitUntil(lambda: page.ring._overlay.width() == page.second.width() + 2 * OUTSIDE)
    page.second.hide()  # the focus goes to the other one, and the ring with it
    qtbot.waitUntil(page.first.hasFocus)
    assert page.ring._overlay.geometry().contains(page.first.geometry())


def test_a_ring_goes_with_what_it_surrounds(page, qtbot):
    qtbot.keyClick(page, Qt.Key.Key_Tab)
    qtbot.waitUntil(page.second.hasFocus)
    page.second.deleteLater()
    qtbot.waitUntil(lambda: page.ring._overlay is None or not page.ring._overlay.isVisible())


def test_who_draws_its_own_ring_gets_no_second_one(page, qtbot):
    page.second.setProperty("paintsFocus", True)
    qtbot.keyClick(page, Qt.Key.Key_Tab)
    qtbot.waitUntil(page.second.hasFocus)
    assert page.ring._overlay is None


def test_a_ring_stays_inside_what_scrolls(page, qtbot):
    scroll, content = QScrollArea(), QWidget()
    column = QVBoxLayout(content)
    fields = [QLineEdit(str(number)) for number in range(40)]
    for field in fields:
        column.addWidget(field)
    scroll.setWidget(content)
    page.layout().addWidget(scroll)
    page.resize(300, 400)
    QApplication.processEvents()
    fields[0].setFocus(Qt.FocusReason.OtherFocusReason)
    qtbot.waitUntil(fields[0].hasFocus)
    scroll.verticalScrollBar().setValue(fields[0].y() + fields[0].height() // 2)
    port = QRect(scroll.viewport().mapTo(page, QPoint()), scroll.viewport().size())
    ring = page.ring._overlay
    assert ring.isVisible()
    assert port.contains(ring.geometry())
    scroll.verticalScrollBar().setValue(scroll.verticalScrollBar().maximum())
    assert not ring.isVisible()
