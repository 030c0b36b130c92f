"""Reads the transitions of the chosen model into their card, and writes them to a file, each on a thread."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QFileDialog

from lmstudio_app.gui.job_thread import Ended, JobThread, Stopping
from lmstudio_app.gui.latest_job import LatestJob
from lmstudio_app.gui.model_source import NOW, ModelSource
from lmstudio_app.gui.pane import Pane
from lmstudio_app.gui.translation import sentence
from lmstudio_app.gui.widgets import number_text
from lmstudio_app.gui.widgets.transitions_card import TransitionsCard

if TYPE_CHECKING:
    from lmstudio_app.engine.inspection.transitions import Transitions
    from lmstudio_app.engine.model import Model
    from lmstudio_app.engine.run import Run


@dataclass(frozen=True)
class SeenTransitions:
    """What a job read: the transitions of the model that `run` had at a step."""

    run: str
    step: int
    shown: Transitions


class TransitionsReading(QObject):
    """Between the models of a pane and its card of transitions. `seen` is what the card shows, None for nothing."""

    def __init__(self, pane: Pane, source: ModelSource, card: TransitionsCard) -> None:
        super().__init__(pane)
        self._pane, self._source, self._card = pane, source, card
        self.seen: SeenTransitions | None = None
        self._job = LatestJob(self._read, self._failed, self)
        card.export_wanted.connect(self.ask_for_file)

    @property
    def busy(self) -> bool:
        """Whether it is reading or about to."""
        return self._job.busy

    def ask(self) -> None:
        """Read the chosen model."""
        self._job.ask(now=True)

    def follow(self) -> None:
        """Read it again if it has moved on in its training."""
        if not self.busy and (self.seen is None or self.seen.step != self._source.step):
            self.ask()

    def forget(self) -> None:
        """Read nothing."""
        self._job.forget()

    def _read(self, ended: Ended) -> JobThread | None:
        if self._source.run is None or not self._source.version:
            return None

        def work(stopping: Stopping, run: Run, model: Model) -> Iterator[SeenTransitions]:
            from lmstudio_app.engine import pipeline

            step = self._source.step  # where a model in training stands now that its copy is here
            yield SeenTransitions(run.name, step, pipeline.transitions(run, snapshot=model))

        return self._source.start(work, self._arrived, ended, self._pane)

    def _arrived(self, items: list[SeenTransitions]) -> None:
        for seen in items:
            self.seen = seen
            words = self.tr("step {step}, in training") if self._source.version == NOW else self.tr("step {step}")
            self._card.show_transitions(seen.shown, words.format(step=number_text.whole(seen.step)))

    def _failed(self, failure: BaseException) -> None:
        run = self._source.run
        if self.seen is not None and (run is None or run.name != self.seen.run):
            self.seen = None
            self._card.clear()
        self._card.banner.say(sentence(failure), "err")

    # Export -----------------------------------------------------------------------------------------------------

    def ask_for_file(self, ending: str) -> QFileDialog | None:
        """Ask where to write a file with this `ending` (".png")."""
        if self.seen is None:
            return None
        seen = self.seen
        name = self.tr("{run} transitions").format(run=seen.run)
        dialog = QFileDialog(self._pane, self.tr("Export transitions"), name + ending)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(ending[1:])
        dialog.setNameFilter(f"*{ending}")
        dialog.fileSelected.connect(lambda path: self.save(seen, Path(path)))
        dialog.open()
        return dialog

    def save(self, seen: SeenTransitions, path: Path) -> None:
        """Write `path`, and say above the pane when it is there, or why it is not."""

        def work(stopping: Stopping) -> Iterable[Any]:
            from lmstudio_app.engine import pipeline

            pipeline.save_transitions(seen.shown, path, title=seen.run)
            return ()

        def ended(failure: BaseException | None) -> None:
            if failure is not None:
                self._pane.tell(failure)
            else:
                self._pane.said.emit(self.tr("Saved as “{path}”.").format(path=path), "ok")

        self._pane.session.jobs.start(work, lambda items: None, ended, self._pane)
