"""What a command says: words, tables and progress for a person, JSON for a machine.

Results go to standard output; progress and mistakes go to standard error, so that output can be piped.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar, cast

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import CheckpointRead, Event, Noted, Progress, RowsSkipped, SourceSkipped

if TYPE_CHECKING:
    from rich.progress import Progress as ProgressBars

    from lmstudio_app.engine.workspace import Workspace


Result = TypeVar("Result")
PROGRAMS = ("lmstudio-app", "lmstudio-app.exe", "lmstudio-app.cmd")


class Stuck(UserError):  # noqa: N818  (the name says what happened)
    """A job cannot go on by itself: no mistake in the command, but a failure of the machine such as a full disk."""


class Terminal:
    """One command's view of the terminal: which workspace, and whether a person or a machine reads."""

    def __init__(self) -> None:
        self.workspace_folder: Path | None = None
        self.json = False
        self.step: int | None = None  # of the checkpoint that was read

    def workspace(self, *, make: bool = False) -> Workspace:
        """The workspace named by `--workspace`, or the user's own. One that was named is made only where a command
        that fills it says so: a mistyped folder must not look like an empty workspace. Raises `UserError`."""
        from lmstudio_app.engine.workspace import Workspace

        return Workspace.open(self.workspace_folder, make=make or self.workspace_folder is None)

    def command(self, *words: str) -> str:
        """A command on the same workspace, to be copied and pasted."""
        place = [] if self.workspace_folder is None else ["--workspace", str(self.workspace_folder)]
        whole = [*program(), *place, *words]
        return subprocess.list2cmdline(whole) if sys.platform == "win32" else shlex.join(whole)

    def say(self, text: str) -> None:
        """One line for a person; nothing for a machine."""
        if not self.json:
            print(text, flush=True)

    def note(self, text: str) -> None:
        """One line beside the result, on standard error; a line end inside it (in a file's name) becomes a space."""
        try:
            print(re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]+", " ", text), file=sys.stderr, flush=True)
        except OSError:  # nobody can be told that nobody can be told anything; and at the end it is not tried again
            sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115

    def heard(self, event: Event) -> None:
        """What is told while a model is opened."""
        if isinstance(event, CheckpointRead):
            self.step = event.step
        elif isinstance(event, Noted):
            self.noted(event)

    def noted(self, event: Noted) -> None:
        """What stops nothing, but should be known."""
        self.note(event.sentence.format(**event.values))

    def result(self, values: Mapping[str, Any], text: str | None = None) -> None:
        """The outcome: one JSON object, or `text` (by default a line per value)."""
        if self.json:
            self._print_json(values)
        elif text is not None:
            print(text)
        else:
            width = max(len(_words(name)) for name in values)
            for name, value in values.items():
                print(f"{_words(name):<{width}}  {_shown(value)}")

    def event(self, event: Event) -> None:
        """One line of JSON for a machine; a person gets words elsewhere."""
        if self.json:
            self._print_json(event.to_json())

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]], empty: str) -> None:
        """A table for a person; `empty` when there are no rows."""
        from rich.console import Console
        from rich.table import Table

        listed = list(rows)
        if not listed:
            print(empty)
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in listed:
            table.add_row(*row)
        width = None if sys.stdout.isatty() else 1000  # a line per row for the program that reads them
        Console(highlight=False, markup=False, width=width).print(table)

    def fail(self, error: UserError) -> None:
        """The one sentence of a mistake; in JSON also as an object."""
        sentence = str(error)
        if error.choices and not all(str(choice) in sentence for choice in error.choices):
            sentence += " Values that work: " + ", ".join(str(choice) for choice in error.choices) + "."
        if error.field == "encoding":
            sentence += " Name it with --encoding."
        if self.json:
            self._print_json({"error": sentence, "field": error.field or None, "choices": list(error.choices)})
        self.note(f"Error: {sentence}")

    @contextlib.contextmanager
    def bars(self) -> Iterator[ProgressBars | None]:
        """Progress bars on standard error, or None when a machine reads or there is no terminal to draw on."""
        if self.json or not sys.stderr.isatty():
            yield None
            return
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as ProgressBars

        with ProgressBars(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        ) as bars:
            yield bars

    def follow_quietly(self, events: Iterable[Event]) -> Event | None:
        """Show a job's progress on a screen, and nothing else; return its last event."""
        json, self.json = self.json, False
        try:
            return self.follow_preparation(events)
        finally:
            self.json = json

    def result_of(self, steps: Generator[Event, None, Result]) -> Result:
        """What a job gives back in the end, its progress shown on a screen and nowhere else."""
        found: list[Result] = []

        def ending() -> Iterator[Event]:
            found.append((yield from steps))

        self.follow_quietly(ending())
        return found[0]

    def follow_preparation(self, events: Iterable[Event]) -> Event | None:
        """Show a preparation's progress; return its last event."""
        last: Event | None = None
        for event in self.followed(events):
            last = event
        return last

    def followed(self, events: Iterable[Event]) -> Iterator[Event]:
        """The events of a preparation, its progress shown as they come."""
        with self.bars() as bars:
            tasks: dict[str, Any] = {}
            for event in events:
                yield event
                self.event(event)
                if isinstance(event, SourceSkipped):
                    self.note(f"Skipped {event.path}: {event.reason}")
                if isinstance(event, RowsSkipped):
                    self.note(_left_out(event))
                if isinstance(event, Progress) and bars is not None:
                    if event.stage not in tasks:
                        tasks[event.stage] = bars.add_task(event.stage, total=None, rate="")
                    bars.update(
                        tasks[event.stage],
                        completed=event.done,
                        total=event.total or None,
                        rate=f"{event.done:,} {event.unit}",
                    )

    def _print_json(self, values: Mapping[str, Any]) -> None:
        every = (sys.stdout.encoding or "").lower().startswith("utf")  # can it write every letter?
        print(json.dumps(values, ensure_ascii=not every, allow_nan=False, default=str), flush=True)


