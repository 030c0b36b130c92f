"""Corpora in preparation: one at a time, the others wait."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from lmstudio_app.gui.job_thread import Jobs, JobThread, until

if TYPE_CHECKING:
    from lmstudio_app.engine.events import Event, Progress

Preparation = Callable[[], "Iterable[Event]"]


class Preparations(QObject):
    """Makes corpora on a thread, one after the other. `progress` is the latest report, None when nothing goes on.

    Signals: `changed()` it began, moved on or ended; `ready(str)` a corpus by name; `failed(object)` an exception.
    """

    changed = Signal()
    ready = Signal(str)
    failed = Signal(object)

    def __init__(self, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._waiting: deque[Preparation] = deque()
        self._thread: JobThread | None = None
        self.progress: Progress | None = None

    def start(self, preparation: Preparation) -> None:
        """Make a corpus; `preparation()` gives its events and ends in `CorpusReady`."""
        self._waiting.append(preparation)
        if self._thread is None:
            self._next()

    def stop(self) -> None:
        """Give up the corpus in preparation; nothing of it is left."""
        if self._thread is not None:
            self._thread.stop()

    def forget(self) -> None:
        """Give up all of them."""
        self._waiting.clear()
        self.stop()

    def _next(self) -> None:
        from lmstudio_app.engine.events import Progress

        if self._waiting:
            preparation = self._waiting.popleft()
            self.progress = Progress("", 0, 0, "")
            self._thread = self._jobs.start(
                lambda stopping: until(stopping, preparation()), self._arrived, self._ended, owner=self
            )
        else:
            self.progress = self._thread = None
        self.changed.emit()

    def _arrived(self, items: list[Event]) -> None:
        from lmstudio_app.engine.events import CorpusReady, Progress

        for event in items:
            if isinstance(event, Progress):
                self.progress = event
            elif isinstance(event, CorpusReady):
                self.ready.emit(event.corpus)
        self.changed.emit()

    def _ended(self, failure: BaseException | None) -> None:
        self._next()
        if failure is not None:
            self.failed.emit(failure)
