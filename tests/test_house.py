"""The house rules that tools can check: style, types, import floors, and words that must not stand in the tree."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "lmstudio_app").rglob("*.py"))


def run_tool(*words: str) -> None:
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_ruff_finds_nothing():
    run_tool("-m", "ruff", "check", ".")


def test_ruff_would_format_nothing():
    run_tool("-m", "ruff", "format", "--check", ".")


@pytest.mark.timeout(300)
def test_types_hold():
    run_tool("-m", "mypy")


def test_imports_keep_to_their_floors():
    run_tool("-c", "from importlinter.cli import lint_imports_command; lint_imports_command()")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_unpickled_or_evaluated(path: Path):
    forbidden_calls = {"eval", "exec", "__import__"}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert not {"pickle", "dill", "shelve", "marshal"} & {name.name.split(".")[0] for name in node.names}
        if isinstance(node, ast.ImportFrom):
            assert (node.module or "").split(".")[0] not in {"pickle", "dill", "shelve", "marshal"}
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in forbidden_calls
        if isinstance(node, ast.Attribute):
            place = f"{node.value.id}.{node.attr}" if isinstance(node.value, ast.Name) else node.attr
            assert place not in {"torch.load", "torch.save", "np.load_pickle"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_named_for_what_they_are_about(path: Path):
    assert not set(path.stem.split("_")) & {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
