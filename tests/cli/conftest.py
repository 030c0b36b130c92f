"""A terminal to type into, and one small corpus with a run of each family, made once for all tests here."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lmstudio_app.__main__ import main as run_main

TEXT = "".join(
    f"The {adjective} {animal} met {number} {plural} by the river.\n“Good day,” said the {animal}.\n\n"
    for number in ("two", "three", "seven")
    for adjective in ("old", "quick", "patient", "small")
    for animal, plural in (("heron", "otters"), ("mole", "hedgehogs"), ("hare", "owls"), ("badger", "frogs"))
)
TINY = {
    "gpt": ["--model.layers", "2", "--model.heads", "2", "--model.width", "16", "--model.context", "16",
            "--training.steps", "12", "--training.checkpoint-every", "4", "--training.batch", "4",
            "--training.validate-every", "4", "--training.sample-every", "6", "--training.sample-length", "8"],
    "recurrent": ["--model.cell", "gru", "--model.layers", "1", "--model.width", "16", "--model.context", "16",
                  "--training.steps", "8", "--training.checkpoint-every", "4", "--training.batch", "4"],
    "ngram": ["--model.order", "4"],
}  # fmt: skip


@dataclass
class Answer:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def object(self) -> dict[str, Any]:
        """The one JSON object on standard output."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[dict[str, Any]]:
        """One JSON object per line of standard output."""
        return [json.loads(line) for line in self.out.splitlines()]


Command = Callable[..., Answer]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command in this process: `command(workspace, "runs", "--json")`."""

    def run(workspace: Path, *words: object) -> Answer:
        capsys.readouterr()
        code = run_main(["--workspace", str(workspace), *map(str, words)])
        said = capsys.readouterr()
        return Answer(code, said.out, said.err)

    return run


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with the corpus “animals” and the runs “gpt”, “recurrent” and “ngram”. To be read, not written."""
    workspace = tmp_path_factory.mktemp("workspace")
    text = tmp_path_factory.mktemp("text") / "animals.txt"
    text.write_text(TEXT, encoding="utf-8")
    say = ["--workspace", str(workspace), "--json"]
    assert run_main([*say, "corpus", "add", str(text), "--tokenizer", "character"]) == 0
    for family, options in TINY.items():
        assert run_main([*say, "train", "--corpus", "animals", "--family", family, "--name", family, *options]) == 0
    return workspace
