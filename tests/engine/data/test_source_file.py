"""Packed files, archives and documents: read in place, and no trap costs more than a sentence."""

from __future__ import annotations

import gzip
import io
import stat
import zipfile
from pathlib import Path

import pytest

from lmstudio_app.engine import pipeline
from lmstudio_app.engine.data import child_process, source_file
from lmstudio_app.engine.data.corpus import Corpus, CorpusSettings
from lmstudio_app.engine.data.reader import expand
from lmstudio_app.engine.data.source_file import Unreadable, members, open_source
from lmstudio_app.engine.data.tokenizer import TokenizerSettings
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import SourceSkipped
from lmstudio_app.engine.workspace import Workspace
from tests.engine.data import documents_made

CHARACTERS = CorpusSettings(tokenizer=TokenizerSettings(kind="character"))
TALE = "Once there was a heron.\nIt met a mole – “Good day!”\n" * 20


def content(path: Path) -> bytes:
    with open_source(path) as file:
        return file.read()


def zipped(path: Path, **files: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def corpus_of(workspace: Workspace, *paths: Path) -> tuple[Corpus, list[SourceSkipped]]:
    events = list(pipeline.prepare(workspace, paths=paths, settings=CHARACTERS, name="made"))
    skipped = [event for event in events if isinstance(event, SourceSkipped)]
    return workspace.corpus(workspace.corpora()[-1]), skipped


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "workspace")


# Packed files and archives --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tale.txt.gz", "tale", "tale.csv"])
def test_a_packed_file_is_known_by_its_content(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(TALE.encode()))
    assert content(path) == TALE.encode()
    path.write_bytes(gzip.compress(gzip.compress(TALE.encode())))
    assert content(path) == TALE.encode()


