"""Keeps the status strip true to the session: the training, a corpus in preparation, the machine."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer

from lmstudio_app.gui.session import Session
from lmstudio_app.gui.training_job import TrainingJob
from lmstudio_app.gui.translation import declared
from lmstudio_app.gui.widgets import number_text
from lmstudio_app.gui.widgets.status import StatusStrip

MEMORY_MILLISECONDS = 2000


class JobStatus(QObject):
    """Tells a `StatusStrip` what a `Session` does, and the session what was pressed in the strip."""

    def __init__(self, session: Session, strip: StatusStrip) -> None:
        super().__init__(strip)
        self._session = session
        self._strip = strip
        self._memory = QTimer(self)
        self._memory.setInterval(MEMORY_MILLISECONDS)
        self._memory.timeout.connect(self._show_machine)
        strip.pause_pressed.connect(self.pause_or_resume)
        strip.stop_pressed.connect(self.stop)
        session.job_changed.connect(self._show_job)
        session.events_arrived.connect(self._show_job)
        session.preparing_changed.connect(self._show_job)
        session.devices_changed.connect(self._show_machine)
        session.devices_changed.connect(self._memory.start)
        self._show_job()

    def pause_or_resume(self) -> None:
        """Pause the training, or let it go on."""
        job = self._session.job
        if job is not None and job.state in ("paused", "pausing"):
            self._session.resume()
        else:
            self._session.pause()

    def stop(self) -> None:
        """Stop the training; while none is there, the preparation of a corpus."""
        if self._session.busy:
            self._session.stop()
        else:
            self._session.stop_preparing()

    def _show_job(self) -> None:
        job = self._session.job
        if job is not None and job.active:
            self._show_training(job)
        elif self._session.preparing is not None:
            self._show_preparing()
        else:
            self._strip.show_idle(self._last_words(job))

    def _show_training(self, job: TrainingJob) -> None:
        words = {
            "starting": self.tr("Starting: loading PyTorch"),
            "training": self.tr("Training"),
            "pausing": self.tr("Pausing after this step"),
            "paused": self.tr("Paused"),
            "stopping": self.tr("Stopping: saving a checkpoint"),
        }
        self._strip.show_job(
            words.get(job.state, ""), job.run, run=self._session.run_color(job.run), done=job.step, total=job.steps
        )
        steps = self.tr("step {step} of {steps}").format(
            step=number_text.whole(job.step), steps=number_text.whole(job.steps)
        )
        left = job.seconds_left if job.state == "training" else None
        told = self.tr("{time} left").format(time=number_text.duration(left)) if left is not None else ""
        self._strip.show_detail(steps if job.steps else "", job.reason or told)
        paused = job.state in ("pausing", "paused")
        self._strip.show_buttons(pause=True, stop=True, paused=paused, stopping=job.state == "stopping")

    def _show_preparing(self) -> None:
        progress = self._session.preparing
        if progress is None:
            return
        self._strip.show_job(
            self.tr("Preparing text"), declared(progress.stage), run=None, done=progress.done, total=progress.total
        )
        percent = round(100 * progress.done / progress.total) if progress.total else 0
        self._strip.show_detail(self.tr("{percent} %").format(percent=percent) if progress.total else "", "")
        self._strip.show_buttons(pause=False, stop=True)

    def _last_words(self, job: TrainingJob | None) -> str:
        if job is None:
            return self.tr("No job running")
        endings = {
            "finished": self.tr("Finished “{run}” after {step} steps"),
            "stopped": self._stopped_words(job),
            "failed": self._failed_words(job),
        }
        words = endings.get(job.outcome, self.tr("No job running"))
        return words.format(run=job.run, step=number_text.whole(job.step), saved=number_text.whole(job.saved_step))

    def _stopped_words(self, job: TrainingJob) -> str:
        if not job.step:
            return self.tr("Stopped “{run}” before its first step")
        if not job.lost:
            return self.tr("Stopped “{run}” after {step} steps; a checkpoint is kept")
        if job.saved_step:
            return self.tr("Stopped “{run}” after {step} steps; only its checkpoint of step {saved} is kept")
        return self.tr("Stopped “{run}” after {step} steps; nothing could be saved")

    def _failed_words(self, job: TrainingJob) -> str:
        if not job.steps:
            return self.tr("“{run}” could not begin")
        if job.saved_step:
            return self.tr("“{run}” failed after {step} steps; its checkpoint of step {saved} is kept")
        return self.tr("“{run}” failed after {step} steps; it has no checkpoint")

    def _show_machine(self) -> None:
        from lmstudio_app.engine.devices import memory_bytes, memory_used_bytes

        device = self._session.chosen_device()
        words = self.tr("RAM {used} / {total}")
        memory = words.format(used=number_text.size(memory_used_bytes()), total=number_text.size(memory_bytes()))
        gpu = ""
        if device is not None and device.kind == "cuda":  # an Apple GPU shares the RAM
            words = self.tr("GPU memory {used} / {total}")
            used = memory_used_bytes(device.name)
            gpu = words.format(used=number_text.size(used), total=number_text.size(device.memory_bytes))
        self._strip.show_machine(device.title if device is not None else "", memory, gpu)
