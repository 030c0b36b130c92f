"""Score a trained run on held-out text: loss, perplexity, bits per byte."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmstudio_app.engine.data.splits import SPLITS, Split
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import Evaluated, Event, Progress
from lmstudio_app.engine.pipeline.opening import open_model
from lmstudio_app.engine.storage.atomic import present

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lmstudio_app.engine.data.cleaning import CleaningSettings
    from lmstudio_app.engine.run import Run


@dataclass(frozen=True)
class _Text:
    """A text in tokens (N,), with the bytes of its UTF-8 and those of characters that the vocabulary lacks."""

    tokens: NDArray[np.integer[Any]]
    bytes: int
    unknown_bytes: int


def evaluate(
    run: Run,
    split: Split = "test",
    *,
    text: str | None = None,
    text_file: Path | None = None,
    encoding: str | None = None,
    checkpoint: str | int = "best",
    device: str = "auto",
    heard: Callable[[Event], None] | None = None,
) -> Iterator[Progress | Evaluated]:
    """Score `checkpoint` of `run` on a split of its corpus, or on `text`, or on the text in `text_file`.

    The text in a file or in `text` is cleaned as the run's corpus was. Ends with `Evaluated`. `heard`
    hears of damaged checkpoints in place of which an older one is taken. Raises `UserError` when
    the corpus is gone or has changed, the file cannot be read, or there is no such checkpoint.
    """
    from lmstudio_app.engine.evaluation.likelihood import method, parts, scores
    from lmstudio_app.engine.model import Likelihood

    if text_file is not None:
        text = _read(text_file, encoding)
    scored = _of_split(run, split) if text is None else _of_text(run, text)
    model = open_model(run, checkpoint, device, heard)
    total = Likelihood(0.0, 0)
    yield Progress("Scoring", 0, len(scored.tokens), "tokens")
    for part in parts(model, scored.tokens):
        total += part
        yield Progress("Scoring", total.tokens, len(scored.tokens), "tokens")
    family = run.config.described
    words = method(model.context, family.learning, family.score_note(run.config.model))
    yield scores(total, scored.bytes, scored.unknown_bytes, words)


def _of_split(run: Run, split: Split) -> _Text:
    from lmstudio_app.engine.data.corpus import Corpus

    if split not in SPLITS:
        raise UserError(
            "There is no split “{split}”. Choose one of: {known}.",
            field="split",
            choices=SPLITS,
            split=split,
            known=", ".join(SPLITS),
        )
    if not present(run.corpus_folder):
        raise UserError(
            "The corpus “{corpus}” of the run “{run}” is not in the workspace. Put it back, or score a text file.",
            corpus=run.config.corpus,
            run=run.name,
        )
    corpus = Corpus.open(run.corpus_folder)
    if run.config.corpus_hash and corpus.data_hash != run.config.corpus_hash:
        raise UserError(
            "The corpus “{corpus}” has changed since the run “{run}” learned from it, so its splits may hold text that "
            "the run has seen. Score a text file instead, or train a new run.",
            corpus=corpus.name,
            run=run.name,
        )
    store = corpus.tokenization(run.config.tokenizer).store
    return _Text(store.split(split), store.bytes(split), store.unknown_bytes(split))


def _of_text(run: Run, text: str) -> _Text:
    from lmstudio_app.engine.data.cleaning import clean

    tokenizer = run.tokenizer()
    text, _ = clean(text, _cleaning(run))
    tokens = tokenizer.encode(text)
    size = len(tokenizer.seen(text).encode("utf-8"))
    return _Text(tokens, size, max(0, size - int(tokenizer.byte_lengths[tokens].sum())))


def _read(path: Path, encoding: str | None) -> str:
    from lmstudio_app.engine.data.reader import documents

    return "".join(document.text for document in documents(path, encoding))


def _cleaning(run: Run) -> CleaningSettings:
    """How the run's corpus was cleaned; the usual way where the corpus is gone."""
    from lmstudio_app.engine.data.cleaning import CleaningSettings
    from lmstudio_app.engine.data.corpus import Corpus

    try:
        return Corpus.open(run.corpus_folder).settings.cleaning
    except UserError:
        return CleaningSettings()