def test_a_packed_table_is_a_table_and_can_be_read_again(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "films.csv.gz"
    path.write_bytes(gzip.compress(b"text,label\n" + b"".join(b"Film %d.,good\n" % n for n in range(99))))
    corpus, _ = corpus_of(workspace, path)
    assert (corpus.kind, corpus.statistics.documents) == ("labelled", 99)
    assert corpus.sources[0].bytes == path.stat().st_size
    list(pipeline.redo(corpus, encodings={path: "cp1252"}))
    assert Corpus.open(corpus.folder).statistics.documents == 99


def test_an_archive_stands_for_its_files(workspace: Workspace, tmp_path: Path) -> None:
    path = zipped(
        tmp_path / "many.zip",
        **{
            "a/tale": TALE.encode(),
            "a/old": TALE.replace("–", "-").encode("cp1252"),
            "a/rows": b'{"text": "One row of many."}\n',
            "picture": b"\x89PNG\r\n\x1a\n" + bytes(100),
            "__MACOSX/x": b"x",
            ".hidden": b"x",
        },
    )
    corpus, skipped = corpus_of(workspace, path)
    assert [Path(source.path).name for source in corpus.sources] == ["tale", "old", "rows"]
    assert [Path(event.path).name for event in skipped] == ["picture"]
    assert "is a PNG picture" in skipped[0].reason
    assert Path(corpus.sources[0].path) == path / "a" / "tale"
    assert corpus.text("training").startswith("Once there was")
    list(pipeline.redo(corpus, CHARACTERS.model_copy(update={"tokenizer": TokenizerSettings(vocabulary=300)})))


def test_names_in_an_archive_cannot_lead_outside(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    path = tmp_path / "trap.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("../secret.txt", "/etc/passwd", "a/../../secret.txt", "C:\\x.txt", "good.txt"):
            archive.writestr(name, TALE)
    found, errors = members(path)
    assert found == [path / "good.txt"]
    assert len(errors) == 4
    files, told = expand([path])
    assert files == [path / "good.txt"]
    assert [str(error) for error in told] == [str(error) for error in errors]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["secret.txt", "trap.zip"]


def test_a_file_that_unpacks_without_end_is_a_trap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(source_file, "_MOST_UNPACKED", 1 << 20)
    bomb = b"a\n" * (8 << 20)
    packed = tmp_path / "a.txt.gz"
    packed.write_bytes(gzip.compress(bomb))
    archive = zipped(tmp_path / "a.zip", inner=bomb) / "inner"
    for path in (packed, archive):
        with pytest.raises(Unreadable, match="more than a hundred times its size, as a trap would"):
            content(path)


@pytest.mark.parametrize("cut", [3, 11, 40, -1])
def test_what_is_packed_and_damaged_is_told(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(TALE.encode())[:cut])
    with pytest.raises(Unreadable, match="is damaged: what is packed in it"):
        content(path)


def test_a_damaged_archive_is_told(workspace: Workspace, tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", inner=TALE.encode())
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(UserError, match=r"a.zip” is a ZIP archive"):
        corpus_of(workspace, path)
    with pytest.raises(Unreadable, match="is not there"):
        content(zipped(tmp_path / "b.zip", inner=b"x") / "other")


# Documents ------------------------------------------------------------------------------------------------------


def test_documents_become_corpora(workspace: Workspace, tmp_path: Path) -> None:
    paragraphs = [f"Paragraph {number} is 中文 and “quoted”." for number in range(50)]
    (tmp_path / "b.docx").write_bytes(documents_made.docx(paragraphs, [["a", "b"], ["c", "d"]]))
    (tmp_path / "c.pdf").write_bytes(documents_made.pdf([f"This is page {number}." for number in range(1, 4)]))
    (tmp_path / "d.epub").write_bytes(documents_made.epub([f"Chapter &eacute; {n}." for n in range(12)]))
    corpus, skipped = corpus_of(workspace, *(tmp_path / name for name in ("b.docx", "c.pdf", "d.epub")))
    assert not skipped
    whole = corpus.text("training") + corpus.text("validation") + corpus.text("test")
    assert whole.startswith("\n".join(paragraphs) + "\na\tb\nc\td\n")
    assert "This is page 1.\n\nThis is page 2.\n\nThis is page 3.\n" in whole
    assert "\n".join(f"Chapter é {n}.\n" for n in range(12)).strip() in whole
    assert {source.encoding for source in corpus.sources} == {"utf-8"}


def test_a_document_is_known_by_its_content_also_when_it_is_packed(tmp_path: Path) -> None:
    raw = documents_made.docx(["Only words."])
    path = tmp_path / "strange.txt"
    path.write_bytes(raw)
    assert content(path) == b"Only words.\n"
    path.write_bytes(gzip.compress(documents_made.pdf(["A page."])))
    assert content(path) == b"A page.\n\n"
    path.write_bytes(gzip.compress(raw))
    assert content(path) == b"Only words.\n"
    assert content(zipped(tmp_path / "a.zip", inner=raw) / "inner") == b"Only words.\n"
    assert content(zipped(tmp_path / "b.zip", inner=(tmp_path / "a.zip").read_bytes()) / "inner")[:2] == b"PK"


def test_a_changed_document_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a.docx"
    path.write_bytes(documents_made.docx(["First."]))
    assert content(path) == b"First.\n"
    path.write_bytes(documents_made.docx(["Second, longer."]))
    assert content(path) == b"Second, longer.\n"


@pytest.mark.parametrize(
    ("name", "raw", "sentence"),
    [
        ("a.pdf", documents_made.pdf(["Secret."], password="x"), "is locked with a password"),
        ("a.pdf", documents_made.pdf([""]), "holds no text"),
        ("a.pdf", documents_made.pdf(["Some words."])[:60], "is damaged"),
        ("a.pdf", b"%PDF-1.7\n" + b"\0" * 1000, "is damaged"),
        ("a.docx", documents_made.docx([]), "holds no text"),
    ],
)
def test_documents_that_cannot_be_read_get_a_sentence(tmp_path: Path, name: str, raw: bytes, sentence: str) -> None:
    path = tmp_path / name
    path.write_bytes(raw)
    with pytest.raises(Unreadable, match=sentence) as caught:
        content(path)
    assert str(caught.value).startswith(f"“{path}” ")


def swollen(text: bytes) -> bytes:
    """A DOCX of some kilobytes whose text is huge."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(documents_made.docx(["x"]))) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            part = old.read(name)
            new.writestr(name, part.replace(b">x<", b">" + text + b"<") if name == "word/document.xml" else part)
    return out.getvalue()


def test_a_swollen_document_is_refused_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.docx"
    path.write_bytes(swollen(b"a" * (80 << 20)))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(Unreadable, match=r"is damaged|does not fit into memory"):
        content(path)


@pytest.mark.parametrize("death", ["kill -9 $$", "exit 1", "echo nonsense >&2; exit 3"])
def test_the_death_of_the_process_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, death: str) -> None:
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\n{death}\n", encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(child_process.sys, "executable", str(program))
    path = tmp_path / "a.docx"
    path.write_bytes(documents_made.docx(["Some words."]))
    with pytest.raises(Unreadable, match="taking its text out did not come to an end"):
        content(path)
