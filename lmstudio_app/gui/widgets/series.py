"""Numbers that grow while a model trains: one series of a plot, its smoothing and its thinning for the screen.

Arrays are `float64` of length N, in the order of their steps; a missing value is NaN and stays a gap.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_BLOCK = 256


class Series:
    """A growing series: step, seconds and value of every point.

    `extend` costs the points it adds; `steps`, `seconds`, `values` and `smoothed` are views, never copies.
    """

    def __init__(self, smoothing: float = 0.0) -> None:
        self._smoothing = smoothing
        self.clear()

    def clear(self) -> None:
        """Forget every point."""
        self._columns = np.empty((4, 1024), dtype=np.float64)
        self._count = 0
        self._average = Average(self._smoothing)
        self.lowest, self.highest = math.inf, -math.inf
        self.lowest_positive = math.inf

    def __len__(self) -> int:
        return self._count

    @property
    def steps(self) -> Floats:
        return self._columns[0, : self._count]

    @property
    def seconds(self) -> Floats:
        return self._columns[1, : self._count]

    @property
    def values(self) -> Floats:
        return self._columns[2, : self._count]

    @property
    def smoothed(self) -> Floats:
        return self._columns[3, : self._count]

    def extend(self, steps: Iterable[float], seconds: Iterable[float | None], values: Iterable[float | None]) -> None:
        """Append points. `None` is a missing value; unknown seconds repeat the last known ones."""
        new = np.array([_floats(steps), _floats(seconds), _floats(values)], dtype=np.float64)
        added = new.shape[1]
        if not added:
            return
        end = self._count + added
        if end > self._columns.shape[1]:
            larger = np.empty((4, max(end, 2 * self._columns.shape[1])), dtype=np.float64)
            larger[:, : self._count] = self._columns[:, : self._count]
            self._columns = larger
        new[2, ~np.isfinite(new[2])] = np.nan
        self._columns[:3, self._count : end] = new
        self._fill_seconds(end)
        self._columns[3, self._count : end] = self._average.extend(new[2])
        self._count = end
        self._widen(new[2])

    def smooth(self, smoothing: float) -> None:
        """Choose how much of the past the smoothed line keeps: 0 (nothing) up to, but not including, 1."""
        self._smoothing = smoothing
        self._average = Average(smoothing)
        self._columns[3, : self._count] = self._average.extend(self.values)

    def nearest(self, x: float, *, by_seconds: bool = False) -> int | None:
        """The index of the point whose step (or second) is nearest to `x`."""
        axis = self.seconds if by_seconds else self.steps
        if not self._count:
            return None
        after = int(np.searchsorted(axis, x))
        if after == 0:
            return 0
        if after == self._count:
            return self._count - 1
        return after if axis[after] - x < x - axis[after - 1] else after - 1

    def at_or_before(self, step: float) -> int | None:
        """The index of the last point that is not after `step` and has a value."""
        index = int(np.searchsorted(self.steps, step, side="right")) - 1
        while index >= 0 and math.isnan(self.values[index]):
            index -= 1
        return index if index >= 0 else None

    def beside(self, step: float, after: bool) -> float | None:
        """The nearest step of a point after (or before) `step`."""
        if after:
            index = int(np.searchsorted(self.steps, step, side="right"))
        else:
            index = int(np.searchsorted(self.steps, step, side="left")) - 1
        return float(self.steps[index]) if 0 <= index < self._count else None

    def last(self) -> int | None:
        """The index of the last point that has a value."""
        return self.at_or_before(math.inf)

    def best(self) -> int | None:
        """The index of the lowest value."""
        if not np.isfinite(self.lowest):
            return None
        return int(np.nanargmin(self.values))

    def _fill_seconds(self, end: int) -> None:
        seconds = self._columns[1, self._count : end]
        missing = np.isnan(seconds)
        if not missing.any():
            return
        last = self._columns[1, self._count - 1] if self._count else 0.0
        known = np.maximum.accumulate(np.where(missing, -1, np.arange(len(seconds))))
        seconds[:] = np.where(known >= 0, seconds[np.maximum(known, 0)], last)

    def _widen(self, values: Floats) -> None:
        finite = values[np.isfinite(values)]
        if finite.size:
            self.lowest = min(self.lowest, float(finite.min()))
            self.highest = max(self.highest, float(finite.max()))
            positive = finite[finite > 0]
            if positive.size:
                self.lowest_positive = min(self.lowest_positive, float(positive.min()))


class Average:
    """An exponential moving average that corrects for its empty start, over values that arrive in chunks.

    With weight β: s ← β s + (1 − β) y, shown as s / (1 − βᵗ) (Kingma and Ba 2015, section 3, equation for bias
    correction). Missing values are passed over.
    """

    def __init__(self, weight: float) -> None:
        self._weight = weight
        self._sum = 0.0
        self._seen = 0

    def extend(self, values: Floats) -> Floats:
        """The average after each of `values`; NaN where the value is missing."""
        result = np.full(values.shape, np.nan)
        present = np.isfinite(values)
        known = values[present]
        if self._weight <= 0:
            result[present] = known
            return result
        sums = self._sums(known)
        counts = self._seen + np.arange(1, len(known) + 1)
        if len(known):
            self._sum, self._seen = float(sums[-1]), int(counts[-1])
        result[present] = sums / -np.expm1(counts * math.log(self._weight))
        return result

    def _sums(self, known: Floats) -> Floats:
        """The recursion by blocks: one triangular product inside each block, one number carried between blocks."""
        block = min(_BLOCK, max(1, len(known)))
        blocks = -(-len(known) // block)
        padded = np.zeros(blocks * block)
        padded[: len(known)] = known
        places = np.arange(block)
        distance = places[:, None] - places[None, :]
        inside = np.where(distance >= 0, (1 - self._weight) * self._weight ** np.maximum(distance, 0), 0.0)
        sums = padded.reshape(blocks, block) @ inside.T
        carried = np.empty(blocks)
        carry, decay = self._sum, self._weight**block
        for number, end in enumerate(sums[:, -1]):
            carried[number] = carry
            carry = carry * decay + end
        sums += carried[:, None] * self._weight ** (places + 1)[None, :]
        return sums.reshape(-1)[: len(known)]


def thin(x: Floats, y: Floats, low: float, high: float, pixels: int, *, average: bool = False) -> tuple[Floats, Floats]:
    """What to draw of a line between `low` and `high`: at most two points per pixel, or one with `average`.

    Groups of a power of two points, laid from the first point of the series so that they do not flicker while it
    grows, are drawn as their minimum and maximum (or mean). A group with a missing value breaks the line, which then
    takes one more point per group, two more with `average`.
    """
    first = max(0, int(np.searchsorted(x, low)) - 1)
    last = min(len(x), int(np.searchsorted(x, high, side="right")) + 1)
    if last - first <= 2 * pixels:
        return x[first:last], y[first:last]
    group = 2
    while last - first > pixels * group:
        group *= 2
    first = first // group * group
    last = min(len(x), -(-last // group) * group)
    starts = np.arange(0, last - first, group)
    part = y[first:last]
    ends = np.append(starts[1:], last - first) - 1
    missing = np.isnan(part)
    broken = np.add.reduceat(missing, starts, dtype=np.int64) > 0 if missing.any() else None
    return (_averaged if average else _bounded)(x[first:last], part, starts, ends, broken)


def _averaged(
    x: Floats, y: Floats, starts: NDArray[np.int64], ends: NDArray[np.int64], broken: NDArray[np.bool_] | None
) -> tuple[Floats, Floats]:
    """The mean of what each group has, in its middle; a group with a missing value is a flat line with a gap behind."""
    middle = (x[starts] + x[ends]) / 2
    if broken is None:
        return middle, np.add.reduceat(y, starts) / (ends - starts + 1)
    known = ~np.isnan(y)
    counts = np.add.reduceat(known, starts, dtype=np.int64)
    means = np.where(counts > 0, np.add.reduceat(np.where(known, y, 0.0), starts) / np.maximum(counts, 1), np.nan)
    left, right = np.where(broken, x[starts], middle), np.where(broken, x[ends], middle)
    drawn = np.stack((means, means, np.where(broken, np.nan, means)), axis=1)
    return np.stack((left, right, right), axis=1).reshape(-1), drawn.reshape(-1)


def _bounded(
    x: Floats, y: Floats, starts: NDArray[np.int64], ends: NDArray[np.int64], broken: NDArray[np.bool_] | None
) -> tuple[Floats, Floats]:
    """Minimum and maximum of each group, in the order in which the line passes them."""
    columns = 2 if broken is None else 3
    drawn, places = np.empty((len(starts), columns)), np.empty((len(starts), columns))
    low, high = np.fmin.reduceat(y, starts), np.fmax.reduceat(y, starts)
    rising = y[ends] >= y[starts]
    drawn[:, 0], drawn[:, 1] = np.where(rising, low, high), np.where(rising, high, low)
    places[:, 0], places[:, 1] = x[starts], x[ends]
    if broken is not None:
        drawn[:, 2], places[:, 2] = np.where(broken, np.nan, drawn[:, 1]), x[ends]
    return places.reshape(-1), drawn.reshape(-1)


def _floats(values: Iterable[float | None]) -> Floats:
    if isinstance(values, np.ndarray):
        return values.astype(np.float64, copy=False)
    return np.array([math.nan if value is None else value for value in values], dtype=np.float64)
