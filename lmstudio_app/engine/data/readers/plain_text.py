"""Plain text: one file is one document. Files with an unknown ending are read so too."""

from __future__ import annotations

from collections.abc import Iterator

from lmstudio_app.engine.data.reader import Document, TextSource
from lmstudio_app.engine.registry import Reader, register_reader


def read(source: TextSource) -> Iterator[Document]:
    """The file as one document named after it."""
    yield Document(source.path.name, source.pieces())


READER = register_reader(Reader("plain_text", "Plain text", (".txt", ".text", ".log"), read))
