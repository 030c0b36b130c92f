"""Numbers that grow: smoothing against its definition, thinning that loses no peak and no gap."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmstudio_app.gui.widgets.series import Series, thin


def smoothed_by_definition(values: list[float], weight: float) -> list[float]:
    total, seen, found = 0.0, 0, []
    for value in values:
        if math.isnan(value):
            found.append(math.nan)
            continue
        total, seen = weight * total + (1 - weight) * value, seen + 1
        found.append(total / (1 - weight**seen))
    return found


@pytest.mark.parametrize("weight", [0.0, 0.3, 0.9, 0.99])
def test_smoothing_in_chunks_equals_the_definition(weight):
    values = np.random.default_rng(3).normal(2, 0.3, 1500)
    values[[0, 7, 8, 600]] = np.nan
    series = Series(weight)
    for part in np.split(values, [1, 2, 9, 300, 301, 900]):
        series.extend(np.arange(len(part)), np.arange(len(part)), part)
    expected = smoothed_by_definition(list(values), weight) if weight else values
    np.testing.assert_allclose(series.smoothed, expected, rtol=1e-12)
    series.smooth(0.5)
    np.testing.assert_allclose(series.smoothed, smoothed_by_definition(list(values), 0.5), rtol=1e-12)


def test_missing_values_are_gaps_and_unknown_times_repeat():
    series = Series()
    series.extend([1, 2, 3, 4], [0.5, None, None, 2.0], [3.0, None, math.inf, 2.0])
    assert np.isnan(series.values[1:3]).all()
    assert series.seconds.tolist() == [0.5, 0.5, 0.5, 2.0]
    assert (series.lowest, series.highest) == (2.0, 3.0)
    assert series.at_or_before(3) == 0
    assert series.last() == 3
    assert series.best() == 3


def test_finding_points():
    series = Series()
    assert series.nearest(4) is None
    assert series.last() is None
    series.extend([0, 100, 200], [0, 10, 20], [3, 1, 2])
    assert [series.nearest(x) for x in (-5, 49, 51, 1e9)] == [0, 0, 1, 2]
    assert series.nearest(14, by_seconds=True) == 1
    assert series.beside(100, True) == 200
    assert series.beside(100, False) == 0
    assert series.beside(0, False) is None
    assert series.best() == 1
    series.clear()
    assert len(series) == 0
    assert series.best() is None


@given(st.integers(1, 5000), st.integers(16, 300), st.integers(0, 4999))
def test_thinning_keeps_the_extremes_and_few_points(count, pixels, peak):
    x = np.arange(count, dtype=float)
    y = np.sin(x)
    y[peak % count] = 9.0
    thin_x, thin_y = thin(x, y, -1, count + 1, pixels)
    assert len(thin_x) == len(thin_y) <= max(2 * pixels + 4, 8)
    assert thin_y.max() == 9.0
    assert thin_y.min() == y.min()
    assert (np.diff(thin_x) >= 0).all()


def test_thinning_shows_a_gap_of_one_point_among_a_million():
    x = np.arange(1_000_000, dtype=float)
    y = np.ones_like(x)
    y[500_000] = np.nan
    for average in (False, True):
        assert np.isnan(thin(x, y, 0, 1e6, 800, average=average)[1]).any()


def test_an_averaged_line_shows_the_values_between_many_gaps():
    x = np.arange(100_000, dtype=float)
    y = np.where(x % 50 == 0, np.nan, 2.0)
    _, drawn = thin(x, y, 0, 1e5, 400, average=True)
    assert len(drawn) <= 3 * 400
    joined = np.isfinite(drawn[:-1]) & np.isfinite(drawn[1:])
    assert joined.sum() >= len(drawn) // 3
    assert np.nanmax(drawn) == np.nanmin(drawn) == 2.0


def test_groups_do_not_move_while_the_line_grows():
    x = np.arange(4000, dtype=float)
    y = np.random.default_rng(1).normal(size=4000)
    before, after = (thin(x[:n], y[:n], 0, n, 400) for n in (3900, 3990))
    shared = len(before[0]) - 4
    np.testing.assert_array_equal(before[1][:shared], after[1][:shared])


def test_points_arrive_without_copying_the_past(qtbot):
    series = Series(0.9)
    series.extend(np.arange(100_000), np.arange(100_000), np.ones(100_000))
    series.extend([1], [1], [1])  # grows once more, with room to spare
    memory = series.values.base
    for step in range(100):
        series.extend([step], [step], [1.0])
    assert series.values.base is memory
