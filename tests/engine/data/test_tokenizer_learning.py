"""Learning a tokenizer in a process of its own: the same as here, stopped at once, its death a sentence."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from lmstudio_app.engine.data import child_process, tokenizer_learning
from lmstudio_app.engine.data.tokenizer import Tokenizer, TokenizerSettings, learn
from lmstudio_app.engine.data.tokenizer_learning import learn_from
from lmstudio_app.engine.errors import UserError
from tests.engine.data import writings

KINDS = ("character", "word", "bpe", "wordpiece", "unigram")


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "training.txt"
    path.write_text(writings.ENGLISH * 20 + writings.CHINESE * 5, encoding="utf-8", newline="")
    return path


@pytest.fixture
def never_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizer_learning, "QUICK", dict.fromkeys(tokenizer_learning.QUICK, 0))


def learned(settings: TokenizerSettings, text: Path, path: Path) -> Tokenizer:
    steps = learn_from(settings, [text], path)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: Tokenizer = end.value
            return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_process_learns_what_is_learned_here(kind: Any, text: Path, tmp_path: Path, never_here: None) -> None:
    wanted = TokenizerSettings(kind=kind, vocabulary=400, special_tokens="<eos>")
    there = learned(wanted, text, tmp_path / "tokenizer.json")
    here = learn(wanted, [text.read_text(encoding="utf-8")])
    assert there.to_json() == here.to_json()


def process_of(path: Path) -> int | None:
    """The process that was told to write this file, by its command line."""
    running = psutil.process_iter(["cmdline", "status"])
    alive = (one for one in running if one.info["status"] != psutil.STATUS_ZOMBIE)
    return next((one.pid for one in alive if str(path) in (one.info["cmdline"] or [])), None)


def endless(path: Path) -> Path:
    """A text over which learning takes long."""
    path.write_text("\n".join(f"{number:x} {number * 7919:x}" for number in range(400_000)), encoding="utf-8")
    return path


def test_closing_it_ends_the_process_at_once(tmp_path: Path, never_here: None) -> None:
    steps = learn_from(TokenizerSettings(kind="unigram"), [endless(tmp_path / "long.txt")], tmp_path / "t.json")
    for _ in range(4):
        next(steps)
    assert process_of(tmp_path / "t.json") is not None
    begun = time.monotonic()
    steps.close()
    assert time.monotonic() - begun < 2
    assert process_of(tmp_path / "t.json") is None
    assert not (tmp_path / "t.json").exists()


def test_its_death_is_a_sentence(tmp_path: Path, never_here: None) -> None:
    steps = learn_from(TokenizerSettings(kind="unigram"), [endless(tmp_path / "long.txt")], tmp_path / "t.json")
    for _ in range(3):
        next(steps)
    process = process_of(tmp_path / "t.json")
    assert process is not None
    os.kill(process, signal.SIGKILL)
    with pytest.raises(UserError, match="was ended from outside"):
        list(steps)


def test_it_ends_with_the_one_that_started_it(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path; from lmstudio_app.engine.data import tokenizer_learning as t\n"
        "from lmstudio_app.engine.data.tokenizer import TokenizerSettings\n"
        f"steps = t.learn_from(TokenizerSettings(kind='unigram'), [Path({str(endless(tmp_path / 'l.txt'))!r})],"
        f" Path({str(tmp_path / 'orphan.json')!r}))\n"
        "for _ in range(4): next(steps)\n"
        "print('begun', flush=True)\nlist(steps)"
    )
    parent = subprocess.Popen(
        child_process.command(program), stdout=subprocess.PIPE, env=child_process.environment(), text=True
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == "begun\n"
    child = process_of(tmp_path / "orphan.json")
    assert child is not None
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 10
    while process_of(tmp_path / "orphan.json") is not None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert process_of(tmp_path / "orphan.json") is None
    parent.stdout.close()


def test_what_it_cannot_read_is_told(tmp_path: Path, never_here: None) -> None:
    path = tmp_path / "torn.txt"
    path.write_bytes(b"whole \xff torn")
    with pytest.raises(UserError, match="is damaged"):
        learned(TokenizerSettings(), path, tmp_path / "t.json")


def test_what_it_says_is_progress(text: Path, tmp_path: Path, never_here: None) -> None:
    steps = list(learn_from(TokenizerSettings(), [text], tmp_path / "t.json"))
    assert {step.stage for step in steps} == {"Learning the tokenizer"}
    assert all(0 <= step.done <= step.total == text.stat().st_size for step in steps)
    assert json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))["model"]["type"] == "BPE"
