"""The Corpus pane on real files: adding, looking, correcting, cutting into tokens, deleting; nothing is ever lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QLineEdit, QPushButton, QWidget

from lmstudio_app.engine import pipeline
from lmstudio_app.engine.data.cleaning import CleaningSettings
from lmstudio_app.engine.data.corpus import CorpusSettings
from lmstudio_app.engine.data.tokenizer import TokenizerSettings
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import Progress
from lmstudio_app.gui import theme
from lmstudio_app.gui.corpus_editing import pace_words
from lmstudio_app.gui.main_window import MainWindow
from lmstudio_app.gui.panes.corpus import CorpusPane
from lmstudio_app.gui.preparation import Preparation
from lmstudio_app.gui.session import Session
from lmstudio_app.gui.training_job import Waiting
from lmstudio_app.gui.widgets.paste_dialog import PasteDialog
from tests.gui.pseudo_language import installed
from tests.gui.trained_runs import TALE, make_corpus, make_run
from tests.gui.widgets.conftest import picture

CHARACTERS = CorpusSettings(tokenizer=TokenizerSettings(kind="character"))
RUSSIAN = "Старый мельник пошёл к реке и сказал: «Я её потерял».\n" * 30
CHINESE = "话说天下大势，分久必合，合久必分。周末七国分争，并入于秦。\n汉朝自高祖斩白蛇而起义，一统天下。\n" * 30
MIXED = b"\xe9t\xe9, p\xe8re: " + "été, père, là.\n".encode() * 20  # two encodings in one file
NOBODY = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """Files as people have them."""
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "tale.txt").write_text(TALE, encoding="utf-8")
    (folder / "letters.txt").write_bytes(RUSSIAN.encode("cp1251"))
    (folder / "三国演义.txt").write_bytes(CHINESE.encode("gb18030"))
    (folder / "doubtful.txt").write_bytes(MIXED)
    (folder / "picture.png").write_bytes(NOBODY)
    return folder


@pytest.fixture
def open_pane(session: Session, qtbot) -> Callable[[], CorpusPane]:
    def make() -> CorpusPane:
        pane = CorpusPane(session)
        qtbot.addWidget(pane)
        pane.resize(1280, 760)
        with qtbot.waitExposed(pane):
            pane.show()
        settle(pane, qtbot)
        return pane

    return make


def settle(pane: CorpusPane, qtbot) -> None:
    """Wait until everything asked for is done and shown."""
    making, library = pane.session.preparations, pane.library
    qtbot.waitUntil(lambda: making.current is None and not pane.shown.busy and library._reading is None, timeout=20_000)


def prepare(session: Session, **request: object) -> str:
    *_, ready = pipeline.prepare(session.workspace, **{"settings": CHARACTERS, **request})
    return ready.corpus


def drop(pane: CorpusPane, *paths: Path, text: str = "") -> None:
    """Drop files on the middle of the pane, as a file manager does."""
    data = QMimeData()
    if paths:
        data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    if text:
        data.setText(text)
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    place = QPoint(640, 300)
    target = pane.childAt(place)
    entering = QDragEnterEvent(target.mapFrom(pane, place), copy, data, left, none)
    while target is not None and not target.acceptDrops():
        target = target.parentWidget()
    QApplication.sendEvent(target, entering)
    assert entering.isAccepted() and pane.cards.library.drop.property("over")
    QApplication.sendEvent(target, QDropEvent(QPointF(place), copy, data, left, none))
    assert not pane.cards.library.drop.property("over")


def titles(pane: CorpusPane) -> list[str]:
    return [item.title for item in pane.cards.library.list.items()]


def item(pane: CorpusPane, title: str):
    return next(item for item in pane.cards.library.list.items() if item.title == title)


def told(pane: CorpusPane) -> list[tuple]:
    """What the pane says above itself from now on: (words, kind) or (words, kind, action, act)."""
    heard: list[tuple] = []
    pane.said.connect(lambda *words: heard.append(words))
    pane.offered.connect(lambda *words: heard.append(words))
    pane.session.failed.connect(lambda error: heard.append((str(error), "failed")))
    return heard


# Adding -----------------------------------------------------------------------------------------------------------


def test_without_texts_it_says_how_to_get_some(open_pane, qtbot):
    pane = open_pane()
    assert "Drop a text file" in pane.cards.preview.empty.words()
    assert not pane.cards.splits.use.isEnabled() and not pane.cards.tokenizer.kind.isEnabled()
    wanted = []
    pane.choose_files = lambda: wanted.append(True)
    pane.cards.preview.empty.button.setFocus()
    drop(pane, text="Dragged out of another program. " * 30)
    settle(pane, qtbot)
    assert titles(pane) == ["Pasted text"]


def test_a_dropped_file_is_shown_at_once_and_its_figures_fill_in(open_pane, texts, qtbot):
    pane = open_pane()
    drop(pane, texts / "tale.txt")
    assert titles(pane) == ["tale"]  # before it is read
    settle(pane, qtbot)
    cards, statistics = pane.cards, pane.session.workspace.corpus("tale").statistics
    assert cards.preview.text.toPlainText() == TALE.rstrip("\n") + "\n"
    assert cards.preview.encoding.encoding() == "utf-8" and cards.preview.encoding.note() == "100 % sure"
    assert cards.statistics.figure("characters") == f"{len(TALE):,}"
    assert cards.statistics.figure("tokens") == f"{sum(statistics.tokens.values()):,}"
    assert cards.statistics.figure("vocabulary") == f"{statistics.vocabulary:,}"
    assert cards.statistics.figure("entropy") == f"{statistics.character_entropy:.2f}"
    assert [part.name for part in cards.splits.bar.parts()] == ["Training", "Validation", "Test"]
    assert cards.splits.counts()[0] == f"{statistics.tokens['training']:,} tokens"
    assert [yardstick.title for yardstick in cards.yardsticks.yardsticks()] == [
        "uniform guess",
        "token counts (unigram)",
    ]
    assert cards.source.facts()["File"] == str(texts / "tale.txt")
    assert item(pane, "tale").words.startswith("5.") and "UTF-8 · BPE" in item(pane, "tale").words
    assert pane.crumbs() == ["tale", "tale.txt"]
    assert pane.session.draft.corpus == "tale"
    assert not cards.library.files.isVisible()


def test_several_files_at_once_become_one_text(open_pane, texts, qtbot):
    pane = open_pane()
    drop(pane, texts / "tale.txt", texts / "letters.txt")
    settle(pane, qtbot)
    files = pane.cards.library.files
    assert [shown.title for shown in files.items()] == ["tale.txt", "letters.txt"]
    assert "2 encodings" in item(pane, "tale").words
    files.pick("source:1")
    settle(pane, qtbot)
    assert pane.cards.preview.text.toPlainText().startswith("Старый мельник")
    assert pane.cards.preview.encoding.encoding() == "cp1251"
    assert pane.crumbs() == ["tale", "letters.txt"]


def test_gb18030_is_recognised(open_pane, texts, qtbot):
    pane = open_pane()
    drop(pane, texts / "三国演义.txt")
    settle(pane, qtbot)
    assert pane.cards.preview.text.toPlainText().startswith("话说天下大势")
    assert pane.cards.preview.encoding.encoding() == "gb18030"
    assert pane.cards.preview.encoding.note().startswith("9")
    assert "GB18030" in item(pane, "三国演义").words


def test_text_is_pasted(open_pane, qtbot):
    pane = open_pane()
    QApplication.clipboard().setText("Pasted words, again and again.\n" * 20)
    pane.paste_text()
    dialog = pane.findChild(PasteDialog)
    dialog.name.setText("Words")
    dialog._add.click()
    settle(pane, qtbot)
    assert titles(pane) == ["Words"] and item(pane, "Words").icon == "paste"
    assert not pane.cards.preview.encoding.isVisible()
    assert pane.cards.source.note.text() == "pasted text"


def test_a_folder_names_what_it_skipped_and_the_skipped_can_be_added(open_pane, texts, qtbot):
    pane = open_pane()
    drop(pane, texts)
    settle(pane, qtbot)
    files = pane.cards.library.files
    found = {shown.title: shown for shown in files.items()}
    assert found["picture.png"].words.startswith("Skipped: “picture.png” is")
    assert found["doubtful.txt"].words == "Skipped: which encoding?"
    assert found["letters.txt"].words.endswith("%") and "Windows-1251" in found["letters.txt"].words
    assert pane.cards.library._heading.text() == "3 files, 2 skipped"
    files.pick(found["picture.png"].key)
    assert "not text" in pane.cards.preview.empty.words()
    assert pane.cards.source.facts()["File"].endswith("picture.png")
    files.pick(found["doubtful.txt"].key)
    assert pane.cards.preview.choosing
    assert len(pane.cards.preview.chooser.readings()) == 3
    pane.cards.preview.chooser.pick("utf-8+cp1252")
    pane.cards.preview.chooser.use.click()
    settle(pane, qtbot)
    assert pane.cards.library._heading.text() == "4 files, 1 skipped"
    assert not pane.cards.preview.choosing
    assert pane.cards.preview.text.toPlainText().startswith("été, père: été")
    assert pane.cards.source.facts()["File"].endswith("doubtful.txt")
    again = {shown.title: shown for shown in files.items()}
    files.pick(again["doubtful.txt"].key)
    settle(pane, qtbot)
    assert pane.cards.preview.text.toPlainText().startswith("été, père: été")


# Encodings --------------------------------------------------------------------------------------------------------


def test_a_doubtful_encoding_is_chosen_among_excerpts(open_pane, texts, qtbot):
    pane = open_pane()
    drop(pane, texts / "doubtful.txt")
    settle(pane, qtbot)
    chooser = pane.cards.preview.chooser
    assert pane.cards.preview.choosing and item(pane, "doubtful").words == "In which encoding is it?"
    assert len(chooser.readings()) == 3 and all(reading.excerpt for reading in chooser.readings())
    chooser.other.setCurrentIndex(chooser.other.findData("mac_roman"))
    chooser.other.activated.emit(chooser.other.currentIndex())
    qtbot.waitUntil(lambda: len(chooser.readings()) == 4)
    assert chooser.encoding() == "mac_roman"
    chooser.pick("utf-8+cp1252")
    pane.primary_action()
    settle(pane, qtbot)
    assert titles(pane) == ["doubtful"] and pane.library.corpus == "doubtful"
    assert pane.cards.preview.text.toPlainText().startswith("été, père: été")
    assert not pane.session.preparations.undecided


def test_a_doubtful_text_can_be_left_out(session, open_pane, texts, qtbot):
    prepare(session, text=TALE, name="tale")
    pane = open_pane()
    drop(pane, texts / "doubtful.txt")
    settle(pane, qtbot)
    pane.cards.preview.chooser.leave.click()
    settle(pane, qtbot)
    assert titles(pane) == ["tale"] and pane.library.corpus == "tale"


def choose(box, value: str) -> None:
    box.setCurrentIndex(box.findData(value))
    box.activated.emit(box.currentIndex())


def test_a_wrong_encoding_is_corrected(session, open_pane, texts, qtbot):
    prepare(session, paths=[texts / "letters.txt"], encoding="cp1252")
    pane = open_pane()
    assert pane.cards.preview.text.toPlainText().startswith("Ñòàðûé")
    assert pane.cards.preview.encoding.note() == "chosen"
    choose(pane.cards.preview.encoding, "cp1251")
    settle(pane, qtbot)
    assert pane.cards.preview.text.toPlainText().startswith("Старый мельник")
    assert session.workspace.corpus("letters").text("training").startswith("Старый мельник")
    assert session.workspace.corpus("letters").settings == CHARACTERS


def test_an_encoding_that_does_not_fit_changes_nothing_and_offers_a_repair(session, open_pane, texts, qtbot):
    name = prepare(session, paths=[texts / "letters.txt"])
    before = session.workspace.corpus(name).data_hash
    pane = open_pane()
    heard = told(pane)
    choose(pane.cards.preview.encoding, "utf-8")
    settle(pane, qtbot)
    assert session.workspace.corpus(name).data_hash == before
    assert pane.cards.preview.encoding.encoding() == "cp1251"
    assert pane.cards.preview.text.toPlainText().startswith("Старый")
    words, kind, action, act = heard[-1]
    assert kind == "err" and "does not fit" in words and "damaged places" in action
    act()
    settle(pane, qtbot)
    assert session.workspace.corpus(name).sources[0].encoding == "utf-8+replace"
    assert pane.cards.preview.encoding.encoding() == "utf-8+replace"


def test_a_repair_is_done_to_the_file_that_did_not_fit(session, open_pane, tmp_path, qtbot):
    folder = tmp_path / "two"
    folder.mkdir()
    for name in ("a.txt", "b.txt"):
        (folder / name).write_bytes(RUSSIAN.encode("cp1251"))
    corpus = prepare(session, paths=[folder])
    pane = open_pane()
    heard = told(pane)
    pane.cards.library.file_picked.emit("source:0")
    settle(pane, qtbot)
    choose(pane.cards.preview.encoding, "utf-8")
    settle(pane, qtbot)
    pane.cards.library.file_picked.emit("source:1")
    settle(pane, qtbot)
    heard[-1][-1]()
    settle(pane, qtbot)
    assert [source.encoding for source in session.workspace.corpus(corpus).sources] == ["utf-8+replace", "cp1251"]


def test_a_source_that_has_gone_leaves_the_text_as_it_is(session, open_pane, texts, qtbot):
    name = prepare(session, paths=[texts / "letters.txt"])
    (texts / "letters.txt").unlink()
    pane = open_pane()
    heard = told(pane)
    box = pane.cards.preview.cleaning.box("trailing_spaces")
    box.click()
    settle(pane, qtbot)
    assert "not there any more" in heard[-1][0]
    assert not box.isChecked()
    assert pane.cards.preview.text.toPlainText().startswith("Старый")
    assert session.workspace.corpus(name).settings == CHARACTERS


# Cleaning, tokens, splits -----------------------------------------------------------------------------------------


def test_cleaning_is_switched_and_counted(session, open_pane, qtbot):
    prepare(session, text="one  \ntwo \r\nthree\n" * 40, name="lines")
    pane = open_pane()
    cleaning = pane.cards.preview.cleaning
    assert cleaning.count("line_ends") == "40 changed" and cleaning.count("trailing_spaces") == "80 found"
    cleaning.box("trailing_spaces").click()
    settle(pane, qtbot)
    assert cleaning.count("trailing_spaces") == "80 changed"
    assert session.workspace.corpus("lines").text("training").startswith("one\ntwo\n")
    assert session.workspace.corpus("lines").settings.cleaning == CleaningSettings(trailing_spaces=True)


def test_another_tokenizer_cuts_the_text_anew(session, open_pane, qtbot):
    prepare(session, text=TALE, name="tale")
    pane = open_pane()
    card = pane.cards.tokenizer
    assert card.strip.texts[:4] == ["T", "h", "e", " "]
    assert [measure.figure for measure in card.panel.measures()] == ["1.00"]
    before = session.workspace.corpus("tale").data_hash
    card.kind._segments["bpe"].click()
    settle(pane, qtbot)
    assert "".join(card.strip.texts) == TALE[:3000] and len(card.strip.texts[1]) > 1
    corpus = session.workspace.corpus("tale")
    assert corpus.settings.tokenizer.kind == "bpe" and corpus.data_hash == before
    own, other = card.panel.measures()[1].figure, pane.cards.statistics.figure("bytes_per_token")
    assert own == other == f"{corpus.statistics.bytes_per_token:.2f}"
    card.vocabulary.setFocus()
    card.vocabulary.selectAll()
    qtbot.keyClicks(card.vocabulary, "300\r")
    settle(pane, qtbot)
    assert session.workspace.corpus("tale").statistics.vocabulary == 300
    assert pane.cards.statistics.figure("vocabulary") == "300"


def test_a_vocabulary_out_of_range_says_what_would_do(session, open_pane, qtbot):
    prepare(session, text=TALE, name="tale")
    pane = open_pane()
    card = pane.cards.tokenizer
    card.vocabulary.setFocus()
    card.vocabulary.selectAll()
    qtbot.keyClicks(card.vocabulary, "12")
    assert "between 256 and 65536" in card.notice.words() and card.vocabulary.property("invalid")
    qtbot.keyClicks(card.vocabulary, "\r")
    settle(pane, qtbot)
    assert session.workspace.corpus("tale").settings == CHARACTERS
    assert card.vocabulary.text() == "12"
    card.notice.taken.emit(0)
    settle(pane, qtbot)
    assert card.notice.words() == "" and card.vocabulary.text() == "256"
    assert session.workspace.corpus("tale").settings.tokenizer.vocabulary == 256


def test_a_token_is_looked_at_closely(session, open_pane, qtbot):
    prepare(session, text="Mädchen und Mädchen.\n" * 40, name="kinder",
            settings=CorpusSettings(tokenizer=TokenizerSettings(vocabulary=256)))  # fmt: skip
    pane = open_pane()
    strip, panel = pane.cards.tokenizer.strip, pane.cards.tokenizer.panel
    qtbot.waitUntil(lambda: len(panel.token()[1]) == 3)
    qtbot.mouseClick(strip.viewport(), Qt.MouseButton.LeftButton, pos=strip.box_of(0).center().toPoint())
    assert panel.token()[0] == "M"
    assert panel.token()[1] == ["id 44 of 256", "72 × in the training text", "1 byte: 4D"]
    strip.go_to(1)  # the first half of a letter
    assert panel.token()[0] == "◦" and panel.token()[1][2] == "1 byte: C3"


def test_work_on_a_text_can_be_stopped(session, open_pane, qtbot):
    prepare(session, text=TALE * 200, name="long")
    pane = open_pane()
    card = pane.cards.tokenizer
    card.kind._segments["bpe"].click()
    assert card.progress.words()
    qtbot.waitUntil(lambda: item(pane, "long").share is not None)
    assert not pane.cards.splits.use.isEnabled()
    card.progress.stop.click()
    settle(pane, qtbot)
    assert session.workspace.corpus("long").settings == CHARACTERS
    assert card.kind.value == "character" and card.progress.words() == ""
    assert pane.cards.splits.use.isEnabled()


def test_work_on_a_text_waits_and_goes_on(session, open_pane, qtbot):
    prepare(session, text=TALE * 400, name="long")
    pane = open_pane()
    card = pane.cards.tokenizer
    qtbot.waitUntil(lambda: not pane.shown.busy, timeout=20_000)
    card.kind._segments["unigram"].click()
    qtbot.waitUntil(lambda: session.preparations.current is not None)
    card.progress.pause.click()
    one = session.preparations.current
    assert one.paused
    assert card.progress.words().startswith("Paused: ")
    before = one.progress
    qtbot.wait(400)
    assert session.preparations.current is one
    at_rest = one.progress
    qtbot.wait(400)
    assert one.progress == at_rest, (before, at_rest)
    card.progress.pause.click()
    settle(pane, qtbot)
    assert session.workspace.corpus("long").settings.tokenizer.kind == "unigram"


def test_a_pace_is_told_when_it_is_known(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("lmstudio_app.gui.preparation.time.monotonic", lambda: now[0])
    one = Preparation(lambda: [], {}, "x")
    one.report(Progress("Reading", 0, 100_000_000, "bytes"))
    now[0] += 1
    one.report(Progress("Reading", 10_000_000, 100_000_000, "bytes"))
    assert pace_words(one) == "10 % read"
    now[0] += 3
    one.report(Progress("Reading", 40_000_000, 100_000_000, "bytes"))
    assert pace_words(one) == "40 % read · 10.0 MB/s · 6 s left"
    one.pause(True)
    now[0] += 50
    assert pace_words(one) == "Paused: 40 % read"
    one.pause(False)
    now[0] += 2
    one.report(Progress("Reading", 60_000_000, 100_000_000, "bytes"))
    assert pace_words(one) == "60 % read · 10.0 MB/s · 4 s left"


def test_splits_are_changed_in_the_form(session, open_pane, qtbot):
    prepare(session, text=TALE, name="tale")
    pane = open_pane()
    card = pane.cards.splits
    assert card.note.text() == "by position"
    card.change.click()
    row = card.form.row("split.validation")
    row.editor.selectAll()
    qtbot.keyClicks(row.editor, "0.5")
    assert row.wrong and not card.apply.isEnabled()
    row.editor.selectAll()
    qtbot.keyClicks(row.editor, "0.05")
    training = card.form.row("split.training")
    training.editor.selectAll()
    qtbot.keyClicks(training.editor, "0.7")
    assert not row.wrong and card.apply.isEnabled()
    assert [round(part.share, 3) for part in card.bar.parts()] == [0.7, 0.05, 0.25]
    card.apply.click()
    settle(pane, qtbot)
    assert not card.opened
    statistics = session.workspace.corpus("tale").statistics
    assert statistics.splits["training"].bytes == pytest.approx(0.7 * statistics.bytes, rel=0.02)
    assert card.counts()[2] == f"Test {statistics.tokens['test']:,}"
    card.change.click()
    card.form.row("split.training").editor.setText("0.1")
    card.cancel.click()
    card.change.click()
    assert card.form.values()["split.training"] == 0.7


# Runs that depend on a text ---------------------------------------------------------------------------------------


@pytest.fixture
def with_run(session: Session, qtbot) -> Session:
    """A session with the corpus “tale” and the run “reader” on it."""
    make_corpus(session.workspace)
    make_run(session.workspace, "reader", "gpt", day=1, steps=())
    session.list_runs()
    qtbot.waitUntil(lambda: len(session.runs) == 1)
    return session


def test_a_text_that_runs_need_is_not_deleted_and_they_are_named(with_run, open_pane, qtbot):
    pane = open_pane()
    heard, gone = told(pane), []
    pane.go.connect(gone.append)
    pane.cards.library.delete.click()
    qtbot.waitUntil(lambda: bool(heard))
    words, kind, action, act = heard[-1]
    assert "“reader”" in words and kind == "warn" and action == "Show the runs"
    act()
    assert gone == ["runs"] and titles(pane) == ["tale"]


def test_a_deleted_text_comes_back(session, open_pane, qtbot):
    prepare(session, text=TALE, name="tale")
    prepare(session, text=TALE + "more", name="other")
    session.choose_corpus("tale")
    pane = open_pane()
    heard = told(pane)
    pane.cards.library.list.setFocus()
    qtbot.keyClick(pane.cards.library.list, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: titles(pane) == ["other"])
    assert heard[-1][:3] == ("“tale” is in the bin.", "info", "Undo")
    assert session.draft.corpus == "other" and pane.library.corpus == "other"
    heard[-1][3]()
    qtbot.waitUntil(lambda: titles(pane) == ["other", "tale"])
    settle(pane, qtbot)
    assert pane.library.corpus == "tale" and session.workspace.corpus("tale").statistics.characters == len(TALE)


def test_the_last_text_that_goes_leads_back_to_the_first_page(session, open_pane, qtbot):
    prepare(session, text=TALE, name="tale")
    pane = open_pane()
    gone = []
    pane.go.connect(gone.append)
    pane.cards.library.delete.click()
    qtbot.waitUntil(lambda: gone == ["corpus"])
    assert titles(pane) == [] and pane.cards.statistics.figure("tokens") == "–"


def test_a_text_is_renamed_in_place_and_its_runs_follow(with_run, open_pane, qtbot):
    with_run.choose_corpus("tale")
    pane = open_pane()
    names = pane.cards.library.list
    names.setFocus()
    qtbot.keyClick(names, Qt.Key.Key_F2)
    field = names.findChild(QLineEdit)
    field.setText("story")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: titles(pane) == ["story"])
    settle(pane, qtbot)
    assert with_run.draft.corpus == "story" and pane.crumbs()[0] == "story"
    assert with_run.workspace.run("reader").config.corpus == "story"
    heard = told(pane)
    names.renamed.emit("corpus:story", "a/b")
    qtbot.waitUntil(lambda: bool(heard))
    assert heard[-1][1] == "err" and titles(pane) == ["story"]


def test_a_text_keeps_its_name_while_a_training_on_it_begins(session, open_pane, qtbot):
    prepare(session, text=TALE, name="tale")
    pane = open_pane()
    settle(pane, qtbot)
    heard = told(pane)
    session.change_draft(corpus="tale", family="ngram", model={"order": 2})
    name = session.start_training()
    assert session.job.state == "starting"
    pane.cards.library.list.renamed.emit("corpus:tale", "story")
    assert heard[-1][0].startswith(f"The run “{name}” is learning from “tale”.")
    qtbot.waitUntil(lambda: not session.busy, timeout=20_000)
    assert session.job.failure is None and session.workspace.corpora() == ["tale"]


def test_another_text_under_runs_is_told_and_taken_back(with_run, open_pane, qtbot):
    pane = open_pane()
    before = with_run.workspace.corpus("tale").data_hash
    heard = told(pane)
    pane.editing.redo(split=with_run.workspace.corpus("tale").settings.split.model_copy(update={"training": 0.6}))
    qtbot.waitUntil(lambda: bool(heard), timeout=10_000)
    settle(pane, qtbot)
    words, kind, action, act = heard[-1]
    assert "“reader”" in words and (kind, action) == ("warn", "Undo")
    assert with_run.workspace.corpus("tale").data_hash != before
    act()
    settle(pane, qtbot)
    assert with_run.workspace.corpus("tale").data_hash == before


def test_a_repair_can_be_taken_back(session, open_pane, tmp_path, qtbot):
    (tmp_path / "a.txt").write_bytes(RUSSIAN.encode("cp1251"))
    corpus = prepare(session, paths=[tmp_path / "a.txt"])
    pane = open_pane()
    heard = told(pane)
    choose(pane.cards.preview.encoding, "utf-8")
    settle(pane, qtbot)
    heard[-1][-1]()
    again = session.preparations.of(corpus)
    settle(pane, qtbot)
    pane.editing.undo(again)
    settle(pane, qtbot)
    assert [source.encoding for source in session.workspace.corpus(corpus).sources] == ["cp1251"]


def test_a_text_in_use_is_read_only(with_run, open_pane, qtbot):
    pane = open_pane()
    cards = pane.cards
    with_run.trainings.waiting.append(Waiting("reader", "tale"))  # as if another run trained before it
    with_run.trainings.changed.emit()
    assert "“reader”" in cards.preview.notice.words() and "“reader”" in cards.splits.remark()
    for control in (cards.preview.encoding, cards.preview.cleaning, cards.tokenizer.kind, cards.tokenizer.vocabulary):
        assert not control.isEnabled()
    assert not cards.splits.change.isEnabled()
    with pytest.raises(UserError, match="stays as it is"):
        with_run.redo("tale", cleaning=CleaningSettings(trailing_spaces=True))
    with_run.trainings.remove("reader")
    assert not cards.preview.notice.isVisible() and cards.tokenizer.kind.isEnabled()


def test_the_text_is_used_for_training(session, open_pane, qtbot):
    prepare(session, text=TALE, name="one")
    prepare(session, text=TALE * 2, name="two")
    session.choose_corpus("one")
    pane = open_pane()
    assert pane.library.corpus == "one" and pane.cards.splits.remark() == "Chosen for the next run."
    pane.library.pick_corpus("two")
    settle(pane, qtbot)
    gone = []
    pane.go.connect(gone.append)
    pane.primary_action()
    assert session.draft.corpus == "two" and gone == ["train"]


# As a whole -------------------------------------------------------------------------------------------------------


def test_a_damaged_text_is_named_and_the_others_stay(session, open_pane, qtbot):
    prepare(session, text=TALE, name="bad")
    prepare(session, text=TALE, name="good")
    (session.workspace.corpus_folder("bad") / "corpus.toml").write_text("nonsense", encoding="utf-8")
    pane = open_pane()
    assert item(pane, "bad").tone == "err" and "damaged" in item(pane, "bad").words
    assert "damaged" in pane.cards.preview.empty.words() and not pane.cards.splits.use.isEnabled()
    pane.library.pick_corpus("good")
    settle(pane, qtbot)
    assert pane.cards.preview.text.toPlainText().startswith("The old fox")


def test_texts_added_elsewhere_are_seen_when_it_is_shown_again(session, open_pane, qtbot):
    pane = open_pane()
    prepare(session, text=TALE, name="tale")
    pane.hide()
    pane.show()
    settle(pane, qtbot)
    assert titles(pane) == ["tale"] and pane.library.corpus == "tale"


def test_a_file_that_vanishes_or_is_no_text_is_told_and_nothing_is_left(open_pane, texts, qtbot):
    pane = open_pane()
    heard = told(pane)
    drop(pane, texts / "picture.png")
    settle(pane, qtbot)
    assert "not text" in heard[-1][0] and titles(pane) == []
    (texts / "empty.txt").touch()
    drop(pane, texts / "empty.txt")
    settle(pane, qtbot)
    assert "is empty" in heard[-1][0] and titles(pane) == []
    drop(pane, texts / "nothing.txt")
    settle(pane, qtbot)
    assert "not there" in heard[-1][0] and titles(pane) == []


def test_two_texts_wait_for_each_other(open_pane, texts, qtbot):
    pane = open_pane()
    drop(pane, texts / "tale.txt")
    drop(pane, texts / "letters.txt")
    assert len(titles(pane)) == 2
    settle(pane, qtbot)
    assert titles(pane) == ["letters", "tale"]
    assert pane.library.corpus == "letters"  # what was added last


def test_text_is_copied_and_enlarged(session, open_pane, qtbot):
    prepare(session, text=TALE, name="tale")
    pane = open_pane()
    text = pane.cards.preview.text
    text.selectAll()
    text.copy()
    assert QApplication.clipboard().text() == TALE
    before = text.document().defaultFont().pixelSize()
    text.setFocus()
    qtbot.keyClick(text, Qt.Key.Key_Up, Qt.KeyboardModifier.ControlModifier)
    assert text.document().defaultFont().pixelSize() > before
    theme.current().toggle()
    assert text.document().defaultFont().pixelSize() > before
    text.zoom(0)
    assert text.document().defaultFont().pixelSize() == before
    assert not text.isUndoRedoEnabled() and text.isReadOnly()


def test_it_recolours_with_the_theme(session, open_pane, qtbot):
    prepare(session, text=TALE, name="tale")
    pane = open_pane()
    light = picture(pane)
    theme.current().toggle()
    qtbot.wait(20)
    dark = picture(pane)
    places = [(50, 200), (600, 300), (600, 600), (1000, 200), (1000, 700)]
    for x, y in places:
        assert light.pixelColor(x, y).lightness() > dark.pixelColor(x, y).lightness()


def untranslated(widget: QWidget) -> list[str]:
    """Words of the window that nobody translated."""
    found = []
    for part in widget.findChildren(QWidget):
        owner: QWidget | None = part
        while owner is not None and not owner.property("verbatim"):
            owner = owner.parentWidget()
        said = [part.accessibleName(), part.toolTip()]
        if isinstance(part, QLabel | QAbstractButton):
            said.append(part.text())
        if owner is None:
            found += [
                f"{type(part).__name__}: {words}" for words in said if any(map(str.isalpha, words)) and "⟦" not in words
            ]
    return found


def test_every_word_is_translated_and_has_room(session, open_pane, texts, qtbot):
    prepare(session, paths=[texts], settings=CorpusSettings())
    with installed():
        pane = open_pane()
        pane.cards.splits.change.click()
        assert untranslated(pane) == []
        assert "⟦" in item(pane, "texts").words and "⟦" in pane.title()
        for key in ("skipped:0", "skipped:1"):
            pane.cards.library.files.pick(key)
            assert untranslated(pane) == []
        pane.library.pick("")
        pane.shown.show_nothing()
        assert untranslated(pane) == []
        for width, height in ((1028, 602), (1280, 760)):
            pane.resize(width, height)
            qtbot.wait(20)
            assert (pane.width(), pane.minimumSizeHint().width() <= 1028) == (width, True)
            for button in pane.findChildren(QPushButton):
                if button.isVisible():
                    assert button.width() >= button.minimumSizeHint().width() - 1, button.text()


def test_every_control_has_a_name_and_a_place_in_the_tab_order(session, open_pane, texts, qtbot):
    prepare(session, paths=[texts])
    pane = open_pane()
    qtbot.waitUntil(lambda: not pane.shown.busy, timeout=20_000)
    pane.cards.splits.change.click()
    for part in pane.findChildren(QWidget):
        if part.isVisible() and part.focusPolicy() & Qt.FocusPolicy.TabFocus:
            assert part.accessibleName(), part
    reached, part = [], pane.cards.library.rename
    while part not in reached:
        reached.append(part)
        part.setFocus()
        QApplication.focusWidget().focusNextChild() if QApplication.focusWidget() else part.nextInFocusChain()
        part = QApplication.focusWidget()
    cards = pane.cards
    places = [
        reached.index(part)
        for part in (
            cards.library.add, cards.library.list, cards.library.files, cards.preview.encoding, cards.preview.text,
            cards.tokenizer.vocabulary, cards.tokenizer.strip, cards.splits.use,
        )
    ]  # fmt: skip
    assert places == sorted(places)


def test_at_double_size_the_columns_stand_below_each_other(session, open_pane, qtbot):
    prepare(session, text=TALE, name="tale")
    pane = open_pane()
    beside = pane.cards.splits.mapTo(pane, QPoint(0, 0)).x()
    assert beside > pane.cards.library.width()
    theme.current().set_scale(2.0)
    qtbot.wait(20)
    places = [card.mapTo(pane, QPoint(0, 0)) for card in (pane.cards.library, pane.cards.preview, pane.cards.splits)]
    assert places[0].x() == places[1].x() == places[2].x()
    assert places[0].y() < places[1].y() < places[2].y()
    theme.current().set_scale(1.0)
    qtbot.wait(20)
    assert pane.cards.splits.mapTo(pane, QPoint(0, 0)).x() == beside


def test_in_an_empty_workspace_a_doubtful_text_leads_to_its_readings(qtbot, texts, tmp_path):
    session = Session()
    window = MainWindow(session)
    session.setParent(window)
    qtbot.addWidget(window, before_close_func=lambda window: window.session.close())
    with qtbot.waitSignal(window.painted):
        window.show()
    window.open_workspace(tmp_path / "empty")
    assert window.pane.name == "start"
    window.pane.add_paths([texts / "doubtful.txt"])
    qtbot.waitUntil(lambda: window.pane.name == "corpus", timeout=10_000)
    pane = window.pane
    assert pane.cards.preview.choosing and window.banner.words() == ""
    pane.cards.preview.chooser.use.click()
    settle(pane, qtbot)
    assert titles(pane) == ["doubtful"] and session.draft.corpus == "doubtful"
    pane.cards.library.delete.click()
    qtbot.waitUntil(lambda: window.pane.name == "start")
    assert "in the bin" in window.banner.words()
    qtbot.mouseClick(window.banner._action, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: titles(pane) == ["doubtful"])
    settle(pane, qtbot)
    window.close()
