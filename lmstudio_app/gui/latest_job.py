"""A short job that is asked for again and again, as while somebody types: only the latest wish is carried out."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer

from lmstudio_app.gui.job_thread import Ended, JobThread

TYPING_MILLISECONDS = 250
"""How long a person pauses before what was typed is worth a job."""


class LatestJob(QObject):
    """Starts a job once nobody asked for a while; one at a time, and once more when it was asked for meanwhile.

    `start(ended)` starts the job and returns its thread, or None when there is nothing to do; it must have `ended`
    called at the job's end. `failed` is called with the exception that ended a job nobody has asked to redo.
    """

    def __init__(
        self,
        start: Callable[[Ended], JobThread | None],
        failed: Callable[[BaseException], None],
        parent: QObject,
        *,
        milliseconds: int = TYPING_MILLISECONDS,
    ) -> None:
        super().__init__(parent)
        self._start = start
        self._failed = failed
        self._thread: JobThread | None = None
        self._again = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(milliseconds)
        self._timer.timeout.connect(self._begin)

    @property
    def busy(self) -> bool:
        """Whether a job is under way or about to start."""
        return self._thread is not None or self._timer.isActive()

    def ask(self, *, now: bool = False) -> None:
        """Do it soon, or at once; a job that is under way is asked to end, for its result is out of date."""
        if self._thread is not None:
            self._again = True
            self._thread.stop()
        elif now:
            self._timer.stop()
            self._begin()
        else:
            self._timer.start()

    def forget(self) -> None:
        """Do not do it."""
        self._timer.stop()
        self._again = False
        if self._thread is not None:
            self._thread.stop()

    def _begin(self) -> None:
        self._thread = self._start(self._ended)

    def _ended(self, failure: BaseException | None) -> None:
        self._thread = None
        if self._again:
            self._again = False
            self._timer.start()
        elif failure is not None:
            self._failed(failure)
