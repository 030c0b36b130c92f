"""The folder ``.venv``: a Python of its own with exactly the locked packages, made once and reused.

A stamp inside tells what was installed. It says "installing" from before the first file until after the last one, so
that an interrupted set-up is recognised and done again from the start.
"""

import contextlib
import hashlib
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from messages import FAILED, SetUpError, say

RUNTIME_LOCK = "requirements.lock"
TEST_LOCK = "requirements-test.lock"
STAMP = "lmstudio-app-setup.json"
LOG = "lmstudio-app-setup.log"

PIP_CHANGES_FILES = "Installing collected packages"
"""What pip logs once everything is fetched and the first file is about to change."""

MODULES = ("PySide6", "pyqtgraph", "torch", "numpy", "tokenizers", "pydantic", "cyclopts")
TEST_MODULES = ("pytest", "pytestqt", "hypothesis")

PROBE = """
import ctypes, importlib.util, pathlib, sys
absent = [name for name in sys.argv[1:] if importlib.util.find_spec(name) is None]
if absent:
    sys.exit("absent: " + ", ".join(absent))
import PySide6
from PySide6 import QtGui, QtNetwork, QtSvg, QtWidgets
window = pathlib.Path(PySide6.__file__).parent / "Qt/plugins/platforms/libqxcb.so"
if window.exists():
    ctypes.CDLL(str(window))
"""
"""Run inside .venv: are the packages there, and does Qt load, its window plugin on Linux included?"""


class State(Enum):
    """What has to happen to ``.venv``."""

    READY = "nothing"
    INSTALL = "the packages are installed into it"
    BUILD = "it is made anew"


