"""`train` and `resume`: a run from its settings, or from where it stopped.

Annotations are values here, not text: the help of two options is made from the families that exist.
"""

import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from lmstudio_app.cli import ranks
from lmstudio_app.cli.options import Place, Values, nested, with_options
from lmstudio_app.cli.runs import duration
from lmstudio_app.cli.terminal import OutputLost, Stuck, Terminal
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import JobPaused, Noted, RunEnded, RunStarted, StepDone, Validated
from lmstudio_app.engine.registry import families, family
from lmstudio_app.engine.settings import Declaration, Settings, declarations
from lmstudio_app.engine.storage.names import check_name
from lmstudio_app.engine.training.lines import RankLost
from lmstudio_app.engine.training.settings import (
    CountingSettings,
    ExecutionSettings,
    TrainingSettings,
    training_settings,
)

if TYPE_CHECKING:
    from lmstudio_app.engine.events import Event
    from lmstudio_app.engine.run import Run
    from lmstudio_app.engine.training.control import Control
    from lmstudio_app.engine.training.run_config import RunConfig
    from lmstudio_app.engine.workspace import Workspace

DEFAULT_FAMILY = "gpt"
COMMANDS = ("train", "find-rate", "preflight")
FIT = "fit"
"""The preset that is worked out for this machine."""
"""Those whose options are the settings of a run."""

HEADINGS = {"model": "Model", "training": "Training", "execution": "Execution"}


def register(app: App, terminal: Terminal, words: Sequence[str]) -> None:
    """Add the commands to `app`. The family is read from `words` first, since its settings become options."""
    chosen = family_named(words)

    def train(
        config: Annotated[Place | None, Parameter(help="A run.toml to repeat.")] = None,
        *,
        corpus: Annotated[str | None, Parameter(help="The corpus to learn from.")] = None,
        family: Annotated[
            str | None, Parameter(help="; ".join(f"{f.name}: {f.summary}" for f in families().values()))
        ] = None,
        preset: Annotated[str | None, Parameter(help=presets_in_words(chosen))] = None,
        style: Annotated[str | None, Parameter(help=styles_in_words(chosen), show=bool(chosen.styles))] = None,
        name: Annotated[str | None, Parameter(help="What to call the run.")] = None,
        options: dict[str, Any],
    ) -> None:
        """Train a model on a corpus, or repeat the run of a run.toml."""
        if ranks.beside_the_first():
            ranks.follow()
            return
        workspace = terminal.workspace()
        given = applicable(nested(options), chosen.learning, terminal)
        if name is not None:
            check_name(name)
        draft = drafted(
            workspace, given, config=config, corpus=corpus, family=family, preset=preset, style=style, name=name
        )
        if preset == FIT:
            terminal.say(f"{draft.described.title} {draft.described.outline(draft.model)} suits this machine.")
        run = workspace.new_run(draft)
        try:
            follow(terminal, run)
        except UserError:
            workspace.take_back(run)
            raise

    declared, hidden = declared_options(chosen)
    app.command(with_options(train, declared, group=HEADINGS, hidden=hidden))

    def resume(run: str, *, options: dict[str, Any]) -> None:
        """Go on with a run that was stopped or interrupted, also on another device."""
        if ranks.beside_the_first():
            ranks.follow()
            return
        opened = terminal.workspace().run(run)
        follow(terminal, opened, execution=nested(options).get("execution"))

    app.command(with_options(resume, declarations(ExecutionSettings, "execution"), group=HEADINGS))


def drafted(
    workspace: "Workspace",
    values: Values,
    *,
    config: Path | None,
    corpus: str | None,
    family: str | None,
    preset: str | None,
    style: str | None,
    name: str | None = None,
) -> "RunConfig":
    """The settings of the run that the options of `train` or `find-rate` ask for. Raises `UserError`."""
    from lmstudio_app.engine import pipeline

    if config is not None:
        _refuse_beside_a_file(config, family, {"preset": preset, "style": style})
        return pipeline.draft_from_file(config, workspace, corpus=corpus, name=name, values=values)
    if corpus is None:
        raise UserError(
            "--corpus: name the corpus to learn from. There are: {known}.",
            field="corpus",
            known=", ".join(workspace.corpora()) or "none yet",
        )
    family, size = family or DEFAULT_FAMILY, None if preset == FIT else preset
    drafted = pipeline.draft(
        workspace, corpus=corpus, family=family, preset=size, style=style, name=name, values=values
    )
    if preset == FIT:
        drafted, _ = pipeline.fit_machine(workspace, drafted, style=style, kept=values.get("model", {}).keys())
    return drafted


