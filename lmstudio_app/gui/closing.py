"""Closing the window while a run trains: asks, waits for the last checkpoint, and asks again where none was saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from lmstudio_app.gui.widgets import number_text
from lmstudio_app.gui.widgets.question import Answer, ask

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget

    from lmstudio_app.gui.session import Session
    from lmstudio_app.gui.training_job import TrainingJob


class Closing(QObject):
    """The questions that come before `window` closes over a training; `say` shows a sentence in it."""

    def __init__(self, window: QWidget, session: Session, say: Callable[[str], None]) -> None:
        super().__init__(window)
        self._window, self._session, self._say = window, session, say
        self._waiting = False
        self._session.job_changed.connect(self._go_on)

    def ask(self) -> None:
        """Ask whether to stop the training and close, unless that is on its way."""
        if self._waiting:
            return
        name = self._session.job.run if self._session.job is not None else ""
        ask(
            self._window,
            self.tr("A run is training"),
            self.tr("The run “{name}” is training. Stop it and close the window?").format(name=name),
            self.tr("A checkpoint is saved first; the run can be resumed."),
            [Answer(self.tr("Stop and close"), self._stop, loses=True), Answer(self.tr("Keep training"))],
            usual=1,
        )

    def ask_to_lose(self, job: TrainingJob) -> None:
        """Ask whether to close though the last checkpoint could not be saved; the banner says why."""
        words = self.tr("What the run “{name}” learned since step {step} could not be saved.")
        ask(
            self._window,
            self.tr("Not everything is saved"),
            words.format(name=job.run, step=number_text.whole(job.saved_step)),
            self.tr("The message in the window says why. Resumed, the run learns it again."),
            [
                Answer(self.tr("Close all the same"), self._window.close, loses=True),
                Answer(self.tr("Keep the window open")),
            ],
            usual=1,
        )

    def _stop(self) -> None:
        if not self._session.busy:  # it has ended while the question was open
            self._window.close()
            return
        self._waiting = True
        self._say(self.tr("The window closes as soon as the checkpoint is saved."))
        self._session.stop()

    def _go_on(self) -> None:
        if not self._waiting or self._session.busy:
            return
        self._waiting = False
        job = self._session.job
        if job is not None and job.lost:
            self.ask_to_lose(job)
        else:
            self._window.close()
