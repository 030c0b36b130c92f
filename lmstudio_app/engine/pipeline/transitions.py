"""Transitions: what a trained model of counts expects after each context, as a matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmstudio_app.engine.pipeline.opening import open_model

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmstudio_app.engine.events import Event
    from lmstudio_app.engine.inspection.transitions import Transitions
    from lmstudio_app.engine.model import Model
    from lmstudio_app.engine.run import Run


def transitions(
    run: Run,
    context: str = "",
    top: int | None = None,
    snapshot: Model | None = None,
    *,
    checkpoint: str | int = "best",
    heard: Callable[[Event], None] | None = None,
) -> Transitions:
    """The transitions of `run` between its `top` most frequent tokens, or after `context` and its ends.

    The model is `snapshot` where a running training gave one, else what `checkpoint` holds ("best", "last" or a step).
    `heard` is told which checkpoint was read, and of damaged ones in whose place it was taken.
    Raises `UserError` when the family does not count, the context has characters that the run's vocabulary lacks, or
    there is no such checkpoint.
    """
    from lmstudio_app.engine.inspection import transitions as inspection

    if "transitions" not in run.config.described.offers:
        raise inspection.without_transitions()
    tokenizer = run.tokenizer()
    model = snapshot if snapshot is not None else open_model(run, checkpoint, heard=heard)
    return inspection.transitions(model, tokenizer, context, inspection.SHOWN if top is None else top)
