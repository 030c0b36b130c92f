"""Parquet and Arrow tables: rows come through as they are, and what is broken costs no more than a sentence."""

from __future__ import annotations

import datetime
import decimal
import gzip
import json
import random
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import feather, ipc, parquet

from lmstudio_app.engine import pipeline
from lmstudio_app.engine.data import parsing, source_file
from lmstudio_app.engine.data.corpus import CorpusSettings
from lmstudio_app.engine.data.documents import examples, whole_texts
from lmstudio_app.engine.data.reader import Document, ReadingSettings, TextSource, reader_of
from lmstudio_app.engine.data.source_file import Unreadable, open_source
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import RowsSkipped, SourceSkipped
from lmstudio_app.engine.workspace import Workspace

TEXTS = ["Good “film”.\nTwo lines", "tab\tand \\ and \x00 and \u2028", "电影很好看", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 🎈", "Ünïcödé " * 300]
REVIEWS = {"text": TEXTS, "label": ["good", "bad", "good", "bad", "good"], "id": [1, 2, 3, 4, 5]}


def stream(table: pyarrow.Table, path: Path) -> None:
    with ipc.new_stream(str(path), table.schema) as writer:
        writer.write_table(table)


WRITERS: dict[str, Callable[[pyarrow.Table, Path], Any]] = {
    "parquet": parquet.write_table,
    "parquet-zstd": lambda table, path: parquet.write_table(table, path, compression="zstd", row_group_size=2),
    "feather": lambda table, path: feather.write_feather(table, str(path), compression="lz4"),
    "stream": stream,
}


def read(path: Path, **settings: Any) -> tuple[list[Document], TextSource]:
    source = TextSource(path, "utf-8", ReadingSettings(**settings))
    return [
        Document(each.title, (each.text,), each.kind, each.fields) for each in reader_of(source).read(source)
    ], source


def rows_of(path: Path) -> list[Any]:
    with open_source(path) as file:
        return [json.loads(line) for line in file.read().splitlines()]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "workspace")


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("name", ["reviews.parquet", "reviews.arrow", "reviews.csv", "reviews"])
def test_tables_are_known_by_their_content_and_texts_come_through(tmp_path: Path, writer: str, name: str) -> None:
    WRITERS[writer](pyarrow.table(REVIEWS), tmp_path / name)
    documents, source = read(tmp_path / name)
    assert [document.text for document in documents] == TEXTS
    assert [document.fields["label"] for document in documents] == REVIEWS["label"]
    assert source.mapping == {"text": "text", "label": "label"}
    assert source.columns == ("text", "label", "id")


@pytest.mark.parametrize("packing", ["gz", "zip"])
def test_a_packed_table_is_a_table(workspace: Workspace, tmp_path: Path, packing: str) -> None:
    plain = tmp_path / "reviews.parquet"
    parquet.write_table(pyarrow.table(REVIEWS), plain)
    path = tmp_path / f"reviews.parquet.{packing}"
    if packing == "gz":
        path.write_bytes(gzip.compress(plain.read_bytes()))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.write(plain, "inside/reviews.parquet")
    events = list(pipeline.prepare(workspace, paths=[path], settings=CorpusSettings(), name="made"))
    assert not [event for event in events if isinstance(event, (SourceSkipped, RowsSkipped))]
    corpus = workspace.corpus("made")
    assert corpus.kind == "labelled"
    found = [each.fields["label"] for each in examples(corpus) if not each.continued]
    assert found == REVIEWS["label"]


def test_every_kind_of_value_becomes_the_text_it_shows(tmp_path: Path) -> None:
    columns: dict[str, Any] = {
        "text": pyarrow.array(["a", None, "c"]),
        "number": pyarrow.array([1, 2**60, None]),
        "single": pyarrow.array([0.1, float("nan"), None], pyarrow.float32()),
        "flag": pyarrow.array([True, False, None]),
        "day": pyarrow.array([datetime.date(2026, 11, 27), None, None]),
        "price": pyarrow.array([decimal.Decimal("1.50"), None, None]),
        "label": pyarrow.array(["x", "y", "x"]).dictionary_encode(),
        "tokens": pyarrow.array([["a", "b"], [], None]),
        "scores": pyarrow.array([[0.5, float("inf")], [], None]),
        "answers": pyarrow.array([{"text": ["yes"], "start": [3]}, None, None]),
        "bytes": pyarrow.array(["wörter".encode(), b"\xff\xd8", None]),
        "nothing": pyarrow.nulls(3),
    }
    path = tmp_path / "all.parquet"
    parquet.write_table(pyarrow.table(columns), path)
    first, second, third = rows_of(path)
    assert first == {
        "text": "a", "number": "1", "single": "0.1", "flag": True, "day": "2026-11-27", "price": "1.50", "label": "x",
        "tokens": ["a", "b"], "scores": [0.5, None], "answers": {"text": ["yes"], "start": [3]}, "bytes": "wörter",
        "nothing": None,
    }  # fmt: skip
    assert second["number"] == str(2**60) and second["single"] is None and second["bytes"] is None
    assert third == dict.fromkeys(columns) | {"text": "c", "label": "x"}


