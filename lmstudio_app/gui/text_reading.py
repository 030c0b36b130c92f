"""Reading what the Corpus pane shows of a text, on a thread: what is quick comes first."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from PySide6.QtCore import QObject, Signal

from lmstudio_app.engine.errors import UserError
from lmstudio_app.gui.job_thread import JobThread, Stopping
from lmstudio_app.gui.session import Session

if TYPE_CHECKING:
    from lmstudio_app.engine.data.corpus import Corpus
    from lmstudio_app.engine.workspace import Workspace

Part = tuple[str, Any]
_KEPT = 20
MOST_CHECKED_BYTES = 50_000_000
"""Larger texts are not compared with themselves without being asked to."""


class TextReading(QObject):
    """One reading at a time; a new one takes the place of the one before.

    Signals: `arrived(str, object)` a part of what was asked for: "corpus" a `Corpus`, "text" a `Preview`, "changes"
    the `Changes` of cleaning, "table" a `TablePreview`, "trouble" an exception because of which one of these is not to
    be had, "tokens" a `TokenPreview`, "yardsticks" bits per byte by name, "counts" how often each token occurs,
    "cleanable" what cleaning would find, "profile" a `TextProfile`, "duplicates" and "leakage" what was found of them;
    `failed(object)` an exception.
    """

    arrived = Signal(str, object)
    failed = Signal(object)

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._thread: JobThread | None = None
        self._known: dict[str, dict[str, Any]] = {}  # what takes long, by the hash of a text

    @property
    def busy(self) -> bool:
        """Whether something is being read."""
        return self._thread is not None

    def read_corpus(self, name: str, source: int | None, view: str = "cleaned", *, compare: bool = False) -> None:
        """Read the corpus `name` and how its file number `source` begins (None: the first one, if there are files), as
        `view` says: "cleaned", "original", "changes", or its "columns" or "reading". With `compare` also a large text
        is compared with itself."""
        while len(self._known) > _KEPT:
            self._known.pop(next(iter(self._known)))
        wanted = _Wanted(name, source, view, compare)
        self._start(partial(_corpus_parts, self._session.workspace, wanted, self._known))

    def read_view(self, corpus: Corpus, source: int | None, view: str) -> None:
        """Read that beginning alone."""
        self._start(lambda stopping: iter([_view(corpus, source, view)]))

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


class _Wanted(NamedTuple):
    """A corpus by name, the number of its file, how to look at that, and whether to compare it however large it is."""

    name: str
    source: int | None
    view: str
    compare: bool


def _corpus_parts(
    workspace: Workspace, wanted: _Wanted, known: dict[str, dict[str, Any]], stopping: Stopping
) -> Iterator[Part]:
    from lmstudio_app.engine import pipeline

    corpus: Corpus = workspace.corpus(wanted.name)
    sources, _ = corpus.sources, corpus.skipped  # read here, not where they are shown
    place = min(wanted.source or 0, len(sources) - 1) if sources else None
    yield "corpus", corpus
    yield _view(corpus, place, wanted.view)
    parts: dict[str, Callable[[], Any]] = {
        "tokens": lambda: pipeline.preview_tokens(corpus, place),
        "yardsticks": lambda: pipeline.yardsticks(corpus, corpus.settings.tokenizer),
        "counts": lambda: pipeline.count_tokens(corpus),
        "cleanable": lambda: pipeline.count_cleanable(corpus),
    }
    for kind, read in parts.items():
        if stopping():
            return
        yield kind, read()
    found = known.setdefault(stamp_of(corpus), {})
    steps: dict[str, Generator[Any, None, Any]] = {"profile": pipeline.profile(corpus)}
    if wanted.compare or corpus.statistics.bytes <= MOST_CHECKED_BYTES:
        steps["leakage"] = _last(pipeline.find_leakage(corpus))
        steps["duplicates"] = _last(pipeline.find_duplicates(corpus))
    for kind, one in steps.items():
        while kind not in found and not stopping():
            try:
                next(one)
            except StopIteration as end:
                found[kind] = end.value
        if kind in found:
            yield kind, found[kind]


def stamp_of(corpus: Corpus) -> str:
    """What is another one whenever text, labels or documents of a corpus may be others."""
    settings = corpus.settings.model_dump_json(exclude={"tokenizer"})
    return f"{corpus.data_hash} {corpus.record.created} {settings}"


def _last(events: Iterable[Any]) -> Generator[Any, None, Any]:
    """The events, the last of them also as the result."""
    event = None
    for event in events:
        yield event
    return event


def _view(corpus: Corpus, source: int | None, view: str) -> Part:
    """How a text begins, in one of the ways to look at it."""
    from lmstudio_app.engine import pipeline

    try:
        if view == "reading" and source is not None:
            return "reading", corpus.statistics.cleaned
        if view == "columns" and source is not None:
            known = corpus.sources[source]
            table = pipeline.preview_table(Path(known.path), known.encoding, corpus.settings.reading)
            if table.columns:
                return "table", table
        if view == "original":
            return "text", pipeline.preview_original(corpus, source)
        if view == "changes":
            return "changes", pipeline.preview_changes(corpus, source)
    except UserError as error:
        return "trouble", error
    return "text", pipeline.preview(corpus, source)


def _file_parts(path: Path, encoding: str | None, stopping: Stopping) -> Iterator[Part]:
    from lmstudio_app.engine import pipeline
    from lmstudio_app.engine.data.reader import expand

    if path.is_dir():
        files, _ = expand([path])
        path = files[0] if files else path
    yield "text", pipeline.preview_file(path, encoding)
