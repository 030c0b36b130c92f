"""Cleaning: off means untouched, and pieces are cleaned as the whole is."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lmstudio_app.engine.data.cleaning import CleaningSettings, clean, without_notices
from lmstudio_app.engine.data.reader import whole_lines

TEXT = st.text(alphabet="aB1２ \t\r\n\0\u0301é\u3000漢\ufeff“’@.+-", max_size=60)
OFF = CleaningSettings(line_ends=False)
ALL = CleaningSettings.model_validate(dict.fromkeys(CleaningSettings.model_fields, True) | {"html_entities": False})


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
    whole, counts = clean("".join(texts), ALL)
    cleaned = [clean(piece, ALL) for piece in whole_lines(texts)]
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
