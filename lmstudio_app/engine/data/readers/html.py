"""Web pages: the text that a reader sees, a line for each block; scripts, styles and the head are left out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lmstudio_app.engine.data.page_text import text_of_page
from lmstudio_app.engine.data.reader import Document, TextSource
from lmstudio_app.engine.registry import Reader, register_reader


def read(source: TextSource) -> Iterator[Document]:
    """The page as one document, titled by its title."""
    title, text = text_of_page(source.pieces())
    yield Document(title or source.path.name, (text,))


def looks(head: str) -> bool:
    """Does a file begin as a web page does?"""
    return re.match(r"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<(!doctype\s+html|html)\b", head, re.I | re.S) is not None


READER = register_reader(Reader("html", "Web page", (".html", ".htm", ".xhtml"), read, looks))
