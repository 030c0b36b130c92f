"""Numbers as people read them: thousands set off, three figures where more would be noise, units beside them."""

from __future__ import annotations

import math

from PySide6.QtCore import QCoreApplication

_FULL = 0.9995
"""The share of a unit from which on it is taken: three figures of a little less would round to a thousand."""


def whole(number: float) -> str:
    """A whole number with its thousands set off: 1,240."""
    return f"{number:,.0f}"


def plain(number: float, apart: float = 0.0) -> str:
    """A tick label: no digits that say nothing, but those that tell it from its neighbours, `apart` away."""
    if number == 0 or not math.isfinite(number):
        return f"{number:g}"
    places = _place(number)
    needed = 1 - _place(apart) if apart > 0 else 0
    if abs(number) < 1e-3:
        return power(number, max(1, needed + places))
    text = f"{number:,.{max(1, 3 - places, needed)}f}"
    return text.rstrip("0").rstrip(".")


def power(number: float, digits: int = 1) -> str:
    """A very small or large number with its power of ten: 2.9 × 10⁻⁴."""
    factor, exponent = f"{number:.{digits}e}".split("e")
    return f"{factor.rstrip('0').rstrip('.')} × 10{raised(int(exponent))}"


def _place(number: float) -> int:
    """The power of ten of the first figure of `number`."""
    return math.floor(math.log10(abs(number)))


def raised(exponent: int) -> str:
    """A power in raised figures: ⁻⁴."""
    return str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def loss(number: float | None, digits: int = 2) -> str:
    """A loss in bits per byte; “–” where it is missing."""
    if number is None or not math.isfinite(number):
        return "–"
    return f"{number:,.{digits}f}" if abs(number) < 1000 else f"{number:,.0f}"


def duration(seconds: float) -> str:
    """A length of time in its two largest units: 3 min 12 s."""
    if seconds < 10:
        return QCoreApplication.translate("Numbers", "{seconds} s").format(seconds=f"{seconds:.1f}".removesuffix(".0"))
    left = round(seconds)
    if left < 60:
        return QCoreApplication.translate("Numbers", "{seconds} s").format(seconds=left)
    if left < 3600:
        return QCoreApplication.translate("Numbers", "{minutes} min {seconds} s").format(
            minutes=left // 60, seconds=f"{left % 60:02d}"
        )
    if left < 86400:
        return QCoreApplication.translate("Numbers", "{hours} h {minutes} min").format(
            hours=left // 3600, minutes=f"{left % 3600 // 60:02d}"
        )
    return QCoreApplication.translate("Numbers", "{days} d {hours} h").format(
        days=left // 86400, hours=left % 86400 // 3600
    )


def moment(seconds: float) -> str:
    """A tick of a time axis in one unit: 30 s, 5 min, 2 h."""
    units = (
        (86400, QCoreApplication.translate("Numbers", "{count} d")),
        (3600, QCoreApplication.translate("Numbers", "{count} h")),
        (60, QCoreApplication.translate("Numbers", "{count} min")),
    )
    for length, words in units:
        halves = 2 * seconds / length
        if seconds >= length and abs(halves - round(halves)) < 1e-6:
            return words.format(count=f"{seconds / length:g}")
    return QCoreApplication.translate("Numbers", "{count} s").format(count=f"{seconds:g}") if seconds else "0"


def size(count: float) -> str:
    """A number of bytes: 1.4 GB."""
    for unit, amount in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if count >= _FULL * amount:
            value = count / amount
            return f"{value:.1f} {unit}" if value < 100 else f"{value:,.0f} {unit}"
    return f"{count:,.0f} B"


def parameters(count: int) -> tuple[str, str]:
    """A number of parameters as (figure, unit): 3.09, million."""
    if count >= _FULL * 1e9:
        return f"{count / 1e9:.2f}", QCoreApplication.translate("Numbers", "billion")
    if count >= _FULL * 1e6:
        return f"{count / 1e6:.2f}", QCoreApplication.translate("Numbers", "million")
    if count >= 10_000:
        return f"{count / 1e3:.3g}", QCoreApplication.translate("Numbers", "thousand")
    return f"{count:,}", ""


def short_count(count: float) -> str:
    """A count in three figures for a column of a table: 2.9 M."""
    for unit, amount in (("G", 1e9), ("M", 1e6), ("K", 1e3)):
        if count >= _FULL * amount:
            return f"{count / amount:.3g} {unit}"
    return whole(count)


def percent(share: float) -> str:
    """A share of a whole in up to three figures: 32.9 %; a very small one is “< 0.01 %”."""
    if 0 < share < 1e-4:
        return "< 0.01 %"
    if share == 0:
        return "0 %"
    return f"{100 * share:.{2 if share < 0.01 else 1}f} %"


def rate(per_second: float) -> str:
    """How many in a second: 1,900, or 4.7 where there are few."""
    return f"{per_second:,.0f}" if per_second >= 10 else f"{per_second:.1f}"
