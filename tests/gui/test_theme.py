"""Palettes, fonts, icons and the style sheet, on a real application."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QLabel

from lmstudio_app.engine.resources import resources_folder
from lmstudio_app.gui import theme
from lmstudio_app.gui.theme import DARK, LIGHT, Tokens
from lmstudio_app.gui.widgets.button import Button
from lmstudio_app.gui.widgets.card import Card

ICONS = sorted(path.stem for path in (resources_folder() / "icons").glob("*.svg"))
SOURCES = sorted((Path(__file__).resolve().parents[2] / "lmstudio_app" / "gui").rglob("*.py"))


def luminance(colour: str) -> float:
    def linear(value: float) -> float:
        return value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(part) for part in QColor(colour).getRgbF()[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
def test_text_can_be_read_on_every_ground(tokens: Tokens):
    for ground in (tokens.bg, tokens.surface, tokens.sunken, tokens.hover, tokens.sel):
        for text in (tokens.text, tokens.text2, tokens.text3):
            assert contrast(text, ground) >= 4.5, (text, ground)
    for state in ("ok", "warn", "err"):
        assert contrast(getattr(tokens, state), getattr(tokens, f"{state}_bg")) >= 4.5
        assert contrast(getattr(tokens, state), tokens.surface) >= 4.5
    assert contrast(tokens.onink, tokens.ink) >= 4.5
    for edge in (tokens.field, tokens.focus, tokens.ref, *tokens.runs):
        assert contrast(edge, tokens.surface) >= 3.0, edge


def test_the_style_sheet_is_filled_and_grows_with_the_text():
    look = theme.current()
    sheet = look.style_sheet()
    assert not re.search(r"@\w", sheet)
    assert "font-size: 13px" in sheet and LIGHT.surface in sheet
    look.set_scale(2.0)
    assert "font-size: 26px" in look.style_sheet()
    look.enlarge(0)
    assert look.scale == 1.0


def ground(card: Card) -> str:
    return card.grab().toImage().pixelColor(card.width() // 2, card.height() // 2).name()


def test_a_window_that_is_open_changes_its_palette_at_once(qtbot):
    card = Card("Title")
    qtbot.addWidget(card)
    card.resize(200, 120)
    card.show()
    assert ground(card) == LIGHT.surface.lower()
    theme.current().toggle()
    assert theme.current().mode == "dark"
    assert ground(card) == DARK.surface.lower()
    theme.current().toggle()
    assert ground(card) == LIGHT.surface.lower()


def test_text_grows_and_shrinks_in_steps_and_stays_in_bounds(qtbot):
    label = QLabel("Text")
    label.setProperty("role", "title")
    qtbot.addWidget(label)
    label.show()
    look = theme.current()
    height = label.sizeHint().height()
    look.enlarge(1)
    assert look.scale == pytest.approx(1.1)
    for _ in range(20):
        look.enlarge(1)
    assert look.scale == theme.TEXT_SIZES[-1]
    assert label.sizeHint().height() > 1.7 * height
    for _ in range(20):
        look.enlarge(-1)
    assert look.scale == theme.TEXT_SIZES[0]


def test_palette_and_text_size_are_remembered():
    look = theme.current()
    look.set_mode("dark")
    look.set_scale(1.25)
    look._mode, look._scale = "light", 1.0
    look.restore()
    assert (look.mode, look.scale) == ("dark", 1.25)


@pytest.mark.parametrize(("key", "value"), [("theme", "purple"), ("text_size", "huge"), ("text_size", "NaN")])
def test_what_nobody_can_have_chosen_is_ignored(key: str, value: str):
    theme.preferences().setValue(key, value)
    look = theme.current()
    look.restore()
    assert look.mode in theme.MODES
    assert theme.TEXT_SIZES[0] <= look.scale <= theme.TEXT_SIZES[-1]


def test_it_follows_the_system_unless_told_otherwise(qapp, monkeypatch):
    look = theme.current()
    hints = qapp.styleHints()
    look.set_mode("system")
    monkeypatch.setattr(type(hints), "colorScheme", lambda self: Qt.ColorScheme.Dark)
    look._follow_system()
    assert look.dark and look.tokens is DARK
    look.set_mode("light")
    look._follow_system()
    assert look.tokens is LIGHT


def test_it_follows_the_contrast_of_the_system(qapp, monkeypatch):
    look = theme.current()
    hints = qapp.styleHints()
    if not hasattr(hints, "accessibility"):
        pytest.skip("Qt tells of contrast from 6.10 on")
    accessibility = hints.accessibility()
    monkeypatch.setattr(type(accessibility), "contrastPreference", lambda self: Qt.ContrastPreference.HighContrast)
    accessibility.contrastPreferenceChanged.emit(Qt.ContrastPreference.HighContrast)
    assert not qapp.styleSheet()
    monkeypatch.undo()
    accessibility.contrastPreferenceChanged.emit(Qt.ContrastPreference.NoPreference)
    assert qapp.styleSheet()
    assert look.tokens is LIGHT


def same(one: QColor, other: str) -> bool:
    """Whether two colours differ by rounding at most."""
    wanted = QColor(other)
    parts = ((one.red(), wanted.red()), (one.green(), wanted.green()), (one.blue(), wanted.blue()))
    return all(abs(a - b) <= 2 for a, b in parts)


def ink(image: QImage) -> list[QColor]:
    """The colours of what is drawn solidly."""
    colours = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
    return [colour for colour in colours if colour.alpha() > 200]


@pytest.mark.parametrize("name", ICONS)
def test_every_icon_draws_something_in_the_colour_asked_for(name: str):
    image = theme.current().pixmap(name, "err", 24, 2.0).toImage().convertToFormat(QImage.Format.Format_ARGB32)
    assert image.width() == 48
    inked = ink(image)
    assert inked and all(same(colour, LIGHT.err) for colour in inked)


def test_every_icon_that_is_named_exists():
    pattern = re.compile(
        r"""(?:icon|pixmap|IconButton|Button|EmptyState|Remark)\([^()]*?["']([a-z]+(?:-[a-z]+)*)["']"""
    )
    named = {name for path in SOURCES for name in pattern.findall(path.read_text(encoding="utf-8"))}
    assert named & set(ICONS)
    for path in SOURCES:
        for name in re.findall(r'Button\((?:self\.tr\("[^"]*"\)|""), "([a-z-]+)"', path.read_text(encoding="utf-8")):
            assert name in ICONS, f"{path.name}: {name}"


def test_a_buttons_icon_follows_the_palette(qtbot):
    button = Button("Go", "play")
    qtbot.addWidget(button)

    assert all(same(colour, LIGHT.text) for colour in ink(button.icon().pixmap(16, 16).toImage()))
    theme.current().set_mode("dark")
    assert all(same(colour, DARK.text) for colour in ink(button.icon().pixmap(16, 16).toImage()))


def test_fonts_have_figures_of_equal_width_and_chinese():
    look = theme.current()
    font = look.font(theme.BODY, 600)
    assert font.pixelSize() == 13 and font.weight() == 600
    assert len(font.featureTags()) == 1
    mono = look.font(mono=True)
    assert mono.families() != font.families()


def test_run_colours_repeat_after_eight():
    look = theme.current()
    assert look.run_color(0).name() == LIGHT.runs[0].lower()
    assert look.run_color(9) == look.run_color(1)
