"""Work on a thread: order, ends, failures, and owners that go."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject, QThread

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import JobFailed
from lmstudio_app.gui.job_thread import Jobs, failure_event, until


@pytest.fixture
def jobs(qapp) -> Iterator[Jobs]:
    made = Jobs()
    yield made
    made.close()
    made.deleteLater()


def test_items_arrive_in_order_in_the_windows_thread_and_the_end_comes_last(jobs, qtbot):
    told: list[object] = []
    threads = set()

    def arrived(items):
        threads.add(QThread.currentThread())
        told.extend(items)

    jobs.start(lambda stopping: iter(range(5000)), arrived, lambda failure: told.append(("ended", failure)))
    qtbot.waitUntil(lambda: len(told) == 5001)
    assert told == [*range(5000), ("ended", None)]
    assert threads == {jobs.thread()}


def test_many_reports_come_in_few_calls(jobs, qtbot):
    calls: list[int] = []
    jobs.start(lambda stopping: iter(range(20_000)), lambda items: calls.append(len(items)))
    qtbot.waitUntil(lambda: sum(calls) == 20_000)
    assert len(calls) < 200


def test_a_failure_is_handed_over_after_what_came_before_it(jobs, qtbot):
    told: list[object] = []

    def work(stopping):
        yield 1
        raise UserError("“{path}” is empty.", path="a.txt")

    jobs.start(work, told.extend, told.append)
    qtbot.waitUntil(lambda: len(told) == 2)
    assert told[0] == 1
    assert isinstance(told[1], UserError)


def test_even_a_panic_that_is_no_exception_ends_only_the_job(jobs, qtbot):
    class Panic(BaseException):
        pass

    failures: list[JobFailed] = []

    def work(stopping):
        raise Panic("out of range")

    jobs.start(work, lambda items: None, lambda failure: failures.append(failure_event(failure)))
    qtbot.waitUntil(lambda: bool(failures))
    told = failures[0]
    assert told.values == {"kind": "Panic", "reason": "out of range"}
    assert "raise Panic" in told.traceback


def test_a_failure_that_nobody_waits_for_is_told(jobs, qtbot):
    def work(stopping):
        raise UserError("“{path}” is empty.", path="a.txt")

    with qtbot.waitSignal(jobs.failed) as told:
        jobs.start(work, lambda items: None)
    assert str(told.args[0]) == "“a.txt” is empty."


def test_a_failure_lets_go_of_what_the_job_worked_on(jobs, qtbot):
    class Weights:
        pass

    alive: list[weakref.ref[Weights]] = []
    failures: list[BaseException | None] = []

    def work(stopping):
        weights = Weights()
        alive.append(weakref.ref(weights))
        try:
            raise ValueError("the first")
        except ValueError as error:
            raise UserError("“{path}” is empty.", path="a.txt") from error

    thread = jobs.start(work, lambda items: None, failures.append)
    gc.disable()
    try:
        qtbot.waitUntil(lambda: len(failures) == 1)
        assert failures[0] is not None and thread.failure is None
        assert alive[0]() is None
    finally:
        gc.enable()


def test_a_persons_mistake_has_no_traceback():
    told = failure_event(UserError("The name is empty. Give it at least one letter."))
    assert told.sentence.startswith("The name is empty") and told.traceback == ""


def test_stopping_closes_what_makes_the_items(jobs, qtbot):
    closed = threading.Event()
    going = threading.Event()
    ended: list[BaseException | None] = []

    def source():
        try:
            while True:
                going.set()
                yield 1
        finally:
            closed.set()

    thread = jobs.start(lambda stopping: until(stopping, source()), lambda items: None, ended.append)
    assert going.wait(5)
    thread.stop()
    qtbot.waitUntil(lambda: ended == [None])
    assert closed.is_set()


def test_nobody_is_called_once_the_owner_is_gone(jobs, qtbot):
    owner = QObject()
    told: list[object] = []
    go_on = threading.Event()

    def work(stopping):
        assert go_on.wait(5)
        yield stopping()

    jobs.start(work, told.extend, told.append, owner=owner)
    with qtbot.waitSignal(owner.destroyed):
        owner.deleteLater()
    go_on.set()
    qtbot.waitUntil(lambda: not jobs._started)
    assert told == []


def test_an_owner_may_go_long_after_its_job(jobs, qtbot):
    owner = QObject()
    told: list[object] = []
    jobs.start(lambda stopping: [1], told.extend, owner=owner)
    qtbot.waitUntil(lambda: told == [1] and not jobs._started)
    with qtbot.waitSignal(owner.destroyed):
        owner.deleteLater()


def test_closing_waits_and_hands_on_the_last_words(jobs):
    told: list[object] = []

    def work(stopping):
        while not stopping():
            threading.Event().wait(0.001)
        yield "last"

    jobs.start(work, told.extend, lambda failure: told.append("ended"))
    jobs.close()
    assert told == ["last", "ended"]


def test_a_job_may_start_another_when_it_ends(jobs, qtbot):
    told: list[object] = []

    def again(failure):
        if len(told) < 3:
            jobs.start(lambda stopping: [len(told)], told.extend, again)

    jobs.start(lambda stopping: [0], told.extend, again)
    qtbot.waitUntil(lambda: told == [0, 1, 2])
