"""A thread that works off one job and keeps what it reports until the window asks for it.

Work is a function that is handed `stopping() -> bool` and returns an iterable; each item goes into a queue. The window
drains the queue on a timer, so that a job may report thousands of times a second without a redraw for each.
"""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Callable, Iterable, Iterator
from threading import Event as Flag
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QMetaObject, QObject, QThread, QTimer, Signal

from lmstudio_app.engine.errors import UserError

if TYPE_CHECKING:
    from lmstudio_app.engine.events import JobFailed

Stopping = Callable[[], bool]
Work = Callable[[Stopping], Iterable[Any]]
Arrived = Callable[[list[Any]], None]
Ended = Callable[[BaseException | None], None]

DRAIN_MILLISECONDS = 33

STACK_BYTES = 16 * 2**20
"""Some systems give a second thread half a megabyte, too little for numerical libraries."""


class JobThread(QThread):
    """One job on a background thread. `failure` is the exception that ended it, if one did.

    Signals: those of `QThread`; after `finished()` one last `drain()` has what was left.
    """

    def __init__(self, work: Work, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setStackSize(STACK_BYTES)
        self._work = work
        self._stop = Flag()
        self._items: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.failure: BaseException | None = None

    def run(self) -> None:
        """What the thread does; Qt calls it."""
        try:
            for item in self._work(self.stopping):
                self._items.put(item)
        except BaseException as error:  # a panic of a library written in Rust is no Exception
            self.failure = error

    def stop(self) -> None:
        """Ask the work to end at its next opportunity."""
        self._stop.set()

    def stopping(self) -> bool:
        """Whether somebody asked the work to end."""
        return self._stop.is_set()

    def take_failure(self) -> BaseException | None:
        """The exception that ended it; the thread lets go of it."""
        failure, self.failure = self.failure, None
        return failure

    def drain(self) -> list[Any]:
        """What was reported since the last call, oldest first. Never waits."""
        items = []
        with contextlib.suppress(queue.Empty):
            while True:
                items.append(self._items.get_nowait())
        return items


class _Started:
    """A thread at work, with those who want to hear of it."""

    def __init__(self, thread: JobThread, arrived: Arrived, ended: Ended) -> None:
        self.thread, self.arrived, self.ended = thread, arrived, ended
        self.bond: QMetaObject.Connection | None = None


class Jobs(QObject):
    """The threads of one window, drained by one timer that only runs while there are any.

    Signals: `failed(object)` the exception that ended a job whose end nobody waits for.
    """

    failed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._started: dict[int, _Started] = {}
        self._closed = False
        self._timer = QTimer(self)
        self._timer.setInterval(DRAIN_MILLISECONDS)
        self._timer.timeout.connect(self.drain)

    def start(
        self, work: Work, arrived: Arrived, ended: Ended | None = None, owner: QObject | None = None
    ) -> JobThread:
        """Start `work` on a thread of its own; `arrived(items)` and then `ended(failure or None)` are called here.

        Without `ended` a failure is told by `failed`. Its traceback is there until `ended` returns, then it goes. When
        `owner` is destroyed the work is asked to stop and nobody is called any more. After `close` nothing starts.
        """
        thread = JobThread(work, self)
        if self._closed:
            return thread
        started = self._started[id(thread)] = _Started(thread, arrived, ended or self._told)
        if owner is not None:

            def forget() -> None:
                thread.stop()
                started.arrived, started.ended = (lambda items: None), (lambda failure: None)

            started.bond = owner.destroyed.connect(forget)
        thread.start()
        self._timer.start()
        return thread

    def drain(self) -> None:
        """Hand on what was reported since the last time, and say which jobs ended."""
        for key, started in list(self._started.items()):
            over = started.thread.isFinished()  # asked first: what is reported before the end is drained below
            if items := started.thread.drain():
                started.arrived(items)
            if over and self._started.pop(key, None) is not None:
                started.thread.wait()
                started.thread.deleteLater()
                if started.bond is not None:
                    QObject.disconnect(started.bond)
                failure = started.thread.take_failure()
                started.ended(failure)
                _let_go(failure)
        if not self._started:
            self._timer.stop()

    def close(self) -> None:
        """Ask all to stop, wait for them and hand on their last words. Nothing starts any more."""
        self._closed = True
        while self._started:
            for started in list(self._started.values()):
                started.thread.stop()
                started.thread.wait()
            self.drain()

    def _told(self, failure: BaseException | None) -> None:
        if failure is not None:
            self.failed.emit(failure)


def _let_go(failure: BaseException | None) -> None:
    """Drop what a traceback holds: the frames of the job and all they worked on, such as a model on a GPU."""
    left, seen = [failure], set[int]()
    while left:
        one = left.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            one.__traceback__ = None
            left += [one.__cause__, one.__context__]


def failure_event(error: BaseException) -> JobFailed:
    """`error` as a report: a person's mistake in its own sentence, a bug with its traceback."""
    import traceback

    from lmstudio_app.engine.events import JobFailed

    if isinstance(error, UserError):
        return JobFailed(error.template, error.values)
    values = {"kind": type(error).__name__, "reason": str(error)}
    told = "".join(traceback.format_exception(error))
    return JobFailed("Something in the program failed ({kind}: {reason}). What was saved is safe.", values, told)


def until(stopping: Stopping, items: Iterable[Any]) -> Iterator[Any]:
    """`items` up to the moment when `stopping()`; what makes them is then closed, so that it can tidy up."""
    source = iter(items)
    try:
        for item in source:
            yield item
            if stopping():
                return
    finally:
        if (close := getattr(source, "close", None)) is not None:
            close()
