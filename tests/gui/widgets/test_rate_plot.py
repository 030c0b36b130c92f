"""The plot of a learning-rate search."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QVBoxLayout, QWidget

from lmstudio_app.gui.widgets.rate_plot import RatePlot
from tests.gui.widgets.conftest import colors


@pytest.fixture
def plot(shown) -> Iterator[RatePlot]:
    made, around = RatePlot("Loss by learning rate", 1e-6, 1.0), QWidget()
    QVBoxLayout(around).addWidget(made)
    shown(around, 520, 260)
    yield made  # whose parent lives as long


def test_points_lie_along_the_logarithm_of_the_rate(plot: RatePlot):
    plot.add_losses([1e-6, 1e-4], [4.0, 30.0], [4.0, 3.5])
    plot.add_losses([1e-2], [2.0], [3.0])
    plot.redraw()
    assert plot.shown_points() == 3
    (left, right), (low, high) = plot.getViewBox().viewRange()
    assert left < -6 and 0 < right < 1
    assert 2 < low < 3 and 4 < high < 5  # the single loss of 30 sticks out
    area = plot.plot_area()
    first, last = plot.place(-6, 4.0), plot.place(-2, 3.0)
    assert first is not None and last is not None
    assert (last.x() - first.x()) / area.width() == pytest.approx(4 / (right - left), abs=0.01)


def test_a_rate_is_marked_with_words(plot: RatePlot):
    assert plot.marked() is None
    plot.add_losses([10.0**p for p in range(-6, 1)], [3.0] * 7, [3.0, 2.9, 2.5, 2.2, 2.0, 2.1, 4.0])
    plot.mark(3e-3, "0.003")
    plot.redraw()
    assert plot.marked() == pytest.approx(3e-3)
    assert plot._mark.label.toPlainText() == "0.003"


def test_an_empty_one_draws_and_every_theme_recolours_it(plot: RatePlot, look):
    plot.redraw()
    assert all(math.isfinite(end) for ends in plot.getViewBox().viewRange() for end in ends)
    light = colors(plot)
    look.set_mode("dark")
    plot.redraw()
    assert max(colors(plot), key=colors(plot).get) != max(light, key=light.get)
