"""Write a corpus to a file of its own, for other programs."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lmstudio_app.engine.data.splits import SPLITS
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.storage.atomic import join_lines, write_stream

if TYPE_CHECKING:
    from lmstudio_app.engine.data.corpus import Corpus

Format = Literal["jsonl", "txt", "parquet"]
_ROWS = 1000  # that are in memory together


def save_corpus(corpus: Corpus, path: Path, form: Format = "jsonl") -> int:
    """Write the cleaned text of `corpus` to `path`; returns the bytes written.

    `jsonl` and `parquet` have a row for each document: its split, its text, and the values of its roles; `txt` is the
    text alone. The file is there whole or not at all. Raises `UserError` for a folder that is not there, a full disk,
    or a package that is not installed.
    """
    folder = path.absolute().parent
    if not folder.is_dir():
        raise UserError("There is no folder “{folder}”. Make it first, or choose another.", field="out", folder=folder)
    if path.is_dir():
        raise UserError("“{path}” is a folder. Name a file to write.", field="out", path=path)
    forms = {"jsonl": _rows, "txt": _texts, "parquet": _parquet}
    return write_stream(path, forms[form](corpus))


def _rows(corpus: Corpus) -> Iterator[bytes]:
    from lmstudio_app.engine.data.documents import examples

    for example in examples(corpus):
        yield join_lines([{"split": example.split, "text": example.text, **example.fields}])


def _texts(corpus: Corpus) -> Iterator[bytes]:
    from lmstudio_app.engine.data.text_pieces import text_pieces

    for split in SPLITS:
        for piece in text_pieces(corpus.text_path(split)):
            yield piece.encode("utf-8")


def _parquet(corpus: Corpus) -> Iterator[bytes]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise UserError(
            "Parquet is written by the package pyarrow, which is not installed. Install it by “{command}”, or write "
            "jsonl.",
            field="to",
            choices=("jsonl", "txt"),
            command=f"{sys.executable} -m pip install pyarrow",
        ) from None
    from lmstudio_app.engine.data.documents import examples
    from lmstudio_app.engine.data.roles import KINDS

    names = dict.fromkeys(["split", "text", *KINDS[corpus.kind].all])
    schema = pyarrow.schema([(name, pyarrow.string()) for name in names])
    waiting = io.BytesIO()
    rows = ({"split": example.split, "text": example.text, **example.fields} for example in examples(corpus))
    with parquet.ParquetWriter(pyarrow.PythonFile(waiting, mode="w"), schema) as writer:
        while some := list(islice(rows, _ROWS)):
            writer.write_table(pyarrow.Table.from_pylist(some, schema))
            yield _taken(waiting)
    yield _taken(waiting)


def _taken(file: io.BytesIO) -> bytes:
    """What was written into `file` since it was last emptied."""
    written = file.getvalue()
    file.seek(0)
    file.truncate()
    return written
