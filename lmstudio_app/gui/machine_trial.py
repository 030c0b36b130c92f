"""What only this machine can tell of the next run: its pace and memory by two steps, and the size that suits it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from lmstudio_app.engine.errors import UserError
from lmstudio_app.gui.job_thread import JobThread, Stopping, until
from lmstudio_app.gui.session import Session
from lmstudio_app.gui.translation import sentence

if TYPE_CHECKING:
    from lmstudio_app.engine.events import Event, TrialDone
    from lmstudio_app.engine.run import RunConfig
    from lmstudio_app.gui.draft import Draft

FIT = "fit"
"""The place among the presets of the size that is worked out here."""


class MachineTrial(QObject):
    """Asks the machine, one question at a time and never beside a training; remembers the last answer.

    Signals: `changed()` a question was begun or answered.
    """

    changed = Signal()

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._thread: JobThread | None = None
        self._asked: RunConfig | None = None
        self._done: TrialDone | None = None
        self._failure = ""
        self._failed: Draft | None = None
        self._fitted: Draft | None = None
        session.job_changed.connect(self._give_way)
        session.workspace_changed.connect(self.stop)

    # Two steps ----------------------------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether a question is not answered yet."""
        return self._thread is not None

    def try_steps(self, config: RunConfig) -> None:
        """Take two steps of a training of `config`, in a process of their own."""
        if self.busy or self._session.busy:
            return
        workspace = self._session.workspace
        self._asked, self._done, self._failure = _nameless(config), None, ""

        def work(stopping: Stopping) -> Iterator[Event]:
            from lmstudio_app.engine import pipeline

            yield from until(stopping, pipeline.preflight(workspace, config))

        self._begin(work, self._arrived)

    def stop(self) -> None:
        """Let go of the question."""
        if self._thread is not None:
            self._thread.stop()

    def found(self, config: RunConfig) -> TrialDone | None:
        """What the steps told of `config`; None where they were those of other settings."""
        return self._done if self._asked == _nameless(config) else None

    @property
    def failure(self) -> str:
        """Why there is no answer for the draft as it is, in a sentence; empty when nothing went wrong."""
        return self._failure if self._failed == self._session.draft else ""

    def _arrived(self, events: list[Any]) -> None:
        from lmstudio_app.engine.events import TrialDone

        for event in events:
            if isinstance(event, TrialDone):
                self._done = event

    # The size -----------------------------------------------------------------------------------------------------

    def fit(self) -> None:
        """Fill the draft with the largest size that suits this machine."""
        if self.busy:
            return
        if self._session.busy:
            self._fail(self.tr("A run is training. Try when it has ended."))
            return
        draft, workspace = self._session.draft, self._session.workspace
        self._asked, self._failure = None, ""

        def work(stopping: Stopping) -> Iterator[Mapping[str, Any]]:
            from lmstudio_app.engine import pipeline
            from lmstudio_app.engine.registry import family

            style, values = draft.style or None, draft._replace(model={}).values()
            config = pipeline.draft(
                workspace, corpus=draft.corpus, family=draft.family, preset=draft.preset, style=style, values=values
            )
            fitted, _ = pipeline.fit_machine(workspace, config, style=style)
            whole, names = fitted.model.model_dump(), family(draft.family).presets[draft.preset]
            yield {name: whole[name] for name in whole if name in names or whole[name] != getattr(config.model, name)}

        def arrived(sizes: list[Mapping[str, Any]]) -> None:
            now = self._session.draft
            if (now.corpus, now.family, now.preset, now.style) == (
                draft.corpus, draft.family, draft.preset, draft.style
            ):  # fmt: skip
                self._fitted = now._replace(model=dict(sizes[-1]))
                self._session.change_draft(model=dict(sizes[-1]))

        self._begin(work, arrived)

    @property
    def fitted(self) -> bool:
        """Whether the draft has the size that suits this machine."""
        made, now = self._fitted, self._session.draft
        return made is not None and (made.corpus, made.family, made.preset, made.style, made.model) == (
            now.corpus, now.family, now.preset, now.style, now.model
        )  # fmt: skip

    # Both ---------------------------------------------------------------------------------------------------------

    def _begin(self, work: Callable[[Stopping], Iterator[Any]], arrived: Callable[[list[Any]], None]) -> None:
        self._thread = self._session.jobs.start(work, arrived, self._ended, self)
        self.changed.emit()

    def _ended(self, failure: BaseException | None) -> None:
        self._thread = None
        if isinstance(failure, UserError):
            self._fail(sentence(failure))
        elif failure is not None:
            self._session.failed.emit(failure)
        self.changed.emit()

    def _fail(self, words: str) -> None:
        self._failure, self._failed = words, self._session.draft
        self.changed.emit()

    def _give_way(self) -> None:
        """A training has the machine for itself."""
        if self._session.busy:
            self.stop()


def _nameless(config: RunConfig) -> RunConfig:
    """The settings that a step depends on, and those of when it ends; not what the run is called, or when it was
    drafted."""
    return replace(config, name="", created="")
