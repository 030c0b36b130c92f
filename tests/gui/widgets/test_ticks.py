"""Ticks are round and few; labels keep their distance."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmstudio_app.gui.widgets.ticks import logarithmic_ticks, padded_end, plain_ticks, spread, time_ticks


@given(st.floats(1e-6, 1e6), st.floats(1.0001, 1e4))
def test_logarithmic_ticks_lie_inside_and_are_few(low, factor):
    found = logarithmic_ticks(low, low * factor, 6)
    assert len(found) <= 8
    assert all(low * (1 - 1e-6) <= value <= low * factor * (1 + 1e-6) for value in found)
    assert found == sorted(found)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e7))
def test_plain_ticks_are_two_to_seven(low, span):
    assert 1 <= len(plain_ticks(low, low + span, 6)) <= 7


def test_examples_from_the_design():
    assert logarithmic_ticks(1.2, 4.5, 6) == [1.25, 1.5, 2.0, 2.5, 3.0, 4.0]
    assert plain_ticks(0, 3000, 6) == [0, 500, 1000, 1500, 2000, 2500, 3000]
    assert plain_ticks(0, 3, 6, whole=True) == [0, 1, 2, 3]
    assert time_ticks(0, 250, 6) == [0, 60, 120, 180, 240]
    assert time_ticks(0, 0.5, 5) == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5])


def test_the_axis_ends_round_and_never_before_the_line():
    for last in (1, 7, 37, 200, 2840, 5000, 123_456):
        assert last <= padded_end(last) <= 1.6 * last + 1
    assert padded_end(2840) == 3000
    assert padded_end(0) == 1000


@given(st.lists(st.floats(0, 300), max_size=12))
def test_labels_keep_their_distance_and_their_order(wanted):
    placed = spread(wanted, 15, 0, 300)
    ordered = [place for _, place in sorted(zip(wanted, placed, strict=True), key=lambda pair: pair[0])]
    assert all(later - earlier >= 15 - 1e-6 for earlier, later in itertools.pairwise(ordered)) or not ordered
    assert all(-1e-6 <= place <= 300 + 1e-6 for place in placed)


def test_labels_with_room_stay_where_they_are():
    assert spread([10, 100, 50], 15, 0, 200) == [10, 100, 50]