class Environment:
    """One checkout's ``.venv`` for the purpose ``app`` or ``test``."""

    def __init__(self, checkout: Path, *, for_tests: bool) -> None:
        self.checkout = checkout
        self.folder = checkout / ".venv"
        self.for_tests = for_tests
        self.locks = [checkout / "packaging" / name for name in (RUNTIME_LOCK, TEST_LOCK)[: 1 + for_tests]]

    @property
    def programs(self) -> Path:
        """The folder of its programs."""
        return self.folder / ("Scripts" if os.name == "nt" else "bin")

    @property
    def python(self) -> Path:
        """Its Python."""
        return self.programs / ("python.exe" if os.name == "nt" else "python")

    def python_version(self) -> tuple[int, int] | None:
        """Major and minor version of its Python, or None where that does not start."""
        try:
            done = subprocess.run(
                [self.python, "-c", "import sys; print(*sys.version_info[:2])"],
                capture_output=True,
                text=True,
                check=True,
            )
            major, minor = done.stdout.split()
        except (OSError, subprocess.SubprocessError, ValueError):
            return None
        return int(major), int(minor)

    def hashes(self) -> dict[str, str]:
        """SHA-256 of each lock that this purpose needs, by name."""
        return {lock.name: hashlib.sha256(lock.read_bytes()).hexdigest() for lock in self.locks}

    def state(self) -> State:
        """What has to happen to it now."""
        if not self.folder.exists():
            return State.BUILD
        return decide(self.read_stamp(), self.python_version(), self.folder, self.hashes())

    def read_stamp(self) -> dict[str, Any] | None:
        """What the stamp says, or None where there is none that can be read."""
        try:
            stamp = json.loads((self.folder / STAMP).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return stamp if isinstance(stamp, dict) else None

    def write_stamp(self, *, complete: bool) -> None:
        """Note what is installed, or that installing has begun; in one rename, so that it is never half a stamp."""
        stamp = {
            "complete": complete,
            "folder": str(self.folder),
            "python": self.python_version() if complete else None,
            "locks": self.hashes() if complete else {},
        }
        beside = self.folder / f"{STAMP}.new"
        beside.write_text(json.dumps(stamp, indent=2) + "\n", encoding="utf-8")
        beside.replace(self.folder / STAMP)

    def restore_stamp(self, previous: Mapping[str, Any] | None) -> None:
        """Put back the stamp from before an attempt that changed nothing, so that what works is not thrown away."""
        if previous is None:
            (self.folder / STAMP).unlink(missing_ok=True)
        else:
            (self.folder / STAMP).write_text(json.dumps(previous, indent=2) + "\n", encoding="utf-8")

    def prepare(self, state: State) -> None:
        """Bring it from ``state`` to ready."""
        if state is State.READY:
            return
        try:
            if state is State.BUILD:
                self.build()
            self.install()
        except OSError as error:
            raise SetUpError(explain_os_error(error, self.folder), FAILED) from error

    def build(self) -> None:
        """Make it anew, with pip and nothing else."""
        if self.folder.is_symlink() or self.folder.is_file():
            self.folder.unlink()
        elif self.folder.exists():
            say("The folder .venv is unfinished or no longer works; making it anew.")
            shutil.rmtree(self.folder)
        self.folder.mkdir()
        self.write_stamp(complete=False)
        base = getattr(sys, "_base_executable", None) or sys.executable
        done = subprocess.run(
            [base, "-m", "venv", self.folder], capture_output=True, encoding="utf-8", errors="replace", check=False
        )
        if done.returncode:
            reason = last_line(done.stderr or done.stdout)
            raise SetUpError(f"Python could not make the folder .venv: {reason}", FAILED)

    def install(self) -> None:
        """Install the locked packages with pip, wherever the person's own pip settings take them from."""
        if not self.has_pip():
            subprocess.run([self.python, "-m", "ensurepip"], capture_output=True, check=False)
        previous = self.read_stamp()
        self.write_stamp(complete=False)
        say("Installing the packages, PyTorch among them. The first time this takes some minutes and 1 to 6 GB.")
        log = self.folder / LOG
        log.unlink(missing_ok=True)
        failure = self.run_pip(log)
        if failure is not None:
            if PIP_CHANGES_FILES not in log.read_text(encoding="utf-8", errors="replace"):
                self.restore_stamp(previous)
            raise SetUpError(f"{explain_pip(failure)}\nAll that pip said is in {log}", FAILED)
        self.write_stamp(complete=True)
        log.unlink(missing_ok=True)

    def run_pip(self, log: Path) -> str | None:
        """Let pip install the locks. None when it did, else what it wrote to standard error."""
        arguments: list[str | Path] = [self.python, "-m", "pip", "install", "--log", log]
        for lock in self.locks:
            arguments += ["--requirement", lock]
        if not sys.stdout.isatty():
            arguments += ["--quiet", "--progress-bar", "off"]
        done = subprocess.run(
            arguments,
            env=pip_environment(os.environ),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        return done.stderr if done.returncode else None

    def has_pip(self) -> bool:
        """Whether pip is in it; an environment that another tool made may lack it."""
        done = subprocess.run([self.python, "-c", "import pip"], capture_output=True, check=False)
        return done.returncode == 0

    @property
    def launcher(self) -> Path:
        """The command `lmstudio-app` of this checkout."""
        return self.programs / ("lmstudio-app.cmd" if os.name == "nt" else "lmstudio-app")

    def write_launcher(self) -> None:
        """Leave the command `lmstudio-app` there, which runs the checkout from any folder.

        A script, not an installation: the checkout stays what runs, and nothing has to be fetched to build a package.
        """
        content = launcher_for_windows() if os.name == "nt" else launcher_for_posix(self.checkout, self.python)
        try:
            if self.launcher.is_file() and self.launcher.read_bytes() == content:
                return
            beside = self.launcher.with_name(f"{self.launcher.name}.new")
            beside.write_bytes(content)
            beside.chmod(0o755)
            beside.replace(self.launcher)
        except OSError as error:
            raise SetUpError(explain_os_error(error, self.folder), FAILED) from error

    def probe(self) -> str | None:
        """Try it: load Qt and look for the packages. None when all is well, else the last line of what went wrong."""
        modules = MODULES + (TEST_MODULES if self.for_tests else ())
        done = subprocess.run(
            [self.python, "-c", PROBE, *modules], capture_output=True, encoding="utf-8", errors="replace", check=False
        )
        return last_line(done.stderr) if done.returncode else None


def launcher_for_posix(checkout: Path, python: Path) -> bytes:
    """A shell script that starts the application of `checkout`, whatever letters and spaces its path has."""
    quoted = [shlex.quote(str(path)) for path in (checkout, python)]
    lines = [
        "#!/bin/sh",
        f"PYTHONPATH={quoted[0]}",
        "export PYTHONPATH",
        f'exec {quoted[1]} -P -m lmstudio_app "$@"',  # -P: no file of the present folder takes a module's place
    ]
    return os.fsencode("\n".join(lines) + "\n")


def launcher_for_windows() -> bytes:
    """A batch file that finds the checkout beside itself, so that no letter of its path has to be written."""
    lines = ["@setlocal", '@set "PYTHONPATH=%~dp0..\\.."', '@"%~dp0python.exe" -P -m lmstudio_app %*']
    return ("\r\n".join(lines) + "\r\n").encode("ascii")


def decide(
    stamp: Mapping[str, Any] | None, version: tuple[int, int] | None, folder: Path, hashes: Mapping[str, str]
) -> State:
    """What has to happen to an existing ``.venv``.

    ``stamp`` is what its stamp says (None: somebody else made it, who may keep what is in it), ``version`` the version
    of its Python (None: it does not start), ``folder`` where it is now, ``hashes`` the locks that are wanted.
    """
    if version is None or version < (3, 11):
        return State.BUILD
    if stamp is None:
        return State.INSTALL
    moved = stamp.get("folder") != str(folder)
    other_python = stamp.get("python") != list(version)
    if not stamp.get("complete") or moved or other_python:
        return State.BUILD
    installed = stamp.get("locks", {})
    return State.READY if all(installed.get(name) == value for name, value in hashes.items()) else State.INSTALL


def pip_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for pip: the person's own settings, less those that would install somewhere else."""
    elsewhere = {"PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PYTHONHOME", "PYTHONPATH"}
    kept = {name: value for name, value in environ.items() if name not in elsewhere}
    return {**kept, "PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"}


def explain_pip(errors: str) -> str:
    """One sentence about why pip failed, from what it wrote to standard error."""
    absent = re.search(r"No matching distribution found for (\S+)", errors)
    offline = re.search(r"connection broken by|ConnectionError|ConnectTimeout|name resolution|ProxyError", errors)
    if "No space left on device" in errors or "Disk quota exceeded" in errors:
        return "The disk is full: the packages need 2 GB, with a CUDA build of PyTorch 8 GB. Free some and start again."
    if "CERTIFICATE_VERIFY_FAILED" in errors or "SSLError" in errors:
        return "The packages could not be fetched: the package index showed a certificate that pip does not trust."
    if offline:
        return (
            "The packages could not be fetched: pip reaches no package index. Connect to the network and start again."
        )
    if absent:
        machine = f"Python {sys.version_info.major}.{sys.version_info.minor} on {sys.platform}"
        return f"Your package index offers no {absent[1]} for {machine} on this kind of processor."
    lines = [line for line in errors.splitlines() if line.startswith("ERROR:")] or [last_line(errors)]
    return f"pip could not install the packages: {lines[-1].removeprefix('ERROR:').strip()}"


def explain_os_error(error: OSError, folder: Path) -> str:
    """One sentence about a file operation that failed in or beside ``.venv``."""
    if isinstance(error, PermissionError):
        return (
            f"{error.filename or folder} cannot be written. Copy this checkout to a folder of your own and start there."
        )
    return f"{error.filename or folder}: {error.strerror or error}"


def last_line(text: str) -> str:
    """The last line that is not empty."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason was given"


@contextlib.contextmanager
def alone(checkout: Path) -> Iterator[None]:
    """Hold off a second set-up of the same checkout until this one is done."""
    if importlib.util.find_spec("fcntl") is None:  # Windows: there pip's own errors have to do
        yield
        return
    import fcntl

    handle = os.open(checkout, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another set-up of this checkout is running; waiting for it.")
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError:
            pass  # a file system without locks
        yield
    finally:
        os.close(handle)
