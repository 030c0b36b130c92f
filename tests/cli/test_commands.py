"""Every command of the terminal on a small real corpus and small real models."""

from __future__ import annotations

import csv
import importlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from lmstudio_app.cli.terminal import harmless, program
from tests.cli.conftest import TEXT, TINY, Command


def test_add_lists_and_shows_a_corpus(command: Command, tmp_path: Path):
    text = tmp_path / "my text.txt"
    text.write_text(TEXT, encoding="utf-8")
    added = command(tmp_path / "w", "corpus", "add", text, "--vocabulary", "300")
    assert added.code == 0
    assert "my text" in added.out
    shown = command(tmp_path / "w", "corpus", "show", "my text", "--json").object
    assert shown["characters"] == len(TEXT)
    assert shown["bytes"] == len(TEXT.encode())
    assert shown["tokenizer"] == "bpe"
    assert Path(shown["folder"]) == tmp_path / "w" / "corpora" / "my text"
    assert [c["name"] for c in command(tmp_path / "w", "corpus", "list", "--json").object["corpora"]] == ["my text"]


def test_a_name_that_exists_gets_a_number(command: Command, tmp_path: Path):
    text = tmp_path / "a.txt"
    text.write_text(TEXT, encoding="utf-8")
    for _ in range(2):
        assert command(tmp_path / "w", "corpus", "add", text, "--tokenizer", "character").code == 0
    names = [c["name"] for c in command(tmp_path / "w", "corpus", "list", "--json").object["corpora"]]
    assert names == ["a", "a 2"]


@pytest.mark.parametrize("family", TINY)
def test_training_writes_the_promised_folder(command: Command, trained: Path, family: str):
    folder = trained / "runs" / family
    assert (folder / "run.toml").read_text(encoding="utf-8").startswith("name =")
    assert tomllib.loads((folder / "run.toml").read_text(encoding="utf-8"))["family"] == family
    rows = _rows(folder / "metrics.jsonl")
    assert all("step" in row for row in rows)
    assert any(key.startswith("validation_") for row in rows for key in row)
    assert list((folder / "checkpoints").glob("step-*/model.safetensors"))


def _rows(path: Path) -> list[dict[str, object]]:
    import json

    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_events_come_one_per_line(command: Command, trained: Path, tmp_path: Path):
    answer = command(
        trained, "train", "--corpus", "animals", "--name", "lines", "--family", "gpt", *TINY["gpt"], "--json"
    )
    kinds = [event["event"] for event in answer.lines]
    assert kinds[0] == "run_started"
    assert kinds[-1] == "run_ended"
    assert kinds.count("step_done") == 12
    assert {"validated", "checkpoint_saved", "sample_written"} <= set(kinds)
    assert Path(answer.lines[-1]["folder"]) == trained / "runs" / "lines"


def test_a_run_file_is_repeated_to_the_same_weights(command: Command, trained: Path):
    again = command(trained, "train", trained / "runs" / "gpt" / "run.toml", "--name", "again", "--json")
    assert again.code == 0
    first, second = (
        next((trained / "runs" / name / "checkpoints").glob("step-000000012")) for name in ("gpt", "again")
    )
    assert (first / "model.safetensors").read_bytes() == (second / "model.safetensors").read_bytes()


def test_runs_are_listed(command: Command, trained: Path):
    names = {run["name"] for run in command(trained, "runs", "--json").object["runs"]}
    assert {"gpt", "recurrent", "ngram"} <= names
    assert "gpt" in command(trained, "runs").out


@pytest.mark.parametrize("family", TINY)
def test_generation_repeats_with_its_seed(command: Command, trained: Path, family: str):
    words = ("generate", family, "--prompt", "The old ", "--tokens", "30", "--temperature", "0.8", "--top-k", "20",
             "--top-p", "0.95", "--json")  # fmt: skip
    first = command(trained, *words, "--seed", "1").object
    assert first["tokens"] == 30
    assert first["text"] == command(trained, *words, "--seed", "1").object["text"]
    assert first["text"] != command(trained, *words, "--seed", "2").object["text"]
    assert set(first["text"]) <= set(TEXT)


def test_generation_for_a_person_goes_on_from_the_prompt(command: Command, trained: Path):
    assert command(trained, "generate", "gpt", "--prompt", "The ", "--tokens", "5").out.startswith("The ")


