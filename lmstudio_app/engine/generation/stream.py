"""A text as it is written, token by token.

Shapes: V vocabulary.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from lmstudio_app.engine.data.tokenizer import listed
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import GenerationEnded, PromptRead, TokenWritten
from lmstudio_app.engine.generation.sampling import Sampler, softmax
from lmstudio_app.engine.generation.settings import SamplingSettings
from lmstudio_app.engine.generation.stop_text import StopText
from lmstudio_app.engine.model import Model

ALTERNATIVES = 12
"""How many of the likeliest tokens are reported beside each token written."""


class TextStream(Protocol):
    """Turns tokens into text as they come."""

    def push(self, token: int) -> str:
        """The whole characters that `token` completes; may be empty."""


class Pieces(Protocol):
    """What writing asks of a tokenizer."""

    @property
    def unknown(self) -> int | None:
        """The token that stands for characters the vocabulary lacks, if there is one."""

    def encode(self, text: str) -> NDArray[np.int64]:
        """The tokens (T,) of `text`."""

    def pieces(self, tokens: NDArray[np.int64]) -> Sequence[str]:
        """What each token shows as."""

    def missing(self, text: str) -> Sequence[str]:
        """The characters of `text` that the vocabulary lacks."""

    def stream(self) -> TextStream:
        """A new stream."""


@runtime_checkable
class Mixed(Protocol):
    """A text that several models write together."""

    def parts(self, token: int) -> tuple[float, ...]:
        """Which share of the probability of `token`, coming next, each of them gives."""


def never() -> bool:
    """Go on to the end."""
    return False


def write(
    model: Model,
    tokenizer: Pieces,
    prompt: str,
    settings: SamplingSettings,
    stopping: Callable[[], bool] = never,
) -> Iterator[PromptRead | TokenWritten | GenerationEnded]:
    """Read `prompt` (may be empty), then write until the length, the stop text, or until `stopping()` says so, which is
    asked before every token.

    The texts of all `TokenWritten` make the text of `GenerationEnded`; bytes of a character left unfinished at the end
    are in neither. Raises `UserError` when the prompt has characters that the vocabulary lacks.
    """
    _check_prompt(tokenizer, prompt)
    tokens = np.asarray(tokenizer.encode(prompt), dtype=np.int64)
    yield PromptRead(
        tokens=tuple(tokens.tolist()),
        pieces=tuple(tokenizer.pieces(tokens)),
        nats=tuple(model.score(tokens).tolist()) if len(tokens) else (),
        parts=getattr(model, "parts", ()),
    )
    started, texts, reason = time.perf_counter(), list[str](), "length"
    stop = StopText(settings.stop)
    writing = _draw(model, tokenizer, tokens, settings)
    for _ in range(settings.length):
        if stopping():
            reason = "stopped"
            break
        for token in stop.push(next(writing)):
            texts.append(token.text)
            yield token
        if stop.found:
            reason = "stop text"
            break
    for token in stop.flush():
        texts.append(token.text)
        yield token
    yield GenerationEnded(text="".join(texts), tokens=len(texts), seconds=time.perf_counter() - started, reason=reason)


def _draw(
    model: Model, tokenizer: Pieces, prompt: NDArray[np.int64], settings: SamplingSettings
) -> Iterator[TokenWritten]:
    """One token after another, without end."""
    sampler, stream = Sampler(settings, tokenizer.unknown), tokenizer.stream()
    decoding, texts = model.begin(prompt), dict[int, str]()
    position = 0
    while True:
        logits = decoding.logits
        before, after = softmax(logits), sampler.shape(logits)
        token = sampler.draw(after, position)
        alternatives = []
        for other in _likeliest(before):
            if other not in texts:
                texts[other] = tokenizer.pieces(np.array([other]))[0]
            alternatives.append((texts[other], float(before[other]), float(after[other])))
        parts = decoding.parts(token) if isinstance(decoding, Mixed) else ()
        yield TokenWritten(token, stream.push(token), float(before[token]), tuple(alternatives), parts)
        decoding.advance(token)
        position += 1


def _likeliest(chances: NDArray[np.float64]) -> list[int]:
    """The tokens with the highest probability, highest first."""
    count = min(ALTERNATIVES, len(chances))
    found = np.argpartition(-chances, count - 1)[:count]
    tokens: list[int] = found[np.lexsort((found, -chances[found]))].tolist()
    return tokens


def _check_prompt(tokenizer: Pieces, prompt: str) -> None:
    if missing := list(tokenizer.missing(prompt)):
        raise UserError(
            "The run's vocabulary lacks what is in the prompt: {characters}. Leave it out, or train with a tokenizer "
            "that can spell everything, such as BPE.",
            field="prompt",
            characters=listed(missing),
        )
