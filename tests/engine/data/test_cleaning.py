"""Cleaning: off means untouched, and pieces are cleaned as the whole is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lmstudio_app.engine.data.cleaning import CleaningSettings, clean
from lmstudio_app.engine.data.reader import whole_lines

TEXT = st.text(alphabet="ab \t\r\n\0\u0301é\u3000漢\ufeff", max_size=60)
OFF = CleaningSettings(line_ends=False)
ALL = CleaningSettings(line_ends=True, trailing_spaces=True, control_characters=True, unicode_nfc=True)


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