def test_a_row_that_is_no_text_is_left_out_and_told(workspace: Workspace, tmp_path: Path) -> None:
    raw = [f"row {number}".encode() for number in range(1000)]
    broken = random.Random(1).sample(range(1000), 10)
    for number in broken:
        raw[number] = b"\xff\xfe broken"
    lengths = [0]
    for each in raw:
        lengths.append(lengths[-1] + len(each))
    texts = pyarrow.StringArray.from_buffers(
        1000, pyarrow.py_buffer(b"".join(n.to_bytes(4, "little") for n in lengths)), pyarrow.py_buffer(b"".join(raw))
    )
    path = tmp_path / "broken.parquet"
    parquet.write_table(pyarrow.table({"text": texts}), path)
    documents, source = read(path)
    assert [document.text for document in documents] == [
        each.decode() for number, each in enumerate(raw) if number not in broken
    ]
    assert source.bad_rows == 10
    assert {row.line for row in source.bad} == {number + 1 for number in broken}
    assert source.bad[0].reason == "a text in it is not UTF-8"
    with pytest.raises(Unreadable, match="Line"):
        read(path, bad_rows="stop")


def test_rows_without_the_text_are_told(tmp_path: Path) -> None:
    path = tmp_path / "gaps.parquet"
    parquet.write_table(pyarrow.table({"text": ["a", None, " ", "d"], "label": ["x", "y", "x", "y"]}), path)
    documents, source = read(path)
    assert [document.text for document in documents] == ["a", "d"]
    assert [row.line for row in source.bad] == [2, 3]


def test_a_named_encoding_is_for_other_files(workspace: Workspace, tmp_path: Path) -> None:
    parquet.write_table(pyarrow.table({"text": ["café"] * 3}), tmp_path / "a.parquet")
    (tmp_path / "b.txt").write_bytes("naïve café\n".encode("cp1252"))
    paths = [tmp_path / "a.parquet", tmp_path / "b.txt"]
    list(pipeline.prepare(workspace, paths=paths, settings=CorpusSettings(), name="both", encoding="cp1252"))
    assert list(whole_texts(workspace.corpus("both"))) == ["café"] * 3 + ["naïve café"]


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("kept", [60, 200, -9])
def test_a_cut_table_is_damaged(tmp_path: Path, writer: str, kept: int) -> None:
    path = tmp_path / "cut.parquet"
    WRITERS[writer](pyarrow.table(REVIEWS), path)
    path.write_bytes(path.read_bytes()[:kept])
    try:
        documents, _ = read(path)
    except Unreadable as error:
        assert str(error).startswith(f"“{path}” is damaged")
    else:  # of a stream only the mark of its end was cut
        assert writer == "stream" and [each.text for each in documents] == TEXTS


def test_mutated_tables_are_a_sentence_or_a_table(tmp_path: Path) -> None:
    chance = random.Random(5)
    for write in WRITERS.values():
        path = tmp_path / "mutated.parquet"
        write(pyarrow.table(REVIEWS), path)
        raw = bytearray(path.read_bytes())
        for _ in range(3):
            changed = bytearray(raw)
            for _ in range(chance.randrange(1, 20)):
                changed[chance.randrange(8, len(changed) - 8)] = chance.randrange(256)
            path.write_bytes(changed)
            try:
                read(path)
            except UserError as error:
                assert str(path) in str(error) or "column" in str(error)


