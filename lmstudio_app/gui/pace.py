"""How often the window may redraw beside a training, so that drawing takes only its share of the processor."""

from __future__ import annotations

import time
from collections.abc import Callable

SHARE = 0.04
"""Of the time that passes, the part that the window's thread may spend while a model trains on the same processor."""

LONGEST_SECONDS = 1.0
"""Reports are shown after this long, whatever that costs."""


class Pace:
    """Says when the next reports are due.

    What it cost to show the last ones, painting included, is read from the clock of the calling thread: the next are
    due once that is at most `SHARE` of the time since. A quick machine so draws many times a second, a slow one seldom.
    `passed` and `spent` are those two clocks, in seconds.
    """

    def __init__(
        self, passed: Callable[[], float] = time.perf_counter, spent: Callable[[], float] = time.thread_time
    ) -> None:
        self._passed, self._spent = passed, spent
        self._shown_at, self._spent_before = passed(), spent()

    def due(self) -> bool:
        """Whether it is time to show what has arrived; then it counts as shown."""
        now, spent = self._passed(), self._spent()
        since = now - self._shown_at
        if spent - self._spent_before > SHARE * since and since < LONGEST_SECONDS:
            return False
        self._shown_at, self._spent_before = now, spent
        return True
