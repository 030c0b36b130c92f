"""The widgets of Console and Inspect by themselves: bars, sliders, prompts, lists of models, the table of weights."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QGuiApplication, QPainter
from PySide6.QtWidgets import QApplication, QPushButton

from lmstudio_app.engine.generation.settings import SamplingSettings
from lmstudio_app.engine.settings import declarations
from lmstudio_app.gui.widgets import number_text
from lmstudio_app.gui.widgets.bar_list import Bar, BarList
from lmstudio_app.gui.widgets.empty_state import EmptyState
from lmstudio_app.gui.widgets.inspection_bar import InspectionBar
from lmstudio_app.gui.widgets.model_chooser import ModelChooser, RunChoice
from lmstudio_app.gui.widgets.prompt_card import PromptCard
from lmstudio_app.gui.widgets.prompt_field import PromptField
from lmstudio_app.gui.widgets.runs_table import RunsTable
from lmstudio_app.gui.widgets.sampler_card import SamplerCard
from lmstudio_app.gui.widgets.slider_row import counts_then_all, even, fine_below
from lmstudio_app.gui.widgets.surprise_bars import SurpriseBars, surprise
from lmstudio_app.gui.widgets.text import Text
from lmstudio_app.gui.widgets.token_details import TokenDetails
from lmstudio_app.gui.widgets.token_strip import TokenStrip
from lmstudio_app.gui.widgets.weights_table import WeightsTable
from tests.gui.widgets.conftest import colors, parts, picture, wheel

BARS = [
    Bar("·the", 0.5, ("50.0 %",), "1", mark=0.3),
    Bar("·a", 0.2, ("20.0 %",), strong=True),
    Bar("x", 0, ("cut",), cut=True),
]


def test_bars_are_walked_through_and_copied(shown, qtbot):
    view = shown(BarList("Chances", axis=True), 320, 140)
    view.set_bars(BARS, cut_words="top-k cuts here")
    assert view.accessibleDescription() == "·the, 1, 50.0 %; ·a, 20.0 %; x, cut"
    with qtbot.waitSignal(view.current_changed) as moved:
        qtbot.keyClick(view, Qt.Key.Key_End)
    assert moved.args == [2]
    with qtbot.waitSignal(view.activated) as opened:
        qtbot.keyClick(view, Qt.Key.Key_Return)
    assert opened.args == [2]
    qtbot.keyClick(view, Qt.Key.Key_Up)
    assert view.current == 1
    qtbot.keyClick(view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text().split("\n")[0] == "·the\t1\t50.0 %"
    middle = QPointF(100, view.head_height() + view.row_height() / 2)
    assert view.row_at(middle) == 0
    start, end, edges = view.columns()
    assert 0 < start < end < edges[0] <= view.viewport().width()


def test_many_bars_scroll(shown, qtbot):
    view = shown(BarList("Looks"), 300, 120)
    view.set_bars([Bar(f"token {n}", 1 / (n + 1), (f"{n}",)) for n in range(100)])
    assert view.verticalScrollBar().maximum() > 0
    qtbot.keyClick(view, Qt.Key.Key_End)
    assert view.current == 99
    assert view.verticalScrollBar().value() == pytest.approx(view.verticalScrollBar().maximum(), abs=8)


def test_bars_show_in_both_themes(shown, look):
    view = shown(BarList("Chances", axis=True, names_right=True), 320, 140)
    view.set_bars(BARS)
    assert look.tokens.runs[0].lower() in colors(view)
    look.set_mode("dark")
    assert look.tokens.runs[0].lower() in colors(view)


def test_surprise(shown, qtbot):
    assert surprise(1.0) == 0
    assert surprise(0.25) == 2
    assert surprise(0.0) < 1000
    view = shown(SurpriseBars(), 400, 66)
    empty = picture(view)
    view.append([1.0, 3.0, 14.2])
    assert view.mean == pytest.approx(6.066, abs=1e-2)
    assert view.accessibleDescription() == "3 tokens, mean 6.1 bits"
    assert picture(view) != empty
    with qtbot.waitSignal(view.chosen) as chosen:
        qtbot.keyClick(view, Qt.Key.Key_End)
    assert chosen.args == [2]
    place = QPointF(view.area().left() + 1.5 * view.step(), 30)
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=place.toPoint())
    assert view.current == 1
    view.clear(first=40)
    view.append([2.0] * 20_000)
    assert view.words(2) == "token 43: 2.0 bits"
    assert view.step() < 1
    assert picture(view) != empty
    view.clear()
    assert view.mean is None


def test_figures_beside_the_bars_never_overlap(shown, monkeypatch):
    view = shown(SurpriseBars(), 400, 66)
    for most in (8.0, 14.2, 30.0, 60.0, 990.0):
        view.clear()
        view.append([most])
        written = ticks_of(view, monkeypatch)
        assert len(written) >= 2
        assert all(below - above >= 0.9 * height for (below, height), (above, _) in itertools.pairwise(written))


def ticks_of(view, monkeypatch):
    """Where the figures beside the bars are written, from bottom to top: (middle, height)."""
    written = []

    class Noting(QPainter):
        def drawText(self, box, *rest):
            written.append((box.center().y(), box.height()))

    with monkeypatch.context() as patch:
        patch.setattr("lmstudio_app.gui.widgets.surprise_bars.QPainter", Noting)
        picture(view)
    return written


@pytest.mark.parametrize(
    ("scale", "values"),
    [
        (even(0.01, 1.0, 2), [0.01, 0.5, 1.0]),
        (fine_below(5.0, 2), [0.0, 0.8, 5.0]),
        (counts_then_all(4096), [1, 40, 4095, 0]),
    ],
)
def test_scales_go_there_and_back(scale, values):
    assert [scale.value(scale.share(value)) for value in values] == pytest.approx(values, abs=0.011)
    shares = [scale.share(value) for value in values]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (pytest.approx(0), pytest.approx(1))


def test_the_sampler_is_made_from_its_declarations(shown, qtbot):
    card = shown(SamplerCard(declarations(SamplingSettings)), 330, 420)
    assert card.form.values() == SamplingSettings().model_dump()
    for declaration in declarations(SamplingSettings):
        assert card.form.row(declaration.name).editor.accessibleName().startswith(declaration.title)
    with qtbot.waitSignal(card.changed) as changed:
        card.form.dice.click()
    assert changed.args[0]["seed"] != 1
    rows = [card.form.row(name).geometry() for name in ("temperature", "top_k", "top_p", "stop")]
    assert all(upper.bottom() < lower.top() for upper, lower in itertools.pairwise(rows))
    card.resize(300, 420)
    QApplication.processEvents()
    assert card.form.height() >= card.form.layout().heightForWidth(card.form.width())


@pytest.mark.parametrize("name", ["temperature", "top_k", "top_p"])
def test_each_key_press_on_a_slider_changes_the_value(name, shown, qtbot):
    card = shown(SamplerCard(declarations(SamplingSettings)), 330, 420)
    row = card.form.row(name)
    qtbot.keyClick(row.slider, Qt.Key.Key_Home)
    seen = [row.value()]
    for _ in range(12):
        qtbot.keyClick(row.slider, Qt.Key.Key_Right)
        seen.append(row.value())
    assert seen == sorted(set(seen))
    for value in reversed(seen[:-1]):
        qtbot.keyClick(row.slider, Qt.Key.Key_Left)
        assert row.value() <= value
    assert row.value() == seen[0]
    qtbot.keyClick(row.slider, Qt.Key.Key_End)
    assert row.slider.value() == row.slider.maximum()


def test_a_slider_is_deaf_to_the_wheel_until_it_has_the_focus(shown, qtbot):
    card = shown(SamplerCard(declarations(SamplingSettings)), 330, 420)
    row = card.form.row("top_k")
    before = row.value()
    assert not wheel(row.slider, -120)
    assert row.value() == before
    row.slider.setFocus()
    qtbot.waitUntil(row.slider.hasFocus)
    assert wheel(row.slider, -120)
    assert row.value() != before


@pytest.mark.parametrize("typed", ["nan", "inf", "-inf", "9" * 400])
def test_a_slider_passes_over_what_is_no_number(typed, shown, qtbot):
    card = shown(SamplerCard(declarations(SamplingSettings)), 330, 420)
    row = card.form.row("temperature")
    row.editor.clear()
    qtbot.keyClicks(row.editor, typed)
    assert row.value() == typed
    row.editor.clear()
    qtbot.keyClicks(row.editor, "5")
    assert row.slider.value() == row.slider.maximum()


def test_a_prompt_field(shown, qtbot):
    field = shown(PromptField("Prompt"), 400, 60)
    field.set_text("one\ntwo")
    assert field.text() == "one\ntwo"
    field.set_remark("2 tokens")
    assert field.accessibleDescription() == "2 tokens"
    field.set_invalid(True)
    assert field.property("invalid")
    with qtbot.waitSignal(field.submitted):
        qtbot.keyClick(field, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert field.text() == "one\ntwo"
    field.undo()
    assert field.text() == ""


def test_choosing_a_model(shown, qtbot):
    chooser = shown(ModelChooser(), 420, 30)
    runs = [RunChoice("run 2", "GPT 1 × 2", 1), RunChoice("run 1", "LSTM 1", 0, lacking="no attention")]
    chooser.show_runs(runs, "run 2")
    chooser.show_versions([("best", "best, step 10"), ("last", "last, step 20")], "last")
    assert chooser.runs.currentText() == "run 2  ·  GPT 1 × 2"
    assert chooser.versions.currentData() == "last"
    assert not chooser.runs.model().item(1).isEnabled()
    with qtbot.waitSignal(chooser.version_chosen) as chosen:
        chooser.versions.setFocus()
        qtbot.keyClick(chooser.versions, Qt.Key.Key_Up)
    assert chosen.args == ["best"]
    model = chooser.runs.model()
    chooser.show_runs(list(runs), "run 2")
    assert chooser.runs.model() is model
    chooser.show_runs(runs, "")
    assert chooser.runs.currentIndex() == -1
    chooser.show_versions([], "")
    assert not chooser.versions.isVisible()


def test_the_table_of_weights(shown, qtbot):
    table = shown(WeightsTable(), 400, 200)
    table.set_weights(np.array([[1.0, 0.0], [0.25, 0.75]]), ["a", " b"])
    assert table.numbers.headerData(1, Qt.Orientation.Vertical) == "2  ·b"
    with qtbot.waitSignal(table.cell_marked) as marked:
        table.setCurrentIndex(table.numbers.index(1, 0))
    assert marked.args == [1, 0]
    table.selectAll()
    assert table.selected_text() == "\t1  a\t2  ·b\n1  a\t1.000\t\n2  ·b\t0.250\t0.750"


def test_a_marked_place_is_in_view(shown):
    table = shown(WeightsTable(), 300, 200)
    table.set_weights(np.tril(np.ones((60, 60))), ["x"] * 60)
    told = []
    table.cell_marked.connect(lambda *cell: told.append(cell))
    table.mark(50, 40)
    assert table.viewport().rect().contains(table.visualRect(table.numbers.index(50, 40)).center())
    assert not told
    bars = shown(BarList("Looks"), 300, 120)
    bars.set_bars([Bar(f"token {n}", 1 / (n + 1), (f"{n}",)) for n in range(100)])
    for row in (80, 3):
        bars.set_current(row)
        middle = bars.head_height() + (row + 0.5) * bars.row_height() - bars.verticalScrollBar().value()
        assert 0 < middle < bars.viewport().height()


@pytest.mark.parametrize("make", [lambda: BarList("Chances"), RunsTable, WeightsTable, lambda: TokenStrip("Tokens")])
def test_copying_nothing_leaves_the_clipboard_alone(make, shown, qtbot):
    view = shown(make(), 300, 200)
    QGuiApplication.clipboard().setText("kept")
    qtbot.keyClick(view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "kept"


def test_details_stay_on_the_screen(shown, qtbot):
    window = shown(EmptyState("console"), 300, 200)
    details = TokenDetails(window)
    room = details.screen().availableGeometry()
    for beside in (QRect(QPoint(0, 0), QPoint(20, 20)), QRect(room.bottomRight() - QPoint(30, 30), room.bottomRight())):
        details.show_token("Token 3", "chance 50 %", BARS, "", beside)
        assert room.contains(details.geometry())
        assert details.list.current == 1
    qtbot.keyClick(details, Qt.Key.Key_Escape)
    assert not details.isVisible()


def test_an_empty_state(shown, qtbot):
    state = shown(EmptyState("inspect"), 300, 260)
    state.say("Choose a model", "It shows something.", "Open “run 1”")
    assert state.accessibleName() == "Choose a model. It shows something."
    with qtbot.waitSignal(state.acted):
        state.button.click()
    state.say("Nothing", "At all.")
    assert not state.button.isVisible()


def test_shares_and_rates_in_words():
    assert [number_text.percent(share) for share in (0, 1e-6, 0.00123, 0.0456, 0.329, 1)] == [
        "0 %", "< 0.01 %", "0.12 %", "4.6 %", "32.9 %", "100.0 %",
    ]  # fmt: skip
    assert [number_text.rate(value) for value in (4.72, 212.3, 1900)] == ["4.7", "212", "1,900"]


@pytest.mark.parametrize(
    ("scale", "narrow", "wide"), [(1.0, 640, 960), (1.0, 940, 1300), (1.5, 580, 970), (2.0, 770, 930), (2.0, 770, 1270)]
)
def test_prompt_and_bar_have_their_room_at_any_text_size(shown, look, scale, narrow, wide):
    look.set_scale(scale)
    prompt, bar = shown(PromptCard(), narrow, 500), shown(InspectionBar(), wide, 500)
    bar.chooser.show_runs([RunChoice("run 001", "GPT 4 × 4 × 128", 0)], "run 001")
    bar.chooser.show_versions([("best", "best, step 1,200")], "best")
    for card, width in ((prompt, narrow), (bar, wide)):
        card.resize(width, 500)
        parts(card)
        assert card.minimumSizeHint().width() <= width
        assert card.field.width() >= look.pixels(250)
        words = [part for kind in (QPushButton, Text) for part in card.findChildren(kind) if part.isVisible()]
        for part in words:
            assert part.width() >= part.sizeHint().width(), part.text()
            assert card.rect().contains(QRect(part.mapTo(card, QPoint()), part.size())), part.text()
    outer = [prompt.legend._parts[place].isVisible() for place in (0, -1)]
    assert outer == [scale == 1.0] * 2
