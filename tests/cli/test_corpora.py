"""Tables in the terminal: mapping, broken rows, cleaning and splits by name, export, removal, bundled samples."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Command

ROWS = [(f"A film about number {n}.  \n", "good" if n % 3 else "bad") for n in range(200)]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "reviews.data"
    rows = [f'"{text}",{label}' for text, label in ROWS]
    rows.insert(9, "lonely")
    path.write_text("body,verdict\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_a_table_by_all_options(command: Command, tmp_path: Path, table: Path):
    options = ["--format", "csv", "--map", "text=body,label=verdict", "--clean", "trailing-spaces,unicode-nfc",
               "--split", "0.8,0.1,0.1", "--tokenizer", "character", "--name", "films"]  # fmt: skip
    added = command(tmp_path / "w", "corpus", "add", table, *options)
    assert added.code == 0
    assert "Left out 1 row of" in added.err
    assert "on line 20. The first: it has 1 cells instead of 2." in added.err
    shown = command(tmp_path / "w", "corpus", "show", "films", "--json").object
    assert shown["kind"] == "labelled"
    assert shown["documents"] == len(ROWS)
    (source,) = shown["sources"]
    assert source["mapping"] == {"text": "body", "label": "verdict"}
    assert (source["bad_rows"], source["bad_lines"]) == (1, [20])
    assert shown["tokens_by_split"]["training"] == pytest.approx(0.8 * shown["tokens"], rel=0.02)


def test_an_export_has_every_row_with_its_label(command: Command, tmp_path: Path, table: Path):
    words = ["--format", "csv", "--name", "films", "--clean", "trailing-spaces"]
    assert command(tmp_path / "w", "corpus", "add", table, *words).code == 0
    out = tmp_path / "out.jsonl"
    assert (
        command(tmp_path / "w", "corpus", "export", "films", "--out", out, "--json").object["bytes"]
        == out.stat().st_size
    )
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [(row["text"], row["label"]) for row in rows] == [(text.rstrip(), label) for text, label in ROWS]
    assert {row["split"] for row in rows} == {"training", "validation", "test"}
    assert command(tmp_path / "w", "corpus", "export", "films", "--to", "txt", "--out", tmp_path / "out.txt").code == 0
    assert (tmp_path / "out.txt").read_text(encoding="utf-8").split("\n\n")[7] == ROWS[7][0].rstrip()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--clean", "quiet"], "--clean: there is no switch “quiet”. There are: line-ends, "),
        (["--split", "0.9,0.05"], "is not three shares that make 1"),
        (["--split", "0.9,0.2,0.1"], "is not three shares that make 1"),
        (["--map", "words=body"], "Write ROLE=COLUMN"),
        (["--map", "text=nothing", "--format", "csv"], "There is no column “nothing” for text"),
        (["--format", "xls"], "There is no format “xls”"),
        (["--format", "csv", "--bad-rows", "stop"], "Line 20 of"),
        (["--format", "json"], "is no JSON from line 1 on"),
    ],
)
def test_mistakes_get_one_sentence_and_leave_nothing(
    command: Command, tmp_path: Path, table: Path, words: list[str], sentence: str
):
    answer = command(tmp_path / "w", "corpus", "add", table, *words)
    assert answer.code == 2
    assert sentence in " ".join(answer.err.split())
    assert not any((tmp_path / "w" / "corpora").glob("*"))


def test_duplicates_and_leakage_are_told(command: Command, tmp_path: Path):
    path = tmp_path / "a.jsonl"
    rows = [f"Row {n} is about the number {n * n} and nothing else, really nothing." for n in range(100)]
    path.write_text("\n".join(json.dumps(row) for row in [*rows, rows[3], rows[4]]), encoding="utf-8")
    assert command(tmp_path / "w", "corpus", "add", path, "--name", "a").code == 0
    said = command(tmp_path / "w", "corpus", "show", "a", "--duplicates", "--leakage", "--json").object
    assert (said["duplicates"]["repeated"], said["duplicates"]["equal"]) == (2, [[3, 100], [4, 101]])
    assert said["leakage"]["passages"] >= 1
    assert not said["leakage"]["by_design"]
    words = command(tmp_path / "w", "corpus", "show", "a", "--duplicates", "--leakage").out
    assert "2 documents repeat another" in words
    assert "equal: documents 4, 101" in words
    assert "passages are in the training text too" in words
    assert "duplicates" not in command(tmp_path / "w", "corpus", "show", "a", "--json").object


def test_a_removed_corpus_lies_in_the_bin_and_one_in_use_stays(command: Command, tmp_path: Path, table: Path):
    assert command(tmp_path / "w", "corpus", "add", table, "--format", "csv", "--name", "films").code == 0
    answer = command(tmp_path / "w", "corpus", "remove", "films", "--json")
    assert (Path(answer.object["bin"]) / "corpus.toml").is_file()
    assert command(tmp_path / "w", "corpus", "list", "--json").object["corpora"] == []
    gone = command(tmp_path / "w", "corpus", "remove", "films")
    assert gone.code == 2
    assert "There is no corpus “films”" in gone.err


def test_a_corpus_that_a_run_learns_from_is_not_removed(command: Command, trained: Path):
    answer = command(trained, "corpus", "remove", "animals")
    assert answer.code == 2
    assert "is used by" in answer.err
    assert [each["name"] for each in command(trained, "corpus", "list", "--json").object["corpora"]] == ["animals"]


@pytest.mark.parametrize("out", ["", "missing/out.jsonl", "."])
def test_an_export_that_cannot_be_written_says_so(command: Command, trained: Path, tmp_path: Path, out: str):
    answer = command(trained, "corpus", "export", "animals", "--out", tmp_path / out if out else "")
    assert answer.code == 2
    assert "Name a file" in answer.err or "no folder" in answer.err


def test_samples_are_listed_and_added(command: Command, tmp_path: Path):
    names = [each["name"] for each in command(tmp_path / "w", "samples", "list", "--json").object["samples"]]
    assert names[:2] == ["stories", "stories-chinese"]
    assert "stories" in command(tmp_path / "w", "samples", "list").out
    assert command(tmp_path / "w", "samples", "add", "stories", "--name", "tales").code == 0
    shown = command(tmp_path / "w", "corpus", "show", "tales", "--json").object
    assert shown["entropy_bits_per_byte"]
    wrong = command(tmp_path / "w", "samples", "add", "novels")
    assert wrong.code == 2
    assert "There is no bundled corpus “novels”" in wrong.err


def test_documents_are_shuffled_by_a_seed_and_leaks_left_out(command: Command, tmp_path: Path, table: Path):
    words = ["--format", "csv", "--seed", "1", "--split", "0.6,0.2,0.2", "--split.repair", "--name"]
    assert command(tmp_path / "w", "corpus", "add", table, *words, "films").code == 0
    assert command(tmp_path / "w", "corpus", "add", table, *words, "again").code == 0
    shown = [command(tmp_path / "w", "corpus", "export", name, "--out", tmp_path / name) for name in ("films", "again")]
    assert [one.code for one in shown] == [0, 0]
    assert (tmp_path / "films").read_bytes() == (tmp_path / "again").read_bytes()
    rows = [json.loads(line) for line in (tmp_path / "films").read_text(encoding="utf-8").splitlines()]
    assert {row["split"] for row in rows} == {"training", "validation", "test"}
    assert [row["text"] for row in rows] != [text.rstrip() for text, _ in ROWS]
    for split, share in (("training", 0.6), ("test", 0.2)):
        labels = [row["label"] for row in rows if row["split"] == split]
        assert labels.count("bad") / len(labels) == pytest.approx(1 / 3, abs=0.08)
        assert len(labels) / len(ROWS) == pytest.approx(share, abs=0.03)
    wrong = command(tmp_path / "w", "corpus", "add", table, "--seed", "many")
    assert wrong.code == 2
    assert "Must be a whole number" in wrong.err


def test_a_profile_is_shown_and_drawn(command: Command, tmp_path: Path, table: Path):
    assert command(tmp_path / "w", "corpus", "add", table, "--format", "csv", "--name", "films").code == 0
    shown = command(tmp_path / "w", "corpus", "show", "films", "--profile", "--json").object["profile"]
    assert dict(shown["labels"]) == {"good": 133, "bad": 67}
    assert "film 200" in command(tmp_path / "w", "corpus", "show", "films", "--profile").out
    for plot, ending in (("words", "png"), ("lengths", "svg"), ("characters", "csv"), ("labels", "csv")):
        out = tmp_path / f"{plot}.{ending}"
        assert command(tmp_path / "w", "corpus", "show", "films", "--plot", plot, "--out", out).code == 0
        assert out.stat().st_size > 30
    for wrong in (["--plot", "labels", "--out", tmp_path / "a.png"], ["--plot", "words"], ["--out", tmp_path / "a.csv"],
                  ["--plot", "words", "--out", tmp_path / "a.gif"]):  # fmt: skip
        assert command(tmp_path / "w", "corpus", "show", "films", *wrong).code == 2


def test_a_parquet_table_goes_out_and_comes_in(command: Command, tmp_path: Path, table: Path):
    assert command(tmp_path / "w", "corpus", "add", table, "--format", "csv", "--name", "films").code == 0
    out = tmp_path / "films.parquet"
    assert command(tmp_path / "w", "corpus", "export", "films", "--to", "parquet", "--out", out).code == 0
    again = command(tmp_path / "w", "corpus", "add", out, "--map", "text=text,label=label", "--name", "again", "--json")
    assert again.code == 0
    shown = command(tmp_path / "w", "corpus", "show", "again", "--json").object
    assert (shown["kind"], shown["documents"]) == ("labelled", len(ROWS))
    out.write_bytes(out.read_bytes()[:-20])
    broken = command(tmp_path / "w", "corpus", "add", out)
    assert broken.code == 2
    assert "is damaged (ArrowInvalid)" in broken.err


def test_chinese_words_and_characters_by_name(command: Command, tmp_path: Path):
    path = tmp_path / "notes.txt"
    path.write_text("天氣預報說明天下午有大雨。我們去圖書館看書。\n" * 100, encoding="utf-8")
    words = ["--tokenizer", "word", "--chinese-words", "--clean", "simplified", "--name", "notes"]
    assert command(tmp_path / "w", "corpus", "add", path, *words).code == 0
    command(tmp_path / "w", "tokenizer", "train", "notes", "--kind", "word", "--chinese-words", "--name", "words")
    cut = command(tmp_path / "w", "tokenizer", "show", "words", "--text", "图书馆有天气预报", "--json").object
    assert [each["text"] for each in cut["tokens"]][:2] == ["图书馆", "有"]
    both = command(tmp_path / "w", "corpus", "add", path, "--clean", "simplified,traditional")
    assert both.code == 2
    assert "simplified or traditional, not both" in both.err
