"""Reads a prompt as the chosen run does: its tokens, or the characters that the run's vocabulary lacks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QObject, Signal

from lmstudio_app.engine.errors import UserError
from lmstudio_app.gui.job_thread import Ended, JobThread, Stopping
from lmstudio_app.gui.latest_job import LatestJob
from lmstudio_app.gui.model_source import ModelSource
from lmstudio_app.gui.session import Session

if TYPE_CHECKING:
    from lmstudio_app.engine.data.tokenizer import Tokenizer
    from lmstudio_app.engine.run import Run

WAIT_SECONDS = 0.1


@dataclass(frozen=True)
class Prompt:
    """A text in the tokens of a run, or, instead of these, the characters that the run's vocabulary lacks."""

    text: str = ""
    tokens: tuple[int, ...] = ()
    pieces: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


class PromptReading(QObject):
    """Reads on a thread, a moment after the last `ask`; `typed()` is the text, None while nobody has typed any: then
    the run's corpus gives one.

    Signals: `arrived(object)` a `Prompt`.
    """

    arrived = Signal(object)

    def __init__(
        self,
        session: Session,
        source: ModelSource,
        typed: Callable[[], str | None],
        failed: Callable[[BaseException], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._session, self._source, self._typed, self._failed = session, source, typed, failed
        self._owner = parent
        self._job = LatestJob(self._start, self._ended, self)

    def ask(self, *, now: bool = False) -> None:
        """Read soon, or at once."""
        self._job.ask(now=now)

    def _start(self, ended: Ended) -> JobThread | None:
        run, typed = self._source.run, self._typed()
        if run is None:
            return None

        def work(stopping: Stopping) -> Iterator[Prompt]:
            tokenizer = self._tokenizer(run, stopping)
            if tokenizer is not None:
                yield _read(tokenizer, beginning(run, tokenizer) if typed is None else typed)

        return self._session.jobs.start(work, lambda items: self.arrived.emit(items[-1]), ended, self._owner)

    def _tokenizer(self, run: Run, stopping: Stopping) -> Tokenizer | None:
        """The run's tokenizer. Called on the job's thread; a training that has just begun has none for a moment."""
        while not stopping():
            try:
                return run.tokenizer()
            except UserError:
                if not self._session.is_training(run.name):
                    raise
                time.sleep(WAIT_SECONDS)
        return None

    def _ended(self, failure: BaseException) -> None:
        if self._source.version:  # without a saved model there is no tokenizer yet, which is no failure
            self._failed(failure)


def _read(tokenizer: Tokenizer, text: str) -> Prompt:
    if missing := tuple(tokenizer.missing(text)):
        return Prompt(text, missing=missing)
    tokens = tokenizer.encode(text)
    return Prompt(text, tuple(tokens.tolist()), tuple(tokenizer.pieces(tokens)))


def lacking_words(missing: Sequence[str]) -> str:
    """What to do about characters that a run's vocabulary lacks."""
    words = QCoreApplication.translate(
        "PromptReading", "The vocabulary lacks {characters}. Leave it out, or open a run with a BPE tokenizer."
    )
    return words.format(characters=" ".join(f"“{character}”" for character in missing[:20]))


def beginning(run: Run, tokenizer: Tokenizer, characters: int | None = None) -> str:
    """A prompt in the manner of the run's corpus, of about so many characters that its `tokenizer` has; empty when the
    corpus has gone."""
    from lmstudio_app.engine.data.corpus import Corpus
    from lmstudio_app.engine.pipeline.draft import PROMPT_CHARACTERS, opening_words

    try:
        return opening_words(Corpus.open(run.corpus_folder), tokenizer, characters or PROMPT_CHARACTERS)
    except UserError:
        return ""
