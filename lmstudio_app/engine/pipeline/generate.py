"""Write text with a trained run, or with one that is still training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from lmstudio_app.engine.events import Event, GenerationEnded, PromptRead, TokenWritten
from lmstudio_app.engine.generation.settings import SamplingSettings
from lmstudio_app.engine.pipeline.opening import open_model

if TYPE_CHECKING:
    from lmstudio_app.engine.model import Model
    from lmstudio_app.engine.run import Run


def generate(
    run: Run,
    prompt: str,
    settings: SamplingSettings,
    stopping: Callable[[], bool] | None = None,
    snapshot: Model | None = None,
    *,
    checkpoint: str | int = "best",
    device: str = "auto",
    heard: Callable[[Event], None] | None = None,
) -> Iterator[PromptRead | TokenWritten | GenerationEnded]:
    """Read `prompt`, then write token by token until the length, the stop text, or until `stopping()` says so.

    The model is `snapshot` where a running training gave one, else what `checkpoint` holds ("best", "last" or a step).
    `heard` is told which checkpoint was read, and of damaged ones in whose place it was taken.
    Raises `UserError` when the run has no such checkpoint, or the prompt has characters that its vocabulary lacks.
    """
    from lmstudio_app.engine.generation.stream import never, write

    tokenizer = run.tokenizer()
    model = snapshot if snapshot is not None else open_model(run, checkpoint, device, heard)
    yield from write(model, tokenizer, prompt, settings, stopping or never)
