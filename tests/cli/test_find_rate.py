"""`find-rate` on a small real corpus and small real models."""

from __future__ import annotations

import csv
import tomllib
from pathlib import Path

import pytest

from tests.cli.conftest import TINY, Command

SEARCH = ["find-rate", "--corpus", "animals", "--execution.device", "cpu"]


def everything(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("family", ["gpt", "recurrent"])
def test_the_last_line_is_the_option_to_train_with(command: Command, trained: Path, family: str):
    before = everything(trained)
    answer = command(trained, *SEARCH, "--family", family, *TINY[family])
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert lines[0].startswith("step 10 of 100")
    assert lines[-1].startswith("Train with --training.learning-rate ")
    rate = lines[-1].split()[-1]
    assert 1e-6 < float(rate) < 1
    assert f"at a learning rate of {rate}." in lines[-2]
    assert everything(trained) == before


def test_events_come_one_per_line_and_agree_with_the_words(command: Command, trained: Path):
    words = command(trained, *SEARCH, *TINY["gpt"])
    answer = command(trained, *SEARCH, *TINY["gpt"], "--json")
    *tried, suggested = answer.lines
    assert {line["event"] for line in tried} == {"rate_tried"}
    assert [line["step"] for line in tried] == list(range(1, len(tried) + 1))
    assert suggested["event"] == "rate_suggested"
    assert words.out.split()[-1] == f"{suggested['learning_rate']:g}"


@pytest.mark.parametrize("ending", [".png", ".svg", ".csv"])
def test_what_was_tried_is_written(command: Command, trained: Path, tmp_path: Path, ending: str):
    path = tmp_path / f"rates{ending}"
    answer = command(trained, *SEARCH, *TINY["gpt"], "--steps", "20", "--out", path)
    assert f"Wrote {path}." in answer.out.splitlines()
    assert path.stat().st_size > 200
    if ending == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            assert [int(row["step"]) for row in csv.DictReader(file)] == list(range(1, 21))


def test_the_settings_of_a_run_file_are_tried(command: Command, trained: Path, tmp_path: Path):
    stored = trained / "runs" / "recurrent" / "run.toml"
    assert tomllib.loads(stored.read_text(encoding="utf-8"))["family"] == "recurrent"
    by_file = command(trained, "find-rate", stored, "--steps", "20", "--json")
    by_options = command(
        trained, *SEARCH, "--family", "recurrent", *TINY["recurrent"], "--steps", "20", "--execution.threads", "1",
        "--json",
    )  # fmt: skip
    assert by_file.code == 0
    assert by_file.lines[-1] == by_options.lines[-1]


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["--family", "ngram"], ["counting"]),
        (["--steps", "5"], ["20", "5"]),
        (["--out", "rates.txt"], [".png", ".csv"]),
        (["--out", "nowhere/rates.png"], ["nowhere", "no folder"]),
        (["--training.batch", "0"], ["training.batch"]),
    ],
)
def test_mistakes_get_one_sentence(command: Command, trained: Path, words: list[str], parts: list[str]):
    answer = command(trained, *SEARCH, *words)
    assert answer.code == 2
    assert not answer.out
    (line,) = [line for line in answer.err.splitlines() if line.startswith("Error: ")]
    assert all(part in line for part in parts)


def test_a_stop_suggests_nothing(command: Command, trained: Path, monkeypatch: pytest.MonkeyPatch):
    import signal

    from lmstudio_app.engine.study import learning_rate_finder

    rate_of, pressed = learning_rate_finder.rate_of, []

    def stopping_at_the_fifth(step: int, steps: int) -> float:
        if step == 5 and not pressed:
            pressed.append(step)
            signal.raise_signal(signal.SIGINT)
        return rate_of(step, steps)

    monkeypatch.setattr(learning_rate_finder, "rate_of", stopping_at_the_fifth)
    answer = command(trained, *SEARCH, *TINY["gpt"])
    assert answer.code == 0
    assert answer.out.splitlines()[-1].endswith("no learning rate is suggested.")
    assert "no learning rate will be suggested" in answer.err
