"""`runs`: what has been trained in the workspace."""

from __future__ import annotations

from cyclopts import App

from lmstudio_app.cli.terminal import Terminal

COLUMNS = ("Name", "Model", "Parameters", "Corpus", "Best, bits/byte", "Steps", "Time", "State")


def register(app: App, terminal: Terminal) -> None:
    """Add the command to `app`."""

    @app.command
    def runs() -> None:
        """All runs of the workspace, newest first."""
        summaries = terminal.workspace().runs()
        if terminal.json:
            terminal.result({"runs": [summary.to_json() for summary in summaries]})
            return
        rows = [
            (
                s.name,
                f"{s.family} {s.outline}",
                f"{s.parameters:,}",
                s.corpus,
                "–" if s.best_bits_per_byte is None else f"{s.best_bits_per_byte:.3f}",
                f"{s.step:,} / {s.steps:,}",
                duration(s.seconds),
                s.state,
            )
            for s in summaries
        ]
        first = terminal.command("train", "--corpus", "NAME", "--family", "gpt")
        terminal.table(COLUMNS, rows, f"No runs yet. Train one with: {first}")
        for summary in summaries:
            if summary.reason:
                terminal.note(f"{summary.name}: {summary.reason}")


def duration(seconds: float) -> str:
    """A time in words: "8 s", "3 min 12 s", "2 h 5 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
