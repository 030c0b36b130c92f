"""Keeps the library true to the session: the texts there are, those being made, and what a person does with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from lmstudio_app.engine.errors import UserError
from lmstudio_app.gui import corpus_words
from lmstudio_app.gui.corpus_words import Described
from lmstudio_app.gui.job_thread import JobThread, Stopping
from lmstudio_app.gui.preparation import Preparation
from lmstudio_app.gui.session import Session
from lmstudio_app.gui.widgets.library_card import LibraryCard
from lmstudio_app.gui.widgets.library_list import LibraryItem

if TYPE_CHECKING:
    from lmstudio_app.engine.workspace import Workspace

CORPUS, MAKING = "corpus:", "making:"
Read = tuple[str, tuple[int, int], Described]


class TextLibrary(QObject):
    """Ties a `LibraryCard` to a `Session`.

    `key` is what is picked: a corpus by name, or a preparation that has not made one yet.

    Signals: `picked()` something else is, `failed(object)` an exception, `refused(object)` a `UserError` that names
    runs, `deleted(str, str)` a corpus and what it is called in the bin.
    """

    picked = Signal()
    failed = Signal(object)
    refused = Signal(object)
    deleted = Signal(str, str)

    def __init__(self, session: Session, card: LibraryCard) -> None:
        super().__init__(card)
        self._session = session
        self._card = card
        self._known: dict[str, tuple[tuple[int, int], Described]] = {}
        self._seen: set[int] = set()
        self._reading: JobThread | None = None
        self._read_again = False
        self.key = ""
        card.picked.connect(self.pick)
        card.renamed.connect(self._rename)
        card.delete_pressed.connect(self.delete_picked)
        session.workspace_changed.connect(self._start_afresh)
        session.corpora_changed.connect(self.refresh)
        session.preparing_changed.connect(self.show)
        session.preparations.ended.connect(self._ended)

    # What is picked -----------------------------------------------------------------------------------------------

    @property
    def corpus(self) -> str:
        """The name of the picked corpus; empty when none is."""
        return self.key.removeprefix(CORPUS) if self.key.startswith(CORPUS) else ""

    @property
    def preparation(self) -> Preparation | None:
        """The picked preparation of a new corpus."""
        return next((one for one in self._new_ones() if _key(one) == self.key), None)

    def pick(self, key: str) -> None:
        """Pick another text by its key."""
        if key != self.key:
            self.key = key
            self.show()
            self.picked.emit()

    def pick_corpus(self, name: str) -> None:
        """Pick a corpus by name."""
        self.pick(CORPUS + name)

    def _new_ones(self) -> list[Preparation]:
        """Preparations of corpora that are not there yet."""
        making = self._session.preparations
        running = (making.current, *making.waiting, *making.undecided)
        return [one for one in running if one is not None and not one.corpus]

    def _ended(self, preparation: Preparation) -> None:
        if self.key == _key(preparation) and preparation.ready:
            self.pick_corpus(preparation.ready)

    # The list -----------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Look at the disk again, and show what is there."""
        self.show()
        self._read()

    def show(self) -> None:
        """Show the texts, the picked one picked; a text that was just added is picked at once."""
        if not self._session.opened:
            return
        try:
            names = self._session.workspace.corpora()
        except UserError as error:
            self.failed.emit(error)
            return
        new = self._new_ones()
        items = [*(self._making_item(one) for one in new), *(self._item(name) for name in names)]
        before = self.key
        for one in new:
            if id(one) not in self._seen:
                self.key = _key(one)
        self._seen = {id(one) for one in new}
        if self.key not in {item.key for item in items}:
            self.key = self._usual(names)
        self._card.show_texts(items, self.key)
        busy = bool(self.corpus) and self._session.preparations.of(self.corpus) is not None
        self._card.set_actions(rename=bool(self.corpus) and not busy, delete=bool(self.key) and not busy)
        if self.key != before:
            self.picked.emit()

    def _usual(self, names: list[str]) -> str:
        """What is picked when nobody picked anything: the text of the next run, else the first."""
        drafted = self._session.draft.corpus
        return CORPUS + (drafted if drafted in names else names[0]) if names else ""

    def _item(self, name: str) -> LibraryItem:
        _, known = self._known.get(name, ((0, 0), Described("file", "")))
        making = self._session.preparations.of(name)
        if making is None:
            return LibraryItem(CORPUS + name, name, known.words, known.icon, known.tone, renamable=True)
        words, share = self._progress(making)
        return LibraryItem(CORPUS + name, name, words, known.icon, share=share)

    def _making_item(self, one: Preparation) -> LibraryItem:
        title = corpus_words.request_title(one.request)
        if one in self._session.preparations.undecided:
            words = self.tr("In which encoding is it?")
            return LibraryItem(_key(one), title, words, "warning", "warn")
        words, share = self._progress(one)
        return LibraryItem(_key(one), title, words, "file", share=share)

    def _progress(self, one: Preparation) -> tuple[str, float]:
        if one is not self._session.preparations.current:
            return self.tr("Waits for its turn"), 0.0
        progress = one.progress
        return corpus_words.progress_words(progress), progress.done / progress.total if progress.total else 0.0

    def _start_afresh(self) -> None:
        self._known, self._seen, self.key = {}, set(), ""
        self.refresh()
        self.picked.emit()

    # What is said about each --------------------------------------------------------------------------------------

    def _read(self) -> None:
        """Read what is new or has changed, on a thread."""
        if not self._session.opened:
            return
        if self._reading is not None:
            self._read_again = True
            return
        workspace, stamps = self._session.workspace, {name: known[0] for name, known in self._known.items()}

        def arrived(items: list[Read]) -> None:
            if self._session.opened and workspace is self._session.workspace:
                self._known |= {name: (stamp, about) for name, stamp, about in items}
                self.show()

        work: Callable[[Stopping], Iterator[Read]] = lambda stopping: _read_all(workspace, stamps, stopping)  # noqa: E731
        self._reading = self._session.jobs.start(work, arrived, self._read_ended, owner=self)

    def _read_ended(self, failure: BaseException | None) -> None:
        self._reading = None
        if failure is not None:
            self.failed.emit(failure)
        elif self._read_again:
            self._read_again = False
            self._read()

    # Renaming and deleting ----------------------------------------------------------------------------------------

    def _rename(self, key: str, new: str) -> None:
        old, workspace = key.removeprefix(CORPUS), self._session.workspace
        job = self._session.job
        if job is not None and job.active and job.corpus == old:  # it may not have come as far as to hold its run
            words = "The run “{run}” is learning from “{corpus}”. Stop it first, or rename the text afterwards."
            self.failed.emit(UserError(words, run=job.run, corpus=old))
            return

        def renamed(items: list[str]) -> None:
            new = items[-1]
            if old in self._known:
                self._known[new] = self._known.pop(old)
            if self.key == key:
                self.key = CORPUS + new
            self._session.follow_corpus(old, new)
            self.picked.emit()

        def work(stopping: Stopping) -> list[str]:
            return [workspace.rename_corpus(old, new)]

        self._session.jobs.start(work, renamed, self._told, owner=self)

    def delete_picked(self) -> None:
        """Move the picked corpus to the bin; give up one that is not ready."""
        name, workspace = self.corpus, self._session.workspace
        if (one := self.preparation) is not None:
            if one in self._session.preparations.undecided:
                self._session.preparations.drop(one)
            else:
                self._session.preparations.stop(one)
            return
        if not name:
            return

        def moved(items: list[str]) -> None:
            self._session.follow_corpus(name, "")
            self.deleted.emit(name, items[-1])

        self._session.jobs.start(lambda stopping: [workspace.delete_corpus(name)], moved, self._refused, owner=self)

    def restore(self, binned: str) -> None:
        """Take a corpus out of the bin again, and pick it."""
        workspace = self._session.workspace

        def restored(items: list[str]) -> None:
            self.key = CORPUS + items[-1]
            self._session.follow_corpus("", "")
            self.picked.emit()

        self._session.jobs.start(lambda stopping: [workspace.restore_corpus(binned)], restored, self._told, owner=self)

    def _refused(self, failure: BaseException | None) -> None:
        if isinstance(failure, UserError) and "runs" in failure.values:
            self.refused.emit(failure)
        else:
            self._told(failure)

    def _told(self, failure: BaseException | None) -> None:
        if failure is not None:
            self.failed.emit(failure)


def _key(one: Preparation) -> str:
    return f"{MAKING}{id(one)}"


def _read_all(workspace: Workspace, stamps: dict[str, tuple[int, int]], stopping: Stopping) -> Iterator[Read]:
    """What is to be said about each corpus whose record is another than before."""
    from lmstudio_app.engine.data.corpus import FILE

    for name in workspace.corpora():
        if stopping():
            return
        try:
            status = (workspace.corpus_folder(name) / FILE).stat()
            stamp = (status.st_mtime_ns, status.st_size)
        except (OSError, UserError):
            stamp = (0, 1)
        if stamps.get(name) == stamp:
            continue
        try:
            yield name, stamp, corpus_words.described(workspace.corpus(name))
        except UserError as error:
            yield name, stamp, corpus_words.trouble(error)
