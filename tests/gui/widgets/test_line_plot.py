"""The loss plot: what it draws, its cursor, following, the table, and a million points."""

from __future__ import annotations

import time

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QFontMetricsF, QGuiApplication
from PySide6.QtWidgets import QAbstractButton, QPushButton, QSlider

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.line_plot import LinePlot, Look, Reference
from lmstudio_app.gui.widgets.small_plot import SmallPlot
from tests.gui.widgets.conftest import colors, hover, picture, wheel


@pytest.fixture
def plot(shown) -> LinePlot:
    made = LinePlot("Loss, bits per byte", "lower is better")
    made.add_series("validation", "validation", Look(1, points=True, best=True))
    made.add_series("training", "training", Look(0, smoothed=True))
    steps = np.arange(1, 1001)
    made.extend("training", steps, steps * 0.1, 1.5 + 2.5 * np.exp(-steps / 100))
    checks = np.arange(0, 1001, 100)
    made.extend("validation", checks, checks * 0.1, [4.1, 3, 2.4, 2.2, 2.0, 1.9, 1.8, 1.9, 2.0, 2.1, 2.2])
    made.set_references([Reference("uniform guess", 4.14), Reference("entropy", 1.2, "solid")])
    shown(made, 900, 360)
    made.surface.redraw()
    made.surface.redraw()
    return made


def smoothing_slider(plot: LinePlot) -> QSlider:
    return next(slider for slider in plot.findChildren(QSlider) if slider.accessibleName() == "Smoothing")


def test_lines_appear_in_the_colours_of_their_runs_and_follow_the_theme(plot, look):
    light = colors(plot)
    assert light.get("#0072b2", 0) > 50
    assert light.get("#c84600", 0) > 50
    look.set_mode("dark")
    plot.surface.redraw()
    dark = colors(plot)
    assert dark.get("#58b4ec", 0) > 50
    assert dark.get("#ff9149", 0) > 50
    assert "#0072b2" not in dark


def test_cursor_snaps_to_steps_by_keys(plot, qtbot):
    surface, moved = plot.surface, []
    plot.cursor_moved.connect(moved.append)
    surface.setFocus()
    for key in (Qt.Key.Key_Home, Qt.Key.Key_Right, Qt.Key.Key_End, Qt.Key.Key_Left, Qt.Key.Key_B, Qt.Key.Key_Escape):
        qtbot.keyClick(surface, key)
    assert moved == [0, 1, 1000, 999, 600, None]


def test_home_and_end_go_to_the_ends_of_all_lines(plot, qtbot):
    plot.extend("training", [1040, 1050], [104.0, 105.0], [1.5, 1.5])
    surface = plot.surface
    for axis in ("steps", "time"):
        plot.set_axis(axis)
        qtbot.keyClick(surface, Qt.Key.Key_End)
        assert surface.cursor_step == 1050
        qtbot.keyClick(surface, Qt.Key.Key_Home)
        assert surface.cursor_step == 0
    plot.surface.move_cursor(None)
    qtbot.keyClick(surface, Qt.Key.Key_Left)
    assert surface.cursor_step == 1050


def test_ticks_of_a_zoomed_axis_are_told_apart_and_in_full(plot):
    surface = plot.surface
    for logarithmic in (True, False):
        plot.set_logarithmic(logarithmic)
        surface.getViewBox().setYRange(surface.to_view(1.3), surface.to_view(1.3004), padding=0)
        surface.following = False
        surface.redraw()
        axis = surface._left
        values = [value for _, level in axis.tickValues(*axis.range, axis.height()) for value in level]
        words = axis.tickStrings(values, 1.0, 1.0)
        assert len(set(words)) == len(words) >= 4
        widest = max(QFontMetricsF(axis.style["tickFont"]).horizontalAdvance(text) for text in words)
        assert axis.width() >= widest + axis.style["tickTextOffset"][0]


def test_the_pressed_axis_pressed_again_keeps_the_zoom(plot, qtbot):
    surface = plot.surface
    wheel(surface.viewport(), 120)
    steps = next(button for button in plot.findChildren(QAbstractButton) if button.text() == "Steps")
    qtbot.mouseClick(steps, Qt.MouseButton.LeftButton)
    assert not surface.following


