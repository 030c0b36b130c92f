"""The tokenizer opened up: merges played, a typed text, tokenizers compared, the vocabulary searched, settings applied.

With LMSTUDIO_APP_SCREENSHOTS=FOLDER it leaves pictures of each view there.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from lmstudio_app.engine import pipeline
from lmstudio_app.engine.data.tokenizer import TokenizerSettings
from lmstudio_app.gui.main_window import MainWindow
from lmstudio_app.gui.panes.corpus import CorpusPane
from lmstudio_app.gui.shown_tokens import readable
from tests.engine.data import writings
from tests.gui.test_any_text import prepared, settled
from tests.gui.test_whole_way import keep_pictures

pytestmark = pytest.mark.timeout(300)
BPE = TokenizerSettings(vocabulary=600)


@pytest.fixture
def pane(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> CorpusPane:
    path = tmp_path / "tales.txt"
    path.write_text((writings.ENGLISH + "\n\n" + writings.CHINESE + "\n\n") * 12, encoding="utf-8")
    return prepared(qtbot, window, path, tokenizer=BPE)


def test_merges_are_played_forward_and_back(qtbot: QtBot, window: MainWindow, pane: CorpusPane) -> None:
    card = pane.cards.tokenizer
    text, merges = card.strip.text(), card.merges.slider.maximum()
    assert merges == window.session.workspace.corpus("tales").statistics.vocabulary - 256
    whole = len(card.strip.texts)
    assert card.merges.count_words() == f"Merge {merges} of {merges}"
    card.merges.slider.setValue(0)
    assert len(card.strip.texts) == len(text.encode())
    assert card.strip.text() == text
    card.strip.go_to(0)
    assert "a byte, there from the start" in card.panel.token()[1]
    card.merges.slider.setValue(40)
    some = len(card.strip.texts)
    assert whole < some < len(text.encode())
    keep_pictures(qtbot, window, "theatre-merges")
    card.merges.play.click()
    qtbot.waitUntil(lambda: len(card.strip.texts) < some, timeout=5_000)
    card.merges.play.click()
    stopped = card.merges.merges
    qtbot.wait(400)
    assert card.merges.merges == stopped
    card.merges.slider.setValue(merges)
    assert len(card.strip.texts) == whole
    card.strip.go_to(2)
    assert any(fact.startswith("made at merge") for fact in card.panel.token()[1])
    keep_pictures(qtbot, window, "theatre-tokens")


def test_a_typed_text_is_cut_and_the_other_comes_back(qtbot: QtBot, pane: CorpusPane) -> None:
    card = pane.cards.tokenizer
    begun = list(card.strip.texts)
    qtbot.keyClicks(card.typed, "the ferry 3")
    qtbot.waitUntil(lambda: card.strip.text() == "the ferry 3", timeout=5_000)
    card.merges.slider.setValue(0)
    assert len(card.strip.texts) == len("the ferry 3")
    card.typed.clear()
    qtbot.waitUntil(lambda: card.strip.texts == begun, timeout=5_000)


def test_others_are_compared_on_the_same_text(qtbot: QtBot, window: MainWindow, pane: CorpusPane) -> None:
    workspace = window.session.workspace
    list(pipeline.train_tokenizer(workspace, workspace.corpus("tales"), TokenizerSettings(kind="word"), "my words"))
    card = pane.cards.tokenizer
    card.show_view("compare")
    qtbot.waitUntil(lambda: card.comparison.model().rowCount() == 7, timeout=30_000)
    model = card.comparison.model()
    rows = {model.index(row, 0).data(): [model.index(row, column).data() for column in range(6)] for row in range(7)}
    assert next(iter(rows)) == "BPE 600"
    assert "my words" in rows
    assert rows["bytes"][2] == "1.00"
    model.sort(2, Qt.SortOrder.DescendingOrder)
    assert float(model.index(0, 2).data()) >= float(model.index(1, 2).data())
    qtbot.waitUntil(lambda: "Fewer tokens" in card.compared.text(), timeout=10_000)
    keep_pictures(qtbot, window, "theatre-compare")


def test_the_vocabulary_is_searched(qtbot: QtBot, window: MainWindow, pane: CorpusPane) -> None:
    card = pane.cards.tokenizer
    card.show_view("vocabulary")
    model = card.vocabulary_table.model()
    qtbot.waitUntil(lambda: model.rowCount() == 600, timeout=10_000)
    qtbot.keyClicks(card.search, "THE")
    qtbot.waitUntil(lambda: 0 < model.rowCount() < 100, timeout=5_000)
    assert all("the" in model.index(row, 1).data().lower() for row in range(model.rowCount()))
    keep_pictures(qtbot, window, "theatre-vocabulary")
    card.search.clear()
    qtbot.waitUntil(lambda: model.rowCount() == 600, timeout=5_000)


def test_further_settings_are_applied_or_told(qtbot: QtBot, window: MainWindow, pane: CorpusPane) -> None:
    card = pane.cards.tokenizer
    card.show_view("settings")
    assert not card.apply.isEnabled()
    rows = card.form.rows()
    special = rows["tokenizer.special_tokens"]
    qtbot.keyClicks(special.editor, "eos")
    assert special.wrong
    assert not card.apply.isEnabled()
    keep_pictures(qtbot, window, "theatre-settings")
    special.editor.clear()
    qtbot.keyClicks(special.editor, "<eos>")
    rows["tokenizer.lower_case"].editor.click()
    assert card.apply.isEnabled()
    card.apply.click()
    settled(qtbot, pane)
    qtbot.waitUntil(
        lambda: (
            window.session.workspace.corpus("tales").settings.tokenizer
            == TokenizerSettings(vocabulary=600, lower_case=True, special_tokens="<eos>")
        ),
        timeout=10_000,
    )
    qtbot.waitUntil(lambda: not card.apply.isEnabled(), timeout=10_000)
    card.show_view("tokens")
    qtbot.waitUntil(lambda: bool(card.strip.texts) and card.strip.text() == card.strip.text().lower(), timeout=10_000)


def test_every_kind_is_shown(qtbot: QtBot, window: MainWindow, pane: CorpusPane) -> None:
    card = pane.cards.tokenizer
    for kind in ("byte", "word", "wordpiece", "unigram", "character"):
        card.kind._segments[kind].click()
        settled(qtbot, pane)
        qtbot.waitUntil(
            lambda kind=kind: window.session.workspace.corpus("tales").settings.tokenizer.kind == kind, timeout=10_000
        )
        qtbot.waitUntil(lambda: not pane.shown.busy and bool(card.strip.texts), timeout=10_000)
        assert not card.merges.isVisible()
        assert card.vocabulary.isVisible() == (kind != "byte")
        keep_pictures(qtbot, window, f"theatre-{kind}")


def test_a_saved_tokenizer_is_chosen(qtbot: QtBot, window: MainWindow, pane: CorpusPane) -> None:
    workspace = window.session.workspace
    list(pipeline.train_tokenizer(workspace, workspace.corpus("tales"), TokenizerSettings(kind="word"), "my words"))
    pane.shown.show_corpus("tales")
    card = pane.cards.tokenizer
    qtbot.waitUntil(lambda: not card.kind._segments["saved"].isHidden(), timeout=10_000)
    card.kind._segments["saved"].click()
    settled(qtbot, pane)
    wanted = TokenizerSettings(kind="saved", saved="my words", vocabulary=600)
    qtbot.waitUntil(lambda: workspace.corpus("tales").settings.tokenizer == wanted, timeout=10_000)
    qtbot.waitUntil(lambda: not pane.shown.busy and bool(card.strip.texts), timeout=10_000)
    card.show_view("settings")
    card.form.rows()["tokenizer.saved"].editor.clear()
    qtbot.keyClicks(card.form.rows()["tokenizer.saved"].editor, "another")
    card.apply.click()
    qtbot.waitUntil(lambda: workspace.corpus("tales").settings.tokenizer == wanted, timeout=10_000)


def test_counts_of_another_tokenizer_are_not_those_of_a_typed_text(
    qtbot: QtBot, window: MainWindow, pane: CorpusPane
) -> None:
    card = pane.cards.tokenizer
    card.typed.setText("The ferry left — 渡船")
    qtbot.waitUntil(lambda: card.strip.text().startswith("The ferry"), timeout=10_000)
    card.kind.set_value("character")
    card.kind.changed.emit("character")
    settled(qtbot, pane)
    qtbot.waitUntil(lambda: card.strip.texts[:3] == ["T", "h", "e"], timeout=10_000)
    for place in range(len(card.strip.texts)):
        card.strip.go_to(place)
        letter = "The ferry left — 渡船"[place]
        count = window.session.workspace.corpus("tales").text("training").count(letter)
        words = next((fact for fact in card.panel.token()[1] if "in the training text" in fact), "0 ×")
        assert words.startswith(f"{count:,} ×"), letter


def test_only_settings_of_the_kind_are_there(qtbot: QtBot, window: MainWindow, pane: CorpusPane) -> None:
    card = pane.cards.tokenizer
    card.show_view("settings")

    def there() -> set[str]:
        return {path.partition(".")[2] for path, line in card.form.rows().items() if not line.isHidden()}

    assert there() == {"lower_case", "strip_accents", "special_tokens"}
    card.kind.set_value("word")
    card.kind.changed.emit("word")
    settled(qtbot, pane)
    assert there() == {"lower_case", "strip_accents", "special_tokens", "minimum_count", "chinese_words"}
    keep_pictures(qtbot, window, "theatre-word-settings")


@pytest.mark.parametrize(
    ("spelling", "words"),
    [
        (b" the", "·the"),
        ("等船".encode(), "等船"),
        ("等船".encode()[:-1], "等⟨E888⟩"),
        (b"\xb9 a\xe7", "⟨B9⟩·a⟨E7⟩"),
        (b"\xe4", "⟨E4⟩"),
    ],
)
def test_parts_of_characters_are_told_from_whole_ones(spelling: bytes, words: str) -> None:
    assert readable(spelling) == words
