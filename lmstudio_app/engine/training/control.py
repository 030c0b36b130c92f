"""What a person asks of a running job, from another thread: pause, go on, stop, save, hand out a copy of the model."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING

from lmstudio_app.engine.errors import UserError

if TYPE_CHECKING:
    from lmstudio_app.engine.model import Model


class Control:
    """Requests to one job. Every method returns at once and may be called from any thread.

    The job reads them between steps, inside validation and in pauses; `serve`, `wait`, `take_checkpoint` and `end` are
    for the job alone.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._paused = self._stopping = self._checkpoint = self._ended = False
        self._snapshots: list[Future[Model]] = []

    @property
    def paused(self) -> bool:
        """Whether the job shall wait."""
        return self._paused

    @property
    def stopping(self) -> bool:
        """Whether the job shall end."""
        return self._stopping

    def pause(self) -> None:
        """Wait after the present step, until `resume` or `stop`."""
        self._set(paused=True)

    def resume(self) -> None:
        """Go on after a pause."""
        self._set(paused=False)

    def stop(self) -> None:
        """End after the present step, with a checkpoint. Cannot be taken back."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def checkpoint(self) -> None:
        """Save after the present step."""
        with self._changed:
            self._checkpoint = True
            self._changed.notify_all()

    def snapshot(self) -> Future[Model]:
        """A copy of the model as it is now, made between two steps. Fails with `UserError` once the job has ended."""
        future: Future[Model] = Future()
        with self._changed:
            if self._ended:
                future.set_exception(_too_late())
            else:
                self._snapshots.append(future)
                self._changed.notify_all()
        return future

    def serve(self, copy: Callable[[], Model]) -> None:
        """Hand `copy()` to those who asked for a snapshot; they share one copy, which nobody trains."""
        if not self._snapshots:  # read without the lock: it is asked at every step
            return
        waiting = [future for future in self._taken() if future.set_running_or_notify_cancel()]
        if not waiting:
            return
        try:
            model = copy()
        except BaseException as error:
            for future in waiting:
                future.set_exception(error)
            raise
        for future in waiting:
            future.set_result(model)

    def take_checkpoint(self) -> bool:
        """Whether a checkpoint was asked for since the last call."""
        if not self._checkpoint:
            return False
        with self._changed:
            asked, self._checkpoint = self._checkpoint, False
        return asked

    def wait(self, *, checkpoints: bool = True) -> None:
        """Sleep until there is something to do: a request, or no pause any more."""
        with self._changed:
            self._changed.wait_for(
                lambda: (
                    not self._paused or self._stopping or bool(self._snapshots) or (checkpoints and self._checkpoint)
                )
            )

    def end(self) -> None:
        """The job is over: whoever still waits for a snapshot is told so."""
        with self._changed:
            self._ended = True
        for future in self._taken():
            if future.set_running_or_notify_cancel():
                future.set_exception(_too_late())

    def _set(self, *, paused: bool) -> None:
        with self._changed:
            self._paused = paused
            self._changed.notify_all()

    def _taken(self) -> list[Future[Model]]:
        with self._changed:
            taken, self._snapshots = self._snapshots, []
        return taken


def _too_late() -> UserError:
    return UserError("The training has ended. Open the model that it saved instead.")
