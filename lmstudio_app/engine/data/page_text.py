"""The text of a web page that its reader sees: what pages and the chapters of books have in common."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html.parser import HTMLParser

_UNSEEN = frozenset({"script", "style", "head", "noscript", "template", "svg", "math", "iframe", "object", "select"})
_SPACED = frozenset({
    "article", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "ol", "p", "pre", "section", "table", "ul",
})  # fmt: skip
_BLOCKS = _SPACED | {
    "address", "aside", "body", "br", "dd", "details", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer",
    "form", "header", "hr", "html", "li", "main", "nav", "summary", "tbody", "td", "tfoot", "th", "thead", "tr",
}  # fmt: skip
_WHITE = re.compile(r"[ \t\r\n\f]+")


def text_of_page(pieces: Iterable[str]) -> tuple[str, str]:
    """The title of a page that comes in pieces, and its text: a line for each block, a blank one between paragraphs."""
    page = _Page()
    parts: list[str] = []
    for piece in pieces:
        page.feed(piece)
        parts.append(page.taken())
    page.close()
    parts.append(page.taken())
    text = re.sub(r"\n{3,}", "\n\n", "".join(parts)).strip()
    return " ".join(page.title.split()), text + "\n" if text else ""


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
