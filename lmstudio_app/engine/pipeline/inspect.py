"""Inspect: what every head of a trained Transformer looks at while it reads a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmstudio_app.engine.pipeline.opening import open_model

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmstudio_app.engine.events import Event
    from lmstudio_app.engine.inspection.trace import Trace
    from lmstudio_app.engine.model import Model
    from lmstudio_app.engine.run import Run


def inspect(
    run: Run,
    text: str,
    snapshot: Model | None = None,
    *,
    checkpoint: str | int = "best",
    device: str = "auto",
    heard: Callable[[Event], None] | None = None,
) -> Trace:
    """The attention of `run` on `text`.

    The model is `snapshot` where a running training gave one, else what `checkpoint` holds ("best", "last" or a step).
    `heard` is told which checkpoint was read, and of damaged ones in whose place it was taken.
    Raises `UserError` when the family has no attention, the text has characters that the run's vocabulary lacks, or
    there is no such checkpoint.
    """
    from lmstudio_app.engine.inspection.capture import capture, without_attention

    if "attention" not in run.config.described.offers:
        raise without_attention()
    tokenizer = run.tokenizer()
    model = snapshot if snapshot is not None else open_model(run, checkpoint, device, heard)
    return capture(model, tokenizer, text)
