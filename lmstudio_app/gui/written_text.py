"""A text that a model has written: its tokens, how likely each was, and what else could have stood there.

Places count from 0 in the whole text, the prompt included.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lmstudio_app.engine.events import PromptRead, TokenWritten
from lmstudio_app.engine.generation.settings import SamplingSettings
from lmstudio_app.gui.widgets.surprise_bars import LEAST_CHANCE, surprise

if TYPE_CHECKING:
    from lmstudio_app.engine.run import Run


@dataclass(frozen=True)
class Alternative:
    """A token that could have stood at a place: its probability as the model gave it, and after the sampler; `mine`
    marks the one that was written."""

    text: str
    before: float
    after: float
    mine: bool = False


@dataclass
class WrittenText:
    """What the events of one generation amount to; `run` wrote it, `settings` are those of its sampler."""

    run: Run
    read: PromptRead
    settings: SamplingSettings
    tokens: list[TokenWritten] = field(default_factory=list)

    @property
    def prompt_tokens(self) -> int:
        """How many tokens the prompt has."""
        return len(self.read.tokens)

    def token_at(self, place: int) -> TokenWritten | None:
        """The written token at a place; None where the prompt is, and beyond the end."""
        number = place - self.prompt_tokens
        return self.tokens[number] if 0 <= number < len(self.tokens) else None

    def written_before(self, place: int) -> list[int]:
        """The ids of the written tokens before a place."""
        return [token.token for token in self.tokens[: max(0, place - self.prompt_tokens)]]

    def texts_before(self, place: int, count: int) -> list[str]:
        """The texts of the last `count` tokens before a place."""
        first = max(0, place - count)
        written = self.tokens[max(0, first - self.prompt_tokens) : max(0, place - self.prompt_tokens)]
        return [*self.read.pieces[first:place], *(token.text for token in written)]

    def chance(self, place: int) -> float:
        """The probability that the model gave the token at a place."""
        token = self.token_at(place)
        return token.probability if token is not None else math.exp(-self.read.nats[place])

    def bits(self, place: int) -> float:
        """The surprise of the token at a place, in bits."""
        return surprise(self.chance(place))

    def parts(self, place: int) -> list[tuple[str, float]]:
        """The runs of a blend, each with its share in the token at a written place; none for any other model."""
        token = self.token_at(place)
        return list(zip(self.read.parts, token.parts, strict=True)) if token is not None and token.parts else []

    def alternatives(self, place: int) -> list[Alternative]:
        """The likeliest tokens at a written place, the written one among them (at the end where it was none of them);
        nothing in the prompt."""
        token = self.token_at(place)
        if token is None:
            return []
        rows = [Alternative(text, before, after) for text, before, after in token.alternatives]
        mine = next((n for n, row in enumerate(rows) if row.before == token.probability and self._is(row, token)), -1)
        if mine >= 0:
            row = rows[mine]
            rows[mine] = Alternative(row.text, row.before, row.after, mine=True)
            return rows
        return [*rows, Alternative(token.text, token.probability, self._after(token), mine=True)]

    @staticmethod
    def _is(row: Alternative, token: TokenWritten) -> bool:
        """Bytes of one character show nothing until it is complete, so an empty text says nothing."""
        return not token.text or row.text == token.text

    def _after(self, token: TokenWritten) -> float:
        """The chance of a token that was drawn, though it was not among the likeliest: the sampler kept it, and it
        keeps ratios up to the temperature."""
        first = next((row for row in token.alternatives if row[2] > 0), None)
        if first is None or self.settings.temperature == 0:
            return 0.0
        _, before, after = first
        return after * math.exp(math.log(max(token.probability, LEAST_CHANCE) / before) / self.settings.temperature)