def test_attention_as_numbers(command: Command, trained: Path, tmp_path: Path):
    out = tmp_path / "a.npz"
    assert command(trained, "attention", "gpt", "--text", "The old mole", "--out", out).code == 0
    with np.load(out) as saved:
        attention, tokens = saved["attention"], saved["tokens"]
    assert attention.shape == (2, 2, 12, 12)
    assert "".join(tokens) == "The old mole"
    np.testing.assert_allclose(attention.sum(-1), 1, atol=1e-5)
    assert not np.triu(attention, 1).any()


@pytest.mark.parametrize("name", ["a.png", "a.svg", "a.csv"])
def test_attention_as_pictures_and_table(command: Command, trained: Path, tmp_path: Path, name: str):
    out = tmp_path / name
    assert command(trained, "attention", "gpt", "--text", "The old mole", "--out", out).code == 0
    if name.endswith(".csv"):
        rows = list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))
        assert {row["layer"] for row in rows} == {"1", "2"}
        assert len(rows) == 2 * 2 * 12 * 13 // 2
    else:
        start = out.read_bytes()[:300]
        assert start.startswith(b"\x89PNG") if name.endswith(".png") else b"<svg" in out.read_bytes()


def test_transitions_as_numbers_and_table(command: Command, trained: Path, tmp_path: Path):
    shown = command(trained, "transitions", "ngram", "--top", "5", "--json").object
    assert (shown["run"], shown["step"], shown["file"]) == ("ngram", 4, None)
    assert shown["contexts"] == shown["tokens"]
    assert len(shown["tokens"]) == 5
    np.testing.assert_allclose(np.sum(shown["probabilities"], axis=1) + shown["others"], 1)
    out = tmp_path / "t.csv"
    answer = command(trained, "transitions", "ngram", "--context", "The old m", "--out", out, "--json")
    assert answer.object["file"] == str(out.resolve())
    assert answer.object["contexts"] == ["d m", " m", "m", ""]
    assert "first 6 were left out" in answer.err
    head, *rows = csv.reader(out.read_text(encoding="utf-8").splitlines())
    assert head[1] == answer.object["tokens"][0]
    assert [row[0] for row in rows] == ["d m", " m", "m", ""]
    assert command(trained, "transitions", "ngram", "--out", tmp_path / "t.png").out.startswith("Wrote ")


def test_transitions_for_a_person(command: Command, trained: Path):
    first, *rows = command(trained, "transitions", "ngram", "--context", "heq").out.splitlines()
    assert first.split()[:2] == ["context", "seen"]
    assert rows[0].split()[:3] == ["heq", "its", "last"]
    assert rows[-1].split()[:2] == ["∅", "yes"]
    assert "u 0." in rows[0]


def test_a_markov_chain_from_the_terminal(command: Command, trained: Path, tmp_path: Path):
    w = tmp_path / "w"
    shutil.copytree(trained, w)
    words = ["--corpus", "animals", "--family", "ngram", "--model.order", "2", "--model.smoothing", "none"]
    assert command(w, "train", *words, "--name", "chain", "--json").code == 0
    shown = command(w, "transitions", "chain", "--json").object
    text = (w / "corpora" / "animals" / "text" / "training.txt").read_text(encoding="utf-8")
    for context, row in zip(shown["contexts"], shown["probabilities"], strict=True):
        total = text[:-1].count(context)
        for token, chance in zip(shown["tokens"], row, strict=True):
            assert chance == pytest.approx(sum(text.startswith(context + token, i) for i in range(len(text))) / total)
    assert "ngram Markov chain, order 2" in command(w, "runs").out
    scores = command(w, "evaluate", "chain", "--json").object
    assert scores["method"].endswith("a uniform guess mixed in with a share of 0.0001")


@pytest.mark.parametrize("family", TINY)
def test_evaluation_agrees_with_itself(command: Command, trained: Path, tmp_path: Path, family: str):
    scores = command(trained, "evaluate", family, "--split", "test", "--json").object
    assert scores["perplexity"] == pytest.approx(np.exp(scores["nats_per_token"]))
    bits = scores["nats_per_token"] * scores["tokens"] / np.log(2)
    assert scores["bits_per_byte"] == pytest.approx(bits / scores["bytes"])
    strange = tmp_path / "strange.txt"
    strange.write_text("The old mole saw a 龍.", encoding="utf-8")
    with_unknown = command(trained, "evaluate", family, "--text-file", strange, "--json").object
    assert with_unknown["bytes"] == len("The old mole saw a 龍.".encode())
    assert np.isfinite(with_unknown["bits_per_byte"])
    strange.write_bytes("The old mole saw a čáp.".encode("cp1250"))
    other = command(trained, "evaluate", family, "--text-file", strange, "--encoding", "cp1250", "--json").object
    assert other["bytes"] == len("The old mole saw a čáp.".encode())


