"""How often the window redraws beside a training."""

from __future__ import annotations

from lmstudio_app.engine.events import StepDone
from lmstudio_app.engine.training.control import Control
from lmstudio_app.gui.job_thread import Jobs
from lmstudio_app.gui.pace import LONGEST_SECONDS, SHARE, Pace
from lmstudio_app.gui.training_job import TrainingJob, Trainings


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


def test_steps_that_were_held_back_are_shown_although_nothing_follows(qtbot):
    clocks, heard = Clocks(), []
    trainings = Trainings(Jobs(), lambda name: None)
    trainings.arrived.connect(heard.extend)
    trainings.job = TrainingJob("run", "tale", Control())
    trainings._pace = pace(clocks)
    clocks.now, clocks.spent = 0.1, 1.0
    trainings._arrived([StepDone({"step": 1})])
    assert heard == [] and trainings.job.step == 0
    qtbot.waitUntil(lambda: trainings.job.step == 1, timeout=10_000)
    assert [event.row["step"] for event in heard] == [1]
