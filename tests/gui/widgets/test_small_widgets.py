"""Toggles, wrapping rows, samples, sparklines, key figures, words that elide, what is dropped and pasted."""

from __future__ import annotations

import math

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, QRectF, Qt, QUrl
from PySide6.QtGui import QColor, QDragEnterEvent, QDropEvent, QGuiApplication, QImage, QPainter
from PySide6.QtWidgets import QApplication, QProgressBar, QPushButton, QSlider, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.button import Button
from lmstudio_app.gui.widgets.choice_row import ChoiceRow
from lmstudio_app.gui.widgets.drop_area import DropArea
from lmstudio_app.gui.widgets.key_figure import KeyFigure
from lmstudio_app.gui.widgets.paste_dialog import PasteDialog
from lmstudio_app.gui.widgets.progress_strip import show_share
from lmstudio_app.gui.widgets.prompt_field import PromptField
from lmstudio_app.gui.widgets.rail import Rail
from lmstudio_app.gui.widgets.runs_model import Column, RunRow
from lmstudio_app.gui.widgets.runs_table import RunsTable
from lmstudio_app.gui.widgets.sample_strip import Sample, SampleStrip
from lmstudio_app.gui.widgets.search_field import SearchField
from lmstudio_app.gui.widgets.segmented import Segmented
from lmstudio_app.gui.widgets.sparkline import paint_sparkline
from lmstudio_app.gui.widgets.statistics_card import Figure, StatisticsCard
from lmstudio_app.gui.widgets.status import StatusStrip
from lmstudio_app.gui.widgets.text import ElidedText
from lmstudio_app.gui.widgets.text_preview import ShownLine, TextPreview
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


def test_a_sample_keeps_its_place_when_another_is_the_best(shown, qtbot):
    strip = shown(SampleStrip(), 900, 140)
    strip.show_samples([Sample(step, "text", 3.0, best=step == 200) for step in (100, 200, 300)])
    strip.setCurrentIndex(strip.model().index(1, 0))
    changed = []
    strip.model().dataChanged.connect(lambda first, last, roles: changed.append(first.row()))
    strip.show_samples([Sample(step, "text", 3.0, best=step == 400) for step in (100, 200, 300, 400)])
    assert strip.currentIndex().row() == 1
    assert strip.selectionModel().isRowSelected(1)
    assert changed == [1, 2]  # the best before, and the newest before
    assert "best" in strip.model().index(3, 0).data(Qt.ItemDataRole.AccessibleTextRole)
    strip.show_samples([Sample(100, "text")])
    assert strip.samples() == [Sample(100, "text")]


def test_runs_without_a_figure_stand_last_in_either_order(shown):
    table = shown(RunsTable(), 900, 200)
    table.set_rows([RunRow("none"), RunRow("good", best=1.0), RunRow("nothing"), RunRow("poor", best=3.0)])
    model = table.filtered
    for order, best in ((Qt.SortOrder.AscendingOrder, "good"), (Qt.SortOrder.DescendingOrder, "poor")):
        table.sortByColumn(Column.BEST, order)
        names = [model.index(place, Column.NAME).data() for place in range(4)]
        assert names[0] == best
        assert set(names[2:]) == {"none", "nothing"}


def test_names_are_read_with_every_character(qtbot):
    button = Button("Train “R&B”")
    qtbot.addWidget(button)
    assert button.text() == "Train “R&&B”"
    assert button.accessibleName() == "Train “R&B”"
    assert button.shortcut().isEmpty()
    button.set_words("Show “Q&A”")
    assert button.text() == "Show “Q&&A”"
    assert button.accessibleName() == "Show “Q&A”"


def test_the_rail_keeps_saying_what_goes_on(shown, look):
    rail = shown(Rail(), 80, 300)
    button = rail.add("train", "Train")
    button.ensurePolished()
    plain = button.palette().buttonText().color()
    button.set_dot("training", "A run trains")
    button.set_lacking("There is no text yet")
    assert button.accessibleDescription() == "A run trains"
    assert button.palette().buttonText().color() != plain
    button.set_dot(None)
    assert button.accessibleDescription() == "There is no text yet"
    button.set_lacking("")
    assert button.palette().buttonText().color() == plain
    assert not button.accessibleDescription()


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


