"""The runs of the open workspace, read on a thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from lmstudio_app.gui.job_thread import Jobs, JobThread

if TYPE_CHECKING:
    from lmstudio_app.engine.run import RunSummary
    from lmstudio_app.engine.workspace import Workspace

Found = tuple["Workspace", tuple["RunSummary", ...]]


class RunList(QObject):
    """What `Workspace.runs()` gave last, the newest first. `workspace()` is the one that is open now, or None.

    Signals: `changed()` another list was read; `failed(object)` why none could be.
    """

    changed = Signal()
    failed = Signal(object)

    def __init__(self, jobs: Jobs, workspace: Callable[[], Workspace | None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._workspace = workspace
        self._thread: JobThread | None = None
        self._again = False
        self._places: dict[str, int] = {}
        self.runs: tuple[RunSummary, ...] = ()

    @property
    def reading(self) -> bool:
        """Whether a list is being read now."""
        return self._thread is not None

    def read(self) -> None:
        """Read the list again; while it is being read already, once more afterwards."""
        workspace = self._workspace()
        if self._thread is not None:
            self._again = True
        elif workspace is not None:
            self._thread = self._jobs.start(
                lambda stopping: [(workspace, tuple(workspace.runs()))], self._arrived, self._ended
            )

    def forget(self) -> None:
        """Another workspace is opened: what was read is of no use."""
        self.runs, self._places = (), {}

    def place(self, name: str) -> int:
        """The place of a run among all, oldest first; behind them when it is not listed yet."""
        return self._places.get(name, len(self._places))

    def _arrived(self, items: list[Found]) -> None:
        workspace, runs = items[-1]
        if workspace is self._workspace():
            self.runs = runs
            self._places = {summary.name: place for place, summary in enumerate(reversed(runs))}
            self.changed.emit()

    def _ended(self, failure: BaseException | None) -> None:
        self._thread = None
        if self._again:
            self._again = False
            self.read()
        if failure is not None:
            self.failed.emit(failure)
