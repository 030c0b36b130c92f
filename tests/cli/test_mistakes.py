"""A user's mistake: exit 2, one sentence that names the field or file, nothing lost."""

from __future__ import annotations

import importlib
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lmstudio_app.__main__ import main as run_main
from lmstudio_app.cli.terminal import Terminal, program
from lmstudio_app.cli.train import Display
from lmstudio_app.engine.events import RunEnded
from lmstudio_app.engine.storage.atomic import DiskFull
from lmstudio_app.engine.training.record import Record
from lmstudio_app.engine.workspace import Workspace
from tests.cli.conftest import TEXT, TINY, Answer, Command


def one_sentence(answer: Answer, *parts: str) -> None:
    assert answer.code == 2, answer
    assert answer.err.count("\n") == 1, answer.err
    assert "Traceback" not in answer.err
    for part in parts:
        assert part in answer.err, answer.err


def test_missing_empty_and_binary_files(command: Command, tmp_path: Path):
    w = tmp_path / "w"
    one_sentence(command(w, "corpus", "add", tmp_path / "none.txt"), "none.txt")
    (tmp_path / "empty.txt").touch()
    one_sentence(command(w, "corpus", "add", tmp_path / "empty.txt"), "empty.txt")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40)
    one_sentence(command(w, "corpus", "add", tmp_path / "picture.png"), "picture.png")
    assert not list((w / "corpora").iterdir())


def test_unknown_encoding(command: Command, tmp_path: Path):
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    one_sentence(command(tmp_path / "w", "corpus", "add", tmp_path / "a.txt", "--encoding", "utf-9"), "utf-9")
    one_sentence(command(tmp_path / "w", "corpus", "add", tmp_path / "a.txt", "--encoding", "utf-16"), "utf-16")


def test_text_too_short_for_the_context(command: Command, trained: Path):
    answer = command(trained, "train", "--corpus", "animals", "--family", "gpt", "--model.context", "4096")
    one_sentence(answer, "context")


def test_width_that_heads_do_not_divide(command: Command, trained: Path):
    answer = command(
        trained, "train", "--corpus", "animals", "--family", "gpt", "--model.heads", "6", "--model.width", "200"
    )
    one_sentence(answer, "model.width", "198", "204")
    as_json = command(trained, "train", "--corpus", "animals", "--model.heads", "6", "--model.width", "200", "--json")
    assert as_json.object["field"] == "model.width"
    assert as_json.object["choices"] == [198, 204]


@pytest.mark.parametrize(("words", "parts"), [
    (["--family", "transformer"], ["transformer", "gpt"]),
    (["--preset", "gigantic"], ["gigantic", "small"]),
    (["--model.layers", "0"], ["model.layers", "1"]),
    (["--model.layers", "four"], ["model.layers", "four"]),
    (["--training.learning-rate", "nan"], ["training.learning_rate"]),
    (["--training.steps", "-5"], ["training.steps"]),
    (["--model.cell", "lstm"], ["model.cell"]),
    (["--family", "recurrent", "--model.cell", "transformer"], ["model.cell", "lstm"]),
    (["--name", "a/b"], ["a/b"]),
    (["--bogus", "1"], ["--bogus"]),
    (["--execution.device", "abacus"], ["execution.device", "cpu"]),
])  # fmt: skip
def test_settings_out_of_range(command: Command, trained: Path, words: list[str], parts: list[str]):
    before = sorted((trained / "runs").iterdir())
    one_sentence(command(trained, "train", "--corpus", "animals", *words), *parts)
    assert sorted((trained / "runs").iterdir()) == before