def test_check_fails_where_something_does_not_work(
    command: Command, trained: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    looked_at = importlib.import_module("lmstudio_app.engine.pipeline.check")
    monkeypatch.setattr(looked_at, "chinese_font", lambda: "")
    answer = command(trained, "check")
    assert answer.code == 0
    assert "No font with Chinese characters" in answer.err and "Everything works." in answer.out
    monkeypatch.setattr(looked_at, "_window_trouble", lambda: "libX.so is missing.")
    monkeypatch.setattr(looked_at, "trouble", lambda device: "it is on fire")
    answer = command(trained, "check", "--json")
    assert answer.code == 1
    window, device = answer.object["problems"]
    assert "libX.so is missing." in window and "cannot compute: it is on fire." in device
    assert command(tmp_path / "typo", "check").code == 1


def test_check_names_device_and_versions(command: Command, tmp_path: Path):
    machine = command(tmp_path, "check", "--json").object
    assert machine["device"]
    assert machine["libraries"]["torch"].startswith("2.13.0")


def test_resuming_a_finished_run_changes_nothing(command: Command, trained: Path):
    metrics = trained / "runs" / "gpt" / "metrics.jsonl"
    before = metrics.read_bytes()
    assert command(trained, "resume", "gpt").code == 0
    assert metrics.read_bytes() == before


@pytest.mark.parametrize(("words", "shown", "missing"), [
    (["corpus", "add"], ["--tokenizer", "--vocabulary", "--split.training", "--cleaning.unicode-nfc"], []),
    (["generate"], ["--tokens", "--temperature", "--top-k", "--top-p", "--seed", "--stop"], []),
    (["train"], ["--model.heads", "--training.steps", "Fixes all chance"], ["Counting itself"]),
    (["train", "--family", "ngram"], ["--model.order", "Counting itself"], ["--training.steps", "--model.heads"]),
    (["find-rate"], ["--model.heads", "--training.batch", "--steps", "--out"], ["Counting itself"]),
    (["preflight"], ["--model.heads", "--training.batch", "fit: as large as"], ["Counting itself"]),
    (["resume"], ["--execution.device"], []),
])  # fmt: skip
def test_help_shows_every_option_that_applies(
    command: Command, tmp_path: Path, words: list[str], shown: list[str], missing: list[str]
):
    answer = command(tmp_path, *words, "--help")
    assert answer.code == 0
    for text in shown:
        assert text in answer.out
    for text in missing:
        assert text not in answer.out


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names are text there, not bytes")
def test_a_file_whose_name_is_no_text(command: Command, tmp_path: Path):
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/odd\xff.txt"))
    odd.write_text(TEXT, encoding="utf-8")
    assert command(tmp_path / "w", "corpus", "add", odd, "--tokenizer", "character").code == 0
    (corpus,) = command(tmp_path / "w", "corpus", "list", "--json").object["corpora"]
    assert Path(corpus["sources"][0]["path"]) == odd


def test_a_console_that_lacks_letters(command: Command, tmp_path: Path):
    text = tmp_path / "龍.txt"
    text.write_text(TEXT, encoding="utf-8")
    assert command(tmp_path / "w", "corpus", "add", text, "--tokenizer", "character").code == 0
    words = [sys.executable, "-m", "lmstudio_app", "--workspace", str(tmp_path / "w"), "corpus", "list"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    answers = [
        subprocess.run([*words, *more], env=environment, capture_output=True, check=True, timeout=60).stdout
        for more in ([], ["--json"])
    ]
    assert b"\\u9f8d" in answers[0]
    assert json.loads(answers[1])["corpora"][0]["name"] == "龍"


def test_a_row_of_a_table_is_one_line_for_another_program(command: Command, tmp_path: Path):
    text = tmp_path / "a.txt"
    text.write_text(TEXT, encoding="utf-8")
    command(tmp_path / "w", "corpus", "add", text, "--name", "n" * 80, "--tokenizer", "character")
    assert command(tmp_path / "w", "corpus", "list").out.count("\n") == 2


@pytest.mark.parametrize(("place", "on_path", "expected"), [
    ("here/bin", "here/bin", ["lmstudio-app"]),
    ("here/bin", "other", ["bin/lmstudio-app"]),
    ("here/bin", None, ["bin/lmstudio-app"]),
    ("there/bin", None, ["{tmp}/there/bin/lmstudio-app"]),
    (None, "other", ["lmstudio-app"]),
    (None, None, ["{tmp}/here/bin/python", "-m", "lmstudio_app"]),
])  # fmt: skip
@pytest.mark.skipif(sys.platform == "win32", reason="the paths are those of POSIX")
def test_hints_name_a_command_that_works_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str | None, on_path: str | None, expected: list[str]
):
    for folder in {"here/bin", "other", place, on_path} - {None}:
        (tmp_path / str(folder)).mkdir(parents=True, exist_ok=True)
        (tmp_path / str(folder) / "python").touch()
    for folder in {place, on_path} - {None}:
        (tmp_path / str(folder) / "lmstudio-app").touch(mode=0o755)
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(sys, "executable", str(tmp_path / (place or "here/bin") / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / on_path) if on_path else "")
    assert program() == [word.format(tmp=tmp_path) for word in expected]


def test_the_step_of_the_checkpoint_that_was_used(command: Command, trained: Path, tmp_path: Path):
    w = Path(shutil.copytree(trained, tmp_path / "w"))
    picture = tmp_path / "a.csv"
    for damaged, step in ((None, 12), ("step-000000012", 8)):
        if damaged:
            (w / "runs" / "gpt" / "checkpoints" / damaged / "model.safetensors").write_bytes(b"x")
        assert command(w, "generate", "gpt", "--tokens", "2", "--checkpoint", "last", "--json").object["step"] == step
        assert command(w, "evaluate", "gpt", "--checkpoint", "last", "--json").object["step"] == step
        words = ["--text", "The", "--out", picture, "--checkpoint", "last", "--json"]
        assert command(w, "attention", "gpt", *words).object["step"] == step
    assert command(w, "evaluate", "gpt", "--checkpoint", "8", "--json").object["step"] == 8


def test_scores_say_how_much_the_vocabulary_lacks(command: Command, trained: Path, tmp_path: Path):
    text = tmp_path / "odd.txt"
    text.write_text("The mole met 漢字 owls.", encoding="utf-8")
    scores = command(trained, "evaluate", "gpt", "--text-file", text, "--json").object
    assert (scores["bytes"], scores["unknown_bytes"]) == (len(text.read_bytes()), 6)


def test_control_characters_do_not_drive_a_terminal(monkeypatch: pytest.MonkeyPatch):
    torn = "a\x1b[31m\rb\tc\n\u202ed\x9b"
    assert harmless(torn) == torn  # another program gets what was written
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert harmless(torn) == "a\ufffd[31m\ufffdb\tc\n\ufffdd\ufffd"


def test_runs_are_blended(trained: Path, command: Command, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    shutil.copytree(trained, workspace)
    made = command(workspace, "blend", "ngram", "gpt", "--name", "both", "--held-out", "0.2")
    assert made.code == 0
    assert "Finished both" in made.out
    shares = {line.split()[0]: float(line.split()[1]) for line in made.out.splitlines() if line.rstrip().endswith("%")}
    assert list(shares) == ["ngram", "gpt"]
    assert sum(shares.values()) == pytest.approx(100, abs=0.2)
    written = command(workspace, "generate", "both", "--prompt", "The ", "--tokens", "4", "--json")
    assert written.code == 0
    assert command(workspace, "evaluate", "both", "--json").object["bits_per_byte"] > 0
    again = command(workspace, "blend", "ngram", "gpt", "--json")
    assert again.code == 0
    assert again.lines[-1]["event"] == "run_ended"
    for words, said in (
        (["blend"], "two or more different runs"),
        (["blend", "ngram", "nobody"], "There is no run “nobody”"),
        (["blend", "ngram", "gpt", "--held-out", "0.9"], "held_out"),
        (["train", "--corpus", "animals", "--family", "blend"], "made of finished runs"),
        (["train", workspace / "runs" / "both" / "run.toml"], "made of finished runs"),
    ):
        wrong = command(workspace, *words)
        assert (wrong.code, said in wrong.err) == (2, True), wrong.err