def family_named(words: Sequence[str]) -> Any:
    """The family that the words of `train` or `find-rate` ask for, in an option or in a run.toml."""
    for index, word in enumerate(words):
        option, equals, value = word.partition("=")
        if option == "--family":
            name = value if equals else next(iter(words[index + 1 :]), "")
            return family(name)
    command = next((place for place, word in enumerate(words) if word in COMMANDS), None)
    if command is not None:
        import tomllib

        for word in words[command + 1 :]:
            if not word.endswith(".toml"):
                continue
            try:
                stored = tomllib.loads(Path(word).read_bytes().decode("utf-8"))
            except (OSError, ValueError, RecursionError):
                continue  # the command itself says what is wrong with the file
            return family(str(stored.get("family", DEFAULT_FAMILY)))
    return family(DEFAULT_FAMILY)


def presets_in_words(family: Any) -> str:
    """The help of the option that chooses a size."""
    fit = f"; {FIT}: as large as suits this machine, about ten minutes" if family.learning == "gradient" else ""
    return f"A size: {', '.join(family.presets)}{fit}."


def styles_in_words(family: Any) -> str:
    """The help of the option that chooses one."""
    return "A way to build it. " + "; ".join(f"{style.name}: {style.summary}" for style in family.styles.values())


def _refuse_beside_a_file(config: Path, family: str | None, chosen: dict[str, str | None]) -> None:
    """A run file already names its family and every setting; an option against it would be lost without a word."""
    from lmstudio_app.engine.training.run_config import read_toml

    for option in (option for option, value in chosen.items() if value is not None):
        sentence = "--{option}: leave it out; “{path}” names every setting."
        raise UserError(sentence, field=option, option=option, path=config)
    stored = read_toml(config).get("family", DEFAULT_FAMILY)
    if family is not None and family != stored:
        raise UserError(
            "--family: “{path}” is a run of the family “{stored}”. Leave the option out.",
            field="family",
            choices=(stored,),
            path=config,
            stored=stored,
        )


def declared_options(family: Any) -> tuple[list[Declaration], set[str]]:
    """The settings of a family, and those that only other kinds of learning have: taken, but not shown in its help."""
    kinds: list[type[Settings]] = [TrainingSettings, CountingSettings]
    own = declarations(training_settings(family.learning), "training")
    known = {d.path for d in own}
    foreign = [d for kind in kinds for d in declarations(kind, "training") if d.path not in known]
    shown = [*declarations(family.settings, "model"), *own, *declarations(ExecutionSettings, "execution")]
    return [*shown, *foreign], {d.path for d in foreign}


def applicable(values: Values, learning: str, terminal: Terminal) -> Values:
    """Leave out training settings that this kind of learning has no use for, saying so."""
    group = CountingSettings if learning == "counting" else TrainingSettings
    useless = [name for name in values.get("training", {}) if name not in group.model_fields]
    for name in useless:
        del values["training"][name]
        terminal.note(f"training.{name} does not apply to a family that learns by counting; it is left out.")
    return values


def follow(terminal: Terminal, run: "Run", execution: dict[str, Any] | None = None) -> None:
    """Train `run` to its end, showing how it goes. Ctrl+C stops it at the next step and keeps a checkpoint."""
    from lmstudio_app.engine import pipeline
    from lmstudio_app.engine.training.control import Control

    control = Control()
    show = Display(terminal)
    training = pipeline.train(run, control, execution=execution)
    with stop_on_signal(control), terminal.bars() as bars, closing(training):
        try:
            for event in training:
                terminal.event(event)
                show.event(event, bars)
        except (Stuck, OutputLost, RankLost) as error:
            training.close()  # which keeps a checkpoint where it can
            raise _left(terminal, run, str(error)) from error
    if show.ended is not None and not terminal.json:
        print(show.closing_words())