def test_names_that_are_not_there(command: Command, trained: Path, tmp_path: Path):
    one_sentence(command(trained, "train", "--corpus", "plants"), "plants", "animals")
    one_sentence(command(trained, "generate", "nobody"), "nobody")
    one_sentence(command(trained, "generate", "gpt", "--tokens", "0"), "tokens", "100000")
    one_sentence(command(trained, "corpus", "show", "plants"), "plants")
    one_sentence(command(trained, "corpus", "show", "../runs/gpt"), "..")
    one_sentence(command(trained, "attention", "ngram", "--text", "a", "--out", tmp_path / "a.png"), "attention")
    one_sentence(command(trained, "attention", "gpt", "--text", "The", "--out", tmp_path / "a.gif"), ".png")
    one_sentence(command(trained, "attention", "gpt", "--text", "The", "--out", tmp_path / "b" / "a.png"), "no folder")
    one_sentence(command(trained, "transitions", "gpt"), "no transitions", "n-gram")
    one_sentence(command(trained, "transitions", "ngram", "--top", "0"), "1024")
    one_sentence(command(trained, "transitions", "ngram", "--out", tmp_path / "a.npz"), ".csv")


@pytest.mark.parametrize(
    "words",
    [
        ["generate", "gpt", "--prompt", "The 龍"],
        ["attention", "gpt", "--text", "The 龍", "--out", "a.png"],
        ["transitions", "ngram", "--context", "The 龍"],
    ],
)
def test_characters_that_the_vocabulary_lacks(command: Command, trained: Path, words: list[str]):
    answer = command(trained, *words)
    one_sentence(answer, "龍")
    assert not answer.out


def test_a_damaged_checkpoint_falls_back_and_a_damaged_run_is_named(command: Command, trained: Path, tmp_path: Path):
    w = tmp_path / "w"
    shutil.copytree(trained, w)
    checkpoints = sorted((w / "runs" / "gpt" / "checkpoints").iterdir())
    for checkpoint in checkpoints:
        weights = checkpoint / "model.safetensors"
        damaged = bytearray(weights.read_bytes())
        damaged[-7] ^= 1
        weights.write_bytes(damaged)
    one_sentence(command(w, "generate", "gpt"), "checkpoint")
    (w / "runs" / "ngram" / "run.toml").write_text("name = [", encoding="utf-8")
    one_sentence(command(w, "generate", "ngram"), "run.toml")
    assert command(w, "runs").code == 0


def test_a_damaged_corpus_does_not_hide_the_others(command: Command, trained: Path, tmp_path: Path):
    w = tmp_path / "w"
    for name in ("one", "two"):
        shutil.copytree(trained / "corpora" / "animals", w / "corpora" / name)
    (w / "corpora" / "one" / "text" / "test.txt").unlink()
    listed = command(w, "corpus", "list", "--json")
    assert listed.code == 0
    assert [corpus["name"] for corpus in listed.object["corpora"]] == ["two"]
    assert [corpus["name"] for corpus in listed.object["damaged"]] == ["one"]
    assert "test.txt" in command(w, "corpus", "list").err


@pytest.mark.parametrize("damaged", ["model.safetensors", "state.json"])
def test_an_older_checkpoint_in_place_of_a_damaged_one_is_told(
    command: Command, trained: Path, tmp_path: Path, damaged: str
):
    w = tmp_path / "w"
    shutil.copytree(trained, w)
    older, newest = sorted((w / "runs" / "gpt" / "checkpoints").iterdir())[-2:]
    (newest / damaged).write_bytes((newest / damaged).read_bytes()[:-1])
    said = f"The checkpoint of step {int(older.name[5:])} is used."
    for words in (["generate", "gpt", "--tokens", "3"], ["evaluate", "gpt", "--json"]):
        answer = command(w, *words)
        assert answer.code == 0
        assert damaged in answer.err
        assert said in answer.err or damaged == "state.json"


def test_a_damaged_tokenizer_of_a_run_is_told(command: Command, trained: Path, tmp_path: Path):
    w = tmp_path / "w"
    shutil.copytree(trained, w)
    tokenizer = w / "runs" / "gpt" / "tokenizer.json"
    tokenizer.write_bytes(tokenizer.read_bytes().replace(b'"a"', b'"Q"'))
    one_sentence(command(w, "generate", "gpt"), "tokenizer.json")
    one_sentence(command(w, "resume", "gpt"), "tokenizer.json")


