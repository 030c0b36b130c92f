"""Texts, tables and documents let go over the real window become corpora, and the Corpus pane says what they are.

With LMSTUDIO_APP_SCREENSHOTS=FOLDER it leaves a picture of each there, light and dark, at two sizes.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from lmstudio_app.engine.data.cleaning import CleaningSettings
from lmstudio_app.engine.data.corpus import CorpusSettings
from lmstudio_app.gui import text_reading
from lmstudio_app.gui.corpus_words import described, source_facts, source_item
from lmstudio_app.gui.main_window import MainWindow
from lmstudio_app.gui.panes.corpus import CorpusPane
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
    films = io.BytesIO()
    rows = {"text": [f"Film {n} was long." for n in range(300)], "label": ["good", "bad", "bad"] * 100}
    parquet.write_table(pyarrow.table(rows), films)
    return {
        "novel.txt": (novel.encode("cp1252"), "plain", "cp1252"),
        "chinese.txt": ((writings.CHINESE * 20).encode("gb18030"), "plain", "gb18030"),
        "reviews.csv": (f"id,review,label\n{reviews}".encode(), "labelled", "utf-8"),
        "films.parquet": (films.getvalue(), "labelled", "utf-8"),
        "tasks.jsonl": ("\n".join(lines).encode(), "instruction", "utf-8"),
        "letter.docx": (documents_made.docx([f"Dear reader {n}, thank you." for n in range(300)]), "plain", "utf-8"),
        "report.pdf": (documents_made.pdf([f"This is page {n} of the report." for n in range(80)]), "plain", "utf-8"),
    }


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


def prepared(qtbot: QtBot, window: MainWindow, path: Path, **settings: Any) -> CorpusPane:
    """The Corpus pane with the text of `path`, everything about it read."""
    session = window.session
    with qtbot.waitSignal(session.prepared, timeout=60_000):
        session.prepare(paths=[path], settings=CorpusSettings(**settings))
    window.show_pane("corpus")
    pane = window.pane
    assert isinstance(pane, CorpusPane)
    settled(qtbot, pane)
    return pane


def settled(qtbot: QtBot, pane: CorpusPane) -> None:
    qtbot.waitUntil(lambda: pane.session.preparing is None, timeout=60_000)
    qtbot.waitUntil(lambda: pane.shown.corpus is not None and not pane.shown.busy, timeout=60_000)


def test_columns_are_corrected_in_the_preview(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    path = tmp_path / "reviews.csv"
    path.write_bytes(files()["reviews.csv"][0])
    pane = prepared(qtbot, window, path)
    card, mapping = pane.cards.preview, pane.cards.preview.columns
    card.view.set_value("columns")
    card.view.changed.emit("columns")
    qtbot.waitUntil(lambda: bool(mapping.mapping()), timeout=10_000)
    assert mapping.mapping() == {"text": "review", "label": "label"}
    assert not mapping.apply.isEnabled()
    keep_pictures(qtbot, window, "columns")
    mapping.choose("review", "source")
    assert not mapping.apply.isEnabled(), "a source text without a target, and a label without a text"
    keep_pictures(qtbot, window, "columns-wrong")
    mapping.choose("review", "text")
    mapping.choose("label", "")
    assert mapping.mapping() == {"text": "review"}
    mapping.apply.click()
    settled(qtbot, pane)
    corpus = window.session.workspace.corpus("reviews")
    assert (corpus.kind, corpus.settings.reading.mapping) == ("plain", "text=review")
    qtbot.waitUntil(lambda: not mapping.apply.isEnabled(), timeout=10_000)


def test_what_cleaning_changes_is_seen(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(("A line that stays.\n" * 6 + "He said “no”.   \nAnother line.\n") * 12, encoding="utf-8")
    cleaning = CleaningSettings(quotes=True, trailing_spaces=True)
    pane = prepared(qtbot, window, path, cleaning=cleaning)
    card = pane.cards.preview
    for view, begins in (("original", "A line that stays."), ("changes", "4 unchanged lines"), ("cleaned", "A line")):
        card.view.set_value(view)
        card.view.changed.emit(view)
        qtbot.waitUntil(lambda begins=begins: card.text.toPlainText().startswith(begins), timeout=10_000)
        keep_pictures(qtbot, window, f"view-{view}")
        qtbot.waitUntil(lambda view=view: ("“no”" in card.text.toPlainText()) == (view != "cleaned"), timeout=10_000)
    card.view.set_value("changes")
    card.view.changed.emit("changes")
    qtbot.waitUntil(lambda: "changed" in card.share.text(), timeout=10_000)
    path.unlink()
    card.view.changed.emit("original")
    qtbot.waitUntil(lambda: "is not there" in card.empty.words(), timeout=10_000)


def test_checks_find_what_is_wrong_and_mend_it(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    random = np.random.default_rng(2)
    words = sorted(set(writings.ENGLISH.split()))
    rows = [f"Number {n} " + " ".join(random.choice(words, 14)) for n in range(300)]
    rows[280], rows[120] = "Anew: " + rows[20], rows[30]
    path.write_text("".join(json.dumps({"text": row}) + "\n" for row in rows), encoding="utf-8")
    pane = prepared(qtbot, window, path)
    checks = pane.cards.checks
    qtbot.waitUntil(lambda: {one.name: one.tone for one in checks.checks}.get("duplicates") == "warn", timeout=20_000)
    found = {one.name: one for one in checks.checks}
    assert found["leakage"].words == "1 passage is in the training text too"
    assert found["duplicates"].words.startswith("1 repeated document (")
    cleaning = pane.cards.preview.cleaning
    assert (cleaning.count("repeated_documents"), cleaning.count("similar_documents")) == ("1 found", "1 found")
    checks.row("duplicates").open(True)
    assert "31, 121: Number 30" in checks.row("duplicates").list.toPlainText()
    keep_pictures(qtbot, window, "checks")
    checks.row("duplicates").act.click()
    settled(qtbot, pane)
    qtbot.waitUntil(lambda: {one.name: one.tone for one in checks.checks}.get("duplicates") == "ok", timeout=20_000)
    checks.row("leakage").act.click()
    settled(qtbot, pane)
    qtbot.waitUntil(lambda: {one.name: one.tone for one in checks.checks}.get("leakage") == "ok", timeout=20_000)
    assert window.session.workspace.corpus("rows").statistics.documents == 298


def test_what_a_text_is_like_is_plotted_and_written(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    path = tmp_path / "tales.txt"
    path.write_text((writings.ENGLISH + "\n\n" + writings.RUSSIAN + "\n\n") * 20, encoding="utf-8")
    pane = prepared(qtbot, window, path)
    card = pane.cards.profile
    qtbot.waitUntil(lambda: card.shown, timeout=20_000)
    assert card.words.marks[0].x == 1
    assert card.lengths.marks
    assert [rule.dashed for rule in card.lengths.rules] == [False, True]
    card.words.setFocus()
    qtbot.keyClick(card.words, Qt.Key.Key_End)
    assert card.words.current == len(card.words.marks) - 1
    card.show_table(True)
    assert card.table.model().rowCount() > 50
    keep_pictures(qtbot, window, "profile-table")
    card.choose_table("characters")
    assert card.table.model().index(0, 1).data() == "U+0020"
    for plot, ending in (("words", ".png"), ("lengths", ".svg"), ("characters", ".csv")):
        out = tmp_path / f"{plot}{ending}"
        with qtbot.waitSignal(pane.said, timeout=20_000):
            pane.shown.profile.save(plot, out)
        assert out.stat().st_size > 100


def test_how_files_are_read_is_corrected_in_the_preview(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    rows = ["Too short.", *(f"{number}: {writings.ENGLISH}" for number in range(30)), writings.RUSSIAN]
    path = tmp_path / "rows.txt"
    path.write_text("".join(json.dumps({"text": row}) + "\n" for row in rows), encoding="utf-8")
    pane = prepared(qtbot, window, path)
    assert window.session.workspace.corpus("rows").statistics.documents == 1
    card = pane.cards.preview
    reading = card.reading
    card.view.set_value("reading")
    card.view.changed.emit("reading")
    qtbot.waitUntil(reading.isVisible)
    keep_pictures(qtbot, window, "reading")
    assert not reading.apply.isEnabled()
    reading.form.set_values({"reading.format": "json_lines", "reading.scripts": "Lattin"})
    reading.form.changed.emit(reading.form.values())
    assert not reading.apply.isEnabled()
    assert "Latin" in reading.form.row("reading.scripts").error_text()
    reading.form.set_values({"reading.scripts": "Latin", "reading.minimum_length": 50})
    reading.form.changed.emit(reading.form.values())
    assert reading.apply.isEnabled()
    reading.apply.click()
    settled(qtbot, pane)
    assert window.session.workspace.corpus("rows").statistics.documents == 30
    qtbot.waitUntil(lambda: "other scripts left out: 1." in reading.left_out(), timeout=20_000)
    assert not reading.apply.isEnabled()
    keep_pictures(qtbot, window, "reading-applied")


def test_a_view_that_the_next_text_lacks_is_left(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    for name in ("reviews.csv", "novel.txt"):
        (tmp_path / name).write_bytes(files()[name][0])
    prepared(qtbot, window, tmp_path / "novel.txt")
    pane = prepared(qtbot, window, tmp_path / "reviews.csv")
    card = pane.cards.preview
    window.session.choose_corpus("reviews")
    settled(qtbot, pane)
    card.view.set_value("columns")
    card.view.changed.emit("columns")
    qtbot.waitUntil(card.columns.isVisible, timeout=10_000)
    pane.library.pick_corpus("novel")
    qtbot.waitUntil(card.text.isVisible, timeout=10_000)
    settled(qtbot, pane)
    assert card.view.value == "cleaned"
    assert card.text.toPlainText().startswith("0. ")
    assert card.columns.mapping() == {}
    assert not card.columns.apply.isEnabled()


def test_what_is_typed_for_the_splits_of_one_text_is_not_for_another(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.txt").write_text(f"{name}: {writings.ENGLISH}" * 5, encoding="utf-8")
        pane = prepared(qtbot, window, tmp_path / f"{name}.txt")
    splits = pane.cards.splits
    before = splits.bar.parts()
    splits.change.click()
    splits.form.set_values({"split.training": 0.5})
    splits.form.changed.emit(splits.form.values())
    assert splits.bar.parts() != before
    splits.cancel.click()
    assert splits.bar.parts() == before
    splits.change.click()
    splits.form.set_values({"split.training": 0.5})
    splits.form.changed.emit(splits.form.values())
    pane.library.pick_corpus("one")
    settled(qtbot, pane)
    assert not splits.opened
    splits.change.click()
    assert splits.form.values()["split.training"] == 0.9


def test_a_large_text_is_compared_when_asked(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_reading, "MOST_CHECKED_BYTES", 100)
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"text": f"Row {n} of many."}) + "\n" for n in range(200)), encoding="utf-8")
    pane = prepared(qtbot, window, path)
    checks = pane.cards.checks
    assert {one.name for one in checks.checks} == {"compare", "unknown"}
    checks.row("compare").act.click()
    qtbot.waitUntil(lambda: {"duplicates", "leakage"} <= {one.name for one in checks.checks}, timeout=20_000)
    qtbot.waitUntil(lambda: all(one.tone != "text3" for one in checks.checks), timeout=20_000)
