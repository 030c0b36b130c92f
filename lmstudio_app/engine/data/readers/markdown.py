"""Markdown: one file is one document, its marks kept as they are, titled by its first heading."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

from lmstudio_app.engine.data.reader import Document, TextSource
from lmstudio_app.engine.registry import Reader, register_reader

_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.+?)[ \t]*#*[ \t]*$|^(\S.*)\r?\n(?:=+|-+)[ \t]*\r?$", re.MULTILINE)
_FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_LONGEST_TITLE = 200


def read(source: TextSource) -> Iterator[Document]:
    """The file as one document. What Markdown writes with marks is text to learn from, so nothing is taken out."""
    pieces = source.pieces()
    first = next(pieces, "")
    yield Document(_title(first) or source.path.name, chain([first], pieces))


def _title(text: str) -> str:
    heading = _HEADING.search(_FENCE.sub("", text[:20_000]))
    return (heading[1] or heading[2]).strip()[:_LONGEST_TITLE] if heading else ""


READER = register_reader(Reader("markdown", "Markdown", (".md", ".markdown", ".mdown"), read))
