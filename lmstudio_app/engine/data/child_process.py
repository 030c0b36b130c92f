"""Starting a Python of our own for work that may die, hang, or has to be stopped at once."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path


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
