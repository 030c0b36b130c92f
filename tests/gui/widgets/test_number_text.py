"""Numbers as people read them."""

from __future__ import annotations

import math

import pytest

from lmstudio_app.gui.widgets import number_text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "0.4 s"),
        (4.0, "4 s"),
        (59.7, "1 min 00 s"),
        (109, "1 min 49 s"),
        (3723, "1 h 02 min"),
        (200_000, "2 d 7 h"),
    ],
)
def test_durations(seconds, words):
    assert number_text.duration(seconds) == words


def test_small_rates_keep_their_power():
    assert number_text.power(4.6e-5) == "4.6 × 10⁻⁵"


@pytest.mark.parametrize(
    ("numbers", "apart", "words"),
    [
        ((1, 1.5, 2), 0.5, ["1", "1.5", "2"]),
        ((1.3, 1.3001, 1.3002), 1e-4, ["1.3", "1.3001", "1.3002"]),
        ((1.3, 1.30025, 1.3005), 2.5e-4, ["1.3", "1.30025", "1.3005"]),
        ((1234.5, 1234.55), 0.05, ["1,234.5", "1,234.55"]),
        ((20_000, 40_000), 20_000, ["20,000", "40,000"]),
        ((5.1e-4, 5.101e-4), 1e-7, ["5.1 × 10⁻⁴", "5.101 × 10⁻⁴"]),
    ],
)
def test_ticks_are_told_apart(numbers, apart, words):
    assert [number_text.plain(number, apart) for number in numbers] == words


def test_losses_sizes_and_counts():
    assert number_text.loss(None) == number_text.loss(math.nan) == "–"
    assert number_text.loss(2.0644, 3) == "2.064"
    assert number_text.size(1_420_000_000) == "1.4 GB"
    assert number_text.parameters(3_090_000) == ("3.09", "million")
    assert number_text.parameters(812) == ("812", "")
    assert number_text.parameters(999_700) == ("1.00", "million")
    assert number_text.parameters(999_400) == ("999", "thousand")
    assert number_text.parameters(999_999_999) == ("1.00", "billion")
    assert number_text.short_count(999_700) == "1 M"
    assert number_text.short_count(999) == "999"
    assert number_text.size(999_999) == "1.0 MB"
    assert number_text.plain(2500) == "2,500"
    assert number_text.moment(90) == "1.5 min"
