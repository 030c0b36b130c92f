"""What the panes of one window share: the workspace, the draft of the next run, the opened run, the training."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from lmstudio_app.engine.errors import UserError
from lmstudio_app.gui.draft import Draft

if TYPE_CHECKING:
    from lmstudio_app.engine.devices import Device
    from lmstudio_app.engine.events import Event, Progress
    from lmstudio_app.engine.run import Run, RunConfig, RunSummary
    from lmstudio_app.engine.workspace import Workspace
    from lmstudio_app.gui.job_thread import Jobs, Stopping
    from lmstudio_app.gui.preparation import Preparation, Preparations
    from lmstudio_app.gui.run_list import RunList
    from lmstudio_app.gui.training_job import TrainingJob, Trainings


class Session(QObject):
    """What the panes share, and where every job of the window is started.

    Signals:
        workspace_changed(): another folder was opened; everything else is empty again.
        devices_changed(): the devices of this machine are known (`devices`).
        corpora_changed(): the workspace has other corpora.
        runs_changed(): `runs`, read on a thread, is another list; after a deletion, a new run, a training's progress.
        draft_changed(): `draft` is another.
        run_changed(): another run is opened (`run`), or none.
        job_changed(): the training began, paused, ended, or the queue is another (`job`, `queued`).
        events_arrived(list): reports of the training since the last time, oldest first, at most 30 times a second.
        preparing_changed(): the preparation of a corpus began, moved on or ended (`preparing`: its latest `Progress`).
        prepared(str): a new corpus is ready, by name.
        doubted(object): a `Preparation` that waits until a person tells the encoding of its text.
        noted(list): the `events.Noted` of the training that came together, worth telling.
        failed(object): an exception that nobody else handles, such as the one that ended the training.
    """

    workspace_changed = Signal()
    devices_changed = Signal()
    corpora_changed = Signal()
    runs_changed = Signal()
    draft_changed = Signal()
    run_changed = Signal()
    job_changed = Signal()
    events_arrived = Signal(list)
    preparing_changed = Signal()
    prepared = Signal(str)
    doubted = Signal(object)
    noted = Signal(list)
    failed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._workspace: Workspace | None = None
        self._claim = contextlib.ExitStack()
        self.claim_refused: UserError | None = None
        self.devices: tuple[Device, ...] = ()
        self.device_trouble: dict[str, str] = {}
        self.preferred_device = "auto"
        self.draft = Draft()
        self.run: Run | None = None
        self._deleted: list[str] = []

    # Made when they are first used: the first paint needs none of them.

    @cached_property
    def jobs(self) -> Jobs:
        """The threads of this window. Any pane may start a job here."""
        from lmstudio_app.gui.job_thread import Jobs

        jobs = Jobs(self)
        jobs.failed.connect(self.failed)
        return jobs

    @cached_property
    def trainings(self) -> Trainings:
        """The run that trains, and those that wait."""
        from lmstudio_app.gui.training_job import Trainings

        trainings = Trainings(self.jobs, self._open, self)
        trainings.changed.connect(self.job_changed)
        trainings.changed.connect(self.list_runs)
        trainings.noted.connect(self.noted)
        trainings.arrived.connect(self.events_arrived)
        trainings.failed.connect(self.failed)
        return trainings

    @cached_property
    def preparations(self) -> Preparations:
        """The corpora in preparation."""
        from lmstudio_app.gui.preparation import Preparations

        preparations = Preparations(self.jobs, self)
        preparations.changed.connect(self.preparing_changed)
        preparations.ended.connect(self._preparation_ended)
        preparations.failed.connect(self.failed)
        return preparations

    @property
    def preparing(self) -> Progress | None:
        """How far the corpus in preparation is; None when there is none."""
        return self.preparations.progress

    @property
    def job(self) -> TrainingJob | None:
        """The run that is training, or that trained last."""
        return self.trainings.job

    @property
    def queued(self) -> list[str]:
        """The names of the runs that wait for the one that trains."""
        return self.trainings.queued

    @property
    def busy(self) -> bool:
        """Whether a run is training or paused."""
        return self.trainings.busy

    # The workspace ----------------------------------------------------------------------------------------------

    @property
    def opened(self) -> bool:
        """Whether a workspace is open."""
        return self._workspace is not None

    @property
    def workspace(self) -> Workspace:
        """The workspace that is open. Raises `UserError` when none is."""
        if self._workspace is None:
            raise UserError("No workspace is open. Choose a folder for it in the settings.")
        return self._workspace

    def open_workspace(self, folder: Path | None = None) -> None:
        """Open the workspace in `folder` (None: the usual place), made when it is not there. Raises `UserError`.

        Where another window has it open, `claim_refused` says who; only that other window remembers its layout. The one
        that is open already stays as it is.
        """
        from lmstudio_app.engine.workspace import Workspace

        if self.busy:
            raise UserError("A run is training. Stop it before you open another workspace.")
        workspace = Workspace.open(folder)
        if self._workspace is not None and workspace.folder == self._workspace.folder and self.claim_refused is None:
            self.corpora_changed.emit()  # somebody may have changed its content, or put the folder back
            self.list_runs()
            return
        self.preparations.forget()
        self._claim.close()
        self._workspace, self.run, self.claim_refused = workspace, None, None
        self._deleted, self.draft = [], self._fresh_draft()
        self._run_list.forget()
        self.trainings.forget()
        try:
            self._claim.enter_context(workspace.claim_window())
        except UserError as error:
            self.claim_refused = error
        for changed in (self.workspace_changed, self.corpora_changed, self.draft_changed, self.run_changed):
            changed.emit()
        self.list_runs()

    def offers(self) -> frozenset[str]:
        """What the opened model can show ("decoding", "attention"); nothing when none is open."""
        from lmstudio_app.engine.registry import family

        return family(self.run.config.family).offers if self.run is not None else frozenset()

    def _fresh_draft(self) -> Draft:
        """A draft on the corpus that was made last, where there is one."""
        execution = {"device": self.preferred_device} if self.preferred_device != "auto" else {}
        return Draft(corpus=self._newest_corpus(), execution=execution)

    def _newest_corpus(self) -> str:
        try:
            dated = [(self.workspace.corpus_folder(name).stat().st_mtime, name) for name in self.workspace.corpora()]
        except (OSError, UserError):
            return ""
        return max(dated, default=(0.0, ""))[1]

    def prefer_device(self, kind: str) -> None:
        """Let the next runs compute on "cpu", "cuda", "mps" or what is best here ("auto")."""
        self.preferred_device = kind
        self.change_draft(execution={**self.draft.execution, "device": kind})

    def chosen_device(self) -> Device | None:
        """The device that the next run computes on; None while the devices are not known."""
        kind = self.draft.execution.get("device", self.preferred_device)
        named = [device for device in self.devices if device.kind == kind]
        # By itself the engine takes the first GPU, which stands behind the CPU.
        return next(iter(named or self.devices[1:] or self.devices), None)

    def warm_up(self, ready: Callable[[], None]) -> None:
        """Import what the first paint left out, on a thread: `ready()` once the engine is there, then PyTorch, and at
        last what the first training needs besides."""

        def work(stopping: Stopping) -> Iterator[tuple[tuple[Device, ...], dict[str, str]] | None]:
            from lmstudio_app.engine import pipeline, registry, workspace  # noqa: F401

            registry.families()
            yield None
            from lmstudio_app.engine.devices import available_devices, trouble

            devices = tuple(available_devices())
            yield devices, {device.name: trouble(device) for device in devices}
            if not stopping():
                import lmstudio_app.engine.training.gradient_learner  # noqa: F401

        def arrived(items: list[tuple[tuple[Device, ...], dict[str, str]] | None]) -> None:
            for found in items:
                if found is None:
                    ready()
                else:
                    self.devices, self.device_trouble = found
                    if self.preferred_device not in ("auto", *(device.kind for device in self.devices)):
                        self.prefer_device("auto")  # what was chosen once is not in this machine any more
                    self.devices_changed.emit()

        self.jobs.start(work, arrived)

    def close(self) -> None:
        """Ask every job to end, wait for it, and let go of the workspace. The training keeps a checkpoint."""
        self.preparations.forget()
        self.trainings.stop()
        self.jobs.close()
        self._claim.close()

    # Corpora ----------------------------------------------------------------------------------------------------

    def prepare(self, **request: Any) -> None:
        """Make a corpus as `pipeline.prepare(workspace, **request)` does; one after the other when there are several.

        When it is ready it becomes the draft's corpus and `prepared` is emitted; `failed` when it is not, or `doubted`.
        """
        from lmstudio_app.engine import pipeline
        from lmstudio_app.gui.preparation import Preparation

        self.preparations.start(Preparation(partial(pipeline.prepare, self.workspace, **request), request))

    def redo(self, corpus: str, *, encodings: Mapping[str, str] | None = None, **groups: Any) -> Preparation:
        """Make `corpus` again with other groups of settings (cleaning, split, tokenizer) or encodings of its files.

        What nobody names stays as it is when its turn comes. Raises `UserError` while a run learns from it.
        """
        from lmstudio_app.engine import pipeline
        from lmstudio_app.gui.preparation import Preparation

        workspace, request = self.workspace, {**groups, "encodings": dict(encodings or {})}
        if runs := self.learning_from(corpus):
            raise UserError("“{corpus}” stays as it is while “{run}” learns from it.", corpus=corpus, run=runs[0])

        def steps() -> Iterable[Event]:
            opened = workspace.corpus(corpus)
            return pipeline.redo(opened, opened.settings.model_copy(update=groups), request["encodings"])

        preparation = Preparation(steps, request, corpus)
        self.preparations.start(preparation)
        return preparation

    def settle_encoding(self, preparation: Preparation, encoding: str) -> None:
        """Go on with a text of which a person has told the encoding."""
        named = {str(getattr(preparation.failure, "path", "")): encoding}
        self.preparations.drop(preparation)
        self.prepare(**preparation.request | {"encodings": {**preparation.request.get("encodings", {}), **named}})

    def learning_from(self, corpus: str) -> list[str]:
        """The runs that learn from a corpus now or wait to, by name."""
        return self.trainings.learning_from(corpus)

    def stop_preparing(self) -> None:
        """Give up the corpus in preparation; nothing of it is left."""
        self.preparations.stop()

    def choose_corpus(self, name: str) -> None:
        """Make `name` the corpus of the next run."""
        self.change_draft(corpus=name)

    def follow_corpus(self, old: str, new: str) -> None:
        """Say that a corpus has another name now, or is gone (an empty one)."""
        if old and new:
            self.trainings.rename_corpus(old, new)
        if self.draft.corpus == old:  # also an empty one, when a text has come back
            self.change_draft(corpus=new or self._newest_corpus())
        self.corpora_changed.emit()
        self.list_runs()
        if self.run is not None and new and self.run.config.corpus == old:
            self.open_run(self.run.name)

    def _preparation_ended(self, preparation: Preparation) -> None:
        if preparation.ready:
            if not preparation.corpus:
                self.choose_corpus(preparation.ready)
            self.corpora_changed.emit()
            if not preparation.corpus:
                self.prepared.emit(preparation.ready)
        elif preparation in self.preparations.undecided:
            self.doubted.emit(preparation)

    # The next run and the training ------------------------------------------------------------------------------

    def change_draft(self, **changes: Any) -> None:
        """Set fields of the draft."""
        self.draft = self.draft._replace(**changes)
        self.draft_changed.emit()

    def choose_family(self, name: str, model: Mapping[str, Any] | None = None) -> None:
        """Make `name` the family of the next run, with these settings of its model; training settings that it does not
        have are dropped."""
        from lmstudio_app.engine.registry import family
        from lmstudio_app.engine.training.settings import training_settings

        known = training_settings(family(name).learning).model_fields
        training = {field: value for field, value in self.draft.training.items() if field in known}
        style = self.draft.style if self.draft.style in family(name).styles else ""
        self.change_draft(family=name, style=style, model=dict(model or {}), training=training)

    def configuration(self) -> RunConfig:
        """The checked settings of the next run. Raises `SettingsError` naming each field that is wrong."""
        from lmstudio_app.engine import pipeline

        chosen = self.draft
        return pipeline.draft(
            self.workspace,
            corpus=chosen.corpus,
            family=chosen.family,
            preset=chosen.preset or None,
            style=chosen.style or None,
            name=chosen.name or None,
            values=chosen.values(),
        )

    def start_training(self, config: RunConfig | None = None, *, first: bool = False) -> str:
        """Make a run of `config` (None: of the draft) and train it, or line it up while another trains.

        `first` stops the one that trains and takes its place. Returns the run's name. Raises `UserError`.
        """
        config = config or self.configuration()
        self._refuse_changing(config.corpus)
        run = self.workspace.new_run(config)
        self._train(run, None, first=first)
        self.list_runs()
        return run.name

    def resume_run(self, name: str, device: str | None = None, *, first: bool = False) -> None:
        """Train `name` on from its last checkpoint, on another `device` if one is named. Raises `UserError`."""
        if self.is_training(name):
            self.resume()
            return
        run = self.workspace.run(name)
        self._refuse_changing(run.config.corpus)
        self._train(run, {"device": device} if device else None, first=first)

    def unqueue(self, name: str) -> None:
        """Take a waiting run out of the queue; it stays among the runs."""
        self.trainings.remove(name)

    def _train(self, run: Run, execution: Mapping[str, Any] | None, *, first: bool) -> None:
        """Train `run` or line it up; one that starts now is opened."""
        now = first or not self.busy
        self.trainings.start(run.name, run.config.corpus, execution, first=first)
        if now:
            self.open_run(run.name)

    def _refuse_changing(self, corpus: str) -> None:
        """A run keeps the text that it has begun with, so it cannot begin while that is made anew."""
        if self.preparations.of(corpus) is not None:
            raise UserError("“{corpus}” is being changed. Train when that is done.", corpus=corpus)

    def pause(self) -> None:
        """Pause the training after its present step."""
        self.trainings.ask(lambda job: job.pause())

    def resume(self) -> None:
        """Let the paused training go on."""
        self.trainings.ask(lambda job: job.resume())

    def stop(self) -> None:
        """End the training after its present step, keeping a checkpoint. Those that wait go on waiting."""
        self.trainings.stop()

    def checkpoint(self) -> None:
        """Save a checkpoint of the training after its present step."""
        self.trainings.ask(lambda job: job.checkpoint())

    # Runs -------------------------------------------------------------------------------------------------------

    @cached_property
    def _run_list(self) -> RunList:
        from lmstudio_app.gui.run_list import RunList

        run_list = RunList(self.jobs, lambda: self._workspace, self)
        run_list.changed.connect(self.runs_changed)
        run_list.failed.connect(self.failed)
        return run_list

    @property
    def runs(self) -> tuple[RunSummary, ...]:
        """All runs of the workspace as they were read last, the newest first."""
        return self._run_list.runs

    def list_runs(self) -> None:
        """Read the list of runs again, on a thread; `runs_changed` comes when it is there."""
        self._run_list.read()

    def run_color(self, name: str) -> int:
        """The place of a run among all of the workspace, oldest first: its colour in every pane."""
        return self._run_list.place(name)

    def open_run(self, name: str | None) -> None:
        """Open the run `name` for all panes (None: close the opened one). Raises `UserError`."""
        self.run = self.workspace.run(name) if name else None
        self.run_changed.emit()

    def _open(self, name: str) -> Run:
        return self.workspace.run(name)

    def is_training(self, name: str) -> bool:
        """Whether the run `name` trains or is paused in this window."""
        return self.job is not None and self.job.active and self.job.run == name

    def rename_run(self, old: str, new: str) -> None:
        """Give a run another name. Raises `UserError`, also while it trains."""
        self._refuse_training(old)
        new = self.workspace.rename_run(old, new).name
        self.trainings.rename_run(old, new)
        if self._is_open(old):
            self.open_run(new)
        self.list_runs()

    def delete_run(self, name: str) -> None:
        """Move a run to the bin; `undo_delete` puts it back. Raises `UserError`, also while it trains."""
        self._refuse_training(name)
        self._deleted.append(self.workspace.delete_run(name))
        self.trainings.remove(name)
        if self._is_open(name):
            self.open_run(None)
        self.list_runs()

    def undo_delete(self) -> None:
        """Put the run that was deleted last back in its place."""
        if self._deleted:
            self.workspace.restore_run(self._deleted[-1])
            self._deleted.pop()  # only now: what could not be put back can be tried again
            self.list_runs()

    def _is_open(self, name: str) -> bool:
        return self.run is not None and self.run.name == name

    def _refuse_training(self, name: str) -> None:
        if self.is_training(name):
            raise UserError("The run “{name}” is training. Stop it first.", name=name)
