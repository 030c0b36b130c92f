"""Several tokenizers on one corpus, side by side; and one on a text that a person types."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from lmstudio_app.engine.data.merging import tokenizer_merges
from lmstudio_app.engine.data.saved_tokenizers import saved_beside
from lmstudio_app.engine.data.splits import SPLITS
from lmstudio_app.engine.data.text_pieces import even_parts, text_pieces
from lmstudio_app.engine.data.tokenizer import Kind, Tokenizer, TokenizerSettings
from lmstudio_app.engine.data.tokenizer_learning import learn_from
from lmstudio_app.engine.data.words import count_words
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import Event, Progress, TokenizerMeasured
from lmstudio_app.engine.settings import SettingsError, read

if TYPE_CHECKING:
    from lmstudio_app.engine.data.corpus import Corpus
    from lmstudio_app.engine.workspace import Workspace

MEASURED_BYTES = 16_000_000
"""Bytes of text on which tokenizers are compared at most, taken evenly from all over the training split."""


@dataclass(frozen=True)
class ShownToken:
    """One token of a text: its id, what it adds to the text, the bytes it stands for, and after which merge it was
    there (0: it was there from the start; None: its tokenizer does not merge)."""

    token: int
    piece: str
    spelling: bytes
    merge: int | None


def compare_tokenizers(corpus: Corpus, chosen: Sequence[tuple[str, Tokenizer | TokenizerSettings]]) -> Iterator[Event]:
    """Cut the text of `corpus` with each of `chosen`, (name, tokenizer or the settings of one to learn from it first).

    Yields `Progress` and a `TokenizerMeasured` for each. Raises `UserError`.
    """
    large = corpus.statistics.bytes > MEASURED_BYTES
    total = MEASURED_BYTES if large else corpus.statistics.bytes

    def texts() -> list[Iterator[str]]:
        if large:
            return [even_parts(corpus.text_path("training"), MEASURED_BYTES)]
        return [text_pieces(corpus.text_path(split)) for split in SPLITS]  # no token goes across a cut

    words = sum(count_words(piece) for pieces in texts() for piece in pieces)
    for name, one in chosen:
        tokenizer = (yield from _learned(corpus, one)) if isinstance(one, TokenizerSettings) else one
        yield from _measured(name, tokenizer, texts(), words, total)


def _measured(
    name: str, tokenizer: Tokenizer, texts: Sequence[Iterator[str]], words: int, total: int
) -> Iterator[Event]:
    import numpy as np

    counts = np.zeros(tokenizer.vocabulary, dtype=np.int64)
    read = [0]

    def watched(pieces: Iterator[str]) -> Iterator[str]:
        for piece in pieces:
            read[0] += len(piece.encode("utf-8"))
            yield piece

    for part in chain.from_iterable(tokenizer.encode_pieces(watched(pieces)) for pieces in texts):
        counts += np.bincount(part, minlength=tokenizer.vocabulary)
        yield Progress("Cutting into tokens", min(read[0], total), total, "bytes")
    tokens = int(counts.sum())
    unknown = int(counts[tokenizer.unknown]) if tokenizer.unknown is not None else 0
    yield TokenizerMeasured(
        name,
        tokenizer.kind,
        tokenizer.vocabulary,
        tokens,
        read[0] / max(1, tokens),
        tokens / max(1, words),
        unknown / max(1, tokens),
        int((counts > 0).sum()),
    )


def _learned(corpus: Corpus, settings: TokenizerSettings) -> Generator[Event, None, Tokenizer]:
    if (made := corpus.made_tokenization(settings)) is not None:
        return made.tokenizer
    if settings.kind == "saved":
        return Tokenizer.load(saved_beside(corpus.folder, settings.saved), foreign=True)
    with tempfile.TemporaryDirectory() as folder:
        return (yield from learn_from(settings, [corpus.text_path("training")], Path(folder) / "tokenizer.json"))


def chosen_tokenizer(workspace: Workspace, words: str) -> Tokenizer | TokenizerSettings:
    """What a person means: a saved tokenizer by name, or a kind with the size of its vocabulary, as in "bpe-4096".

    Raises `UserError`.
    """
    if words in workspace.tokenizers():
        return workspace.tokenizer(words)
    kind, _, vocabulary = words.partition("-")
    if kind in get_args(Kind) and kind != "saved":
        try:
            return read(TokenizerSettings, {"kind": kind} | ({"vocabulary": vocabulary} if vocabulary else {}))
        except SettingsError as error:
            raise UserError("“{words}”: {sentence}", words=words, sentence=str(error)) from error
    known = [*workspace.tokenizers(), *(kind for kind in get_args(Kind) if kind != "saved")]
    raise UserError(
        "“{words}” is neither a saved tokenizer nor a kind with a vocabulary, as in bpe-4096. There are: {known}.",
        field="tokenizer",
        choices=known,
        words=words,
        known=", ".join(known),
    )


def show_tokens(tokenizer: Tokenizer, text: str) -> list[ShownToken]:
    """The tokens of `text`. Raises `UserError` when it holds half a character."""
    ids = tokenizer.encode(text).tolist()
    try:
        made = {left + right: number for number, (left, right) in enumerate(tokenizer_merges(tokenizer), 1)}
    except ValueError:
        made = None
    spellings = [tokenizer.spelling(token) for token in ids]
    merges = [None if made is None else made.get(spelling, 0) for spelling in spellings]
    return [ShownToken(*one) for one in zip(ids, tokenizer.pieces(ids), spellings, merges, strict=True)]


def search_vocabulary(tokenizer: Tokenizer, letters: str) -> list[int]:
    """The tokens that have `letters` in them, upper and lower case alike, the shortest first."""
    wanted = letters.lower().encode("utf-8", "replace")
    found = [token for token in range(tokenizer.vocabulary) if wanted in _lower(tokenizer.spelling(token))]
    return sorted(found, key=lambda token: (len(tokenizer.spelling(token)), token))


def _lower(spelling: bytes) -> bytes:
    try:
        return spelling.decode("utf-8").lower().encode("utf-8")
    except UnicodeDecodeError:  # a part of a character
        return spelling
