"""`preflight`, and the size `fit`, on a small real corpus and small real models."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from lmstudio_app.engine.pipeline.fit_machine import fit_machine
from lmstudio_app.engine.study.sizes import Machine
from tests.cli.conftest import TINY, Command

TRIAL = ["preflight", "--corpus", "animals", "--execution.device", "cpu"]


def everything(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_table_tells_what_it_takes_and_no_run_is_made(command: Command, trained: Path):
    before = everything(trained)
    answer = command(trained, *TRIAL, *TINY["gpt"])
    assert answer.code == 0
    assert "for 12 steps" in answer.out
    assert all(words in answer.out for words in ("tokens/s", "memory at its highest", "memory as estimated"))
    assert everything(trained) == before


def test_json_is_one_object(command: Command, trained: Path):
    done = command(trained, *TRIAL, "--family", "ngram", *TINY["ngram"], "--json").object
    assert (done["event"], done["steps"], done["estimated_bytes"]) == ("trial_done", 4, 0)
    assert done["seconds"] > 0


@pytest.mark.parametrize(
    ("words", "parts"),
    [(["--training.batch", "0"], ["training.batch"]), (["--family", "ngram", "--preset", "fit"], ["counting"])],
)
def test_mistakes_get_one_sentence(command: Command, trained: Path, words: list[str], parts: list[str]):
    answer = command(trained, *TRIAL, *words)
    assert answer.code == 2
    (line,) = [line for line in answer.err.splitlines() if line.startswith("Error: ")]
    assert all(part in line for part in parts)


def test_a_run_of_the_size_that_fits_holds_numbers(command: Command, trained: Path, monkeypatch: pytest.MonkeyPatch):
    import sys

    story = sys.modules[fit_machine.__module__]
    monkeypatch.setattr(story, "this_machine", lambda config: Machine(1e9, 10**9))
    few = ["--training.steps", "2", "--training.batch", "1", "--training.sample-every", "0", "--model.context", "8"]
    words = ["train", "--corpus", "animals", "--execution.device", "cpu", "--name", "fitted", *few]
    monkeypatch.setattr(story, "SECONDS", 0.02)
    answer = command(trained, *words, "--preset", "fit")
    assert answer.code == 0, answer.err
    assert "suits this machine" in answer.out
    text = (trained / "runs" / "fitted" / "run.toml").read_text(encoding="utf-8")
    stored = tomllib.loads(text)
    assert stored["model"]["context"] == 8
    assert stored["model"]["width"] < 128, "smaller than by default"
    assert '"fit"' not in text