def test_a_run_file_that_is_none(command: Command, trained: Path, tmp_path: Path):
    (tmp_path / "run.toml").write_text("steps 5", encoding="utf-8")
    one_sentence(command(trained, "train", tmp_path / "run.toml"), "run.toml")
    one_sentence(command(trained, "train", tmp_path / "none.toml"), "none.toml")


def test_a_workspace_that_is_a_file(command: Command, tmp_path: Path):
    (tmp_path / "w").touch()
    one_sentence(command(tmp_path / "w", "runs"), "w")


def test_useless_training_settings_are_said_and_left_out(command: Command, trained: Path):
    answer = command(
        trained, "train", "--corpus", "animals", "--family", "ngram", "--training.steps", "5", *TINY["ngram"]
    )
    assert answer.code == 0
    assert "training.steps" in answer.err


def test_a_path_longer_than_any_file_name(command: Command, trained: Path, tmp_path: Path):
    endless = tmp_path / ("x" * 300)
    one_sentence(command(tmp_path / "w", "corpus", "add", f"{endless}.txt"), "xxx")
    one_sentence(command(trained, "train", f"{endless}.toml"), "xxx")
    one_sentence(command(endless, "runs"), "xxx")


def test_an_empty_name_and_one_with_a_line_end(command: Command, trained: Path, tmp_path: Path):
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    one_sentence(command(tmp_path / "w", "corpus", "add", tmp_path / "a.txt", "--name", ""), "name")
    one_sentence(command(tmp_path / "w", "corpus", "add", tmp_path / "a.txt", "--name", "a\nb"), "a b")
    one_sentence(command(trained, "train", "--corpus", "animals", "--name", ""), "name")


def test_an_option_that_a_run_file_has_settled(command: Command, trained: Path):
    file = trained / "runs" / "gpt" / "run.toml"
    one_sentence(command(trained, "train", file, "--family", "recurrent"), "run.toml", "gpt")
    one_sentence(command(trained, "train", file, "--preset", "tiny"), "--preset", "run.toml")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("verb", ["train", "demo"])
def test_a_full_disk_ends_a_training_with_one_sentence(
    command: Command, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
):
    def full(record: Record, *arguments: object) -> None:
        raise DiskFull(tmp_path, 1_000_000)

    w = tmp_path / "w"
    shutil.copytree(trained / "corpora" / "animals", w / "corpora" / "stories")
    demonstrate = importlib.import_module("lmstudio_app.engine.pipeline.demonstrate")
    small = {"model": {"layers": 1, "heads": 1, "width": 16, "context": 16}, "training": {"steps": 4, "batch": 2}}
    monkeypatch.setattr(demonstrate, "VALUES", small)
    monkeypatch.setattr(Record, "checkpoint", full)
    words = {"train": ["--corpus", "stories", *TINY["gpt"]], "demo": ["--out", tmp_path / "out"]}
    answer = command(w, verb, *words[verb])
    assert answer.code == 1
    assert answer.err.count("\n") == 1 and "The disk is full" in answer.err
    assert [run.state for run in Workspace.open(w).runs()] == ["stopped"]


@pytest.mark.parametrize("saves", [0, 1])
def test_a_full_disk_says_what_is_kept(
    command: Command, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saves: int
):
    save, room = Record.checkpoint, [True] * saves

    def filling(record: Record, *arguments: Any) -> Any:
        if not room:
            raise DiskFull(tmp_path, 1_000_000)
        room.pop()
        return save(record, *arguments)

    w = Path(shutil.copytree(trained, tmp_path / "w"))
    monkeypatch.setattr(Record, "checkpoint", filling)
    answer = command(w, "train", "--corpus", "animals", *TINY["gpt"], "--name", "tight")
    assert answer.code == 1
    assert "The disk is full" in answer.err
    kept = ("Nothing of the run was saved yet.", "The checkpoint of step 4 is kept. Go on with: ")[saves]
    assert kept in answer.err