def _left(terminal: Terminal, run: "Run", reason: str) -> Stuck:
    """Why a training cannot be followed to its end, and how to go on with it."""
    saved = run.checkpoints()
    if not saved:
        return Stuck("{reason} Nothing of the run was saved yet.", reason=reason)
    return Stuck(
        "{reason} The checkpoint of step {step:,} is kept. Go on with: {command}",
        reason=reason,
        step=saved[-1].step,
        command=terminal.command("resume", run.name),
    )


class Display:
    """Turns the events of a training into a progress bar, or into a line per validation where there is none."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._task: Any = None
        self._steps = 0
        self._step = 0
        self._last_row: dict[str, Any] = {}
        self._validation: float | None = None
        self.ended: RunEnded | None = None

    def event(self, event: "Event", bars: Any) -> None:
        """Show what one event tells; `bars` is None where there is no terminal to draw on.

        Raises `Stuck` for a job that waits by itself, as on a full disk: no one can press Resume here.
        """
        match event:
            case JobPaused() if event.reason:
                raise Stuck("{reason}", reason=event.reason)
            case RunStarted():
                self._steps, self._step = event.steps, event.step
                begun = f", going on after step {event.step:,}" if event.step else ""
                self._terminal.say(f"Run {event.run}: {event.parameters:,} parameters on {event.device}{begun}")
                self._terminal.say(f"Folder {event.folder}")
                if bars is not None:
                    self._task = bars.add_task("Training", total=event.steps, completed=event.step, rate="")
            case StepDone():
                self._last_row = dict(event.row)
                self._step = int(event.row["step"])
            case Validated():
                self._validation = event.row["validation_bits_per_byte"]
                if bars is None:
                    self._terminal.say(self._line())
            case Noted():
                self._terminal.noted(event)
            case RunEnded():
                self.ended = event
        if bars is not None and self._task is not None:
            bars.update(self._task, completed=self._step, rate=self._line())

    def _line(self) -> str:
        parts = [f"step {self._step:,} of {self._steps:,}"]
        if (training := self._last_row.get("training_bits_per_byte")) is not None:
            parts.append(f"training {training:.3f}")
        if self._validation is not None:
            parts.append(f"validation {self._validation:.3f} bits/byte")
        if speed := self._last_row.get("tokens_per_second"):
            parts.append(f"{speed:,.0f} tokens/s")
        return " · ".join(parts)

    def closing_words(self) -> str:
        """What came out, and how to go on."""
        assert self.ended is not None
        seconds = duration(float(self._last_row.get("seconds") or 0))
        score = f"validation {self._validation:.3f} bits/byte, " if self._validation is not None else ""
        if self.ended.outcome == "finished":
            return (
                f"Finished {self.ended.run}: {score}{self.ended.step:,} steps in {seconds}.\nFolder {self.ended.folder}"
            )
        return (
            f"Stopped {self.ended.run} after step {self.ended.step:,}; {self._kept(self.ended)}. Go on with: "
            f"{self._terminal.command('resume', self.ended.run)}\nFolder {self.ended.folder}"
        )

    def _kept(self, ended: RunEnded) -> str:
        if ended.saved_step == ended.step:
            return "a checkpoint is kept" if ended.step else "nothing was learned yet"
        return f"its checkpoint of step {ended.saved_step:,} is kept" if ended.saved_step else "no checkpoint is kept"


@contextmanager
def stop_on_signal(control: "Control", outlook: str = "a checkpoint will be kept") -> Iterator[None]:
    """While inside, the first Ctrl+C or SIGTERM asks the training to stop, saying what to expect; a second Ctrl+C
    interrupts at once."""

    def stop(number: int, frame: object) -> None:
        if control.stopping and number == signal.SIGINT and not ranks.is_first():  # torchrun sends it again
            raise KeyboardInterrupt
        control.stop()
        with suppress(OSError):
            print(f"Stopping after this step; {outlook}.", file=sys.stderr, flush=True)

    before: dict[int, Callable[..., Any] | int | None] = {
        number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
