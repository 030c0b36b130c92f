"""Where the ticks of a plot stand: four to six round values, on plain, logarithmic and time axes."""

from __future__ import annotations

import math

_LOGARITHMIC = (
    (1.0,),
    (1.0, 3.0),
    (1.0, 2.0, 5.0),
    (1.0, 1.5, 2.0, 3.0, 5.0, 7.0),
    (1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0),
    (1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2.0, 2.2, 2.5, 2.8, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0),
)
_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


def round_step(span: float, most: int) -> float:
    """The smallest of 1, 2, 2.5, 5 × 10ⁿ that divides `span` into at most `most` parts."""
    if span <= 0 or not math.isfinite(span):
        return 1.0
    rough = span / most
    power = 10.0 ** math.floor(math.log10(rough))
    return next((factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * (1 - 1e-9)), 10 * power)


def plain_ticks(low: float, high: float, most: int = 6, *, whole: bool = False) -> list[float]:
    """Round values between `low` and `high`; only whole numbers when `whole`."""
    step = round_step(high - low, most)
    if whole:
        step = max(1.0, math.ceil(step) if step < 10 else step)
    return _multiples(low, high, step)


def time_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Seconds that people count in: 15 s, 2 min, 1 h, …"""
    rough = (high - low) / most
    step = next((float(s) for s in _SECONDS if s >= rough), 0.0)
    if not step:
        step = 86400 * round_step((high - low) / 86400, most)
    elif rough < 1:
        return plain_ticks(low, high, most)
    return _multiples(low, high, step)


def logarithmic_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Values between `low` and `high` (both above 0) that look round on a logarithmic axis."""
    if high / low < 2.5:
        return plain_ticks(low, high, most)
    best: list[float] = []
    for factors in _LOGARITHMIC:
        powers = range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1)
        found = [f * 10.0**p for p in powers for f in factors if low * (1 - 1e-9) <= f * 10.0**p <= high * (1 + 1e-9)]
        if len(found) <= most:
            best = found
        elif not best:
            return found[:: -(-len(found) // most)]
    return best if len(best) >= 3 else plain_ticks(low, high, most)


def padded_end(last: float, most: int = 6, *, seconds: bool = False) -> float:
    """Where an axis that starts at 0 should end so that a growing line does not move it at every point."""
    if last <= 0:
        return 1000.0
    step = next((float(s) for s in _SECONDS if s >= last / most), 0.0) if seconds else 0.0
    if not step:
        step = round_step(last, most)
    return math.ceil(2 * last / step - 1e-9) * step / 2 if last > step else step


def spread(wanted: list[float], height: float, low: float, high: float) -> list[float]:
    """Move label centres apart until neighbours are `height` apart, staying between `low` and `high` where they fit.

    Positions come back in the order given; each moves as little as its neighbours allow.
    """
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    groups: list[list[float]] = []  # per group: sum of (wanted − offset in the group), members
    for index in order:
        groups.append([wanted[index], 1])
        while len(groups) > 1 and _start(groups[-2], height, low, high) + groups[-2][1] * height > _start(
            groups[-1], height, low, high
        ):
            later = groups.pop()
            groups[-1][0] += later[0] - later[1] * groups[-1][1] * height
            groups[-1][1] += later[1]
    placed = [0.0] * len(wanted)
    position = iter(order)
    for group in groups:
        start = _start(group, height, low, high)
        for member in range(int(group[1])):
            placed[next(position)] = start + member * height
    return placed


def _start(group: list[float], height: float, low: float, high: float) -> float:
    """The first centre of a group of touching labels: the mean of what its members want, kept inside."""
    total, members = group
    return max(low, min(total / members, high - (members - 1) * height))


def _multiples(low: float, high: float, step: float) -> list[float]:
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]
