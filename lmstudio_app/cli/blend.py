"""`blend`: several finished runs as one model."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from lmstudio_app.cli.terminal import Terminal
from lmstudio_app.cli.train import follow


def register(app: App, terminal: Terminal) -> None:
    """Add the command to `app`."""

    @app.command
    def blend(
        *runs: str,
        name: Annotated[str | None, Parameter(help="What the new run is called. [default: a number]")] = None,
        checkpoint: Annotated[str, Parameter(help="Of each run: best, last, or a step.")] = "best",
        held_out: Annotated[
            float | None,
            Parameter(
                help="Fit the shares on this share of the training text, at its end. [default: what the runs "
                "held out, else 0.1]",
                show_default=False,
            ),
        ] = None,
    ) -> None:
        """Mix the probabilities of two or more runs with one tokenizer; their shares are fitted on training text."""
        from lmstudio_app.engine import pipeline

        run = pipeline.blend(terminal.workspace(), runs, name=name, checkpoint=checkpoint, held_out=held_out)
        follow(terminal, run)
        if not terminal.json:
            shares = [(part, f"{100 * share:.1f} %") for part, share in pipeline.shares(run)]
            terminal.table(["run", "share"], shares, "It has no shares yet.")
