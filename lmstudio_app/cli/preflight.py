"""`preflight`: what a training will take, by two real steps of it.

Annotations are values here, not text: the help of two options is made from the families that exist.
"""

from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from lmstudio_app.cli.options import Place, nested, with_options
from lmstudio_app.cli.runs import duration
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
from lmstudio_app.engine.events import TrialDone
from lmstudio_app.engine.registry import families
from lmstudio_app.engine.storage.sizes import describe_bytes

if TYPE_CHECKING:
    from lmstudio_app.engine.training.run_config import RunConfig


def register(app: App, terminal: Terminal, words: Sequence[str]) -> None:
    """Add the command to `app`. The family is read from `words` first, since its settings become options."""
    chosen = family_named(words)

    def preflight(
        config: Annotated[Place | None, Parameter(help="A run.toml whose settings to try.")] = None,
        *,
        corpus: Annotated[str | None, Parameter(help="The corpus to learn from.")] = None,
        family: Annotated[
            str | None, Parameter(help="; ".join(f"{f.name}: {f.summary}" for f in families().values()))
        ] = None,
        preset: Annotated[str | None, Parameter(help=presets_in_words(chosen))] = None,
        style: Annotated[str | None, Parameter(help=styles_in_words(chosen), show=bool(chosen.styles))] = None,
        options: dict[str, Any],
    ) -> None:
        """See what a training will take before it is begun: two real steps tell its pace, memory and time.

        Takes the options of `train`, so that what is tried is what will be trained. No run is made.
        """
        workspace = terminal.workspace()
        given = applicable(nested(options), chosen.learning, terminal)
        draft = drafted(workspace, given, config=config, corpus=corpus, family=family, preset=preset, style=style)
        done = _follow(terminal, draft)
        if done is None:
            terminal.say("Stopped; nothing was measured.")
        elif not terminal.json:
            title = f"{draft.described.title} {draft.described.outline(draft.model)} on {done.device}"
            terminal.table((title, ""), _rows(done), "")
            if done.sentence:
                terminal.say(done.sentence)

    declared, hidden = declared_options(chosen)
    app.command(with_options(preflight, declared, group=HEADINGS, hidden=hidden))


def _follow(terminal: Terminal, draft: "RunConfig") -> TrialDone | None:
    """Take the steps; with `--json` what they tell is the last line. Ctrl+C ends it."""
    from lmstudio_app.engine import pipeline
    from lmstudio_app.engine.training.control import Control

    control, done = Control(), None
    trial = pipeline.preflight(terminal.workspace(), draft, control)
    with stop_on_signal(control, "nothing will be told"), closing(trial):
        for event in trial:
            if isinstance(event, TrialDone):
                terminal.event(event)
                done = event
    return done


def _rows(done: TrialDone) -> list[tuple[str, str]]:
    rows = [
        ("time to the end", f"{duration(done.seconds)} for {done.steps:,} steps"),
        ("a step", f"{done.step_seconds:.3g} s"),
        ("pace", f"{done.tokens_per_second:,.0f} tokens/s, threads: {done.threads}"),
        ("a validation", f"{done.validation_seconds:.3g} s"),
        ("a checkpoint", f"{done.checkpoint_seconds:.3g} s"),
        ("memory at its highest", describe_bytes(done.memory_bytes)),
    ]
    if done.estimated_bytes:
        rows.append(("memory as estimated", describe_bytes(done.estimated_bytes)))
    if done.share < 1:
        rows.append(("measured on", f"{100 * done.share:.1f} % of the text"))
    return rows
