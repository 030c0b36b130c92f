"""Tokenizers that a workspace keeps under names: learned from a corpus, or taken over from another program."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lmstudio_app.engine.data.building import occupied, publish, scaffold
from lmstudio_app.engine.data.saved_tokenizers import FOLDER, TOKENIZER, SavedTokenizer
from lmstudio_app.engine.data.tokenizer import Tokenizer, TokenizerSettings
from lmstudio_app.engine.data.tokenizer_learning import learn_from
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import Event, TokenizerReady
from lmstudio_app.engine.storage.atomic import in_words
from lmstudio_app.engine.storage.names import check_name, tidy_name

if TYPE_CHECKING:
    from lmstudio_app.engine.data.corpus import Corpus
    from lmstudio_app.engine.workspace import Workspace

_Make = Callable[[Path], Generator[Event, None, SavedTokenizer]]


def train_tokenizer(
    workspace: Workspace, corpus: Corpus, settings: TokenizerSettings, name: str | None = None
) -> Iterator[Event]:
    """Learn a tokenizer of the training text of `corpus`, and save it as `name`; one that exists gets a number.

    Yields `Progress`, ends with `TokenizerReady`. Closing the generator leaves nothing behind. Raises `UserError`.
    """
    if settings.kind == "saved":
        raise UserError("A saved tokenizer has been learned already. Choose another kind.", field="kind")
    wanted = check_name(name) if name else tidy_name(f"{corpus.name} {settings.folder_name}")

    def make(folder: Path) -> Generator[Event, None, SavedTokenizer]:
        tokenizer = yield from learn_from(settings, [corpus.text_path("training")], folder / TOKENIZER)
        chosen = settings.model_dump()
        return SavedTokenizer(tokenizer.kind, tokenizer.vocabulary, _now(), corpus.name, settings=chosen)

    yield from _saved(workspace, wanted, make)


def import_tokenizer(workspace: Workspace, path: Path, name: str | None = None) -> Iterator[Event]:
    """Take over a `tokenizer.json` of another program under `name`, by default that of its folder or file.

    Ends with `TokenizerReady`. Raises `UserError` for a file that cannot be used.
    """
    usual = path.absolute().parent.name if path.name == TOKENIZER else path.stem
    wanted = check_name(name) if name else tidy_name(usual)

    def make(folder: Path) -> Generator[Event, None, SavedTokenizer]:
        tokenizer = Tokenizer.load(path, foreign=True)
        tokenizer.save(folder / TOKENIZER)
        yield from ()
        return SavedTokenizer(tokenizer.kind, tokenizer.vocabulary, _now(), file=str(path.absolute()))

    yield from _saved(workspace, wanted, make)


def _saved(workspace: Workspace, name: str, make: _Make) -> Iterator[Event]:
    place = workspace.folder / FOLDER
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise in_words(error, place) from error
    with scaffold(place) as temporary:
        with occupied(temporary):
            record = yield from make(temporary)
            record.write(temporary)
        folder = publish(temporary, place, name)
    yield TokenizerReady(folder.name, str(folder), record.kind, record.vocabulary)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
