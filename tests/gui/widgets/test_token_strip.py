"""Tokens in a row: wrapping, combining marks, colours, selecting, copying, a hundred thousand of them."""

from __future__ import annotations

import time

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication

from lmstudio_app.gui.widgets.token_painting import background, boxes, surprise_color
from lmstudio_app.gui.widgets.token_strip import TokenStrip
from lmstudio_app.gui.widgets.token_text import label, visible
from tests.gui.widgets.conftest import colors, hover, picture, wheel

TEXT = ["First", " Cit", "izen", ":", "\n", "We", " are", " poor", ".\n\n", "话说", "天", "下", "e", "\u0301", "", "龍"]


@pytest.fixture
def strip(shown) -> TokenStrip:
    made = shown(TokenStrip("Tokens"), 420, 300)
    made.set_tokens(TEXT)
    return made


def test_what_would_not_show_is_shown():
    assert visible(" a\n\t") == "·a⏎⇥"
    assert visible("a b", spaces=False) == "a b"
    assert visible("") == "◦"
    assert label("\u0301") == "◌\u0301"
    assert visible("a\u2028b\u2029c\u0085") == "a␤b¶c␤"
    assert visible("\u200b\ufeff\u00ad") == "⁞⁞‧"


def test_nothing_turns_the_text_around_it():
    turning = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\x9b"
    assert visible(f"a{turning}b") == f"a{len(turning) * '⁞'}b"
    assert visible("اب") == "اب"  # letters keep their own direction


def test_no_character_hides_the_rest_of_its_line(strip):
    strip.set_tokens(["a", "\u2028", "\u2029", "\u0085", "\u200b", "\ufeff", "\u00ad", "b"])
    room = dict(boxes(strip, 0))
    assert len(strip.lines) == 1
    assert all(room[token].width() > 2 for token in range(8))


def test_tokens_from_right_to_left_are_found_too(strip):
    strip.set_tokens(["שלום", " ", "עולם", " abc"])
    for token in range(4):
        assert strip.token_at(strip.box_of(token).center()) == token


def test_a_token_wider_than_the_strip_goes_on_in_the_next_line(strip, qtbot):
    long = "Donaudampfschifffahrt" * 20 + "e\u0301"
    strip.set_tokens(["so", " a", long, " b"])
    wide = strip.viewport().width()
    assert all(box.right() <= wide for number in range(len(strip.lines)) for _, box in boxes(strip, number))
    assert "".join(piece.shown for piece in strip.lines.pieces if piece.token == 2) == long
    strip.go_to(2)
    qtbot.keyClick(strip, Qt.Key.Key_Down)
    assert strip.current == 3
    strip.set_tokens(["x", ".\n\n", "y"])
    strip.go_to(1)
    qtbot.keyClick(strip, Qt.Key.Key_Down)
    assert strip.current == 2


def test_lines_end_where_the_text_says_and_where_the_width_does(strip):
    first = ["".join(piece.shown for piece in strip.lines.line(number)) for number in range(len(strip.lines))]
    assert first[:3] == ["First·Citizen:⏎", "We·are·poor.⏎", "⏎"]
    strip.set_tokens([" word"] * 200)
    assert len(strip.lines) > 10
    width = strip.viewport().width()
    assert all(box.right() <= width for number in range(len(strip.lines)) for _, box in boxes(strip, number))


def test_words_of_single_characters_are_not_torn(strip):
    strip.set_tokens(list("somewhere over there " * 30))
    lines = ["".join(piece.shown for piece in strip.lines.line(number)) for number in range(len(strip.lines))]
    assert all(line.endswith("·") for line in lines[:-1])


def test_a_mark_combines_with_the_token_before_it(strip):
    number = strip.lines.line_of(12)
    room = dict(boxes(strip, number))
    letter, mark = room[12], room[13]
    assert letter.width() > 0
    assert letter.width() + mark.width() < 1.5 * dict(boxes(strip, 0))[0].width() / 5
    text = strip.layout_of(number).text()
    assert "e\u0301" in text


def test_chinese_and_rare_characters_keep_their_places(strip):
    strip.set_tokens(["𠮷", "龍", " a"])
    room = dict(boxes(strip, 0))
    assert room[0].right() == pytest.approx(room[1].left())
    assert room[1].right() == pytest.approx(room[2].left())
    assert all(box.width() > 2 for box in room.values())
    strip.prompt_tokens = 1
    strip._relay()
    assert not picture(strip).isNull()


def test_tokens_are_found_where_they_are_painted(strip):
    for token in (0, 2, 5, 9, 15):
        box = strip.box_of(token)
        assert strip.token_at(box.center()) == token


