"""`evaluate`: how well a trained run foretells a text."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from lmstudio_app.cli.options import Place
from lmstudio_app.cli.terminal import Terminal
from lmstudio_app.engine.data.splits import Split
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import Evaluated, Progress


def register(app: App, terminal: Terminal) -> None:
    """Add the command to `app`."""

    @app.command
    def evaluate(
        run: str,
        *,
        split: Annotated[Split | None, Parameter(help="The split to score; by default the test split.")] = None,
        text_file: Annotated[Place | None, Parameter(help="Score this file instead of a split.")] = None,
        encoding: Annotated[
            str | None, Parameter(help="Read the file in this encoding instead of the detected one.")
        ] = None,
        checkpoint: Annotated[str, Parameter(help="best, last, or a step.")] = "best",
    ) -> None:
        """Score a run on held-out text, in bits per byte."""
        from lmstudio_app.engine import pipeline

        if split is not None and text_file is not None:
            raise UserError("--split: leave it out; the file of --text-file is no split.", field="split")
        split = split or "test"
        opened = terminal.workspace().run(run)
        with terminal.bars() as bars:
            task = bars.add_task("Scoring", total=None, rate="") if bars is not None else None
            for event in pipeline.evaluate(
                opened, split, text_file=text_file, encoding=encoding, checkpoint=checkpoint, heard=terminal.heard
            ):
                if isinstance(event, Progress) and bars is not None and task is not None:
                    bars.update(task, completed=event.done, total=event.total, rate=f"{event.done:,} {event.unit}")
                if isinstance(event, Evaluated):
                    scores = event
        source = str(text_file) if text_file is not None else split
        figures = {name: value for name, value in scores.to_json().items() if name != "event"}
        terminal.result({"run": run, "step": terminal.step, "text": source, **figures})
