"""Looks at a text with the chosen model: the work that a thread does for the attention of the Inspect pane."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmstudio_app.gui.job_thread import Stopping
from lmstudio_app.gui.model_source import ModelSource, Work
from lmstudio_app.gui.prompt_reading import beginning

if TYPE_CHECKING:
    from lmstudio_app.engine.inspection.trace import Trace
    from lmstudio_app.engine.model import Model
    from lmstudio_app.engine.run import Run

TEXT_CHARACTERS = 60
"""How much of the corpus is looked at until a text is typed."""


@dataclass(frozen=True)
class Seen:
    """What a job saw: the tokens of the whole text, and how the model `run` of a step reads them."""

    run: str
    step: int
    pieces: tuple[str, ...]
    trace: Trace


@dataclass(frozen=True)
class Unseen:
    """Why there is nothing to see: the characters that the vocabulary lacks; where there are none, there is no text."""

    step: int
    missing: tuple[str, ...] = ()


def looking(source: ModelSource, typed: str | None) -> Work:
    """The work of looking at `typed`, or at the beginning of the corpus, which it gives back first."""

    def work(stopping: Stopping, run: Run, model: Model) -> Iterator[str | Seen | Unseen]:
        from lmstudio_app.engine import pipeline

        step = source.step  # where a model in training stands now that its copy is here
        tokenizer = run.tokenizer()
        text = beginning(run, tokenizer, TEXT_CHARACTERS).strip() if typed is None else typed
        if typed is None:
            yield text
        missing = tuple(tokenizer.missing(text))
        pieces = () if missing else tuple(tokenizer.pieces(tokenizer.encode(text)))
        if pieces:
            yield Seen(run.name, step, pieces, pipeline.inspect(run, text, snapshot=model))
        else:
            yield Unseen(step, missing)

    return work
