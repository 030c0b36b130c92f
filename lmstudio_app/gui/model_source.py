"""The model that a pane uses: which run, which of its checkpoints or a copy of it in training; loaded once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import CheckpointSaved, Event
from lmstudio_app.gui.job_thread import Arrived, Ended, JobThread, Stopping
from lmstudio_app.gui.session import Session
from lmstudio_app.gui.training_job import wait_for
from lmstudio_app.gui.translation import model_words
from lmstudio_app.gui.widgets import number_text
from lmstudio_app.gui.widgets.model_chooser import RunChoice

if TYPE_CHECKING:
    from lmstudio_app.engine.model import Model
    from lmstudio_app.engine.run import Run, RunSummary

NOW, BEST, LAST = "now", "best", "last"
"""Versions of a run; any other is the step of a checkpoint."""

Work = Callable[[Stopping, "Run", "Model"], Iterable[Any]]


class ModelSource(QObject):
    """Follows the opened run of the session until a person chooses another one here.

    `run` is the chosen run, None when there is none that offers what is needed; `version` is "now" (a copy of the model
    in training), "best", "last", or a step. `versions` are all that there are, as (version, words).

    Signals:
        changed(): another run or version is chosen, or the chosen version is a newer checkpoint than before.
        listed(): what there is to choose from is another.
    """

    changed = Signal()
    listed = Signal()

    def __init__(self, session: Session, needs: frozenset[str], parent: QObject, *, finds: bool = False) -> None:
        """A model must offer one of `needs`. With `finds`, the newest run is taken while none is open."""
        super().__init__(parent)
        self._session = session
        self._needs = needs
        self._finds = finds
        self._wanted_run = ""
        self._wanted_version = ""
        self._steps: dict[str, int] = {}
        self._known: tuple[object, ...] = ()
        self._kept: tuple[tuple[object, ...], Model] | None = None
        self._loading = threading.Lock()
        self.run: Run | None = None
        self.version = ""
        self.versions: list[tuple[str, str]] = []
        session.run_changed.connect(self._follow)
        session.workspace_changed.connect(self._follow)
        session.runs_changed.connect(self._refresh)
        session.job_changed.connect(self._refresh)
        session.events_arrived.connect(self._events)
        self._refresh()

    # What there is ------------------------------------------------------------------------------------------------

    def choices(self) -> list[RunChoice]:
        """All runs, the newest first; those that lack something say what."""
        color = self._session.run_color
        return [RunChoice(s.name, _model_words(s), color(s.name), self.lacking(s)) for s in self._session.runs]

    def lacking(self, summary: RunSummary) -> str:
        """Why a run cannot be chosen, in one sentence; empty when it can."""
        if summary.state == "damaged":
            return summary.reason
        if not self._needs & _offers(summary.family):
            words = self.tr(
                "“{run}” ({model}) shows nothing here: attention needs a Transformer, transitions need an n-gram model."
            )
            return words.format(run=summary.name, model=_model_words(summary))
        return ""

    def lacking_run(self) -> str:
        """Why the run that is open in the window cannot be used here, in one sentence; empty when it can."""
        opened = self._session.run
        if self.run is not None or opened is None:
            return ""
        return next((self.lacking(summary) for summary in self._session.runs if summary.name == opened.name), "")

    def suggested(self) -> str:
        """The newest run that can be used here and has a saved model; empty when there is none."""
        return next((one.name for one in self._session.runs if one.saved and not self.lacking(one)), "")

    @property
    def training(self) -> bool:
        """Whether the chosen run is being trained in this window."""
        return self.run is not None and self._session.is_training(self.run.name)

    @property
    def step(self) -> int:
        """The step of the chosen version; of the running model, the last one reported."""
        if self.version == NOW:
            return self._session.job.step if self._session.job is not None else 0
        return self.step_of(self.version)

    def step_of(self, version: str) -> int:
        """The step of a saved version."""
        return self._steps.get(version, 0)

    def words(self) -> str:
        """The chosen version in words."""
        return dict(self.versions).get(self.version, "")

    # Choosing -----------------------------------------------------------------------------------------------------

    def choose(self, name: str) -> None:
        """Use the run `name` from now on."""
        self._wanted_run, self._wanted_version = name, ""
        self._refresh()

    def choose_version(self, version: str) -> None:
        """Use another version of the chosen run."""
        self._wanted_version = version
        self._refresh()

    def _follow(self) -> None:
        self._wanted_run = self._wanted_version = ""
        self._refresh()

    def _events(self, events: list[Event]) -> None:
        if self.training and any(isinstance(event, CheckpointSaved) for event in events):
            self._refresh()

    def _refresh(self) -> None:
        try:
            self.run = self._find()
            self._list_versions()
        except UserError:  # its folder went while we looked
            self.run, self.versions, self._steps = None, [], {}
        keys = [key for key, _ in self.versions]
        automatic = NOW if NOW in keys else BEST
        self.version = self._wanted_version if self._wanted_version in keys else automatic if automatic in keys else ""
        self.listed.emit()
        if self.run is None:
            self._kept = None
        known = (self.run.identity if self.run else None, self.version, self._steps.get(self.version))
        if known != self._known:
            self._known = known
            self.changed.emit()

    def _find(self) -> Run | None:
        if not self._session.opened:
            return None
        usable = [summary.name for summary in self._session.runs if not self.lacking(summary)]
        opened = self._session.run
        if self._wanted_run in usable:
            return self._session.workspace.run(self._wanted_run)
        if opened is not None and self._needs & self._session.offers():
            return opened
        found = self.suggested() if self._finds else ""
        return self._session.workspace.run(found) if found else None

    def _list_versions(self) -> None:
        self.versions, self._steps = [], {}
        if self.run is None:
            return
        if self.training:
            self.versions.append((NOW, self.tr("now, while it trains")))
        saved = self.run.checkpoints()
        if not saved:
            return
        best, last = self.run.best, saved[-1]
        whole = number_text.whole
        if best is not None and best.step != last.step:
            self._add(BEST, best.step, self.tr("best, step {step}").format(step=whole(best.step)))
            self._add(LAST, last.step, self.tr("last, step {step}").format(step=whole(last.step)))
        else:
            self._add(BEST, last.step, self.tr("best and last, step {step}").format(step=whole(last.step)))
        for one in reversed(saved):
            if one.step not in self._steps.values():
                self._add(str(one.step), one.step, self.tr("step {step}").format(step=whole(one.step)))

    def _add(self, version: str, step: int, words: str) -> None:
        self._steps[version] = step
        self.versions.append((version, words))

    # Using it -----------------------------------------------------------------------------------------------------

    def start(self, work: Work, arrived: Arrived, ended: Ended, owner: QObject) -> JobThread:
        """Do `work(stopping, run, model)` on a thread, with the chosen model. Raises `UserError` when there is none."""
        run, version = self.run, self.version
        if run is None:
            raise UserError("No run is open. Open one in Runs, or train one.")
        if not version:
            raise UserError(
                "The run “{name}” has no saved model yet. Train it until its first checkpoint.", name=run.name
            )
        job = self._session.job
        copy = job.snapshot() if version == NOW and job is not None else None
        device = self._session.preferred_device

        def with_model(stopping: Stopping) -> Iterator[Any]:
            model = wait_for(copy, stopping) if copy is not None else None
            if model is None and not stopping():
                model = self._loaded(run, LAST if version == NOW else version, device)
            if model is not None and not stopping():
                yield from work(stopping, run, model)

        return self._session.jobs.start(with_model, arrived, ended, owner)

    def _loaded(self, run: Run, version: str, device: str) -> Model:
        """The model of a checkpoint; the one that was loaded last is kept. Called on the job's thread."""
        from lmstudio_app.engine.pipeline.opening import open_model

        with self._loading:
            saved = run.checkpoints()
            best = run.best
            step = int(version) if version.isdecimal() else -1
            if version == BEST and best is not None:
                step = best.step
            elif version == LAST and saved:
                step = saved[-1].step
            # A run that was deleted may have had the same name and a checkpoint at the same step.
            written = next((one.written for one in saved if one.step == step), 0)
            key = (*run.identity, step, device, written)
            kept = self._kept  # the window may drop it meanwhile
            if kept is None or kept[0] != key:
                kept = (key, open_model(run, version, device))
                if self.run is not None:
                    self._kept = kept
            return kept[1]


def _model_words(summary: RunSummary) -> str:
    return model_words(summary.family, summary.outline) if summary.family else ""


def _offers(family: str) -> frozenset[str]:
    from lmstudio_app.engine.registry import every_family

    found = every_family().get(family)
    return found.offers if found is not None else frozenset()
