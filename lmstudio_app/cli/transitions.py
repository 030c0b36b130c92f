"""`transitions`: what follows what in a trained n-gram model, as a table, a picture or numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from lmstudio_app.cli.options import Place
from lmstudio_app.cli.terminal import Terminal, harmless

if TYPE_CHECKING:
    from lmstudio_app.engine.inspection.transitions import Transitions

LIKELIEST = 8
"""How many next tokens the table for a person names after each context."""


def register(app: App, terminal: Terminal) -> None:
    """Add the command to `app`."""

    @app.command
    def transitions(
        run: str,
        *,
        context: Annotated[
            str, Parameter(help="Show what follows this text and its ends.", allow_leading_hyphen=True)
        ] = "",
        top: Annotated[int | None, Parameter(help="How many tokens to show. [default 64]", show_default=False)] = None,
        out: Annotated[Place | None, Parameter(help="Write the matrix here: .png, .svg or .csv.")] = None,
        checkpoint: Annotated[str, Parameter(help="best, last, or a step.")] = "best",
    ) -> None:
        """Show how probable each token is after each of the most frequent ones, or after a context."""
        from lmstudio_app.engine import pipeline

        if out is not None:
            pipeline.check_transitions_format(out)
        opened = terminal.workspace().run(run)
        shown = pipeline.transitions(opened, context, top, checkpoint=checkpoint, heard=terminal.heard)
        if out is not None:
            pipeline.save_transitions(shown, out, title=run)
        if shown.cut:
            terminal.note(f"The model looks back {shown.lengths[0]} tokens, so the first {shown.cut} were left out.")
        if terminal.json:
            terminal.result({"run": run, "step": terminal.step, "file": out and str(out.resolve()), **_values(shown)})
        elif out is not None:
            terminal.say(f"Wrote {out}: {len(shown.contexts)} contexts × {len(shown.tokens)} next tokens.")
        else:
            terminal.table(
                ["context", "seen", "others", "next tokens, the likeliest first"], _rows(shown), "There are none."
            )


def _values(shown: Transitions) -> dict[str, Any]:
    return {
        "contexts": shown.contexts,
        "tokens": shown.tokens,
        "probabilities": shown.probabilities.tolist(),
        "others": shown.others.tolist(),
        "lengths": shown.lengths,
        "seen": shown.seen,
        "cut": shown.cut,
    }


def _rows(shown: Transitions) -> list[tuple[str, str, str, str]]:
    """For each context whether it was ever followed by something, the chance of all tokens that are not shown, and what
    follows it."""
    from lmstudio_app.engine.figures import visible

    rows = []
    for place, chances in enumerate(shown.probabilities):
        likeliest = [column for column in (-chances).argsort(kind="stable")[:LIKELIEST] if chances[column] > 0]
        words = "  ".join(f"{visible(shown.tokens[column])} {chances[column]:.3f}" for column in likeliest)
        seen = "yes" if shown.seen[place] == shown.lengths[place] else f"its last {shown.seen[place]}"
        others = f"{shown.others[place]:.3f}"
        rows.append((harmless(visible(shown.contexts[place])), seen, others, harmless(words)))
    return rows
