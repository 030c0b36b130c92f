"""How often the window redraws beside a training."""

from __future__ import annotations

from lmstudio_app.gui.pace import LONGEST_SECONDS, SHARE, Pace


class Clocks:
    """Two clocks that are set by hand."""

    def __init__(self) -> None:
        self.now = self.spent = 0.0


def pace(clocks: Clocks) -> Pace:
    return Pace(lambda: clocks.now, lambda: clocks.spent)


def test_what_cost_nothing_is_shown_at_once():
    clocks = Clocks()
    paced = pace(clocks)
    for _ in range(5):
        clocks.now += 0.033
        assert paced.due()


def test_the_next_waits_until_its_cost_is_a_small_share_of_the_time():
    clocks = Clocks()
    paced = pace(clocks)
    clocks.now = 1.0
    assert paced.due()
    clocks.spent = 0.01
    clocks.now += 0.9 * 0.01 / SHARE
    assert not paced.due()
    clocks.now += 0.2 * 0.01 / SHARE
    assert paced.due()


def test_nothing_waits_longer_than_a_second():
    clocks = Clocks()
    paced = pace(clocks)
    clocks.spent = 100.0
    clocks.now = 0.9 * LONGEST_SECONDS
    assert not paced.due()
    clocks.now = 1.1 * LONGEST_SECONDS
    assert paced.due()
