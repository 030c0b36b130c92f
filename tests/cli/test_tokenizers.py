"""Tokenizers in the terminal: learned, imported, listed, shown, searched, compared, removed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lmstudio_app.engine.data.tokenizer import TokenizerSettings, learn
from tests.cli.conftest import Command
from tests.engine.data import writings


@pytest.fixture
def workspace(command: Command, tmp_path: Path) -> Path:
    text = tmp_path / "tales.txt"
    text.write_text(writings.ENGLISH * 5, encoding="utf-8")
    assert command(tmp_path / "w", "corpus", "add", text, "--tokenizer", "character").code == 0
    return tmp_path / "w"


def test_a_tokenizer_is_learned_saved_and_used(command: Command, workspace: Path, tmp_path: Path):
    words = ["--kind", "unigram", "--vocabulary", "400", "--special-tokens", "<eos>", "--name", "T"]
    made = command(workspace, "tokenizer", "train", "tales", *words, "--json").lines
    assert made[-1]["event"] == "tokenizer_ready"
    assert made[-1] == {**made[-1], "name": "T", "kind": "unigram"}
    assert 256 < made[-1]["vocabulary"] <= 400
    library = Path(made[-1]["folder"]) / "tokenizer.json"
    assert json.loads(library.read_text(encoding="utf-8"))["model"]["type"] == "Unigram"
    added = command(workspace, "corpus", "add", tmp_path / "tales.txt", "--name", "other", "--tokenizer", "saved",
                    "--saved", "T")  # fmt: skip
    assert added.code == 0
    shown = command(workspace, "corpus", "show", "other", "--json").object
    assert (shown["tokenizer"], shown["vocabulary"]) == ("saved", made[-1]["vocabulary"])


def test_saved_ones_are_listed_shown_searched_and_removed(command: Command, workspace: Path):
    assert (
        "tokenizer train CORPUS"
        in command(workspace, "tokenizer", "list").out + command(workspace, "tokenizer", "list").err
    )
    assert command(workspace, "tokenizer", "train", "tales", "--vocabulary", "400", "--name", "T").code == 0
    (listed,) = command(workspace, "tokenizer", "list", "--json").object["tokenizers"]
    assert (listed["name"], listed["kind"], listed["corpus"]) == ("T", "bpe", "tales")
    shown = command(workspace, "tokenizer", "show", "T", "--text", "the naïve", "--search", "the", "--json").object
    assert "".join(token["text"] for token in shown["tokens"]) == "the naïve"
    assert b"".join(bytes.fromhex(token["bytes"]) for token in shown["tokens"]).decode() == "the naïve"
    assert all("the" in found["text"].lower() for found in shown["found"])
    in_words = command(workspace, "tokenizer", "show", "T", "--text", "a the")
    assert "␣the" in in_words.out
    assert command(workspace, "tokenizer", "remove", "T").code == 0
    assert (workspace / "bin" / "tokenizers" / "T" / "tokenizer.json").is_file()
    gone = command(workspace, "tokenizer", "show", "T")
    assert gone.code == 2
    assert "There is no saved tokenizer “T”" in gone.err


def test_several_are_compared(command: Command, workspace: Path):
    found = command(workspace, "tokenizer", "compare", "tales", "character", "byte", "word-1000", "--json").lines
    measured = [event for event in found if event["event"] == "tokenizer_measured"]
    assert [one["name"] for one in measured] == ["character", "byte", "word-1000"]
    assert measured[2]["bytes_per_token"] > measured[0]["bytes_per_token"] >= measured[1]["bytes_per_token"] == 1
    table = command(workspace, "tokenizer", "compare", "tales", "byte").out
    assert "bytes per token" in table
    assert "1.00" in table


def test_one_from_elsewhere_is_taken_over_or_refused(command: Command, workspace: Path, tmp_path: Path):
    learn(TokenizerSettings(vocabulary=300), ["some text"]).save(tmp_path / "tokenizer.json")
    taken = command(workspace, "tokenizer", "import", tmp_path / "tokenizer.json", "--name", "theirs")
    assert taken.code == 0
    (tmp_path / "tokenizer.json").write_text("{}", encoding="utf-8")
    refused = command(workspace, "tokenizer", "import", tmp_path / "tokenizer.json")
    assert refused.code == 2
    assert "is damaged" in refused.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["train", "tales", "--vocabulary", "12"], "Must be between 256 and 65536"),
        (["train", "tales", "--kind", "saved"], "Name the saved tokenizer"),
        (["train", "tales", "--special-tokens", "eos"], "“eos” cannot be a special token"),
        (["train", "nothing"], "There is no corpus “nothing”"),
        (["train", "tales", "--name", "a/b"], "cannot be in a file name"),
        (["compare", "tales"], "Name tokenizers to compare"),
        (["compare", "tales", "bpe-1"], "“bpe-1”"),
        (["compare", "tales", "magic"], "neither a saved tokenizer nor a kind"),
        (["show", "magic"], "There is no saved tokenizer “magic”"),
        (["import", "nothing.json"], "is missing"),
    ],
)
def test_mistakes_are_told(command: Command, workspace: Path, words: list[str], sentence: str):
    done = command(workspace, "tokenizer", *words)
    assert done.code == 2
    assert sentence in done.err
    assert "Traceback" not in done.err
