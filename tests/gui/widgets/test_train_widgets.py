"""The two halves of the Train pane, fed with plain values: the next run, and a run as it learns."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt

from lmstudio_app.engine.registry import families
from lmstudio_app.engine.settings import Problem, declarations
from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.config_form import Section
from lmstudio_app.gui.widgets.next_run_form import Choice, Estimate, NextRunForm
from lmstudio_app.gui.widgets.run_header import RunButtons, RunHeader, RunWords
from lmstudio_app.gui.widgets.text import ElidedText
from lmstudio_app.gui.widgets.training_view import Plan, TrainingView
from tests.gui.widgets.conftest import parts, picture


def record(steps: int = 60) -> list[dict]:
    rows = []
    for step in range(steps + 1):
        if step:
            loss = None if step == 13 else 1.5 + 2 * math.exp(-step / 20)
            rows.append({
                "step": step, "training_bits_per_byte": loss, "training_loss": 1.0, "learning_rate": 6e-4,
                "gradient_norm": 0.9, "seconds": step / 10, "tokens_per_second": 46_800.0, "memory_bytes": 1.42e9,
            })  # fmt: skip
        if step % 20 == 0:
            rows.append({"step": step, "validation_bits_per_byte": 4 - step / 30, "seconds": step / 10})
    return rows


SAMPLES = [{"step": 20, "prompt": "A", "text": "one"}, {"step": 60, "prompt": "A", "text": "two"}]
PLAN = Plan(learning_rate=6e-4, gradient_clip=1.0, sample_every=20, memory_bytes=8_000_000_000)


@pytest.fixture
def view(shown) -> TrainingView:
    made = shown(TrainingView(), 900, 700)
    made.begin(PLAN)
    return made


def content(view: TrainingView) -> dict:
    """All that the view shows, as plain values."""
    curves = {
        f"{surface.accessibleName()} {key}": tuple(
            np.nan_to_num(column, nan=-1).round(9).tolist()
            for column in (curve.series.steps, curve.series.seconds, curve.series.values, curve.series.smoothed)
        )
        for surface in (view.plot.surface, *(small.surface for small in view._small()))
        for key, curve in surface.curves.items()
    }
    return curves | {"samples": view.samples.samples(), "kept": view.plot.surface.kept_step}


def test_a_run_fed_step_by_step_shows_what_one_read_at_once_shows(view, shown):
    rows = record()
    for row in rows:
        view.take([row])
    view.take_samples(SAMPLES[:1])
    view.take_samples(SAMPLES)
    other = shown(TrainingView(), 900, 700)
    other.begin(PLAN)
    other.take(rows[:40])
    other.take_samples(SAMPLES)
    other.take(rows[30:])  # the record on disk and the reports overlap
    assert content(view) == content(other)
    assert view.last_step() == 60


def test_figures_of_now_have_their_units(view):
    view.take(record())
    small = [(s._figure.text(), s._unit.words()) for s in (view.rate, view.norm, view.speed, view.memory)]
    assert small == [("6", "×10⁻⁴"), ("0.90", ""), ("46.8", "thousand tokens/s"), ("1.4", "GB of 8.0 GB")]
    assert [r.title for r in view.norm.surface.references] == ["clip at 1"]
    for speed, told in (
        (1_234_567, ("1.23", "million tokens/s")),
        (999_499, ("999", "thousand tokens/s")),
        (999.7, ("1", "thousand tokens/s")),
        (47, ("47", "tokens/s")),
    ):
        view._show_now({"tokens_per_second": speed})
        assert (view.speed._figure.text(), view.speed._unit.words()) == told


def test_samples_carry_the_loss_of_their_step(view):
    view.take_samples(SAMPLES)
    view.take(record())
    assert [(s.step, round(s.bits_per_byte, 3), s.best) for s in view.samples.samples()] == [
        (20, 3.333, False),
        (60, 2.0, True),
    ]
    opened = []
    view.sample_activated.connect(opened.append)
    view.samples.sample_activated.emit(60)
    assert opened == [60]


def test_a_counting_run_shows_no_rate_and_another_run_starts_empty(view):
    view.take(record())
    view.begin(Plan(), gradient=False)
    assert view.rate.isHidden()
    assert view.norm.isHidden()
    assert not view.speed.isHidden()
    assert view.last_step() == -1
    assert view.plot.surface.summary() == "No points yet."
    view.begin(PLAN)
    assert view.rate.isVisible()


def test_cursor_and_range_are_mirrored_everywhere(view, qtbot):
    view.take(record())
    view.plot.surface.redraw()
    view.plot.surface.move_cursor(20.0)
    assert {small.surface.cursor_step for small in view._small()} == {20}
    view.speed.surface.move_cursor(30.0)
    assert view.plot.surface.cursor_step == 30
    view.plot.surface.getViewBox().setXRange(10, 50, padding=0)
    assert {tuple(small.surface.getViewBox().viewRange()[0]) for small in view._small()} == {(10, 50)}
    view.plot.surface._take_over()
    qtbot.keyClick(view.speed.surface, Qt.Key.Key_A)
    assert view.plot.surface.following


def test_small_plots_go_to_two_rows_where_they_must(view, qtbot):
    assert len({small.y() for small in view._small()}) == 1
    view.resize(520, 900)
    qtbot.waitUntil(lambda: len({small.y() for small in view._small()}) == 2)
    assert not picture(view).isNull()


def test_header_offers_what_can_be_done(shown, qtbot):
    header = shown(RunHeader(), 1000, 44)
    pressed = []
    header.stop_pressed.connect(lambda: pressed.append("stop"))
    header.show_run(
        RunWords("Running", "run 001", "Transformer", "2,840 / 5,000 steps", "3 min left", 0),
        RunButtons(checkpoint=True, pause=True, stop=True),
    )
    assert [b.isVisible() for b in header.buttons()] == [True, True, False, True]
    qtbot.mouseClick(header.stop, Qt.MouseButton.LeftButton)
    assert pressed == ["stop"]
    header.resize(500, 44)
    assert header.stop.text() == ""
    assert header.stop.accessibleName() == "Stop"
    header.show_run(RunWords("Stopping", "run 001"), RunButtons(stop=True, waiting=True))
    assert not header.stop.isEnabled()


LONG = RunWords(
    "Failed", "a run with a rather long name of its own", "Transformer", "2,840 / 5,000 steps",
    "The loss is not a number any more; halve the learning rate and resume from the last checkpoint.", 0,
)  # fmt: skip


@pytest.mark.parametrize(("scale", "width"), [(1.0, 900), (1.5, 490), (2.0, 630)])
@pytest.mark.parametrize("words", [LONG, replace(LONG, state="Running", name="run 002", left="3 min left")])
def test_the_header_cuts_nothing_at_any_text_size(shown, look, scale, width, words):
    look.set_scale(scale)
    header = shown(RunHeader(), width, 100)
    header.show_run(words, RunButtons(checkpoint=True, pause=True, stop=True))
    for part in parts(header):
        assert part.height() >= part.minimumSizeHint().height()
        assert isinstance(part, ElidedText) or part.width() >= part.sizeHint().width(), part
    assert header.minimumHeight() == look.pixels(44) >= header.stop.height()
    assert words.left in (header._left.text(), header._left.toolTip()) or words.left in header.toolTip()


@pytest.mark.parametrize(("scale", "width"), [(1.0, 670), (1.5, 490), (1.5, 820), (2.0, 630)])
def test_plots_have_their_room_at_any_text_size(shown, look, scale, width):
    view = shown(TrainingView(), width, 600)
    view.begin(Plan(learning_rate=6e-4, sample_every=20, sample_prompt="a rather long prompt for every sample"))
    look.set_scale(scale)
    view.layout().activate()
    view.resize(width, view.heightForWidth(width))
    view.layout().activate()
    assert len(parts(view)) == 6
    assert view.plot.surface.height() >= look.pixels(200)
    assert view.plot.rect().contains(view.plot.surface.parentWidget().geometry())
    assert view.layout().minimumSize().width() <= width


def test_the_form_offers_chooses_and_says_what_is_wrong(shown, qtbot):
    form = shown(NextRunForm(), 308, 800)
    seen = []
    for signal in (form.corpus_chosen, form.family_chosen, form.preset_chosen, form.named):
        signal.connect(seen.append)
    form.show_corpora([Choice("plays", "plays", "1.1 MB"), Choice("letters", "letters")], "plays")
    form.show_families([Choice("gpt", "Transformer (GPT)", "Reads all earlier tokens at once.")], "gpt")
    form.show_presets([Choice("small", "Small"), Choice("tiny", "Tiny")], "small")
    form.show_settings([Section("", "model", declarations(families()["gpt"].settings))], {"model.width": 200})
    assert form._corpus_row._hint.text() == "1.1 MB"
    form.corpus.setCurrentIndex(1)
    form.corpus.activated.emit(1)
    assert form._corpus_row._hint.text() == ""
    qtbot.keyClicks(form.run_name, "my")
    assert seen == ["letters", "m", "my"]
    problems = [
        Problem("model.width", "Must divide evenly by {heads} heads.", {"heads": 6}, (198, 204)),
        Problem("name", "A name cannot contain “{letter}”.", {"letter": "?"}),
    ]
    assert form.show_problems(problems) == 2
    assert form.form.row("model.width").error_text() == "Must divide evenly by 6 heads."
    assert form._name_row.error_text() == "A name cannot contain “?”."
    form.set_ready(False, "Fix 2 fields to train")
    assert not form.train.isEnabled()
    assert form.train.text() == form.train.accessibleName() == "Fix 2 fields to train"
    theme.current().toggle()
    assert form.train.icon().isNull()
    assert form.show_problems([]) == 0
    assert not form._name_row.wrong
    form.show_estimate(Estimate(("3.09", "million"), ("≈ 1.4", "/ 8.0 GB"), ("≈ 7", "min"), 0.175, "From “run 3”."))
    assert form._bar.value() == 175
    assert form._parameters.accessibleName() == "Parameters: 3.09 million"


def test_links_in_errors_follow_the_theme(shown, look):
    form = shown(NextRunForm(), 308, 800)
    form.show_settings([Section("", "model", declarations(families()["gpt"].settings))], {})
    form.show_problems([Problem("model.width", "Must divide evenly by {heads} heads.", {"heads": 6}, (198,))])
    words = form.form.row("model.width")._error
    assert look.tokens.link.lower() in words.text()
    look.set_mode("dark")
    assert look.tokens.link.lower() in words.text()