def test_the_smoothing_slider_leaves_the_wheel_alone_until_it_has_the_focus(plot):
    slider, before = smoothing_slider(plot), plot.smoothing
    plot.surface.setFocus()
    wheel(slider, 120)
    assert plot.smoothing == before
    slider.setFocus()
    wheel(slider, 120)
    assert plot.smoothing != before


def test_cursor_snaps_to_the_step_nearest_the_mouse_on_both_axes(plot, qtbot):
    surface = plot.surface
    for axis in ("steps", "time"):
        plot.set_axis(axis)
        surface.redraw()
        place = surface.place(surface.x_of(500.0), 2.0)
        hover(surface.viewport(), place.toPoint() + QPoint(0, 3))
        step = surface.cursor_step
        assert step == round(step)
        assert abs(step - 500) <= 3
        assert surface.place(surface.x_of(step), 2.0).x() == pytest.approx(place.x(), abs=2)


def test_the_box_shows_exact_values_and_says_when_one_is_older(plot):
    from lmstudio_app.gui.widgets.plot_overlay import heading, readings, words_at

    assert heading(plot.surface, 500.0) == ("step 500", "50 s")
    found = {reading.title: reading for reading in readings(plot.surface, 550.0)}
    assert found["validation"].value == "1.900"
    assert found["validation"].remark == "at 500"
    assert found["training"].value == f"{1.5 + 2.5 * np.exp(-5.5):.3f}"
    assert "smoothed" in found
    assert "step 550, 55 s" in words_at(plot.surface, 550.0)


def test_it_follows_until_a_person_zooms_and_again_after_a(plot, qtbot):
    surface = plot.surface
    wheel(surface.viewport(), 120)
    assert not surface.following
    shown = surface.getViewBox().viewRange()[0]
    plot.extend("training", [5000], [500.0], [1.4])
    surface.redraw()
    assert surface.getViewBox().viewRange()[0] == shown
    button = surface.findChild(QPushButton)
    assert button.isVisible()
    qtbot.keyClick(surface, Qt.Key.Key_A)
    surface.redraw()
    assert surface.getViewBox().viewRange()[0][1] >= 5000
    assert not button.isVisible()
    assert surface.following


def test_a_gap_stays_a_gap(plot):
    before = colors(plot.surface)["#0072b2"]
    plot.replace("training", [1, 2, 3, 998, 999, 1000], [0.1] * 6, [3, 3, None, None, 3, 3])
    smoothing_slider(plot).setValue(0)
    plot.surface.redraw()
    assert colors(plot.surface).get("#0072b2", 0) < before / 3


