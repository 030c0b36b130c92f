"""`bench`: how quick this machine imports, trains and writes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from lmstudio_app.cli.options import Place
from lmstudio_app.cli.terminal import Terminal
from lmstudio_app.engine.events import BenchDone, BenchMeasured, LadderDone, Noted, Progress, RungMeasured

LADDER = "Instead: train every kind of model for the same time, and compare what they have learned (about an hour)."
BUDGET = "With --ladder: seconds of processor time for each model, any number of times. By default 10, 60 and 180."
COLUMNS = ("what", "of", "speed", "threads", "GFLOP/s", "share of a plain product")


def register(app: App, terminal: Terminal) -> None:
    """Add the command to `app`."""

    @app.command
    def bench(
        *,
        family: Annotated[str | None, Parameter(help="Only this family, and no import.")] = None,
        preset: Annotated[str | None, Parameter(help="Only this size; by default tiny, small and medium.")] = None,
        seconds: Annotated[float, Parameter(help="About how long each figure is measured.")] = 1.0,
        ladder: Annotated[bool, Parameter(negative="", help=LADDER)] = False,
        text: Annotated[Place | None, Parameter(help="With --ladder: another text than the bundled stories.")] = None,
        budget: Annotated[list[float] | None, Parameter(help=BUDGET)] = None,
    ) -> None:
        """Measure how quick this machine imports text, trains and writes: about two minutes, nothing is kept."""
        from lmstudio_app.engine import pipeline

        if ladder:
            climb(terminal, text, budget)
            return
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


def climb(terminal: Terminal, path: Path | None, budgets: list[float] | None) -> None:
    """Train every kind of model in the same time, and print one table."""
    from lmstudio_app.engine import pipeline

    chosen: dict[str, Any] = {} if budgets is None else {"budgets": tuple(budgets)}
    if path is not None:
        chosen["path"] = path
    measured: list[RungMeasured] = []
    events = pipeline.ladder(**chosen)
    with closing(events), terminal.bars() as bars:
        task = bars.add_task("Climbing", total=None, rate="") if bars is not None else None
        for event in events:
            if isinstance(event, Progress) and event.stage == "Climbing" and bars is not None and task is not None:
                bars.update(task, completed=event.done, total=event.total, rate=f"{event.done} of {event.total}")
            elif isinstance(event, RungMeasured):
                measured.append(event)
            elif isinstance(event, LadderDone):
                done = event
    if terminal.json:
        terminal.result({**_plain(done), "measured": [_plain(event) for event in measured]})
        return
    floor = f"; the entropy of the text is {done.floor:.3f} bits per byte" if done.floor is not None else ""
    terminal.say(f"Bits per byte of the text for tests after so much time on one core of {done.processor}{floor}")
    terminal.table(*_ladder(measured), "Nothing could be measured.")


def _ladder(measured: Sequence[RungMeasured]) -> tuple[list[str], list[list[str]]]:
    """The columns and rows of the ladder: a row for each kind of model, a column for each budget."""
    budgets = sorted({event.seconds for event in measured})
    by_rung: dict[str, dict[float, RungMeasured]] = {}
    for event in measured:
        by_rung.setdefault(event.title, {})[event.seconds] = event
    rows = []
    for title, found in by_rung.items():
        counted = next(iter(found.values())) if len(found) < len(budgets) else None
        shown = [found.get(seconds, counted) for seconds in budgets]
        rows.append([title, *(f"{event.bits_per_byte:.3f}" if event is not None else "" for event in shown)])
    return ["model", *(f"{seconds:g} s" for seconds in budgets)], rows


def _plain(event: BenchMeasured | BenchDone | RungMeasured | LadderDone) -> dict[str, object]:
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
