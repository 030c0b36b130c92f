"""Write requirements.lock and requirements-test.lock anew from pyproject.toml: ``python packaging/lock.py``.

One lock serves Linux, macOS and Windows and every supported Python: differences are written as environment markers.
Versions that are already locked stay; ``--upgrade`` or ``--upgrade-package NAME`` (handed on to uv) moves them. uv must
be installed (``pip install uv``); it takes packages from wherever it is configured to, and no address is written.

Two things are changed in what uv resolves:

- The packages that only a CUDA build of torch needs are left out. A build names them exactly in its own metadata, so
  pip fetches the right ones where such a build is installed, and none where it is not.
- torch loses its local version (as in ``2.13.0+cpu``), so that the line accepts any build of that version.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PACKAGING = Path(__file__).resolve().parent
CHECKOUT = PACKAGING.parent
RUNTIME = PACKAGING / "requirements.lock"
TEST = PACKAGING / "requirements-test.lock"
OLDEST_PYTHON = "3.11"

CUDA = re.compile(r"(nvidia|cuda|triton|pytorch-triton)\b", re.IGNORECASE)
"""Begins the name of every package that only a CUDA build of torch asks for."""

HEADER = """\
# {purpose}
# Made by packaging/lock.py from pyproject.toml (uv pip compile --universal); do not edit by hand.
# {note}
"""


def plain(resolved: str) -> list[str]:
    """The requirement lines of a resolved file, without comments of their own, CUDA packages and local versions."""
    lines = [line.rstrip() for line in resolved.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return [re.sub(r"^(torch==[^\s+;]+)\+[^\s;]+", r"\1", line) for line in lines if not CUDA.match(line)]


def requirement(line: str) -> str:
    """A requirement line without the note that says which package asked for it."""
    return line.split("#", maxsplit=1)[0].strip()


def additional(lines: list[str], base: list[str]) -> list[str]:
    """Those of ``lines`` whose requirement ``base`` does not hold already."""
    known = {requirement(line) for line in base}
    return [line for line in lines if requirement(line) not in known]


def resolve(previous: Path, *options: str) -> list[str]:
    """Let uv resolve pyproject.toml, keeping the versions that ``previous`` holds unless the options say otherwise."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / previous.name
        if previous.exists():
            shutil.copy(previous, output)
        fixed = [
            "--universal",
            "--python-version",
            OLDEST_PYTHON,
            "--no-header",
            "--annotation-style",
            "line",
            "--quiet",
        ]
        command = [uv(), "pip", "compile", "pyproject.toml", *fixed, "--output-file", str(output), *options]
        subprocess.run(command, cwd=CHECKOUT, check=True)
        return plain(output.read_text(encoding="utf-8"))


def uv() -> str:
    """The uv program, beside this Python or on the path."""
    found = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if found is None:
        raise SystemExit("uv is needed to write the locks: pip install uv")
    return found


def write(path: Path, lines: list[str], *, purpose: str, note: str) -> None:
    """Write one lock, with the header that says how it was made."""
    text = HEADER.format(purpose=purpose, note=note) + "\n".join(lines) + "\n"
    path.write_text(text, encoding="utf-8", newline="\n")


def main(options: list[str]) -> None:
    """Resolve and write both locks; ``options`` go to uv."""
    runtime = resolve(RUNTIME, *options)
    write(
        RUNTIME,
        runtime,
        purpose="What the application is installed with: every package, exact.",
        note="torch brings what its build needs for CUDA by itself; nothing of that is listed here.",
    )
    # Constrained by the runtime lock, so that the application is tested with exactly the packages it is installed with.
    with_tests = resolve(TEST, "--extra", "test", "--constraint", str(RUNTIME), *options)
    write(
        TEST,
        additional(with_tests, runtime),
        purpose="What the tests and the checks need besides requirements.lock.",
        note="Install both together: pip install -r requirements.lock -r requirements-test.lock",
    )


if __name__ == "__main__":
    main(sys.argv[1:])
