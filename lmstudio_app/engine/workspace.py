"""The folder that holds all corpora and runs of a person, and a bin for what was deleted."""

from __future__ import annotations

import json
import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from lmstudio_app.engine.data.saved_tokenizers import saved_names, saved_path
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.run import Run, RunConfig, RunSummary
from lmstudio_app.engine.storage import atomic, locks
from lmstudio_app.engine.storage.names import check_name, find_name, free_name, inside

if TYPE_CHECKING:
    from lmstudio_app.engine.data.corpus import Corpus
    from lmstudio_app.engine.data.tokenizer import Tokenizer

FORMAT = 1
CORPUS_FILE = "corpus.toml"
FILE = "workspace.json"


class Workspace:
    """An opened workspace: `corpora/`, `tokenizers/`, `runs/` and `bin/` in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._corpora = folder / "corpora"
        self._runs = folder / "runs"
        self._bin = folder / "bin"

    @classmethod
    def open(cls, folder: Path | None = None, *, make: bool = True) -> Workspace:
        """Open the workspace in `folder` (None: the usual place of this system), made when it is not there.

        Raises `UserError` when it is no folder, cannot be made or is not to be, or was made by a newer version.
        """
        path = Path(folder).expanduser().absolute() if folder is not None else default_folder()
        try:
            if path.exists() and not path.is_dir():
                raise UserError("“{path}” is a file. Choose a folder for the workspace.", field="workspace", path=path)
            if not make and not any(atomic.present(path / part) for part in (FILE, "corpora", "runs")):
                raise UserError(
                    "There is no workspace in “{path}”. Check the path, or add a text there first.",
                    field="workspace",
                    path=path,
                )
            for place in (path / "corpora", path / "runs"):
                place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise atomic.in_words(error, path) from error
        _check_format(path / FILE)
        return cls(path)

    # Corpora ----------------------------------------------------------------------------------------------------

    def corpora(self) -> list[str]:
        """The names of all corpora, in alphabetical order."""
        return [name for name in _names(self._corpora) if atomic.present(self._corpora / name / CORPUS_FILE)]

    def corpus_folder(self, name: str) -> Path:
        """Where the corpus `name` lies or would lie. Raises `UserError` for a name that cannot be."""
        return inside(self._corpora, name)

    def corpus(self, name: str) -> Corpus:
        """Open a corpus. Raises `UserError` when it is not there or damaged."""
        from lmstudio_app.engine.data.corpus import Corpus

        known = self.corpora()
        if (found := find_name(name, known)) is None:
            raise UserError(
                "There is no corpus “{name}”. There are: {known}.",
                field="corpus",
                choices=known,
                name=name,
                known=", ".join(known) or "none yet",
            )
        return Corpus.open(self.corpus_folder(found))

    def dependents(self, corpus: str) -> list[str]:
        """The names of the runs that learn from a corpus."""
        return [run.name for run in self._sound_runs() if find_name(corpus, [run.config.corpus]) is not None]

    def delete_corpus(self, name: str) -> str:
        """Move a corpus to the bin, and return what it is called there.

        Raises `UserError` naming the runs that depend on it.
        """
        if runs := self.dependents(name):
            raise UserError(
                "The corpus “{name}” is used by: {runs}. Delete these runs first.",
                name=name,
                runs=", ".join(f"“{run}”" for run in runs),
            )
        return self._discard(self._existing(self._corpora, name, "corpus"), "corpora")

    def restore_corpus(self, binned: str) -> str:
        """Take a corpus out of the bin again; returns its name, numbered when it is taken meanwhile."""
        folder = self._existing(self._bin / "corpora", binned, "corpus")
        target = self._corpora / free_name(self._corpora, binned)
        _move(folder, target)
        return target.name

    def rename_corpus(self, old: str, new: str) -> str:
        """Give a corpus another name, in the runs that learn from it too; returns the name as it is spelled. Raises
        `UserError`, also while one of them trains."""
        runs = [self.run(name) for name in self.dependents(old)]
        for run in runs:
            _refuse_held(run.folder)
        renamed = self._rename(self._corpora, old, new, "corpus")
        for run in runs:
            run.rename_corpus(renamed.name)
        return renamed.name

    # Tokenizers -------------------------------------------------------------------------------------------------

    def tokenizers(self) -> list[str]:
        """The names of the saved tokenizers, in alphabetical order."""
        return saved_names(self.folder)

    def tokenizer(self, name: str) -> Tokenizer:
        """Open a saved tokenizer. Raises `UserError` when it is not there or damaged."""
        from lmstudio_app.engine.data.tokenizer import Tokenizer

        return Tokenizer.load(saved_path(self.folder, name), foreign=True)

    def delete_tokenizer(self, name: str) -> str:
        """Move a saved tokenizer to the bin, and return what it is called there. Corpora that were cut with it keep
        their own copy."""
        return self._discard(saved_path(self.folder, name).parent, "tokenizers")

    # Runs -------------------------------------------------------------------------------------------------------

    def run_names(self) -> list[str]:
        """The names of all runs, damaged ones too, in alphabetical order."""
        return _names(self._runs)

    def runs(self) -> list[RunSummary]:
        """All runs, the newest first; a damaged one says what is wrong with it."""
        summaries = [self._summary(name) for name in self.run_names()]
        return sorted(summaries, key=lambda summary: (summary.created, summary.name), reverse=True)

    def run(self, name: str) -> Run:
        """Open a run. Raises `UserError` when it is not there or damaged."""
        return Run.open(self._existing(self._runs, name, "run"))

    def new_run(self, config: RunConfig) -> Run:
        """Make a run of `config`; a name that exists gets a number. Raises `UserError`."""
        name = free_name(self._runs, check_name(config.name))
        return Run.create(inside(self._runs, name), config.named(name))

    def take_back(self, run: Run) -> None:
        """Remove a run that could not begin, as if it had never been made; one that has learned anything stays."""
        if not run.checkpoints() and next(run.each_row(), None) is None:
            atomic.remove_folder(run.folder)

    def rename_run(self, old: str, new: str) -> Run:
        """Give a run another name. Raises `UserError` when it is taken or while the run trains."""
        run = self.run(old)
        _refuse_held(run.folder)
        return run.moved(self._rename(self._runs, old, new, "run"))

    def delete_run(self, name: str) -> str:
        """Move a run to the bin, and return what it is called there. Raises `UserError` while it trains."""
        folder = self._existing(self._runs, name, "run")
        _refuse_held(folder)
        return self._discard(folder, "runs")

    def restore_run(self, binned: str) -> str:
        """Take a run out of the bin again; returns its name, numbered when it is taken meanwhile."""
        folder = self._existing(self._bin / "runs", binned, "run")
        target = self._runs / free_name(self._runs, binned)
        _move(folder, target)
        return target.name

    # The whole --------------------------------------------------------------------------------------------------

    def size_bytes(self) -> int:
        """The sizes of all files, the bin included."""
        return atomic.folder_bytes(self.folder)

    def claim_window(self) -> AbstractContextManager[None]:
        """Be the only window on this workspace for the time of the block; raises `Held` saying who is."""
        return locks.hold(self.folder, "a window")

    def _summary(self, name: str) -> RunSummary:
        try:
            return Run.open(self._runs / name).summary()
        except UserError as error:
            return RunSummary(name=name, state="damaged", reason=str(error))

    def _sound_runs(self) -> list[Run]:
        runs = []
        for name in self.run_names():
            try:
                runs.append(Run.open(self._runs / name))
            except UserError:
                continue
        return runs

    def _existing(self, place: Path, name: str, kind: str) -> Path:
        known = _names(place)
        if (found := find_name(name, known)) is not None:  # a disk that ignores case would find another one too
            return inside(place, found)
        sentences = {
            "run": "There is no run “{name}”. There are: {known}.",
            "corpus": "There is no corpus “{name}”. There are: {known}.",
        }
        raise UserError(sentences[kind], field=kind, choices=known, name=name, known=", ".join(known) or "none yet")

    def _rename(self, place: Path, old: str, new: str, kind: str) -> Path:
        new = check_name(new)
        folder, target = self._existing(place, old, kind), inside(place, new)
        same = find_name(old.casefold(), [new.casefold()]) is not None
        if not same and free_name(place, new) != new:
            free = free_name(place, new)
            raise UserError(
                "The name “{name}” is taken. “{free}” is free.", field="name", choices=(free,), name=new, free=free
            )
        _move(folder, target)
        return target

    def _discard(self, folder: Path, kind: str) -> str:
        place = self._bin / kind
        name = free_name(place, folder.name)
        _move(folder, place / name)
        return name


def default_folder() -> Path:
    """Where this system keeps the data of an application."""
    import platformdirs

    return platformdirs.user_data_path("LMStudio App", appauthor=False)


def _names(place: Path) -> list[str]:
    try:
        with os.scandir(place) as found:  # knows what a folder is without asking for each
            names = [each.name for each in found if each.is_dir() and not each.name.startswith(".")]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise atomic.in_words(error, place) from error
    return sorted(names, key=lambda name: (name.casefold(), name))


def _move(folder: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(target)
    except OSError as error:
        raise atomic.in_words(error, folder) from error


def _refuse_held(folder: Path) -> None:
    """Windows cannot move a folder with an open file in it, so the lock is asked for, not held while moving."""
    if locks.is_held(folder):
        raise locks.Held(folder)


def _check_format(path: Path) -> None:
    if not atomic.present(path):
        atomic.write_json(path, {"format": FORMAT})
        return
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["format"]
    except OSError as error:
        raise atomic.in_words(error, path) from error
    except (ValueError, KeyError, TypeError, RecursionError):
        found = None
    if not isinstance(found, int):
        raise UserError(
            "The workspace file “{path}” is damaged. Delete this one file and open the workspace again.", path=path
        )
    if found > FORMAT:
        raise UserError(
            "The workspace “{path}” was made by a newer version of LMStudio App (format {found}, this one knows up to "
            "{known}). Update the app or choose another folder.",
            field="workspace",
            path=path.parent,
            found=found,
            known=FORMAT,
        )
