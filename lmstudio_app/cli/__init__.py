"""The same jobs as in the window, from a terminal: one verb per file, `--json` for machines.

Exit codes: 0, 2 for the user's mistake with one sentence naming the field or file, 1 for a failure.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter
from cyclopts.exceptions import UnusedCliTokensError

from lmstudio_app import __version__
from lmstudio_app.cli import (
    attention,
    bench,
    blend,
    check,
    corpus,
    demo,
    evaluate,
    export_job,
    find_rate,
    generate,
    preflight,
    runs,
    samples,
    tokenizer,
    train,
    transitions,
)
from lmstudio_app.cli.options import Place
from lmstudio_app.cli.terminal import OutputLost, Stuck, Terminal, open_streams
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.storage.atomic import DiskFull

SUCCESS, FAILURE, USER_MISTAKE = 0, 1, 2


def main(arguments: Sequence[str]) -> int:
    """Carry out one command and return the exit code."""
    words = list(arguments)
    open_streams()
    terminal = Terminal()
    terminal.json = "--json" in words  # already for a mistake in the family, which is read before the rest
    try:
        app = _app(terminal, words)
        code = app.meta(words, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
    except UserError as error:
        if isinstance(error, OutputLost) and error.unread:
            return SUCCESS
        terminal.fail(error)
        return FAILURE if isinstance(error, Stuck | DiskFull | OutputLost) else USER_MISTAKE
    except CycloptsError as error:
        terminal.fail(_misread(error))
        return USER_MISTAKE
    except KeyboardInterrupt:
        terminal.fail(UserError("Stopped by the keyboard."))
        return FAILURE
    except Exception as error:
        traceback.print_exc()
        terminal.fail(UserError("{kind}: {reason}", kind=type(error).__name__, reason=str(error)))
        return FAILURE
    return code if isinstance(code, int) else SUCCESS


def _misread(error: CycloptsError) -> UserError:
    """The sentence for words that are no command of ours."""
    if isinstance(error, UnusedCliTokensError):
        words = " ".join(error.unused_tokens or ())
        return UserError("“{words}” is too much here. A name with spaces goes into quotes.", words=words)
    return UserError("{sentence}", sentence=" ".join(str(error).split()))


def _app(terminal: Terminal, words: Sequence[str]) -> App:
    app = App(
        name="lmstudio-app",
        version=f"lmstudio-app {__version__}",
        version_flags=["--version", "-V"],
        help="Train a small language model on your own text, then open it up. Without a command, the window opens.",
        help_format="plaintext",
        suppress_keyboard_interrupt=False,  # it gets a sentence here
    )
    app.meta.suppress_keyboard_interrupt = False
    corpus.register(app, terminal)
    samples.register(app, terminal)
    tokenizer.register(app, terminal)
    train.register(app, terminal, words)
    find_rate.register(app, terminal, words)
    preflight.register(app, terminal, words)
    for verb in (runs, blend, generate, attention, transitions, evaluate, check, bench, demo, export_job):
        verb.register(app, terminal)

    @app.meta.default
    def launch(
        *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
        workspace: Annotated[Place | None, Parameter(help="The folder that holds corpora and runs.")] = None,
        json: Annotated[
            bool, Parameter(help="Print JSON: one object, or one per line for events.", negative=())
        ] = False,
    ) -> object:
        terminal.workspace_folder = workspace
        terminal.json = json
        if not tokens:
            raise _no_command(terminal)
        return app(tokens, exit_on_error=False, print_error=False, result_action="return_value")

    return app


def _no_command(terminal: Terminal) -> UserError:
    """Without a command the window opens; this is for where it cannot."""
    if terminal.json:
        return UserError("Name a command: the window that opens without one writes no JSON.", field="command")
    demo = terminal.command("demo")
    return UserError("There is no screen to open the window on. Work in the terminal, for example: {demo}", demo=demo)
