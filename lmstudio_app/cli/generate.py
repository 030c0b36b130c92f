"""`generate`: let a trained run write text."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Annotated, Any

from cyclopts import App, Parameter

from lmstudio_app.cli.options import with_options
from lmstudio_app.cli.terminal import Terminal, harmless
from lmstudio_app.engine.events import GenerationEnded, PromptRead, TokenWritten
from lmstudio_app.engine.generation.settings import SamplingSettings
from lmstudio_app.engine.settings import SettingsError, declarations, read

OPTION_NAMES = {"length": "tokens", "top_k": "top-k", "top_p": "top-p"}


def register(app: App, terminal: Terminal) -> None:
    """Add the command to `app`."""

    def generate(
        run: str,
        *,
        prompt: Annotated[str, Parameter(help="The text to go on from.", allow_leading_hyphen=True)] = "",
        checkpoint: Annotated[str, Parameter(help="best, last, or a step.")] = "best",
        options: dict[str, Any],
    ) -> None:
        """Write text with a trained run."""
        from lmstudio_app.engine import pipeline

        sampling = _read(options)
        opened = terminal.workspace().run(run)
        written: list[int] = []
        probabilities: list[float] = []
        for event in pipeline.generate(opened, prompt, sampling, checkpoint=checkpoint, heard=terminal.heard):
            if isinstance(event, PromptRead):
                prompt_tokens = len(event.tokens)
                if not terminal.json:
                    sys.stdout.write(harmless(prompt))
            elif isinstance(event, TokenWritten):
                written.append(event.token)
                probabilities.append(event.probability)
                if not terminal.json:
                    sys.stdout.write(harmless(event.text))
                    sys.stdout.flush()
            elif isinstance(event, GenerationEnded):
                end = event
        if not terminal.json:
            print()
            return
        terminal.result(
            {
                "run": run,
                "step": terminal.step,
                "prompt": prompt,
                "text": end.text,
                "tokens": end.tokens,
                "prompt_tokens": prompt_tokens,
            }
            | {"token_ids": written, "probabilities": probabilities, "seconds": end.seconds, "reason": end.reason}
        )

    app.command(with_options(generate, declarations(SamplingSettings), OPTION_NAMES))


def _read(options: dict[str, Any]) -> SamplingSettings:
    """The settings; a mistake in one is told under the name of its option."""
    try:
        return read(SamplingSettings, options)
    except SettingsError as error:
        raise SettingsError(
            [replace(p, field="tokens") if p.field == "length" else p for p in error.problems]
        ) from None
