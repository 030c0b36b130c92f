"""`bench`: how quick this machine imports, trains and writes."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

from cyclopts import App, Parameter

from lmstudio_app.cli.terminal import Terminal
from lmstudio_app.engine.events import BenchDone, BenchMeasured, Noted, Progress

COLUMNS = ("what", "of", "speed", "threads", "GFLOP/s", "share of a plain product")


def register(app: App, terminal: Terminal) -> None:
    """Add the command to `app`."""

    @app.command
    def bench(
        *,
        family: Annotated[str | None, Parameter(help="Only this family, and no import.")] = None,
        preset: Annotated[str | None, Parameter(help="Only this size; by default tiny, small and medium.")] = None,
        seconds: Annotated[float, Parameter(help="About how long each figure is measured.")] = 1.0,
    ) -> None:
        """Measure how quick this machine imports text, trains and writes: about two minutes, nothing is kept."""
        from lmstudio_app.engine import pipeline

        families, presets = [family] if family is not None else [], [preset] if preset is not None else []
        measured: list[BenchMeasured] = []
        events = pipeline.bench(families=families, presets=presets, seconds=seconds)
        with closing(events), terminal.bars() as bars:
            task = bars.add_task("Measuring", total=None, rate="") if bars is not None else None
            for event in events:
                if isinstance(event, Progress) and bars is not None and task is not None:
                    bars.update(task, completed=event.done, total=event.total, rate=f"{event.done} of {event.total}")
                elif isinstance(event, Noted):
                    terminal.noted(event)
                elif isinstance(event, BenchMeasured):
                    measured.append(event)
                elif isinstance(event, BenchDone):
                    done = event
        if terminal.json:
            rows = [_plain(event) for event in measured]
            terminal.result({**_plain(done), "measured": rows})
            return
        terminal.say(f"{done.processor}, {done.cores} cores{f'; trained on {done.device}' if done.device else ''}")
        terminal.table(COLUMNS, map(_row, measured), "Nothing could be measured.")


def _plain(event: BenchMeasured | BenchDone) -> dict[str, object]:
    """An event without its kind."""
    return {name: value for name, value in event.to_json().items() if name != "event"}


def _row(event: BenchMeasured) -> list[str]:
    """A line of the table: three digits of each figure are worth reading."""
    of = event.tokenizer or f"{event.family} {event.preset}".strip()
    gflops = _three_digits(event.gflops) if event.gflops is not None else ""
    share = f"{100 * event.share:.0f} %" if event.share is not None else ""
    return [event.what, of, f"{_three_digits(event.value)} {event.unit}", str(event.threads or ""), gflops, share]


def _three_digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
