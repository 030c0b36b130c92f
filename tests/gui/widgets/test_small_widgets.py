"""Toggles, rows that wrap, samples side by side, sparklines, key figures, the search field."""

from __future__ import annotations

import math

import pytest
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage, QPainter
from PySide6.QtWidgets import QPushButton, QSlider, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.key_figure import KeyFigure
from lmstudio_app.gui.widgets.sample_strip import Sample, SampleStrip
from lmstudio_app.gui.widgets.search_field import SearchField
from lmstudio_app.gui.widgets.segmented import Segmented
from lmstudio_app.gui.widgets.sparkline import paint_sparkline
from lmstudio_app.gui.widgets.status import StatusStrip
from lmstudio_app.gui.widgets.text import ElidedText
from lmstudio_app.gui.widgets.wrapping_row import WrappingRow
from tests.gui.widgets.conftest import colors, parts, picture


def test_a_toggle_has_one_choice_and_arrows_move_it(shown, qtbot, look):
    toggle = shown(Segmented([("log", "Log"), ("linear", "Linear"), ("off", "Off")], "Value axis"))
    seen = []
    toggle.changed.connect(seen.append)
    assert toggle.value == "log"
    _first, second, _third = toggle.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly)
    qtbot.mouseClick(second, Qt.MouseButton.LeftButton)
    second.setFocus()
    qtbot.keyClick(second, Qt.Key.Key_Left)
    assert seen == ["linear", "log"]
    assert toggle.value == "log"
    toggle.set_value("linear")
    qtbot.mouseClick(second, Qt.MouseButton.LeftButton)
    assert seen == ["linear", "log"], "the pressed one was pressed again"
    qtbot.keyClick(second, Qt.Key.Key_Right)
    assert seen[2:] == [toggle.value] == ["off"]
    assert second.accessibleName() == "Linear"
    assert colors(toggle).get(look.tokens.ink.lower(), 0) > 300
    look.set_mode("dark")
    assert colors(toggle).get(look.tokens.ink.lower(), 0) > 300


def test_a_row_wraps_where_it_is_too_narrow(shown):
    box = QWidget()
    row = WrappingRow(box)
    buttons = [QPushButton(f"Button {number}") for number in range(5)]
    for number, button in enumerate(buttons):
        if number == 2:
            row.add_gap()
        row.addWidget(button)
    shown(box, 800, 100)
    assert len({button.y() for button in buttons}) == 1
    assert buttons[4].geometry().right() == 799
    box.resize(260, 200)
    row.activate()
    assert len({button.y() for button in buttons}) >= 2
    assert all(button.geometry().right() < 260 for button in buttons)
    assert row.heightForWidth(260) > row.heightForWidth(800)


@pytest.mark.parametrize(("scale", "width"), [(1.0, 700), (1.5, 1100), (2.0, 1100), (2.0, 1440)])
def test_the_status_strip_cuts_nothing_at_any_text_size(shown, look, scale, width):
    look.set_scale(scale)
    strip = shown(StatusStrip(), width, 60)
    strip.show_machine("A processor with a rather long name", "RAM 1.0 GB / 16.0 GB", "GPU memory 1 GB / 8 GB")
    strip.show_job("Training", "a run with a rather long name", done=2 * 10**9, total=3 * 10**9)
    strip.show_detail("step 2,840 of 5,000", "3 min 12 s left")
    strip.show_buttons(pause=True, stop=True)
    for part in parts(strip):
        assert isinstance(part, ElidedText) or part.width() >= part.sizeHint().width(), part
    assert strip.stop.isVisible()
    assert strip._bar.value() / strip._bar.maximum() == pytest.approx(2 / 3, abs=1e-3)
    sentence = "“a run with a rather long name” failed after 2,840 steps; its last checkpoint is kept " * 2
    strip.show_idle(sentence)
    assert not {strip._bar, strip._steps, strip._left, strip.stop} & set(parts(strip))
    assert strip._state.text().endswith("…")
    assert strip._state.toolTip() == sentence


@pytest.mark.parametrize("scale", theme.TEXT_SIZES)
def test_the_handle_of_a_slider_is_round_at_any_text_size(shown, look, scale):
    look.set_scale(scale)
    slider = shown(QSlider(Qt.Orientation.Horizontal), 100, 60)
    slider.setRange(0, 2)
    slider.setValue(1)
    image, ink = picture(slider), QColor(look.tokens.ink)
    rows = [y for y in range(60) if any(image.pixelColor(x, y) == ink for x in range(40, 60))]
    edge = sum(image.pixelColor(x, rows[0]) == ink for x in range(30, 70))
    side = rows[-1] - rows[0] + 1
    assert side >= look.pixels(12) - 1
    assert edge < 0.8 * side, "a rectangle"


def test_samples_stand_side_by_side_and_the_newest_is_in_view(shown, qtbot):
    strip = shown(SampleStrip(), 900, 140)
    samples = [
        Sample(step, f"text of step {step}\n文", 3 - step / 1000, best=step == 500) for step in range(100, 1001, 100)
    ]
    strip.show_samples(samples[:3])
    strip.show_samples(samples)
    qtbot.waitUntil(lambda: strip.horizontalScrollBar().value() >= strip.horizontalScrollBar().maximum() - 4 > 0)
    assert strip.samples() == samples
    opened = []
    strip.sample_activated.connect(opened.append)
    last = strip.model().index(9, 0)
    qtbot.mouseClick(strip.viewport(), Qt.MouseButton.LeftButton, pos=strip.visualRect(last).center())
    assert opened == [1000]
    assert "newest" in last.data(Qt.ItemDataRole.AccessibleTextRole)
    assert "best" in strip.model().index(4, 0).data(Qt.ItemDataRole.AccessibleTextRole)
    qtbot.keyClick(strip, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == samples[9].text
    assert not picture(strip).isNull()


def test_a_sparkline_ends_in_its_last_point():
    image = QImage(120, 24, QImage.Format.Format_ARGB32)
    image.fill(QColor("white"))
    painter = QPainter(image)
    points = [(0, 4.0), (50, 2.0), (75, math.nan), (100, 1.5)]
    paint_sparkline(painter, QRectF(0, 0, 120, 24), points, QColor("#0072B2"), longest=200)
    paint_sparkline(painter, QRectF(0, 0, 120, 24), [], QColor("#0072B2"))
    painter.end()
    drawn = [x for x in range(120) for y in range(24) if image.pixelColor(x, y) == QColor("#0072B2")]
    assert 50 < max(drawn) < 66


def test_a_key_figure_says_name_value_and_unit(shown):
    figure = shown(KeyFigure("Parameters"), 120, 50)
    figure.show_figure("3.09", "million", "counted exactly")
    assert figure.accessibleName() == "Parameters: 3.09 million"
    assert figure.accessibleDescription() == "counted exactly"
    assert figure.figure() == "3.09"


def test_the_search_field_tells_as_it_is_typed(shown, qtbot):
    field = shown(SearchField("Filter by name"), 200, 30)
    seen = []
    field.searched.connect(seen.append)
    qtbot.keyClicks(field, "ab")
    assert seen == ["a", "ab"]
    assert field.accessibleName() == "Filter by name"
