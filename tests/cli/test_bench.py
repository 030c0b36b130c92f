"""`bench` on the terminal; how quick anything is, nobody asks here."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from lmstudio_app.engine import pipeline
from lmstudio_app.engine.events import BenchDone, BenchMeasured, Event, LadderDone, Noted, Progress, RungMeasured
from tests.cli.conftest import Command

MEASURED = (
    BenchMeasured("import", value=2.3456, unit="MB/s", tokenizer="bpe"),
    BenchMeasured("training", "gpt", "small", 12345.6, "tokens/s", threads=2, gflops=61.0, share=0.304),
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """With what the machine was measured; the figures are always the same."""
    asked: list[dict[str, object]] = []

    def bench(**choice: object) -> Generator[Event, None, None]:
        asked.append(choice)
        yield Progress("Measuring", 0, 2, "measurements")
        yield from MEASURED
        yield Noted("{family} could not be measured.", {"family": "tower"})
        if choice["seconds"] == 9:
            raise KeyboardInterrupt
        yield BenchDone("A processor", "A device", 2, 1.0)

    monkeypatch.setattr(pipeline, "bench", bench, raising=False)
    return asked


def test_a_table_for_a_person(command: Command, asked: list[dict[str, object]], tmp_path: Path):
    answer = command(tmp_path, "bench")
    assert answer.code == 0
    assert asked == [{"families": [], "presets": [], "seconds": 1.0}]
    assert "A processor, 2 cores; trained on A device" in answer.out
    lines = [" ".join(line.split()) for line in answer.out.splitlines()]
    assert "import bpe 2.35 MB/s" in lines
    assert "training gpt small 12,346 tokens/s 2 61 30 %" in lines
    assert "tower could not be measured." in answer.err


def test_one_object_for_a_machine(command: Command, asked: list[dict[str, object]], tmp_path: Path):
    answer = command(tmp_path, "bench", "--family", "gpt", "--preset", "small", "--seconds", "2", "--json")
    assert asked == [{"families": ["gpt"], "presets": ["small"], "seconds": 2.0}]
    told = answer.object
    assert (told["processor"], told["cores"]) == ("A processor", 2)
    assert [row["what"] for row in told["measured"]] == ["import", "training"]
    assert told["measured"][1]["share"] == 0.304


def test_the_keyboard_stops_it_in_one_sentence(command: Command, asked: list[dict[str, object]], tmp_path: Path):
    answer = command(tmp_path, "bench", "--seconds", "9")
    assert answer.code == 1
    assert answer.err.splitlines()[-1] == "Error: Stopped by the keyboard."
    assert "Traceback" not in answer.err


def test_mistakes_name_their_option(command: Command, tmp_path: Path):
    for words, part in ((["--family", "tower"], "tower"), (["--preset", "huge"], "tiny"), (["--seconds", "-1"], "600")):
        answer = command(tmp_path, "bench", *words)
        assert answer.code == 2
        assert part in answer.err
        assert answer.err.count("\n") == 1


def test_the_ladder_is_one_table(command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[dict[str, object]] = []

    def ladder(**choice: object) -> Generator[Event, None, None]:
        asked.append(choice)
        yield Progress("Climbing", 0, 3, "models")
        yield RungMeasured("Unigram", "ngram", 10, 4.2, 1, 0.1)
        yield RungMeasured("GPT", "gpt", 10, 3.5, 100, 9.9)
        yield RungMeasured("GPT", "gpt", 60, 2.5, 600, 59.9)
        yield LadderDone("A processor", 0.98)

    monkeypatch.setattr(pipeline, "ladder", ladder, raising=False)
    text = tmp_path / "text.txt"
    answer = command(tmp_path, "bench", "--ladder", "--text", text, "--budget", "10", "--budget", "60")
    assert answer.code == 0
    assert asked == [{"budgets": (10.0, 60.0), "path": text}]
    lines = [line.split() for line in answer.out.splitlines()]
    assert lines[0][-4:] == ["0.980", "bits", "per", "byte"]
    assert lines[1:] == [["model", "10", "s", "60", "s"], ["Unigram", "4.200", "4.200"], ["GPT", "3.500", "2.500"]]
    answer = command(tmp_path, "bench", "--ladder", "--json")
    assert asked[1] == {}
    assert answer.object["floor"] == 0.98
    assert [row["bits_per_byte"] for row in answer.object["measured"]] == [4.2, 3.5, 2.5]
