"""Web pages: the text that a reader sees, a line for each block; scripts, styles and the head are left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from lmstudio_app.engine.data.reader import Document, TextSource
from lmstudio_app.engine.registry import Reader, register_reader

_UNSEEN = frozenset({"script", "style", "head", "noscript", "template", "svg", "math", "iframe", "object", "select"})
_SPACED = frozenset({
    "article", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "ol", "p", "pre", "section", "table", "ul",
})  # fmt: skip
_BLOCKS = _SPACED | {
    "address", "aside", "body", "br", "dd", "details", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer",
    "form", "header", "hr", "html", "li", "main", "nav", "summary", "tbody", "td", "tfoot", "th", "thead", "tr",
}  # fmt: skip
_WHITE = re.compile(r"[ \t\r\n\f]+")


def read(source: TextSource) -> Iterator[Document]:
    """The page as one document, titled by its title."""
    page = _Page()
    parts: list[str] = []
    for piece in source.pieces():
        page.feed(piece)
        parts.append(page.taken())
    page.close()
    parts.append(page.taken())
    text = re.sub(r"\n{3,}", "\n\n", "".join(parts)).strip()
    yield Document(" ".join(page.title.split()) or source.path.name, (text + "\n" if text else "",))


class _Page(HTMLParser):
    """Gathers what is seen."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title = ""
        self._parts: list[str] = []
        self._unseen: list[str] = []
        self._in_title = False
        self._kept_spaces = 0
        self._line_open = False

    def taken(self) -> str:
        """What was gathered since the last time."""
        parts, self._parts = self._parts, []
        return "".join(parts)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A block begins a line."""
        self._in_title = tag == "title" and not self.title
        if tag == "body":  # a head that is never closed ends here
            self._unseen.clear()
        if tag in _UNSEEN:
            self._unseen.append(tag)
        self._kept_spaces += tag == "pre"
        self._break(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """`<br/>` breaks the line; nothing else that is closed at once has text."""
        self._break(tag)

    def handle_endtag(self, tag: str) -> None:
        """A block ends its line."""
        self._in_title = False
        if tag in self._unseen:
            while self._unseen.pop() != tag:
                pass
        self._kept_spaces = max(0, self._kept_spaces - (tag == "pre"))
        self._break(tag)

    def handle_data(self, data: str) -> None:
        """White space counts as one space, except in `pre`."""
        if self._in_title:
            self.title += data
        if self._unseen or self._in_title:
            return
        text = data if self._kept_spaces else _WHITE.sub(" ", data)
        if not self._line_open:
            text = text if self._kept_spaces else text.lstrip(" ")
        if text:
            self._parts.append(text)
            self._line_open = not text.endswith("\n")

    def _break(self, tag: str) -> None:
        if tag in _BLOCKS and not self._unseen:
            if self._line_open:
                self._parts.append("\n")
            self._line_open = False
            if tag in _SPACED:
                self._parts.append("\n")


def looks(head: str) -> bool:
    """Does a file begin as a web page does?"""
    return re.match(r"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<(!doctype\s+html|html)\b", head, re.I | re.S) is not None


READER = register_reader(Reader("html", "Web page", (".html", ".htm", ".xhtml"), read, looks))
