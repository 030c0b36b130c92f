"""`find-rate`: which learning rate suits a model, by a short training at ever higher ones.

Annotations are values here, not text: the help of two options is made from the families that exist.
"""

from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from lmstudio_app.cli.options import Place, nested, with_options
from lmstudio_app.cli.terminal import Terminal
from lmstudio_app.cli.train import (
    HEADINGS,
    applicable,
    declared_options,
    drafted,
    family_named,
    presets_in_words,
    stop_on_signal,
    styles_in_words,
)
from lmstudio_app.engine.events import RateSuggested, RateTried
from lmstudio_app.engine.registry import families

if TYPE_CHECKING:
    from lmstudio_app.engine.training.run_config import RunConfig

LINES = 10
"""How many lines tell of the progress where there is no bar."""


def register(app: App, terminal: Terminal, words: Sequence[str]) -> None:
    """Add the command to `app`. The family is read from `words` first, since its settings become options."""
    chosen = family_named(words)

    def find_rate(
        config: Annotated[Place | None, Parameter(help="A run.toml whose settings to try.")] = None,
        *,
        corpus: Annotated[str | None, Parameter(help="The corpus to learn from.")] = None,
        family: Annotated[
            str | None, Parameter(help="; ".join(f"{f.name}: {f.summary}" for f in families().values()))
        ] = None,
        preset: Annotated[str | None, Parameter(help=presets_in_words(chosen))] = None,
        style: Annotated[str | None, Parameter(help=styles_in_words(chosen), show=bool(chosen.styles))] = None,
        steps: Annotated[int, Parameter(help="How many learning rates to try, a step each.")] = 100,
        out: Annotated[Place | None, Parameter(help="Where to write the plot: .png, .svg or .csv.")] = None,
        options: dict[str, Any],
    ) -> None:
        """Find a learning rate: train for a moment at ever higher ones, and see where the loss falls fastest.

        Takes the options of `train`, so that what is tried is what will be trained. No run is made.
        """
        from lmstudio_app.engine import pipeline

        if out is not None:
            pipeline.check_rates_format(out)
        workspace = terminal.workspace()
        given = applicable(nested(options), chosen.learning, terminal)
        draft = drafted(workspace, given, config=config, corpus=corpus, family=family, preset=preset, style=style)
        tried, suggested = _follow(terminal, draft, steps)
        if out is not None and tried:
            title = f"{draft.described.title} {draft.described.outline(draft.model)} · {draft.corpus}"
            pipeline.save_learning_rates(tried, suggested, out, title=title)
            terminal.say(f"Wrote {out}.")
        terminal.say(_closing_words(tried, suggested))

    declared, hidden = declared_options(chosen)
    app.command(with_options(find_rate, declared, group=HEADINGS, hidden=hidden), name="find-rate")


def _follow(terminal: Terminal, draft: "RunConfig", steps: int) -> tuple[list[RateTried], RateSuggested | None]:
    """Try all rates, showing how it goes; Ctrl+C stops after the present step, without a suggestion."""
    from lmstudio_app.engine import pipeline
    from lmstudio_app.engine.training.control import Control

    control, tried, suggested, task = Control(), list[RateTried](), None, None
    search = pipeline.find_learning_rate(terminal.workspace(), draft, control, steps=steps)
    with stop_on_signal(control, "no learning rate will be suggested"), terminal.bars() as bars, closing(search):
        for event in search:
            terminal.event(event)
            if isinstance(event, RateSuggested):
                suggested = event
            elif isinstance(event, RateTried):
                tried.append(event)
                if bars is not None:
                    task = task if task is not None else bars.add_task("Trying rates", total=steps, rate="")
                    bars.update(task, completed=event.step, rate=_line(event))
                elif event.step % max(1, steps // LINES) == 0:
                    terminal.say(f"step {event.step:,} of {steps:,} · {_line(event)}")
    return tried, suggested


def _line(event: RateTried) -> str:
    return f"learning rate {event.learning_rate:.2g} · {event.smoothed_loss:.3f} bits/byte"


def _closing_words(tried: Sequence[RateTried], suggested: RateSuggested | None) -> str:
    """What came out; where there is a suggestion, its option is the last line."""
    if suggested is None:
        return f"Stopped after {len(tried):,} steps; no learning rate is suggested."
    sentence = suggested.sentence.format(**suggested.values)
    if suggested.learning_rate is None:
        return sentence
    return f"{sentence}\nTrain with --training.learning-rate {suggested.learning_rate:g}"
