"""Speed of a training in the window, its Train pane in view, against the same training in the terminal.

Both run `pipeline.train` in a process of their own and take turns. Also the window's heartbeat: how late a timer of
10 ms is while a model trains. Run by hand: `pytest tests/benchmarks/test_window_speed.py -m benchmark -s`.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROUNDS = int(os.environ.get("SPEED_ROUNDS", "5"))
STEPS = int(os.environ.get("SPEED_STEPS", "150"))
OPTIONS = {
    "model": {"layers": 4, "heads": 4, "width": 128, "context": 64, "dropout": 0.0},
    "training": {"steps": STEPS, "batch": 12, "validate_every": STEPS, "checkpoint_every": 0, "sample_every": 0},
}
WINDOW = """
import sys, time, statistics, json
from pathlib import Path
from PySide6.QtCore import QTimer
from lmstudio_app.gui import theme
from lmstudio_app.gui.main_window import MainWindow
from lmstudio_app.gui.session import Session

folder, name, options = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
application = theme.make_application(sys.argv[:1])
session = Session()
window = MainWindow(session)
window.resize(1440, 900)
window.show()
session.open_workspace(folder)
window.show_pane("train")
session.change_draft(corpus="text", family="gpt", name=name, **options)
beats, last = [], time.perf_counter()

def beat():
    global last
    now = time.perf_counter()
    if session.busy and session.job is not None:
        beats.append(1000 * (now - last) - 10)
    last = now
    if began and not session.busy:
        application.quit()

began = False
heart = QTimer()
heart.setInterval(10)
heart.timeout.connect(beat)

def begin():
    global began, last
    last = time.perf_counter()
    heart.start()
    session.start_training()
    began = True

session.devices_changed.connect(lambda: QTimer.singleShot(500, begin))
session.warm_up(lambda: None)
application.exec()
session.close()
ranked = sorted(beats)
late = {"median": statistics.median(ranked), "p99": ranked[int(0.99 * len(ranked))], "most": ranked[-1]}
print(json.dumps({name: round(milliseconds, 1) for name, milliseconds in late.items()}))
"""

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1800)]


def run(*words: str) -> str:
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=True
    )
    return done.stdout


def speed(run_folder: Path) -> float:
    """Tokens a second from the end of step 5 to the end of the last one."""
    rows = [json.loads(line) for line in (run_folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    steps = [row for row in rows if "training_loss" in row][5:]
    return (len(steps) - 1) * 12 * 64 / (steps[-1]["seconds"] - steps[0]["seconds"])


def test_the_window_trains_as_fast_as_the_terminal(tmp_path: Path) -> None:
    shakespeare = Path(os.environ.get("LMSTUDIO_APP_TEST_DATA", "")) / "tinyshakespeare.txt"
    source = [str(shakespeare)] if shakespeare.is_file() else ["--sample", "stories"]
    terminal = ["-m", "lmstudio_app", "--workspace", str(tmp_path), "--json"]
    run(*terminal, "corpus", "add", *source, "--tokenizer", "character", "--name", "text")
    words = [f"--{g}.{n.replace('_', '-')}={v}" for g, values in OPTIONS.items() for n, v in values.items()]
    speeds: dict[str, list[float]] = {"terminal": [], "window": []}
    for turn in range(ROUNDS):
        run(*terminal, "train", "--corpus", "text", "--family", "gpt", "--name", f"terminal {turn}", *words)
        speeds["terminal"].append(speed(tmp_path / "runs" / f"terminal {turn}"))
        heartbeat = json.loads(run("-c", WINDOW, str(tmp_path), f"window {turn}", json.dumps(OPTIONS)).splitlines()[-1])
        speeds["window"].append(speed(tmp_path / "runs" / f"window {turn}"))
        print(turn, {name: round(values[-1]) for name, values in speeds.items()}, heartbeat, flush=True)
    ratios = [window / other for window, other in zip(speeds["window"], speeds["terminal"], strict=True)]
    medians = {name: round(statistics.median(values)) for name, values in speeds.items()}
    print(f"tokens/s, medians of {ROUNDS}: {medians}; window / terminal: {statistics.median(ratios):.3f}")
