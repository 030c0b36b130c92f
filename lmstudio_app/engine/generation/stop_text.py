"""Ends a text before a given piece of text, which may span several tokens."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from lmstudio_app.engine.events import TokenWritten


class StopText:
    """Holds tokens back as long as their text may be the beginning of `stop`.

    Tokens that are released carry their own text, so what is shown is always what was written, and nothing of the stop
    text is ever shown and taken back.
    """

    def __init__(self, stop: str) -> None:
        self.found = False
        self._stop = stop
        self._held: list[TokenWritten] = []

    def push(self, token: TokenWritten) -> Sequence[TokenWritten]:
        """Take the next token; give those that may be shown now. When the stop text came up, `found` is set and the
        token in which it begins is cut short, or left out when nothing of it remains."""
        self._held.append(token)
        text = "".join(held.text for held in self._held)
        place = text.find(self._stop) if self._stop else -1
        if place >= 0:
            self.found = True
            return self._before(place)
        return self._release(len(text) - self._beginning_at_end(text))

    def flush(self) -> Sequence[TokenWritten]:
        """The tokens still held, when nothing follows them."""
        held, self._held = self._held, []
        return held

    def _beginning_at_end(self, text: str) -> int:
        """How many characters at the end of `text` are a beginning of the stop text."""
        longest = min(len(text), len(self._stop) - 1)
        return next((n for n in range(longest, 0, -1) if text.endswith(self._stop[:n])), 0)

    def _release(self, characters: int) -> Sequence[TokenWritten]:
        """The tokens that lie whole within the first `characters` held."""
        end, count = 0, 0
        for token in self._held:
            end += len(token.text)
            if end > characters:
                break
            count += 1
        released, self._held = self._held[:count], self._held[count:]
        return released

    def _before(self, place: int) -> Sequence[TokenWritten]:
        """The tokens before character `place` of those held, the last one cut there; the rest is dropped."""
        released: list[TokenWritten] = []
        end = 0
        for token in self._held:
            if end >= place:
                break
            released.append(dataclasses.replace(token, text=token.text[: place - end]))
            end += len(token.text)
        self._held = []
        return released