def test_table_shows_the_same_numbers_and_copies_them(plot, qtbot):
    plot.show_table(True)
    numbers = plot.table.numbers
    assert numbers.rowCount() == 1001
    assert [numbers.words(0, column) for column in range(4)] == ["0", "0 s", "4.1000", "–"]
    assert [numbers.words(100, column) for column in range(3)] == ["100", "10 s", "3.0000"]
    plot.table.selectRow(100)
    qtbot.keyClick(plot.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[0] == "step\ttime\tvalidation\ttraining"
    assert lines[1].startswith("100\t10 s\t3.0000\t")
    plot.table.clearSelection()
    QGuiApplication.clipboard().setText("something else")
    qtbot.keyClick(plot.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "something else"


def test_a_growing_table_keeps_what_is_selected_and_where_it_stands(plot, qtbot):
    plot.show_table(True)
    table, bar = plot.table, plot.table.verticalScrollBar()
    table.selectRow(100)
    table.scrollToTop()
    plot.extend("training", [1001, 1002], [100.1, 100.2], [1.5, 1.5])
    plot.extend("validation", [1001], [100.1], [2.2])
    with qtbot.waitSignal(table.numbers.dataChanged):
        table.refresh()
    assert [index.row() for index in table.selectionModel().selectedRows()] == [100]
    assert table.currentIndex().row() == 100
    assert (table.numbers.rowCount(), bar.value()) == (1003, 0)
    assert table.numbers.words(1001, 2) == "2.2000"
    table.scrollToBottom()
    plot.extend("training", [1003], [100.3], [1.5])
    table.refresh()
    assert bar.value() == bar.maximum()
    plot.replace("training", [1, 2], [0.1, 0.2], [3.0, 2.0])
    plot.replace("validation", [], [], [])
    table.refresh()
    assert table.numbers.rowCount() == 2


def test_all_of_many_rows_are_copied(plot, qtbot):
    steps = np.arange(1, 20_001)
    plot.replace("training", steps, steps * 0.01, np.ones(len(steps)))
    plot.show_table(True)
    plot.table.selectAll()
    qtbot.keyClick(plot.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert len(QGuiApplication.clipboard().text().splitlines()) == 20_002


def test_export_and_summary(plot, qtbot):
    asked = []
    plot.export_requested.connect(asked.append)
    button = next(b for b in plot.findChildren(QPushButton) if b.menu() is not None)
    for action in button.menu().actions():
        action.trigger()
    assert asked == ["png", "svg", "csv"]
    words = plot.surface.summary()
    assert "validation: 11 points, from 4.10 to 1.80 at step 600, now 2.20." in words
    qtbot.waitUntil(lambda: plot.surface.accessibleDescription() == words, timeout=3000)


def test_clearing_forgets_everything(plot):
    plot.clear()
    plot.surface.redraw()
    assert plot.surface.summary() == "No points yet."
    assert colors(plot.surface).get("#0072b2", 0) == 0


def test_a_million_points_are_drawn_in_time(plot):
    steps = np.arange(1, 1_000_001)
    plot.replace("training", steps, steps * 0.01, 1.5 + np.random.default_rng(0).normal(0, 0.1, len(steps)))
    started = time.perf_counter()
    for step in range(5):
        plot.extend("training", [1_000_001 + step], [1e4], [1.5])
        plot.surface.redraw()
        plot.surface.viewport().repaint()
    assert time.perf_counter() - started < 2
    assert all(
        len(item.xData) < 4000
        for curve in plot.surface.curves.values()
        for item in (curve._raw, curve._line)
        if item.xData is not None
    )


def test_nothing_is_redrawn_for_every_event(plot, qtbot):
    frames = []
    plot.surface.redraw()
    plot.surface.redrawn.connect(lambda: frames.append(1))
    for step in range(1001, 1501):
        plot.extend("training", [step], [step * 0.1], [1.5])
    assert not frames
    qtbot.waitUntil(lambda: bool(frames), timeout=2000)
    assert len(frames) == 1


@pytest.mark.parametrize("scale", [1.0, 1.5, 2.0])
def test_the_last_tick_of_a_small_plot_is_whole(shown, look, scale):
    look.set_scale(scale)
    small = shown(SmallPlot("Gradient norm"), look.pixels(240), look.pixels(116))
    small.extend([1, 1000], [1, 2], [0.5, 1.0])
    small.show_range(0, 1000)
    small.surface.redraw()
    small.surface.redraw()
    half = QFontMetricsF(look.font(theme.HINT)).horizontalAdvance("1,000") / 2
    assert small.surface.place(1000, 0).x() + half <= small.surface.viewport().width()


def test_t_changes_between_plot_and_table(plot, qtbot):
    plot.surface.setFocus()
    qtbot.keyClick(plot.surface, Qt.Key.Key_T)
    assert plot.table.isVisible() and plot.table.hasFocus()
    qtbot.keyClick(plot.table, Qt.Key.Key_T)
    assert plot.surface.isVisible() and plot.surface.hasFocus()


def test_small_plot_mirrors_cursor_and_range(plot, shown):
    small = shown(SmallPlot("Gradient norm"), 240, 110)
    steps = np.arange(1, 1001)
    small.extend(steps, steps * 0.1, np.abs(np.sin(steps / 20)))
    small.set_now("0.94")
    small.set_level("clip at 1", 1.0)
    plot.cursor_moved.connect(small.set_cursor)
    plot.range_changed.connect(small.show_range)
    plot.surface.redraw()
    plot.surface.move_cursor(400.0)
    plot.surface.getViewBox().setXRange(100, 700, padding=0)
    small.surface.redraw()
    assert small.surface.cursor_step == 400
    assert small.surface.getViewBox().viewRange()[0] == [100, 700]
    assert small.surface.getViewBox().viewRange()[1][0] <= 0
    assert not wheel(small.surface.viewport(), 120)
    small.surface.redraw()
    assert small.surface.getViewBox().viewRange()[0] == [100, 700]
    assert not picture(small).isNull()
    assert "0.94" in small.surface.accessibleDescription()
