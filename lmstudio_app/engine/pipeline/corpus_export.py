"""Write a corpus to a file of its own, for other programs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lmstudio_app.engine.data.splits import SPLITS
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.storage.atomic import join_lines, write_stream

if TYPE_CHECKING:
    from lmstudio_app.engine.data.corpus import Corpus

Format = Literal["jsonl", "txt"]


def save_corpus(corpus: Corpus, path: Path, form: Format = "jsonl") -> int:
    """Write the cleaned text of `corpus` to `path`; returns the bytes written.

    `jsonl` has an object for each document: its split, its text, and the values of its roles; `txt` is the text alone.
    The file is there whole or not at all. Raises `UserError` for a folder that is not there or a full disk.
    """
    folder = path.absolute().parent
    if not folder.is_dir():
        raise UserError("There is no folder “{folder}”. Make it first, or choose another.", field="out", folder=folder)
    if path.is_dir():
        raise UserError("“{path}” is a folder. Name a file to write.", field="out", path=path)
    return write_stream(path, _rows(corpus) if form == "jsonl" else _texts(corpus))


def _rows(corpus: Corpus) -> Iterator[bytes]:
    from lmstudio_app.engine.data.documents import examples

    for example in examples(corpus):
        yield join_lines([{"split": example.split, "text": example.text, **example.fields}])


def _texts(corpus: Corpus) -> Iterator[bytes]:
    from lmstudio_app.engine.data.text_pieces import text_pieces

    for split in SPLITS:
        for piece in text_pieces(corpus.text_path(split)):
            yield piece.encode("utf-8")