def test_neighbours_differ_in_colour_and_follow_the_theme(strip, look):
    assert background(strip, 0) != background(strip, 1)
    light = colors(strip)
    assert background(strip, 0).name() in light
    look.set_mode("dark")
    assert background(strip, 0).name() in colors(strip)
    assert "#ffffff" not in colors(strip)


def test_surprise_is_tinted_and_the_prompt_is_not(strip, look):
    strip.set_tint("surprise")
    strip.set_tokens(["a", "b", "c", "d"], [None, 1.0, 0.3, 0.0001], prompt_tokens=1)
    assert background(strip, 0) is None
    assert background(strip, 1).name() == look.tokens.surface.lower()
    assert background(strip, 3).name() == look.tokens.surprise.lower()
    assert surprise_color(0.3) != surprise_color(0.1)


def test_keys_move_and_select_and_copy_gives_the_text(strip, qtbot):
    seen, opened = [], []
    strip.current_changed.connect(seen.append)
    strip.token_activated.connect(opened.append)
    qtbot.keyClick(strip, Qt.Key.Key_Right)
    qtbot.keyClick(strip, Qt.Key.Key_End)
    qtbot.keyClick(strip, Qt.Key.Key_Down)
    qtbot.keyClick(strip, Qt.Key.Key_Return)
    assert seen[:2] == [0, 4]
    assert 5 <= seen[2] <= 8
    assert opened == [seen[2]]
    qtbot.keyClick(strip, Qt.Key.Key_Home, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(strip, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(strip, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "First Cit"
    qtbot.keyClick(strip, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    strip.copy()
    assert QGuiApplication.clipboard().text() == "".join(TEXT)


def test_mouse_clicks_open_and_drags_select(strip, qtbot):
    opened = []
    strip.token_activated.connect(opened.append)
    place = strip.box_of(2).center().toPoint()
    qtbot.mouseClick(strip.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert opened == [2]
    qtbot.mousePress(strip.viewport(), Qt.MouseButton.LeftButton, pos=strip.box_of(0).center().toPoint())
    hover(strip.viewport(), place, Qt.MouseButton.LeftButton)
    qtbot.mouseRelease(strip.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert strip.selected_text() == "First Citizen"
    assert opened == [2]


def test_text_can_be_enlarged(strip):
    before = strip.line_height()
    strip.zoom(2)
    assert strip.line_height() > before
    strip.zoom(0)
    assert strip.line_height() == before
    control = Qt.KeyboardModifier.ControlModifier
    wheel(strip.viewport(), 0, control, across=120)
    wheel(strip.viewport(), 100, control)
    assert strip.line_height() == before
    wheel(strip.viewport(), 20, control)
    assert strip.line_height() > before
    for _ in range(6):
        wheel(strip.viewport(), -20, control)
    assert strip.line_height() == before


def test_a_selection_dragged_below_the_edge_scrolls_on(strip, qtbot):
    strip.set_tokens([" word"] * 2000)
    bar, below = strip.verticalScrollBar(), strip.viewport().rect().bottomLeft() + QPoint(60, 40)
    qtbot.mousePress(strip.viewport(), Qt.MouseButton.LeftButton, pos=strip.box_of(3).center().toPoint())
    hover(strip.viewport(), below, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bar.value() > 4 * bar.singleStep())
    qtbot.mouseRelease(strip.viewport(), Qt.MouseButton.LeftButton, pos=below)
    assert strip.selection()[0] == 3
    assert strip.lines.line_of(strip.current) >= 4
    assert not strip._scroller.isActive()


def test_writing_at_the_end_keeps_the_end_in_view(strip, qtbot):
    strip.set_tint("surprise")
    strip.clear()
    strip.set_writing(True)
    for _ in range(120):
        strip.append([" and", " so", " on", "\n"], [0.5, 0.1, 0.9, 0.2])
    qtbot.waitUntil(lambda: strip.verticalScrollBar().maximum() > 0, timeout=2000)
    bar = strip.verticalScrollBar()
    assert bar.value() == bar.maximum()
    bar.setValue(10)
    strip.append([" more", "\n"] * 40)
    qtbot.wait(60)
    assert bar.value() == 10
    assert strip.text().endswith(" more\n")


def test_a_hundred_thousand_tokens_are_laid_and_scrolled_in_time(strip):
    started = time.perf_counter()
    strip.set_tokens(TEXT * 6500)
    for place in range(0, strip.verticalScrollBar().maximum(), max(1, strip.verticalScrollBar().maximum() // 10)):
        strip.verticalScrollBar().setValue(place)
        strip.viewport().repaint()
    assert time.perf_counter() - started < 2
    assert len(strip._layouts) <= 401