def harmless(text: str) -> str:
    """`text` without what would move a terminal's cursor, change its colours or turn its letters around: control
    characters other than tab and line end show as U+FFFD. Of no matter where another program reads."""
    if not sys.stdout.isatty():
        return text
    return re.sub(
        r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", "\N{REPLACEMENT CHARACTER}", text
    )


def program() -> list[str]:
    """The words that start this program again from the present folder: its name where the shell finds it, else the
    path of the command beside Python, else that of Python itself."""
    beside = next((path for path in map(Path(sys.executable).with_name, PROGRAMS) if path.is_file()), None)
    found = shutil.which("lmstudio-app")
    if found is not None and (beside is None or Path(found).samefile(beside)):
        return ["lmstudio-app"]
    if beside is None:
        return [sys.executable, "-m", "lmstudio_app"]
    here = Path.cwd()
    return [str(beside.relative_to(here) if here in beside.parents else beside)]


def open_streams() -> None:
    """Make standard output and error fit for every letter and every place that they lead to.

    What their encoding lacks (on an old console, or of a file's odd name) shows as a code. One that was closed leads
    nowhere: the next file to be opened must not get its number, and what is printed then.
    """
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
        sys.stdout = cast(TextIO, _Output(sys.stdout))


class OutputLost(UserError):  # noqa: N818  (the name says what happened)
    """Standard output takes nothing more; `unread` when its reader has left, as `head` does."""

    def __init__(self, error: OSError) -> None:
        self.unread = isinstance(error, BrokenPipeError)
        super().__init__("The output could not be written: {reason}.", reason=error.strerror or str(error))


class _Output:
    """Standard output that says by `OutputLost` when it takes nothing more, and then leads nowhere."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._kept(lambda: self._stream.write(text))

    def flush(self) -> None:
        self._kept(self._stream.flush)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _kept(self, work: Callable[[], Result]) -> Result:
        try:
            return work()
        except OSError as error:
            sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
            raise OutputLost(error) from error


def _left_out(event: RowsSkipped) -> str:
    lines = ", ".join(map(str, event.lines)) + (" …" if event.rows > len(event.lines) else "")
    rows = "1 row" if event.rows == 1 else f"{event.rows:,} rows"
    return f"Left out {rows} of {event.path}, on line {lines}. The first: {event.reason}."


def _words(name: str) -> str:
    return name.replace("_", " ")


def _shown(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "–"}[value]
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.4f}" if isinstance(value, float) else str(value)
