"""Breaks tokens into lines of a width. Tokens may hold line ends, be parts of a character, or combine with the last."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lmstudio_app.gui.widgets.token_text import NEWLINE, visible

_LOOK_BACK = 60


@dataclass
class Piece:
    """What stands of a token on one line; a long token takes several.

    `shown` is its visible text, `width` its room in pixels.
    """

    token: int
    shown: str
    width: float
    breaks_before: bool


class TokenLines:
    """The pieces of all tokens and where each line starts; tokens can be appended without laying the rest anew."""

    def __init__(self, measure: Callable[[str], float], width: float, *, spaces: bool) -> None:
        """`measure` gives the width of a text; `spaces` shows a dot for each space."""
        self._measure = measure
        self._width = width
        self._spaces = spaces
        self._widths: dict[str, float] = {}
        self.pieces: list[Piece] = []
        self.starts: list[int] = [0]
        """The first piece of each line."""
        self.first_pieces: list[int] = []
        """The first piece of each token."""
        self._used = 0.0
        self._after_newline = False
        self._after_space = False

    def __len__(self) -> int:
        return len(self.starts)

    def append(self, texts: Sequence[str]) -> None:
        """Lay these tokens after the ones there are."""
        for text in texts:
            token = len(self.first_pieces)
            self.first_pieces.append(len(self.pieces))
            parts = text.split("\n") if "\n" in text else [text]
            for number, part in enumerate(parts):
                ends_line = number < len(parts) - 1
                if not ends_line and not part and number:
                    break  # a token that ends with a line's end has nothing on the next line
                self._lay(token, part, ends_line)

    def line(self, number: int) -> list[Piece]:
        """The pieces of a line."""
        end = self.starts[number + 1] if number + 1 < len(self.starts) else len(self.pieces)
        return self.pieces[self.starts[number] : end]

    def line_of(self, token: int) -> int:
        """The line on which a token starts."""
        return bisect_right(self.starts, self.first_pieces[token]) - 1

    def last_line_of(self, token: int) -> int:
        """The line on which a token ends."""
        following = token + 1 < len(self.first_pieces)
        end = self.first_pieces[token + 1] if following else len(self.pieces)
        return bisect_right(self.starts, end - 1) - 1

    def _lay(self, token: int, part: str, ends_line: bool) -> None:
        shown = visible(part, spaces=self._spaces) if part or not ends_line else ""
        if ends_line:
            shown += NEWLINE
        breaks_before = self._after_space or (part[:1] == " " and len(part) > 1)
        self._after_space = part.isspace() if part else False
        for place, chunk in enumerate(self._chunks(shown)):
            self._add(Piece(token, chunk, self._room(chunk), breaks_before or place > 0))
        self._after_newline = ends_line

    def _add(self, piece: Piece) -> None:
        if self._after_newline:
            self._start_line(len(self.pieces))
            self._after_newline = False
        elif self._used + piece.width > self._width and self._used > 0:
            self._wrap(piece)
        self.pieces.append(piece)
        self._used += piece.width

    def _room(self, shown: str) -> float:
        if shown not in self._widths:
            self._widths[shown] = self._measure(shown)
        return self._widths[shown]

    def _chunks(self, shown: str) -> list[str]:
        """`shown` in parts that fit on a line; nearly every token is one. A mark stays with what it combines with."""
        if self._room(shown) <= self._width:
            return [shown]
        chunks, start = [], 0
        while start < len(shown):
            lengths = range(1, len(shown) - start + 1)
            fitting = bisect_right(
                lengths, self._width, key=lambda length: self._measure(shown[start : start + length])
            )
            end = start + max(1, fitting)
            while start + 1 < end < len(shown) and unicodedata.combining(shown[end]):
                end -= 1
            chunks.append(shown[start:end])
            start = end
        return chunks

    def _start_line(self, piece: int) -> None:
        self.starts.append(piece)
        self._used = 0.0

    def _wrap(self, piece: Piece) -> None:
        """Start a line before the last word if it began on this line, else right here."""
        count, moved = len(self.pieces), 0.0
        if not piece.breaks_before:
            for place in range(count - 1, max(self.starts[-1], count - _LOOK_BACK), -1):
                moved += self.pieces[place].width
                if self.pieces[place].breaks_before and moved + piece.width <= self._width:
                    self._start_line(place)
                    self._used = moved
                    return
        self._start_line(count)
