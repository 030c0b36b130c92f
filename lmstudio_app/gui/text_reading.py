"""Reading what the Corpus pane shows of a text, on a thread: what is quick comes first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from lmstudio_app.gui.job_thread import JobThread, Stopping
from lmstudio_app.gui.session import Session

if TYPE_CHECKING:
    from lmstudio_app.engine.data.corpus import Corpus
    from lmstudio_app.engine.workspace import Workspace

Part = tuple[str, Any]


class TextReading(QObject):
    """One reading at a time; a new one takes the place of the one before.

    Signals: `arrived(str, object)` a part of what was asked for: "corpus" a `Corpus`, "text" a `Preview`, "tokens" a
    `TokenPreview`, "yardsticks" bits per byte by name, "counts" how often each token occurs, "cleanable" what cleaning
    would find; `failed(object)` an exception.
    """

    arrived = Signal(str, object)
    failed = Signal(object)

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._thread: JobThread | None = None

    @property
    def busy(self) -> bool:
        """Whether something is being read."""
        return self._thread is not None

    def read_corpus(self, name: str, source: int | None) -> None:
        """Read the corpus `name` and how its file number `source` begins (None: the first one, if there are files)."""
        self._start(partial(_corpus_parts, self._session.workspace, name, source))

    def read_file(self, path: Path, encoding: str | None = None) -> None:
        """Read how a file begins that is no corpus yet, or that shall be read in another encoding."""
        self._start(partial(_file_parts, path, encoding))

    def stop(self) -> None:
        """Forget what was asked for."""
        if self._thread is not None:
            self._thread.stop()
            self._thread = None

    def _start(self, work: Callable[[Stopping], Iterator[Part]]) -> None:
        self.stop()

        def arrived(items: list[Part]) -> None:
            if self._thread is started:
                for kind, value in items:
                    self.arrived.emit(kind, value)

        def ended(failure: BaseException | None) -> None:
            if self._thread is started:
                self._thread = None
                if failure is not None:
                    self.failed.emit(failure)

        started = self._thread = self._session.jobs.start(work, arrived, ended, owner=self)


def _corpus_parts(workspace: Workspace, name: str, source: int | None, stopping: Stopping) -> Iterator[Part]:
    from lmstudio_app.engine import pipeline

    corpus: Corpus = workspace.corpus(name)
    sources, _ = corpus.sources, corpus.skipped  # read here, not where they are shown
    place = min(source or 0, len(sources) - 1) if sources else None
    yield "corpus", corpus
    parts: dict[str, Callable[[], Any]] = {
        "text": lambda: pipeline.preview(corpus, place),
        "tokens": lambda: pipeline.preview_tokens(corpus, place),
        "yardsticks": lambda: pipeline.yardsticks(corpus, corpus.settings.tokenizer),
        "counts": lambda: pipeline.count_tokens(corpus),
        "cleanable": lambda: pipeline.count_cleanable(corpus),
    }
    for kind, read in parts.items():
        if stopping():
            return
        yield kind, read()


def _file_parts(path: Path, encoding: str | None, stopping: Stopping) -> Iterator[Part]:
    from lmstudio_app.engine import pipeline
    from lmstudio_app.engine.data.reader import expand

    if path.is_dir():
        files, _ = expand([path])
        path = files[0] if files else path
    yield "text", pipeline.preview_file(path, encoding)