@pytest.mark.parametrize("words", [
    ["--execution.device", "mps" if sys.platform != "darwin" else "cuda"],
    ["--model.context", "4096"],
    ["--training.sample-prompt", "☃"],
])  # fmt: skip
def test_a_run_that_cannot_begin_leaves_no_folder(command: Command, trained: Path, tmp_path: Path, words: list[str]):
    w = Path(shutil.copytree(trained, tmp_path / "w"))
    before = sorted(path.name for path in (w / "runs").iterdir())
    one_sentence(
        command(w, "train", "--corpus", "animals", "--family", "gpt", *words),
        words[0].lstrip("-").replace("-", "_").partition(".")[2],
    )
    assert sorted(path.name for path in (w / "runs").iterdir()) == before


def test_half_a_character_on_the_command_line(command: Command, trained: Path):
    torn = "th\udce9"
    one_sentence(command(trained, "train", "--corpus", "animals", "--training.sample-prompt", torn), "half a character")
    one_sentence(command(trained, "generate", "gpt", "--prompt", torn), "half a character")
    one_sentence(command(trained, "generate", "gpt", "--prompt", "th", "--stop", torn), "half a character")


@pytest.mark.parametrize(("step", "saved", "kept"), [
    (0, 0, "nothing was learned yet"),
    (9, 9, "a checkpoint is kept"),
    (9, 4, "its checkpoint of step 4 is kept"),
    (9, 0, "no checkpoint is kept"),
])  # fmt: skip
def test_a_stopped_training_says_what_is_kept_and_how_to_go_on(step: int, saved: int, kept: str):
    terminal = Terminal()
    terminal.workspace_folder = Path("my folder")
    show = Display(terminal)
    show.event(RunEnded("run 001", "there", step, "stopped", saved), None)
    words, _, folder = show.closing_words().partition("\n")
    stopped, _, go_on = words.partition(" Go on with: ")
    assert kept in stopped and folder == "Folder there"
    if sys.platform != "win32":
        assert shlex.split(go_on) == [*program(), "--workspace", "my folder", "resume", "run 001"]


