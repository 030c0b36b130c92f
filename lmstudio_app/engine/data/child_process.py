"""Starting a Python of our own for work that may die, hang, or has to be stopped at once."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

_REFUSED = 3


class Refused(Exception):  # noqa: N818  (the name says what happened)
    """What the process was given cannot be read: the end of a sentence that begins with its name."""


def command(program: str, *arguments: str) -> Sequence[str]:
    """The command that runs the lines of `program` with `arguments` in its `sys.argv`."""
    return [sys.executable, "-c", program, *arguments]


def environment() -> Mapping[str, str]:
    """The variables under which it finds this package."""
    package = str(Path(__file__).resolve().parents[3])
    return os.environ | {"PYTHONPATH": os.pathsep.join([package, os.environ.get("PYTHONPATH", "")])}


def end_with_parent() -> None:
    """Let this process end when the one that started it does, which holds the other end of its standard input."""

    def watch() -> None:
        while os.read(0, 1 << 10):
            pass
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def limit(memory: int, seconds: int) -> None:
    """Let this process have no more bytes of memory and seconds of processor time, and write no files, where the system
    can see to it; elsewhere the parent's patience has to do."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def take_out(parts: Callable[[], Iterable[bytes]], memory: int, seconds: int) -> None:
    """Write what `parts` finds in a file to the standard output, within `limit`.

    Where that cannot be done, this process writes {"reason": …} to its standard error and ends with 3.
    """
    limit(memory, seconds)
    warnings.simplefilter("ignore")
    logging.disable()
    try:
        for part in parts():
            sys.stdout.buffer.write(part)
        sys.stdout.buffer.flush()
    except Refused as error:
        _refuse(str(error))
    except BrokenPipeError:
        os._exit(1)  # nobody reads on
    except MemoryError:
        _refuse("is too much: its text does not fit into memory. Save its text as a text file.")
    except RecursionError:
        _refuse("is damaged: its parts are nested without end.")
    except Exception as error:  # the libraries raise whatever a broken file makes them raise
        _refuse(f"is damaged ({type(error).__name__}). Open it in the program it comes from and save it again.")


def reason_of(stderr: bytes) -> str | None:
    """Why a process that ran `take_out` refused its file; None where it died without saying so."""
    try:
        return str(json.loads(stderr.splitlines()[-1])["reason"])
    except (ValueError, LookupError, TypeError):
        return None


def _refuse(reason: str) -> NoReturn:
    sys.stderr.write(json.dumps({"reason": reason}) + "\n")
    sys.stderr.flush()
    os._exit(_REFUSED)  # the standard output may be a pipe that nobody reads
