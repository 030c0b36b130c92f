"""Cleaning: off means untouched, and pieces are cleaned as the whole is."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmstudio_app.engine import pipeline
from lmstudio_app.engine.data import cleaning
from lmstudio_app.engine.data.cleaning import CleaningSettings, clean, rejoined, small_parts, without_notices
from lmstudio_app.engine.data.corpus import Corpus, CorpusSettings
from lmstudio_app.engine.data.reader import ReadingSettings, whole_lines
from lmstudio_app.engine.data.splits import SPLITS
from lmstudio_app.engine.data.tokenizer import TokenizerSettings
from lmstudio_app.engine.workspace import Workspace
from tests.engine.data import writings

TEXT = st.text(alphabet="aB1２ \t\r\n\0\u0301é\u3000漢\ufeff“’@.+-", max_size=60)
OFF = CleaningSettings(line_ends=False)
ALL = CleaningSettings.model_validate(
    dict.fromkeys(CleaningSettings.model_fields, True) | {"html_entities": False, "traditional": False}
)


def test_line_ends_become_line_feeds() -> None:
    text, counts = clean("one\r\ntwo\rthree\nfour", CleaningSettings())
    assert text == "one\ntwo\nthree\nfour"
    assert counts == {"line_ends": 2}


def test_each_switch_does_what_it_says() -> None:
    assert clean("one  \t\n two\u3000\r\n", CleaningSettings(trailing_spaces=True)) == (
        "one\n two\n",
        {"line_ends": 1, "trailing_spaces": 2},
    )
    assert clean("a\0b\x7f\tc\x1b", CleaningSettings(control_characters=True))[0] == "ab\tc"
    assert clean("e\u0301te\u0301", CleaningSettings(unicode_nfc=True)) == ("été", {"line_ends": 0, "unicode_nfc": 2})


@given(TEXT)
def test_nothing_is_lost_without_a_switch(text: str) -> None:
    assert clean(text, OFF) == (text, {})
    kept, _ = clean(text, CleaningSettings())
    assert kept.replace("\n", "") == text.replace("\r", "").replace("\n", "")


@given(TEXT)
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    once, _ = clean(text, ALL)
    again, counts = clean(once, ALL)
    assert again == once
    assert not any(counts.values())


@given(st.lists(TEXT, max_size=6))
def test_pieces_are_cleaned_as_the_whole(texts: list[str]) -> None:
    lines_alone = ALL.model_copy(update={"hyphenation": False})  # which joins pieces first: `rejoined`
    whole, counts = clean("".join(texts), lines_alone)
    cleaned = [clean(piece, lines_alone) for piece in whole_lines(texts)]
    assert "".join(text for text, _ in cleaned) == whole
    assert sum(found["line_ends"] for _, found in cleaned) == counts["line_ends"]


def only(name: str, text: str) -> tuple[str, int]:
    cleaned, counts = clean(text, CleaningSettings.model_validate({"line_ends": False, name: True}))
    assert set(counts) == {name}
    return cleaned, counts[name]


def test_quotes_entities_case_and_width() -> None:
    assert only("quotes", "“It’s ‚so‘,” she „said‟ «oui»") == ('"It\'s \'so\'," she "said" «oui»', 7)
    assert only("html_entities", "A&amp;B &eacute;&#233;&#xE9; &unknown; &#xD800; & x;") == (
        "A&B ééé &unknown; &#xD800; & x;",
        4,
    )
    assert only("lower_case", "ÀB c Straße") == ("àb c straße", 3)
    assert only("half_width", "Ａ１ｚ，！　好") == ("A1z，！　好", 3)


def test_personal_data_is_masked() -> None:
    masked = {
        "Write to ann.b+c@mail.example.org, please": "Write to <EMAIL>, please",
        "4111 1111 1111 1111 and 5500-0000-0000-0004": "<CARD> and <CARD>",
        "Call +44 20 7946 0958 or (030) 123 456 78.": "Call <PHONE> or <PHONE>.",
        "电话13812345678。": "电话<PHONE>。",
        "06 12 34 56 78; +4915112345678": "<PHONE>; <PHONE>",
    }
    for text, expected in masked.items():
        assert only("personal_data", text)[0] == expected


def test_what_only_looks_like_personal_data_stays() -> None:
    text = (
        "From 1999-2000, on 2020-10-11 and 2020-10-11; 100 000 000 people, 1.234.567.890, at 192.168.100.200, @home, "
        "4111 1111 1111 1112 is no card, 3.14159265358979, 12-34, ISBN978-3-16-148410-0"
    )
    assert only("personal_data", text) == (text, 0)


BOOK = (
    "The Project Gutenberg eBook of X\r\n\r\n*** START OF THE PROJECT GUTENBERG EBOOK X ***\r\n\r\nChapter 1\r\n"
    "It was *** late.\r\n\r\n*** END OF THE PROJECT GUTENBERG EBOOK X ***\r\nSection 1. Licence\r\n"
)


@given(st.lists(st.integers(0, len(BOOK)), max_size=5))
def test_notices_around_a_book_go_and_the_book_stays(places: list[int]) -> None:
    cuts = sorted({0, len(BOOK), *(BOOK.rfind("\n", 0, place) + 1 for place in places)})
    pieces = [BOOK[first:last] for first, last in pairwise(cuts)]
    heard: list[int] = []
    assert "".join(without_notices(pieces, heard.append)) == "Chapter 1\r\nIt was *** late.\n"
    assert sum(heard) == only("gutenberg", BOOK)[1] == 2


@given(st.lists(TEXT, max_size=6))
def test_a_text_without_notices_stays_as_it_is(texts: list[str]) -> None:
    heard: list[int] = []
    assert "".join(without_notices(texts, heard.append)) == "".join(texts)
    assert not heard


# Words that a line end parts, lines that many documents have, documents that are left out ---------------------------


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("a com-\nputer is\n", "a computer\nis\n"),
        ("a com-\r\nputer, is\n", "a computer,\nis\n"),
        ("soft\u00ad\nware\n", "software\n"),
        ("well-known, A-\nB\n", "well-known, A-\nB\n"),
        ("1990-\n1995\n", "1990-\n1995\n"),
        ("- item\n- item\n", "- item\n- item\n"),
        ("pre-\npro-\nfound end\n", "preprofound\nend\n"),
        ("last-", "last-"),
    ],
)
def test_words_that_a_line_end_parts_are_joined(text: str, joined: str) -> None:
    assert clean(text, alone("hyphenation"))[0].replace("\r", "") == joined.replace("\r", "")


@given(st.lists(st.sampled_from(["com-\n", "puter\n", "a b\n", "\n", "x-", "y\n"]), max_size=8))
def test_pieces_are_joined_as_the_whole(pieces: list[str]) -> None:
    whole = clean("".join(pieces), alone("hyphenation"))[0]
    assert "".join(clean(piece, alone("hyphenation"))[0] for piece in rejoined(pieces)) == whole


def alone(name: str) -> CleaningSettings:
    return CleaningSettings(**dict.fromkeys(CleaningSettings.model_fields, False) | {name: True})


def corpus_of(tmp_path: Path, texts: list[str], **settings: Any) -> Corpus:
    folder = tmp_path / "texts"
    folder.mkdir(parents=True)
    for number, text in enumerate(texts):
        (folder / f"{number:03}.txt").write_text(text, encoding="utf-8")
    workspace = Workspace.open(tmp_path / "w")
    wanted = CorpusSettings(tokenizer=TokenizerSettings(kind="character"), **settings)
    list(pipeline.prepare(workspace, paths=[folder], name="many", settings=wanted))
    return workspace.corpus("many")


def test_lines_that_many_documents_have_are_dropped(tmp_path: Path) -> None:
    texts = [f"ACME NEWS\nStory {n}: a tale of its own, number {n}.\n\nAll rights reserved.\n" for n in range(20)]
    texts[3] = texts[3].replace("ACME NEWS\n", "")
    assert pipeline.count_cleanable(corpus_of(tmp_path / "as it is", texts))["boilerplate"] == 39
    corpus = corpus_of(tmp_path, texts, cleaning=CleaningSettings(boilerplate=True))
    whole = "".join(corpus.text(split) for split in SPLITS)
    assert "ACME" not in whole
    assert "All rights" not in whole
    assert [f"Story {n}: " in whole for n in range(20)] == [True] * 20
    assert corpus.statistics.cleaned["boilerplate"] == 39
    assert corpus.statistics.documents == 20


def test_few_documents_have_no_boilerplate(tmp_path: Path) -> None:
    texts = [f"ACME NEWS\nStory {n}: {writings.ENGLISH[n : n + 300]}\n" for n in range(4)]
    corpus = corpus_of(tmp_path, texts, cleaning=CleaningSettings(boilerplate=True))
    assert "".join(corpus.text(split) for split in SPLITS).count("ACME NEWS") == 4


def test_short_documents_and_other_scripts_are_left_out(tmp_path: Path) -> None:
    texts = [writings.ENGLISH, "Too short.", writings.CHINESE, writings.RUSSIAN, "1234567 " * 30]
    rows = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    reading = ReadingSettings(format="json_lines", minimum_length=50, scripts="latin, Han")
    corpus = corpus_of(tmp_path, [rows, json.dumps({"text": "Short."}) + "\n"], reading=reading)
    assert corpus.statistics.documents == 2
    assert [source.documents for source in corpus.sources] == [2, 0]
    assert corpus.statistics.cleaned["short_documents"] == 2
    assert corpus.statistics.cleaned["other_scripts"] == 2
    with pytest.raises(ValueError, match="There is no script “Klingon”"):
        ReadingSettings(scripts="Klingon")


@given(st.lists(st.sampled_from(["a line\n", "\n", "x" * 70, "y\r\n"]), max_size=60).map("".join), st.integers(20, 90))
def test_small_parts_are_the_same_text_and_end_after_lines(text: str, size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cleaning, "_SMALL", size)
        parts = list(small_parts([text]))
    assert "".join(parts) == text
    assert all(part.endswith("\n") for part in parts[:-1])
    assert all(len(part) <= size or "\n" not in part[:size] for part in parts)
