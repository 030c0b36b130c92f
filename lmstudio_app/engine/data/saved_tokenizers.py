"""Tokenizers that a workspace keeps under names, beside its corpora: learned once for several corpora, or imported.

tokenizers/NAME/   tokenizer.json, and tokenizer.toml with where it comes from
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.storage.atomic import in_words, write_toml
from lmstudio_app.engine.storage.names import find_name, inside

FOLDER = "tokenizers"
TOKENIZER = "tokenizer.json"
_RECORD = "tokenizer.toml"
_FORMAT = 1


@dataclass(frozen=True)
class SavedTokenizer:
    """What is known about one: its kind and vocabulary, and the corpus it was learned from or the file it came from."""

    kind: str
    vocabulary: int
    created: str
    corpus: str = ""
    file: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write it beside the tokenizer. Raises `UserError`."""
        write_toml(folder / _RECORD, {"format": _FORMAT} | asdict(self))


def saved_names(workspace: Path) -> list[str]:
    """The names of all, in alphabetical order. Raises `UserError`."""
    try:
        names = [path.parent.name for path in (workspace / FOLDER).glob(f"*/{TOKENIZER}")]
        return sorted(name for name in names if not name.startswith("."))  # such a one is still being made
    except OSError as error:
        raise in_words(error, workspace / FOLDER) from error


def saved_path(workspace: Path, name: str) -> Path:
    """The `tokenizer.json` of the one called `name`. Raises `UserError` when there is none."""
    known = saved_names(workspace)
    if (found := find_name(name, known)) is None:
        raise UserError(
            "There is no saved tokenizer “{name}”. There are: {known}.",
            field="tokenizer",
            choices=known,
            name=name,
            known=", ".join(known) or "none yet",
        )
    return inside(workspace / FOLDER, found) / TOKENIZER


def saved_beside(corpus: Path, name: str) -> Path:
    """The same for the workspace in which a corpus folder lies."""
    return saved_path(corpus.parents[1], name)


def saved_record(workspace: Path, name: str) -> SavedTokenizer:
    """What is known about the one called `name`. Raises `UserError` when there is none, or its record is damaged."""
    path = saved_path(workspace, name).with_name(_RECORD)
    try:
        described = tomllib.loads(path.read_text(encoding="utf-8"))
        described.pop("format")
        return SavedTokenizer(**described)
    except OSError as error:
        raise in_words(error, path) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError("The file “{path}” is damaged. Restore it from a copy.", path=path) from error
