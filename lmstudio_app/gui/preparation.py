"""Corpora in preparation: one at a time, the others wait."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from lmstudio_app.gui.job_thread import Jobs, JobThread, until

if TYPE_CHECKING:
    from lmstudio_app.engine.events import Counted, Event, Progress

_SOONEST = 2.0
"""Seconds after which a pace can be told."""
_NAP = 0.05

Steps = Callable[[], "Iterable[Event]"]


class Preparation:
    """One corpus in the making.

    `corpus` names one that is made again and is empty for a new one. `request` holds what was asked for, so that it can
    be asked for again; `before` is what would undo it, empty when nothing would. `progress` is the latest report,
    `counted` what is known of the text before it is ready. In the end `ready` is the corpus' name, or `failure` the
    exception that ended it; neither when a person stopped it.
    """

    def __init__(self, steps: Steps, request: Mapping[str, Any], corpus: str = "") -> None:
        from lmstudio_app.engine.events import Progress

        self.steps = steps
        self.request = dict(request)
        self.before: Mapping[str, Any] = {}
        self.corpus = corpus
        self.progress: Progress = Progress("", 0, 0, "")
        self.counted: Counted | None = None
        self.ready = ""
        self.failure: BaseException | None = None
        self.paused = False
        self._since = (time.monotonic(), 0)

    def report(self, progress: Progress) -> None:
        """Take the next report."""
        if progress.stage != self.progress.stage:
            self._since = (time.monotonic(), progress.done)
        self.progress = progress

    def pause(self, on: bool) -> None:
        """Wait before the next step, or go on."""
        self.paused = on
        self._since = (time.monotonic(), self.progress.done)

    @property
    def pace(self) -> tuple[float, float] | None:
        """How much is done in a second, and how many seconds this stage still takes; None before that can be told."""
        begun, first = self._since
        passed, done = time.monotonic() - begun, self.progress.done - first
        if self.paused or passed < _SOONEST or done <= 0 or not self.progress.total:
            return None
        return done / passed, max(0.0, (self.progress.total - self.progress.done) * passed / done)

    def run(self, stopping: Callable[[], bool]) -> Iterator[Event]:
        """The events, none of them while it is paused."""
        steps = iter(self.steps())
        try:
            for event in steps:
                yield event
                while self.paused:
                    if stopping():
                        return
                    time.sleep(_NAP)
        finally:
            if (close := getattr(steps, "close", None)) is not None:
                close()


class Preparations(QObject):
    """Makes corpora on a thread, one after the other. `current` is the one at work, `waiting` are those behind it.

    `undecided` failed because nobody can tell their encoding but a person, who may still do so.

    Signals: `changed()` one began, moved on, ended or waits; `ended(object)` a `Preparation`, ready or not;
    `failed(object)` the exception that ended one and that nobody can mend by choosing an encoding.
    """

    changed = Signal()
    ended = Signal(object)
    failed = Signal(object)

    def __init__(self, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._thread: JobThread | None = None
        self.current: Preparation | None = None
        self.waiting: deque[Preparation] = deque()
        self.undecided: list[Preparation] = []

    @property
    def progress(self) -> Progress | None:
        """The latest report of the one at work; None when there is none."""
        return self.current.progress if self.current is not None else None

    def of(self, corpus: str) -> Preparation | None:
        """What makes `corpus` again, now or when its turn comes."""
        return next((one for one in (self.current, *self.waiting) if one is not None and one.corpus == corpus), None)

    def start(self, preparation: Preparation) -> None:
        """Make a corpus; the steps give its events and end in `CorpusReady`."""
        self.waiting.append(preparation)
        if self._thread is None:
            self._next()
        else:
            self.changed.emit()

    def stop(self, preparation: Preparation | None = None) -> None:
        """Give up the one at work, or the one that is named; nothing of it is left."""
        if preparation is not None and preparation in self.waiting:
            self.waiting.remove(preparation)
            self.changed.emit()
        elif self._thread is not None and preparation in (None, self.current):
            self._thread.stop()

    def pause(self, preparation: Preparation, on: bool) -> None:
        """Let one wait where it is, or go on."""
        preparation.pause(on)
        self.changed.emit()

    def drop(self, preparation: Preparation) -> None:
        """Forget one that nobody decided about."""
        self.undecided = [other for other in self.undecided if other is not preparation]
        self.changed.emit()

    def forget(self) -> None:
        """Give up all of them; nobody hears of them any more."""
        self.waiting.clear()
        self.undecided.clear()
        self.stop()
        self.current = self._thread = None
        self.changed.emit()

    def _next(self) -> None:
        if self.waiting:
            one = self.current = self.waiting.popleft()
            self._thread = self._jobs.start(
                lambda stopping: until(stopping, one.run(stopping)),
                partial(self._arrived, one),
                partial(self._ended, one),
                owner=self,
            )
        else:
            self.current = self._thread = None
        self.changed.emit()

    def _arrived(self, one: Preparation, items: list[Event]) -> None:
        from lmstudio_app.engine.events import CorpusReady, Counted, Progress

        if one is not self.current:
            return
        for event in items:
            if isinstance(event, Progress):
                one.report(event)
            elif isinstance(event, Counted):
                one.counted = event
            elif isinstance(event, CorpusReady):
                one.ready = event.corpus
        self.changed.emit()

    def _ended(self, one: Preparation, failure: BaseException | None) -> None:
        if one is not self.current:
            return
        one.failure = failure
        doubtful = bool(getattr(failure, "options", ()))  # what `EncodingDoubtful` offers to choose from
        if doubtful:
            self.undecided.append(one)
        self.current = None
        if failure is not None and not doubtful:
            self.failed.emit(failure)
        self.ended.emit(one)
        self._next()
