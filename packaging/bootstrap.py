"""Set the application up and start it, on a machine that has nothing but Python.

``python3 packaging/bootstrap.py app`` opens the window; where there is no screen it runs the demo in the terminal.
``python3 packaging/bootstrap.py test`` runs the whole test suite, on a screen in memory where there is no other.

Further words go to the application or to pytest. A second run reuses what the first one installed. Exit code 2: it is
your turn, as the last line says; 1: something failed; otherwise that of the application or of pytest.
"""

import sys

# Before anything else, and in words that a much older Python can read too.
if sys.version_info < (3, 11):  # noqa: UP036
    sys.stderr.write(
        f"LMStudio App needs Python 3.11 or newer and this is {sys.version_info[0]}.{sys.version_info[1]}: "
        "start this script with a newer one.\n"
    )
    sys.exit(2)

import os
import signal
import subprocess
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from environment import Environment, State, alone
from messages import FAILED, USERS_TURN, SetUpError, say

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the application and its set-up share a file

from system_needs import System, missing, provide

from lmstudio_app.screen import has_screen

CHECKOUT = Path(__file__).resolve().parent.parent
IN_PARALLEL = ["--numprocesses=logical", "--maxprocesses=4", "--dist=loadfile", "--no-loadscope-reorder"]
"""How the whole suite is spread over the cores; whoever names tests has them one after another."""
USAGE = "Usage: python3 packaging/bootstrap.py app|test [further words for the application or for pytest]"


def set_up(environment: Environment, system: System, environ: Mapping[str, str]) -> None:
    """Make ``.venv`` and the system fit for the purpose, the command ``lmstudio-app`` included; quick when they are."""
    with alone(environment.checkout):
        state = environment.state()
        find = partial(missing, environ, for_tests=environment.for_tests, for_venv=state is State.BUILD)
        provide(find, system, first_time=state is not State.READY)
        environment.prepare(state)
        trouble = environment.probe()
        if trouble and trouble.startswith("absent:"):
            environment.prepare(State.BUILD)
            trouble = environment.probe()
        if trouble:
            raise SetUpError(f"Qt does not work on this system: {trouble}")
        environment.write_launcher()


def application_words(words: list[str], *, screen: bool) -> list[str]:
    """What ``python -m lmstudio_app`` is given: without a screen the demo, unless something else was asked for."""
    asks_for_text = bool(words) and (not words[0].startswith("-") or words[0] in ("-h", "--help", "--version"))
    return words if screen or asks_for_text else ["demo", *words]


def child_environ(environment: Environment, environ: Mapping[str, str]) -> dict[str, str]:
    """The variables for what is started: the checkout importable from any folder, the programs of ``.venv`` first."""
    kept = {name: value for name, value in environ.items() if name not in {"PYTHONHOME", "__PYVENV_LAUNCHER__"}}
    path = os.pathsep.join([str(environment.programs), environ.get("PATH", os.defpath)])
    return {**kept, "PATH": path, "VIRTUAL_ENV": str(environment.folder), "PYTHONPATH": str(environment.checkout)}


def start(environment: Environment, words: list[str], environ: Mapping[str, str]) -> int:
    """Hand over to ``.venv``'s Python; on POSIX it takes this process's place, so that signals go straight to it."""
    # -P: no file of the present folder takes a module's place.
    arguments = [str(environment.python), "-P", "-m", *words]
    child = child_environ(environment, environ)
    if os.name == "posix":
        os.execve(arguments[0], arguments, child)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the program that was started
    return subprocess.run(arguments, env=child, check=False).returncode


def main(words: list[str]) -> int:
    """Set up and start; return the exit code."""
    if words[:1] in (["-h"], ["--help"]):
        say(f"{USAGE}\n\n{__doc__.strip()}")
        return 0
    if not words or words[0] not in ("app", "test"):
        sys.stderr.write(f"{USAGE}\n")
        return USERS_TURN
    purpose, *further = words
    environment = Environment(CHECKOUT, for_tests=purpose == "test")
    try:
        set_up(environment, System.here(), os.environ)
        if purpose == "test":
            os.chdir(CHECKOUT)
            return start(environment, ["pytest", *(further or IN_PARALLEL)], os.environ)
        screen = has_screen(os.environ)
        chosen = application_words(further, screen=screen)
        if not screen and chosen is not further:
            say("There is no screen here, so the demo runs in the terminal.")
        return start(environment, ["lmstudio_app", *chosen], os.environ)
    except SetUpError as stop:
        sys.stderr.write(f"{stop.sentence}\n")
        return stop.code
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted. The next start takes it up again.\n")
        return FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
