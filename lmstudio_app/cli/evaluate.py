"""`evaluate`: how well a trained run foretells a text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from lmstudio_app.cli.terminal import Terminal
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import Evaluated, Progress

SPLITS = ("training", "validation", "test")


def register(app: App, terminal: Terminal) -> None:
    """Add the command to `app`."""

    @app.command
    def evaluate(
        run: str,
        *,
        split: Annotated[str | None, Parameter(help="training, validation or test (the default).")] = None,
        text_file: Annotated[Path | None, Parameter(help="Score this file instead of a split.")] = None,
        checkpoint: Annotated[str, Parameter(help="best, last, or a step.")] = "best",
    ) -> None:
        """Score a run on held-out text, in bits per byte."""
        from lmstudio_app.engine import pipeline

        if split is not None and text_file is not None:
            raise UserError("Choose either --split or --text-file, not both.", field="text-file")
        if split not in (None, *SPLITS):
            raise UserError(
                "--split: “{split}” is not one of {known}.",
                field="split",
                choices=SPLITS,
                split=split,
                known=", ".join(SPLITS),
            )
        opened = terminal.workspace().run(run)
        with terminal.bars() as bars:
            task = bars.add_task("Scoring", total=None, rate="") if bars is not None else None
            for event in pipeline.evaluate(opened, split=split or "test", text_file=text_file, checkpoint=checkpoint):
                if isinstance(event, Progress) and bars is not None and task is not None:
                    bars.update(task, completed=event.done, total=event.total, rate=f"{event.done:,} {event.unit}")
                if isinstance(event, Evaluated):
                    scores = event
        source = str(text_file) if text_file is not None else split or "test"
        terminal.result({"run": run, "text": source, **{k: v for k, v in scores.to_json().items() if k != "event"}})