@pytest.mark.parametrize(("width", "scale", "columns"), [(424, 1.0, 3), (330, 1.0, 2), (424, 1.25, 2), (330, 2.0, 1)])
def test_statistics_show_whole_numbers(width, scale, columns, shown, look):
    look.set_scale(scale)
    card = shown(StatisticsCard([(str(place), f"Figure {place}") for place in range(9)]), width, 600)
    card.show_figures({str(place): Figure("1,115,394") for place in range(9)})
    QApplication.processEvents()
    labels = [figure._figure for figure in card._figures.values()]
    assert [label.text() for label in labels] == ["1,115,394"] * 9
    assert all(label.width() >= label.sizeHint().width() for label in labels)
    assert len({label.mapTo(card, QPoint()).x() for label in labels}) == columns
    card.show_figures({"0": Figure("1,115,394" * 9)})
    QApplication.processEvents()
    assert labels[0].text().endswith("…")
    assert labels[0].toolTip() == card.figure("0")


def test_words_are_elided_anew_when_the_text_grows_and_keep_their_tooltip(shown, look):
    label = shown(ElidedText("some words that fit"), 160, 24)
    label.setToolTip("more about them")
    label.set_words("other words that fit")
    assert label.text() == label.words()
    assert label.toolTip() == "more about them"
    look.set_scale(2.0)
    assert label.text().endswith("…")
    assert label.toolTip() == "other words that fit\nmore about them"
    look.set_scale(1.0)
    assert label.toolTip() == "more about them"


def test_a_choice_keeps_its_tooltip(shown):
    choice = shown(ChoiceRow("n-gram"), 240, 24)
    choice.setToolTip("Counts which tokens follow which.")
    choice.set_figures(["2.31", "12 K"])
    assert choice.toolTip() == "Counts which tokens follow which."
    assert choice.accessibleDescription() == "2.31, 12 K"


NARROW = "Qu’est-ce\u00a0?\n«\u202fRien\u00a0!\u202f»"


def test_narrow_spaces_stay_as_they_are(shown, qtbot):
    QGuiApplication.clipboard().setText(NARROW)
    dialog = PasteDialog()
    qtbot.addWidget(dialog)
    with qtbot.waitSignal(dialog.given) as given:
        dialog._add.click()
    assert given.args[0] == NARROW
    field = shown(PromptField("Prompt"), 400, 60)
    field.set_text(NARROW)
    assert field.text() == NARROW
    preview = shown(TextPreview("Text"), 400, 200)
    preview.show_text(NARROW)
    for view in (field, preview):
        QGuiApplication.clipboard().clear()
        view.selectAll()
        view.copy()
        assert QGuiApplication.clipboard().text() == NARROW


def test_a_bar_goes_as_far_as_any_text_is_long(qtbot):
    bar = QProgressBar()
    qtbot.addWidget(bar)
    show_share(bar, 3_000_000_000, 6_000_000_000)
    assert (bar.value(), bar.maximum()) == (500, 1000)
    show_share(bar, 0, 0)
    assert bar.maximum() == 0


@pytest.mark.parametrize(("link", "taken"), [("https://example.org/", False), ("file:///texts/one.txt", True)])
def test_files_can_be_dropped_and_links_cannot(link, taken, shown, qtbot):
    area = shown(DropArea("Drop a file", "any text"), 300, 200)
    dropped = []
    area.dropped.connect(dropped.append)
    area.text_dropped.connect(dropped.append)
    data = QMimeData()
    data.setUrls([QUrl(link)])
    data.setText(link)
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    entering = QDragEnterEvent(QPoint(9, 9), copy, data, left, none)
    entering.ignore()
    QApplication.sendEvent(area, entering)
    assert entering.isAccepted() == taken
    area.dropEvent(QDropEvent(QPointF(9, 9), copy, data, left, none))
    assert bool(dropped) == taken


def test_the_search_field_tells_as_it_is_typed(shown, qtbot):
    field = shown(SearchField("Filter by name"), 200, 30)
    seen = []
    field.searched.connect(seen.append)
    qtbot.keyClicks(field, "ab")
    assert seen == ["a", "ab"]
    assert field.accessibleName() == "Filter by name"


def test_a_line_end_inside_a_changed_line_is_a_sign(shown):
    preview = shown(TextPreview("Text"), 400, 200)
    lines = [
        ShownLine("removed", 1, "one\r", ((3, 4),)),
        ShownLine("added", 1, "one"),
        ShownLine("same", 2, "a\u2029b"),
    ]
    preview.show_changes(lines)
    assert preview.document().blockCount() == 3
    assert preview.toPlainText().split("\n") == ["one␍", "one", "a¶b"]
