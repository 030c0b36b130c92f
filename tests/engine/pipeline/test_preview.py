"""How texts begin, before and after they are corpora, and files that were skipped and come back."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmstudio_app.engine import pipeline
from lmstudio_app.engine.data.changes import compare
from lmstudio_app.engine.data.cleaning import CleaningSettings
from lmstudio_app.engine.data.corpus import CorpusSettings
from lmstudio_app.engine.data.reader import ReadingSettings
from lmstudio_app.engine.data.splits import SplitSettings
from lmstudio_app.engine.data.tokenizer import TokenizerSettings
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import Counted, SourceSkipped
from lmstudio_app.engine.workspace import Workspace

CHARACTERS = CorpusSettings(tokenizer=TokenizerSettings(kind="character"))
RUSSIAN = "Старый мельник пошёл к реке и сказал: «Я её потерял».\n" * 6


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    return Workspace.open(tmp_path / "workspace")


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "texts"
    made.mkdir()
    (made / "a.txt").write_text("The first text. Café, naïve.\n" * 20, encoding="utf-8")
    (made / "b.txt").write_bytes(RUSSIAN.encode("cp1251"))
    (made / "c.bin").write_bytes(bytes(range(256)) * 8)
    (made / "d.txt").write_bytes(b"\xe9t\xe9, p\xe8re: " + "été, père, là.\n".encode() * 2)  # two encodings in one file
    return made


def prepared(workspace: Workspace, **request):
    events = list(pipeline.prepare(workspace, settings=CHARACTERS, **request))
    return workspace.corpus(events[-1].corpus), events


def test_each_file_of_a_corpus_begins_as_it_did(workspace, folder):
    corpus, events = prepared(workspace, paths=[folder])
    assert [source.encoding for source in corpus.sources] == ["utf-8", "cp1251"]
    assert pipeline.preview(corpus, 0, 15).text == "The first text."
    second = pipeline.preview(corpus, 1)
    assert second.text.rstrip("\n") == RUSSIAN.rstrip("\n")
    assert second.whole
    assert pipeline.preview(corpus).text.startswith("The first text.")
    assert not pipeline.preview(corpus, None, 100).whole
    counted = next(event for event in events if isinstance(event, Counted))
    assert (counted.documents, counted.characters) == (2, corpus.statistics.characters)


def test_what_was_skipped_is_remembered_and_can_be_added(workspace, folder):
    corpus, _ = prepared(workspace, paths=[folder])
    skipped = {skipped.path: skipped for skipped in corpus.skipped}
    assert set(skipped) == {str(folder / "c.bin"), str(folder / "d.txt")}
    assert not skipped[str(folder / "c.bin")].options
    options = skipped[str(folder / "d.txt")].options
    assert len(options) >= 2
    again = list(pipeline.redo(corpus, CHARACTERS.model_copy(update={"split": SplitSettings(training=0.8)})))
    assert len([event for event in again if isinstance(event, SourceSkipped)]) == 2
    corpus = workspace.corpus(corpus.name)
    assert len(corpus.skipped) == 2
    list(pipeline.redo(corpus, encodings={folder / "d.txt": options[0][0]}))
    corpus = workspace.corpus(corpus.name)
    assert [skipped.path for skipped in corpus.skipped] == [str(folder / "c.bin")]
    assert [source.path for source in corpus.sources][2:] == [str(folder / "d.txt")]
    list(pipeline.redo(corpus, CHARACTERS.model_copy(update={"cleaning": CleaningSettings(trailing_spaces=True)})))
    assert len(workspace.corpus(corpus.name).sources) == 3


def test_tokens_of_the_beginning(workspace):
    text = "Ein Mädchen ging, ging und ging.\n" * 30
    corpus, _ = prepared(workspace, text=text, name="Mädchen")
    shown = pipeline.preview_tokens(corpus, None, 40)
    assert "".join(shown.pieces) == text[:40]
    assert b"".join(shown.spellings) == text[:40].encode()
    counts = pipeline.count_tokens(corpus)
    assert counts.sum() == corpus.statistics.tokens["training"]
    assert counts[shown.tokens[0]] == corpus.text("training").count("E")
    assert shown.vocabulary == len(counts)
    wanted = CorpusSettings(tokenizer=TokenizerSettings(kind="bpe", vocabulary=256))
    list(pipeline.redo(corpus, wanted))
    halves = pipeline.preview_tokens(workspace.corpus("Mädchen"), None, 6)
    assert halves.pieces[5:7] == ("", "ä")  # a letter of two bytes belongs to the second
    assert halves.spellings[5:7] == (b"\xc3", b"\xa4")


@pytest.mark.parametrize("encoding", ["utf-8", "cp1251", "utf-16", "utf-16-le", "gb18030"])
@pytest.mark.parametrize("copies", [1, 4000])
def test_a_file_before_it_is_a_corpus(tmp_path, encoding, copies):
    path = tmp_path / "text.txt"
    path.write_bytes((RUSSIAN * copies).encode(encoding))
    shown = pipeline.preview_file(path, None if encoding != "gb18030" else encoding, 200)
    assert shown.text == RUSSIAN[:200]
    assert not shown.whole
    assert pipeline.preview_file(path, encoding).whole == (copies == 1)


def test_a_file_that_does_not_fit_or_is_no_text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes("père".encode("cp1252") * 10)
    with pytest.raises(UserError, match="does not fit"):
        pipeline.preview_file(path, "utf-8")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20)
    with pytest.raises(UserError, match="not text"):
        pipeline.preview_file(path)
    with pytest.raises(UserError, match="not there"):
        pipeline.preview_file(tmp_path / "nothing.txt")


def test_what_cleaning_would_find(workspace):
    corpus, _ = prepared(workspace, text="one  \ntwo\x07\r\nthree\n" * 40)
    found = pipeline.count_cleanable(corpus)
    assert {name: count for name, count in found.items() if count} == {"trailing_spaces": 40, "control_characters": 40}
    assert set(found) == set(CleaningSettings.model_fields) - {"line_ends", "similar_documents"}
    list(pipeline.redo(corpus, CHARACTERS.model_copy(update={"cleaning": CleaningSettings(trailing_spaces=True)})))
    corpus = workspace.corpus(corpus.name)
    assert corpus.statistics.cleaned["trailing_spaces"] == 40
    assert "trailing_spaces" not in pipeline.count_cleanable(corpus)


# Before cleaning, and what it changed ------------------------------------------------------------------------------


def test_what_cleaning_changed_is_told_line_by_line(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    lines = ["same"] * 9 + ["spaces at the end   ", "“quoted”"] + ["same"] * 20
    path.write_bytes("\r\n".join(lines).encode())
    cleaning = CleaningSettings(trailing_spaces=True, quotes=True)
    wanted = CorpusSettings(cleaning=cleaning, tokenizer=TokenizerSettings(kind="character"))
    list(pipeline.prepare(workspace, paths=[path], settings=wanted))
    corpus = workspace.corpus("note")
    original = pipeline.preview_original(corpus, 0)
    assert original.text == path.read_bytes().decode()
    assert original.whole
    changes = pipeline.preview_changes(corpus, 0)
    removed = [line for line in changes.lines if line.kind == "removed"]
    added = [line for line in changes.lines if line.kind == "added"]
    assert any(line.text == "spaces at the end   \r" and line.marks == ((17, 21),) for line in removed)
    assert any(line.text == '"quoted"' and line.marks == ((0, 1), (7, 8)) for line in added)
    assert 0 < changes.share < 0.5


@given(st.lists(st.sampled_from(["a", "b ", "c“d”", "", "x" * 30]), max_size=40), st.data())
def test_changes_tell_both_texts(lines: list[str], data: st.DataObject) -> None:
    after = [line.strip() for line in lines if data.draw(st.integers(0, 9)) or line]
    before_text, after_text = "\n".join(lines), "\n".join(after)
    changes = compare(before_text, after_text)
    for line in changes.lines:
        text = lines if line.kind == "removed" else after
        if line.kind in ("removed", "added", "same"):
            assert line.text == text[line.number - 1]
        for start, end in line.marks:
            assert 0 <= start < end <= len(line.text)
    seen = sum(1 for line in changes.lines if line.kind in ("added", "same")) + sum(
        line.folded for line in changes.lines if line.kind == "folded"
    )
    assert seen == len(after_text.splitlines())
    if before_text == after_text:
        assert all(line.kind in ("same", "folded") for line in changes.lines)
        assert changes.share == 0


def test_a_table_shows_its_columns_and_what_they_give(tmp_path: Path) -> None:
    path = tmp_path / "reviews.csv"
    path.write_text("id,body,verdict\n" + "".join(f"{n},Film {n} was long.,good\n" for n in range(30)), "utf-8")
    shown = pipeline.preview_table(path, "utf-8", ReadingSettings(mapping="text=body,label=verdict"))
    assert shown.columns == ("id", "body", "verdict")
    assert shown.rows[2] == {"id": "2", "body": "Film 2 was long.", "verdict": "good"}
    assert (shown.kind, shown.mapping) == ("labelled", {"text": "body", "label": "verdict"})
    assert shown.texts[:2] == ("Film 0 was long.", "Film 1 was long.")
    with pytest.raises(UserError, match="There is no column “nothing”"):
        pipeline.preview_table(path, "utf-8", ReadingSettings(mapping="text=nothing"))
    plain = tmp_path / "plain.txt"
    plain.write_text("Just a text.", encoding="utf-8")
    assert pipeline.preview_table(plain, "utf-8").columns == ()


def test_comparing_never_takes_long() -> None:
    begun = time.monotonic()
    changes = compare("a " * 999 + "\n", "a" * 1990 + "\n")
    assert changes.share <= 1
    compare("same\n" * 5000, "same\n" * 2500 + "other\n" + "same\n" * 2499)
    compare("x\n" * 5000, "y\n" * 5000)
    assert time.monotonic() - begun < 2
    assert compare("x\n", "x" * 50 + "\n").share <= 1


def test_only_what_changed_is_marked_in_a_long_text() -> None:
    before = [f"line {n} of a text" for n in range(400)]
    after = [*before[:20], "line 20 was another", *before[21:380], "line 380 too", *before[381:]]
    changes = compare("\n".join(before), "\n".join(after))
    assert [line.number for line in changes.lines if line.kind == "removed"] == [21, 381]
    assert [line.number for line in changes.lines if line.kind == "added"] == [21, 381]
    assert changes.share < 0.01
    joined = [*before[:20], "line 20 of a textline 21 of a text", *before[22:379], "joined again", *before[381:]]
    changes = compare("\n".join(before), "\n".join(joined))
    assert [line.number for line in changes.lines if line.kind == "removed"] == [21, 22, 380, 381]
    assert changes.share < 0.02


def test_other_line_ends_and_fewer_lines_at_once() -> None:
    before = [line for n in range(300) for line in (f"line {n} of a text\r\n", *(["\r\n"] if n % 7 == 0 else []))]
    after = [line.replace("\r", "") for line in before if line != "\r\n"]
    changes = compare("".join(before), "".join(after))
    removed = [line for line in changes.lines if line.kind == "removed" and line.text != "\r"]
    assert [line.text for line in removed] == [f"line {n} of a text\r" for n in range(300)]
    assert {line.marks for line in removed if line.text.startswith("line 1")} <= {((n, n + 1),) for n in range(25)}
    assert changes.share < 0.1


def test_words_are_marked_in_a_long_line() -> None:
    words = [f"word{n}" for n in range(1500)]
    changed = [*words[:10], "other", *words[11:1400], "another", *words[1401:]]
    changes = compare(" ".join(words), " ".join(changed))
    (removed, added) = changes.lines
    assert [removed.text[start:end] for start, end in removed.marks] == ["word10", "word1400"]
    assert [added.text[start:end] for start, end in added.marks] == ["other", "another"]
    assert changes.share < 0.01


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_a_mark_that_is_not_there_is_a_sentence(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"Just some bytes.")
    with pytest.raises(UserError, match=f"is not {encoding}"):
        pipeline.preview_file(path, encoding)
