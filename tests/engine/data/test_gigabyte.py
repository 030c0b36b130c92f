"""A gigabyte of text, and a line of two: imported, split, cut into tokens, counted in little memory, left at once."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.data import writings

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]
GIGABYTE = 1 << 30
MOST_MEMORY = 500 << 20

MEASURED = """
import json, sys, time
from pathlib import Path
from lmstudio_app.engine import pipeline
from lmstudio_app.engine.data.corpus import CorpusSettings
from lmstudio_app.engine.data.tokenizer import TokenizerSettings
from lmstudio_app.engine.workspace import Workspace

def peak():
    return int(next(l for l in open("/proc/self/status") if l.startswith("VmHWM")).split()[1]) << 10

path, kind, workspace = Path(sys.argv[1]), sys.argv[2], Workspace.open(Path(sys.argv[3]))
settings = CorpusSettings(tokenizer=TokenizerSettings(kind=kind, vocabulary=8192))
list(pipeline.prepare(workspace, text="Some small text to warm up with.\\n" * 200, name="small", settings=settings))
small = workspace.corpus("small")
for _ in pipeline.profile(small): pass
base, figures = peak(), {}
start = time.monotonic()
pipeline.preview_file(path)
figures["preview"] = time.monotonic() - start
start = time.monotonic()

steps = pipeline.prepare(workspace, paths=[path], name="large", settings=settings)
last, longest = time.monotonic(), 0.0
for event in steps:
    now = time.monotonic()
    longest, last = max(longest, now - last), now
    stage = getattr(event, "stage", type(event).__name__)
    figures.setdefault("at", {}).setdefault(stage, now - start)
figures["seconds"], figures["longest"] = time.monotonic() - start, longest
large = workspace.corpus("large")
figures["bytes"], figures["tokens"] = large.statistics.bytes, sum(large.statistics.tokens.values())
for _ in pipeline.profile(large): pass
figures["with_profile"] = time.monotonic() - start
figures["memory"] = peak() - base
for place in (0.1, 2, 20):
    steps, begun = pipeline.prepare(workspace, paths=[path], name="left", settings=settings), time.monotonic()
    for event in steps:
        if time.monotonic() - begun > place:
            break
    begun = time.monotonic()
    steps.close()
    figures["cancel"] = max(figures.get("cancel", 0), time.monotonic() - begun)
figures["left"] = workspace.corpora()
print(json.dumps(figures))
"""


def figures_of(path: Path, kind: str, workspace: Path) -> dict[str, object]:
    command = [sys.executable, "-c", MEASURED, str(path), kind, str(workspace)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    print(json.dumps(found, indent=1))
    return found


def written(path: Path, size: int, *, lines: bool) -> Path:
    """Text of real sentences in a random order, with names that never come again."""
    chance = random.Random(3)
    sentences = [s + "." for text in (writings.ENGLISH, writings.FRENCH, writings.RUSSIAN) for s in text.split(".")]
    with path.open("w", encoding="utf-8", newline="") as file:
        while file.tell() < size:
            block = []
            for _ in range(4000):
                block.append(chance.choice(sentences).replace("\n", " "))
                if chance.random() < 0.1:
                    block.append(f" Number {chance.randrange(10**9)}, {chance.randbytes(3).hex()}.")
                if lines and chance.random() < 0.4:
                    block.append("\n" if chance.random() < 0.8 else "\n\n")
            file.write("".join(block))
    return path


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="memory is read from /proc")
@pytest.mark.parametrize("kind", ["bpe", "character"])
def test_a_gigabyte_in_little_memory(tmp_path: Path, kind: str) -> None:
    path = written(tmp_path / "large.txt", GIGABYTE, lines=True)
    found = figures_of(path, kind, tmp_path / "w")
    assert found["memory"] < MOST_MEMORY
    assert found["preview"] < 2
    assert found["cancel"] < 1
    assert found["left"] == ["large", "small"]
    assert found["bytes"] >= GIGABYTE


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="memory is read from /proc")
def test_a_line_of_two_gigabytes(tmp_path: Path) -> None:
    path = written(tmp_path / "line.txt", 2 * GIGABYTE, lines=False)
    found = figures_of(path, "character", tmp_path / "w")
    assert found["memory"] < MOST_MEMORY
    assert found["preview"] < 2
    assert found["cancel"] < 1