def test_the_keyboard_stops_any_command_with_one_sentence(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def interrupted(terminal: Terminal) -> Workspace:
        raise KeyboardInterrupt

    monkeypatch.setattr(Terminal, "workspace", interrupted)
    for words in (["runs"], ["corpus", "list"]):
        answer = command(tmp_path, *words)
        assert (answer.code, answer.err) == (1, "Error: Stopped by the keyboard.\n")


@pytest.mark.parametrize("words", [
    ["runs"], ["corpus", "list"], ["corpus", "show", "a"], ["generate", "a"], ["evaluate", "a"], ["resume", "a"],
    ["attention", "a", "--text", "b", "--out", "c.png"], ["train", "--corpus", "a"],
])  # fmt: skip
def test_a_mistyped_workspace_is_not_made(command: Command, tmp_path: Path, words: list[str]):
    one_sentence(command(tmp_path / "typo", *words), "There is no workspace in", "typo")
    assert not (tmp_path / "typo").exists()


@pytest.mark.parametrize("words", [
    ["--workspace", "", "runs"], ["--workspace=", "runs"], ["--workspace", " "], ["--workspace="],
])  # fmt: skip
def test_an_empty_workspace_option(capsys: pytest.CaptureFixture[str], words: list[str]):
    code = run_main(words)
    one_sentence(Answer(code, *capsys.readouterr()), "--workspace: it is empty")


@pytest.mark.parametrize("paths", [[""], ["README.md", " "]])
def test_an_empty_path(command: Command, trained: Path, paths: list[str]):
    one_sentence(command(trained, "corpus", "add", *paths), "it is empty. Name a file or folder.")
    one_sentence(command(trained, "evaluate", "gpt", "--text-file", ""), "--text-file: it is empty")


def test_json_without_a_command(command: Command, tmp_path: Path):
    answer = command(tmp_path, "--json")
    one_sentence(answer, "Name a command")
    assert answer.object["field"] == "command"


needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a file that is always full")


def started(
    workspace: Path, *words: str, output: str = "/dev/null", shell: str = ""
) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own, through the shell."""
    line = shlex.join([sys.executable, "-m", "lmstudio_app", "--workspace", str(workspace), *words])
    return subprocess.run(
        ["/bin/sh", "-c", f"{line} {shell or '>' + output}"], capture_output=True, text=True, check=False, timeout=120
    )


@needs_full
@pytest.mark.parametrize("words", [["runs"], ["runs", "--json"], ["corpus", "show", "animals"], ["--help"]])
def test_output_on_a_full_disk(trained: Path, words: list[str]):
    done = started(trained, *words, output="/dev/full")
    assert done.returncode == 1
    assert done.stderr == "Error: The output could not be written: No space left on device.\n"


@needs_full
def test_a_mistake_that_cannot_be_told(trained: Path):
    assert started(trained, "generate", "none", shell="2>/dev/full").returncode == 2


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
@pytest.mark.parametrize("shell", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams(trained: Path, shell: str):
    done = started(trained, "runs", shell=shell)
    assert done.returncode == 0
    assert done.stderr == ""
    assert started(trained, "generate", "none", shell=shell).returncode == 2


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
def test_a_reader_that_leaves_early(trained: Path, tmp_path: Path):
    done = started(trained, "runs", "--json", shell="| true")
    assert done.stderr == ""
    w = Path(shutil.copytree(trained, tmp_path / "w"))
    endless = {"--training.steps": "100000", "--training.validate-every": "5", "--training.checkpoint-every": "0"}
    options = dict(zip(TINY["gpt"][::2], TINY["gpt"][1::2], strict=True)) | endless | {"--name": "piped"}
    words = [word for pair in options.items() for word in pair]
    done = started(w, "train", "--corpus", "animals", *words, shell="| head -4")
    told = done.stderr.splitlines()[-1]
    assert told.startswith("Error: The output could not be written: Broken pipe. The checkpoint of step ")
    assert "is kept. Go on with: " in told
    assert Workspace.open(w).run("piped").state == "stopped"


@needs_full
def test_a_training_that_cannot_tell_anything_leaves_no_folder(trained: Path, tmp_path: Path):
    w = Path(shutil.copytree(trained, tmp_path / "w"))
    done = started(w, "train", "--corpus", "animals", *TINY["gpt"], "--name", "mute", output="/dev/full")
    assert done.returncode == 1
    assert "No space left on device. Nothing of the run was saved yet." in done.stderr
    assert not (w / "runs" / "mute").exists()


def test_words_that_are_no_command_of_ours(command: Command, trained: Path, tmp_path: Path):
    one_sentence(
        command(trained, "generate", "run", "001"), "“001” is too much here. A name with spaces goes into quotes."
    )
    one_sentence(command(trained, "trian"), "trian", "Did you mean", "train")
    one_sentence(
        command(trained, "train", "--corpus", "animals", "--training.stpes", "5"), "Did you mean --training.steps?"
    )
    one_sentence(
        command(trained, "evaluate", "gpt", "--split", "test", "--text-file", "a.txt"), "--split: leave it out"
    )
    one_sentence(command(trained, "train", tmp_path / "none.toml"), "none.toml” is not there.")
    (tmp_path / "binary.toml").write_bytes(b"\x7fELF\xd0\xd0")
    one_sentence(command(trained, "train", tmp_path / "binary.toml"), "binary.toml” is not a TOML file: it is not text")
    (tmp_path / "cut.txt").write_bytes(b"Hello world. " * 300 + b"\xc3")
    one_sentence(command(trained, "corpus", "add", tmp_path / "cut.txt"), "utf-8+replace", "Name it with --encoding.")


def test_reasons_stand_beneath_the_table(command: Command, trained: Path, tmp_path: Path):
    w = Path(shutil.copytree(trained, tmp_path / "w"))
    (w / "runs" / "ngram" / "run.toml").write_text("name = [", encoding="utf-8")
    answer = command(w, "runs")
    (row,) = (line for line in answer.out.splitlines() if line.startswith("ngram"))
    assert row.rstrip().endswith("damaged")
    assert answer.err.startswith("ngram: ") and "run.toml" in answer.err and answer.err.count("\n") == 1
