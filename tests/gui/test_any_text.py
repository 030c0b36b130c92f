"""Texts, tables and documents let go over the real window become corpora, and the Corpus pane says what they are.

With LMSTUDIO_APP_SCREENSHOTS=FOLDER it leaves a picture of each there, light and dark, at two sizes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from lmstudio_app.gui.corpus_words import described, source_facts, source_item
from lmstudio_app.gui.main_window import MainWindow
from lmstudio_app.gui.session import Session
from tests.engine.data import documents_made, writings
from tests.gui.test_whole_way import drop, keep_pictures

pytestmark = pytest.mark.timeout(300)


def files() -> dict[str, tuple[bytes, str, str]]:
    """By file name its bytes, its kind of corpus, and its encoding."""
    novel = "".join(f"{number}. {writings.FRENCH}\r\n" for number in range(20))
    reviews = "".join(f'{n},"A film, number {n}, that I liked.",{"good" if n % 3 else "bad"}\n' for n in range(300))
    instructions = [
        {"instruction": f"Add {n} and 2.", "input": "" if n % 2 else "in words", "output": f"It is {n + 2}."}
        for n in range(200)
    ]
    lines = [json.dumps(each) for each in instructions]
    lines[50] = lines[50][:-3]
    return {
        "novel.txt": (novel.encode("cp1252"), "plain", "cp1252"),
        "chinese.txt": ((writings.CHINESE * 20).encode("gb18030"), "plain", "gb18030"),
        "reviews.csv": (f"id,review,label\n{reviews}".encode(), "labelled", "utf-8"),
        "tasks.jsonl": ("\n".join(lines).encode(), "instruction", "utf-8"),
        "letter.docx": (documents_made.docx([f"Dear reader {n}, thank you." for n in range(300)]), "plain", "utf-8"),
        "report.pdf": (documents_made.pdf([f"This is page {n} of the report." for n in range(80)]), "plain", "utf-8"),
    }


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[MainWindow]:
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


def test_any_text_dropped_on_the_window(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    session = window.session
    for name, (raw, kind, encoding) in files().items():
        path = tmp_path / name
        path.write_bytes(raw)
        window.show_pane("start")
        drop(window, path)
        qtbot.waitUntil(lambda stem=path.stem: stem in session.workspace.corpora(), timeout=60_000)
        qtbot.waitUntil(lambda: session.preparing is None, timeout=20_000)
        corpus = session.workspace.corpus(path.stem)
        assert (corpus.kind, corpus.sources[0].encoding) == (kind, encoding)
        session.choose_corpus(path.stem)
        window.show_pane("corpus")
        keep_pictures(qtbot, window, path.stem)
    assert "with labels" in described(session.workspace.corpus("reviews")).words
    facts = {fact.name: fact.value for fact in source_facts(session.workspace.corpus("reviews"), 0)}
    assert facts["Columns"] == "text = review, label"
    tasks = session.workspace.corpus("tasks")
    assert "instructions" in described(tasks).words
    facts = {fact.name: fact.value for fact in source_facts(tasks, 0)}
    assert facts["Columns"] == "instruction, output, input"
    assert facts["Rows left out"] == "1, on line 51"
    assert "Columns" not in {fact.name for fact in source_facts(session.workspace.corpus("novel"), 0)}
    assert source_item("x", tasks.sources[0]).words.endswith("rows left out: 1")
