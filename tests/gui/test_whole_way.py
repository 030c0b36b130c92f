"""A person's whole way through the real window: drop a file, train an LSTM and a GPT, let them write, look inside.

With LMSTUDIO_APP_SCREENSHOTS=FOLDER it leaves a picture of every pane there, light and dark, at two sizes.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from lmstudio_app.engine.data.tokenizer import TokenizerSettings
from lmstudio_app.gui import theme
from lmstudio_app.gui.main_window import MainWindow
from lmstudio_app.gui.session import Session

pytestmark = pytest.mark.timeout(300)

SECONDS = 120_000
TRAINING = {"batch": 12, "validate_every": 50, "sample_every": 100, "checkpoint_every": 100, "learning_rate": 0.003}
MODELS = {
    "recurrent": {"cell": "lstm", "layers": 1, "width": 128, "context": 64, "dropout": 0.0},
    "gpt": {"layers": 2, "heads": 4, "width": 64, "context": 64, "dropout": 0.0},
}
STEPS = 200


@pytest.fixture
def text_file(tmp_path: Path) -> Path:
    """Tiny Shakespeare where the test data is, else stories of the bundled corpus."""
    shakespeare = Path(os.environ.get("LMSTUDIO_APP_TEST_DATA", "")) / "tinyshakespeare.txt"
    if shakespeare.is_file():
        return shakespeare
    from lmstudio_app.engine.data.samples import generate, sample

    path = tmp_path / "stories.txt"
    path.write_text("".join(generate(sample("stories")).documents), encoding="utf-8")
    return path


def drop(window: MainWindow, path: Path) -> None:
    """Let go of a file over the start page's drop area."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    area = window.stack.currentWidget().text.drop
    event = QDropEvent(
        QPointF(area.rect().center()), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    area.dropEvent(event)


def train(qtbot: QtBot, window: MainWindow, family: str) -> str:
    """Choose the family's settings and press Train, through the Train pane; wait until the run has ended."""
    session = window.session
    session.change_draft(family=family, model=MODELS[family], training={**TRAINING, "steps": STEPS}, name=family)
    window.show_pane("train")
    pane = window.stack.currentWidget()
    qtbot.waitUntil(pane.form.train.isEnabled, timeout=20_000)
    qtbot.mouseClick(pane.form.train, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: session.busy, timeout=20_000)
    qtbot.waitUntil(lambda: not session.busy, timeout=SECONDS)
    return family


def keep_pictures(qtbot: QtBot, window: MainWindow, name: str) -> None:
    folder = os.environ.get("LMSTUDIO_APP_SCREENSHOTS")
    if not folder:
        return
    Path(folder).mkdir(parents=True, exist_ok=True)
    for mode in ("dark", "light"):
        theme.current().set_mode(mode)
        for width, height in ((1280, 800), (1440, 900)):
            window.resize(width, height)
            qtbot.wait(300)
            window.grab().save(str(Path(folder) / f"{name}-{mode}-{width}.png"))


def test_from_a_dropped_file_to_text_and_attention(qtbot: QtBot, window: MainWindow, text_file: Path) -> None:
    session = window.session
    keep_pictures(qtbot, window, "first-run")

    drop(window, text_file)
    qtbot.waitUntil(lambda: text_file.stem in session.workspace.corpora(), timeout=60_000)
    session.redo(text_file.stem, tokenizer=TokenizerSettings(kind="character"))
    qtbot.waitUntil(
        lambda: session.workspace.corpus(text_file.stem).settings.tokenizer.kind == "character", timeout=60_000
    )
    qtbot.waitUntil(lambda: session.preparing is None)  # no run begins on a text that is being changed
    session.choose_corpus(text_file.stem)
    keep_pictures(qtbot, window, "start")

    unigram = unigram_line(session, text_file.stem)
    for family in ("recurrent", "gpt"):
        run = session.workspace.run(train(qtbot, window, family))
        rows = run.rows()
        validation = [row["validation_bits_per_byte"] for row in rows if "validation_bits_per_byte" in row]
        training = [row["training_bits_per_byte"] for row in rows if "training_bits_per_byte" in row]
        assert validation[0] > unigram > validation[-1]
        assert sum(training[-10:]) / 10 < unigram
        assert run.state == "finished"
    keep_pictures(qtbot, window, "train")

    session.open_run("gpt")
    window.show_pane("console")
    console = window.stack.currentWidget()
    qtbot.waitUntil(lambda: console.prompt.field.toPlainText() != "", timeout=20_000)
    qtbot.wait(1000)
    console.generate()
    qtbot.waitUntil(lambda: console.text is not None and not console.writing, timeout=60_000)
    assert len(console.text.tokens) == 200
    keep_pictures(qtbot, window, "console")

    window.show_pane("inspect")
    inspect = window.stack.currentWidget()
    inspect.bar.field.setPlainText("To be, or not to be, that is the question")
    qtbot.waitUntil(
        lambda: inspect.seen is not None and inspect.seen.trace is not None and len(inspect.seen.trace.tokens) == 41,
        timeout=30_000,
    )
    assert math.isclose(float(inspect.seen.trace.attention[0, 0, 7].sum()), 1, abs_tol=1e-5)
    keep_pictures(qtbot, window, "inspect")

    for name in ("corpus", "runs"):
        window.show_pane(name)
        qtbot.wait(800)
        keep_pictures(qtbot, window, name)
    QApplication.processEvents()


def unigram_line(session: Session, corpus: str) -> float:
    from lmstudio_app.engine.pipeline import yardsticks

    opened = session.workspace.corpus(corpus)
    return yardsticks(opened, opened.settings.tokenizer)["unigram"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux draws through X")
@pytest.mark.skipif(not os.environ.get("DISPLAY"), reason="there is no X server, not even Xvfb")
@pytest.mark.skipif(os.environ.get("QT_QPA_PLATFORM") == "xcb", reason="the tests run on an X server already")
def test_the_same_on_a_real_screen() -> None:
    """The other tests of the window draw offscreen; this one sends the whole way through an X server."""
    way = f"{__file__}::{test_from_a_dropped_file_to_text_and_attention.__name__}"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xvfb", way],
        cwd=Path(__file__).parents[2], env=os.environ | {"QT_QPA_PLATFORM": "xcb"}, capture_output=True, text=True,
        check=False, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
