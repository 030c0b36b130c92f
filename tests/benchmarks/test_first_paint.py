"""How long the window takes to its first paint, beside the window of Qt for Python's own tutorial.

Whole processes, alternating, from their start to the moment after the first paint. Prints the medians and the ratio,
also to a window without a single widget: `pytest tests/benchmarks/test_first_paint.py -m benchmark -s`.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.benchmark

ROUNDS = 31
MOST = 1.3
AWAY = "lambda: os._exit(0)"

EMPTY = f"""
import os
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QMainWindow
class Window(QMainWindow):
    def paintEvent(self, event):
        QTimer.singleShot(0, {AWAY})
application = QApplication([])
window = Window()
window.resize(1440, 900)
window.show()
application.exec()
"""
TUTORIAL = f"""
import os
from PySide6 import QtCore, QtWidgets
class Window(QtWidgets.QWidget):
    def __init__(self):
        super().__init__()
        self.button = QtWidgets.QPushButton("Click me!")
        self.text = QtWidgets.QLabel("Hello World", alignment=QtCore.Qt.AlignmentFlag.AlignCenter)
        self.layout = QtWidgets.QVBoxLayout(self)
        self.layout.addWidget(self.text)
        self.layout.addWidget(self.button)
    def paintEvent(self, event):
        QtCore.QTimer.singleShot(0, {AWAY})
application = QtWidgets.QApplication([])
window = Window()
window.resize(1440, 900)
window.show()
application.exec()
"""
OURS = f"""
import os, sys
from pathlib import Path
if sys.platform == "win32":  # elsewhere XDG_CONFIG_HOME says where preferences are
    from PySide6.QtCore import QSettings
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, sys.argv[1])
from lmstudio_app.gui import app
build = app.open_window
def open_window(folder):
    window = build(folder)
    window.resize(1440, 900)
    window.painted.disconnect()
    window.painted.connect({AWAY})
    return window
app.open_window = open_window
app.main(workspace=Path(sys.argv[1]) / "workspace")
"""


def test_first_paint_beside_a_bare_window(tmp_path: Path):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= {
        "PYTHONPYCACHEPREFIX": str(tmp_path / "compiled"),  # as after the first start of an installed program
        "XDG_CONFIG_HOME": str(tmp_path),
    }
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):  # pytest-xvfb gives a screen where it can
        environment["QT_QPA_PLATFORM"] = "offscreen"
    scripts = {}
    for name, script in (("empty", EMPTY), ("tutorial", TUTORIAL), ("ours", OURS)):
        scripts[name] = tmp_path / f"{name}.py"
        scripts[name].write_text(script, encoding="utf-8")
    environment["PYTHONPATH"] = str(Path(__file__).resolve().parents[2])

    def seconds(name: str) -> float:
        began = time.perf_counter()
        subprocess.run(  # without a timeout: with one, the wait for the end is a poll every 50 ms
            [sys.executable, str(scripts[name]), str(tmp_path)], env=environment, check=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        return time.perf_counter() - began

    for name in scripts:
        seconds(name)  # compiles
    times: dict[str, list[float]] = {name: [] for name in scripts}
    for _ in range(ROUNDS):
        for name, found in times.items():
            found.append(seconds(name))
    medians = {name: statistics.median(found) for name, found in times.items()}
    print(f"\n  platform {environment.get('QT_QPA_PLATFORM', 'of the screen')}")
    for name, median in medians.items():
        print(f"  {name:10s} {1000 * median:6.0f} ms to the first paint")
    print(f"  ours / tutorial {medians['ours'] / medians['tutorial']:.2f} (at most {MOST})")
    print(f"  ours / empty    {medians['ours'] / medians['empty']:.2f}")
    assert medians["ours"] <= MOST * medians["tutorial"]