@pytest.mark.parametrize("megabytes", [1, 16])
def test_a_small_table_that_swells_is_a_trap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, megabytes: int) -> None:
    monkeypatch.setattr(source_file, "_MOST_UNPACKED", 8 << 20)
    values = pyarrow.array(["a" * (megabytes << 20)])
    column = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * 100_000, pyarrow.int32()), values)
    path = tmp_path / "bomb.parquet"
    parquet.write_table(pyarrow.table({"text": column}), path, compression="zstd")
    assert path.stat().st_size < 1 << 20
    with pytest.raises(Unreadable, match=r"as a trap would|does not fit into memory"):
        read(path)


def test_a_table_of_books_is_read_in_bounded_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    limited = "from lmstudio_app.engine.data import table_rows; table_rows._MEMORY = 2 << 30; "
    monkeypatch.setattr(parsing, "_TABLE", limited + parsing._TABLE)
    book = "It was a long book. " * 150_000
    path = tmp_path / "books.parquet"
    parquet.write_table(pyarrow.table({"text": [f"{number} {book}" for number in range(100)]}), path)
    source = TextSource(path, "utf-8")
    assert sum(len(document.text) > 2_999_000 for document in reader_of(source).read(source)) == 100


def test_a_table_that_holds_nothing(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "empty.parquet"
    parquet.write_table(pyarrow.table({"text": pyarrow.array([], pyarrow.string())}), path)
    with pytest.raises(UserError, match="holds no text"):
        list(pipeline.prepare(workspace, paths=[path], settings=CorpusSettings(), name="none"))
    assert workspace.corpora() == []


def test_leaving_early_ends_the_process(tmp_path: Path) -> None:
    path = tmp_path / "long.parquet"
    parquet.write_table(pyarrow.table({"text": [f"row {number} " * 20 for number in range(200_000)]}), path)
    with open_source(path) as file:
        assert file.read(10) == b'{"text": "'
        process = file.raw._unpacked._process  # type: ignore[attr-defined]
        assert process.poll() is None
    assert process.poll() is not None


@pytest.mark.parametrize("death", ["kill -9 $$", "exit 1", "echo nonsense >&2; exit 3"])
def test_the_death_of_the_process_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, death: str) -> None:
    path = tmp_path / "a.parquet"
    parquet.write_table(pyarrow.table(REVIEWS), path)
    monkeypatch.setattr(parsing.child_process, "command", lambda *_: ["/bin/sh", "-c", death])
    with pytest.raises(Unreadable, match="taking its text out did not come to an end"):
        read(path)


def test_without_the_package_the_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    parquet.write_table(pyarrow.table(REVIEWS), path)
    without = "import sys; sys.modules['pyarrow'] = None; "
    monkeypatch.setattr(parsing, "_TABLE", without + parsing._TABLE)
    with pytest.raises(Unreadable, match="is not installed") as caught:
        read(path)
    assert f"{sys.executable} -m pip install pyarrow" in str(caught.value)


def test_a_text_that_begins_like_a_table_is_a_text(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("PAR1 is how such files begin.\n" * 20, encoding="utf-8")
    assert not source_file.is_table(path)
    assert next(iter(read(path)[0])).text.startswith("PAR1 is")


def test_a_corpus_goes_out_as_parquet_and_comes_back(workspace: Workspace, tmp_path: Path) -> None:
    rows = {"text": [f"Review {n} “é”\nand more" for n in range(2500)], "label": ["good", "bad"] * 1250}
    parquet.write_table(pyarrow.table(rows), tmp_path / "in.parquet")
    list(pipeline.prepare(workspace, paths=[tmp_path / "in.parquet"], settings=CorpusSettings(), name="in"))
    written = pipeline.save_corpus(workspace.corpus("in"), tmp_path / "out.parquet", "parquet")
    assert written == (tmp_path / "out.parquet").stat().st_size
    table = parquet.read_table(tmp_path / "out.parquet")
    assert table.column_names == ["split", "text", "label"]
    assert table["text"].to_pylist() == rows["text"] and table["label"].to_pylist() == rows["label"]
    assert table["split"].to_pylist() == [each.split for each in examples(workspace.corpus("in"))]


def test_without_the_package_nothing_goes_out(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace, tmp_path: Path
) -> None:
    list(pipeline.prepare(workspace, text="Some words. " * 50, settings=CorpusSettings(), name="some"))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UserError, match="pip install pyarrow"):
        pipeline.save_corpus(workspace.corpus("some"), tmp_path / "out.parquet", "parquet")
    assert not (tmp_path / "out.parquet").exists()
