"""The canary for the binding, and what the locks must hold."""

import re
import sys
import tomllib
from pathlib import Path

from PySide6.QtGui import QColor, QImage, QPainter

from tests.packaging.scripts import CHECKOUT, environment, lock

RUNTIME = CHECKOUT / "packaging" / environment.RUNTIME_LOCK
TEST = CHECKOUT / "packaging" / environment.TEST_LOCK


def pinned(path: Path) -> dict[str, list[str]]:
    """The requirement lines of a lock by normalised package name."""
    found: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            found.setdefault(normalised(line), []).append(lock.requirement(line))
    return found


def normalised(requirement: str) -> str:
    """The package name at the start of a requirement, as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", re.match(r"[A-Za-z0-9._-]+", requirement)[0]).lower()


def declared(extra: str | None = None) -> set[str]:
    """The names of the direct dependencies in pyproject.toml, or of one extra."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {
        normalised(line) for line in (project["optional-dependencies"][extra] if extra else project["dependencies"])
    }


def test_void_calls_do_not_eat_references_to_none():
    image = QImage(8, 8, QImage.Format.Format_ARGB32)
    painter = QPainter(image)
    colour = QColor("black")
    painter.setPen(colour)  # the first call sets things up and may keep references
    before = sys.getrefcount(None)
    for _ in range(1000):
        painter.setPen(colour)
    moved = sys.getrefcount(None) - before
    painter.end()
    assert abs(moved) < 50


def test_every_direct_dependency_is_pinned():
    assert declared() <= pinned(RUNTIME).keys()
    with_extras = declared("test") | declared("parquet") | declared("chinese")
    assert with_extras - {"lmstudio-app"} <= pinned(TEST).keys()


def test_every_line_names_one_exact_version():
    for path in (RUNTIME, TEST):
        for lines in pinned(path).values():
            assert all(re.fullmatch(r"[a-z0-9._-]+==[^\s;+]+( ; .+)?", line) for line in lines)


def test_nothing_of_cuda_is_locked():
    for path in (RUNTIME, TEST):
        assert not [name for name in pinned(path) if re.match(r"nvidia|cuda|triton|pytorch-triton", name)]


def test_torch_fits_any_build_of_its_version():
    assert pinned(RUNTIME)["torch"] == ["torch==2.13.0"]


def test_the_binding_is_the_one_that_does_not_crash():
    assert pinned(RUNTIME)["pyside6-essentials"] == ["pyside6-essentials==6.11.3"]


def test_the_application_is_installed_without_the_test_packages():
    assert not pinned(RUNTIME).keys() & declared("test")
    assert not pinned(RUNTIME).keys() & pinned(TEST).keys()


def test_the_locks_say_how_they_are_made_and_name_no_address():
    for path in (RUNTIME, TEST):
        text = path.read_text(encoding="utf-8")
        assert "packaging/lock.py" in text
        assert "://" not in text
        assert "--" not in re.sub(r"(?m)^#.*$", "", text)


def test_resolved_lines_are_cleaned():
    resolved = (
        "# a comment\n"
        "nvidia-cublas==13 ; sys_platform == 'linux'  # via torch\n"
        "cuda-toolkit==13  # via torch\n"
        "triton==3.7.1 ; sys_platform == 'linux'  # via torch\n"
        "torch==2.13.0+cpu ; sys_platform == 'linux'  # via lmstudio-app\n"
        "numpy==2.4.6  # via torch\n"
    )
    assert lock.plain(resolved) == [
        "torch==2.13.0 ; sys_platform == 'linux'  # via lmstudio-app",
        "numpy==2.4.6  # via torch",
    ]


def test_the_test_lock_holds_only_what_comes_on_top():
    assert lock.additional(["a==1  # via b, tests", "c==2  # via tests"], ["a==1  # via b"]) == ["c==2  # via tests"]
