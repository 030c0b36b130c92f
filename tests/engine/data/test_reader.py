"""Reading files and folders in place."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmstudio_app.engine import registry
from lmstudio_app.engine.data import reader
from lmstudio_app.engine.data.reader import (
    ReadingSettings,
    TextSource,
    documents,
    expand,
    lines,
    reader_of,
    whole_lines,
)
from lmstudio_app.engine.data.source_file import CHUNK, Unreadable
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.settings import SettingsError, read
from tests.engine.data import writings


def found_format(path: Path, text: str = "Some words.\n") -> str:
    path.write_text(text, encoding="utf-8")
    return reader_of(TextSource(path, "utf-8")).name


def test_formats_are_found_by_their_ending(tmp_path: Path) -> None:
    text = {"markdown", "plain_text", "html", "subtitles"}
    assert set(registry.readers()) == text | {"csv", "json", "json_lines", "conll", "parquet"}
    assert found_format(tmp_path / "a.MD") == "markdown"
    assert found_format(tmp_path / "a.txt", '{"text": "a"}\n') == "plain_text"
    assert found_format(tmp_path / "Makefile") == "plain_text"
    suffixes = [suffix for each in registry.readers().values() for suffix in each.suffixes]
    assert len(suffixes) == len(set(suffixes))
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in suffixes)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('{"text": "a"}\n{"text": "b"}\n', "json_lines"),
        ("{curly but no JSON}\nmore\n", "plain_text"),
        ("  <!DOCTYPE html>\n<html><body>a</body></html>", "html"),
        ("a < b and <html> is a mark", "plain_text"),
        ("WEBVTT\n\n00:01.000 --> 00:02.000\nHi\n", "subtitles"),
        ("1\n00:00:01,000 --> 00:00:02,000\nHi\n", "subtitles"),
    ],
)
def test_formats_are_found_by_content_where_the_ending_says_nothing(tmp_path: Path, text: str, name: str) -> None:
    assert found_format(tmp_path / "download.part", text) == name


def test_a_format_that_is_named_goes_before_ending_and_content(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("text,label\n", encoding="utf-8")
    assert reader_of(TextSource(path, "utf-8", ReadingSettings(format="csv"))).name == "csv"
    with pytest.raises(SettingsError, match=r"no format “xls”\. Known are: conll, csv, "):
        read(ReadingSettings, {"format": "xls"})


@given(st.lists(st.text(st.sampled_from("ab\r\n"), max_size=6), max_size=6))
def test_lines_keep_their_ends_however_the_pieces_are_cut(parts: list[str]) -> None:
    text = "".join(parts)
    pieces = [part for part in re.split(r"(?<=\n)", text) if part]
    assert list(lines(pieces, 100)) == text.splitlines(keepends=True) or "\r" in text
    assert "".join(lines(pieces, 100)) == "".join(lines(pieces, 100, returns=True)) == text
    ends = re.findall(r"\r\n|\r|\n", text)
    assert sum(line.endswith(("\r", "\n")) for line in lines(pieces, 100, returns=True)) == len(ends)


def test_a_line_that_is_too_long_is_cut_and_what_follows_is_whole() -> None:
    assert list(lines(["abc", "def", "gh\n", "ij\n"], 4)) == ["abcde", "ij\n"]


def test_a_plain_text_is_one_document_just_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "paró.txt"
    text = "one\r\ntwo\rthree\n\n  four\0\t"
    path.write_bytes(text.encode())
    (document,) = documents(path)
    assert (document.title, document.text) == ("paró.txt", text)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Intro first\n\n## The *heading* ##\n\nText\n", "The *heading*"),
        ("Title\n=====\nText\n", "Title"),
        ("```\n# no heading\n```\n\n# Heading\n", "Heading"),
        ("no heading at all\n", "notes.md"),
    ],
)
def test_markdown_is_titled_by_its_first_heading_and_loses_nothing(tmp_path: Path, text: str, title: str) -> None:
    path = tmp_path / "notes.md"
    path.write_text(text, encoding="utf-8")
    (document,) = documents(path)
    assert document.title == title
    assert document.text == text


def test_a_source_knows_how_far_it_is_and_its_hash(tmp_path: Path) -> None:
    import hashlib

    path = tmp_path / "long.txt"
    raw = writings.JAPANESE.encode("euc_jp") * 3000
    path.write_bytes(raw)
    source = TextSource(path, "euc_jp")
    pieces, positions = [], []
    for piece in source.pieces():
        pieces.append(piece)
        positions.append(source.bytes_read)
    assert "".join(pieces) == writings.JAPANESE * 3000
    assert all(piece.endswith("\n") for piece in pieces)
    assert positions == sorted(positions)
    assert positions[0] <= CHUNK
    assert positions[-1] == len(raw)
    assert source.sha256 == hashlib.sha256(raw).hexdigest()


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "marked.txt"
    for encoding in ("utf-8-sig", "utf-16", "utf-8"):
        path.write_bytes("\ufeffwörter\n".encode("utf-8") if encoding == "utf-8" else "wörter\n".encode(encoding))
        assert "".join(TextSource(path, encoding).pieces()) == "wörter\n"
    assert [document.text for document in documents(path)] == ["wörter\n"]


def test_a_wrong_encoding_is_told_with_the_file_and_the_place(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_bytes(b"a" * (CHUNK + 5) + "é\n".encode("cp1252"))
    with pytest.raises(UserError, match=rf"letter.txt” is not utf-8: the byte at place {CHUNK + 5} "):
        list(TextSource(path, "utf-8").pieces())


def test_a_file_that_changes_meanwhile_is_told(tmp_path: Path) -> None:
    path = tmp_path / "growing.txt"
    path.write_bytes(b"line\n" * CHUNK)
    pieces = TextSource(path, "utf-8").pieces()
    next(pieces)
    with path.open("ab") as file:
        file.write(b"more\n")
    with pytest.raises(Unreadable, match="changed while it was being read"):
        list(pieces)


@given(st.lists(st.text(alphabet="a\r\n\u0301é漢", max_size=12), max_size=12), st.integers(1, 6))
def test_pieces_end_at_line_ends_and_lose_nothing(texts: list[str], longest: int) -> None:
    pieces = list(whole_lines(texts))
    assert "".join(pieces) == "".join(texts)
    assert all(piece for piece in pieces)
    assert all(piece.endswith("\n") for piece in pieces[:-1])


def test_an_endless_line_is_cut_between_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_LONGEST_LINE", 10)
    letters = "e\u0301" * 40
    pieces = list(whole_lines(letters[first : first + 7] for first in range(0, len(letters), 7)))
    assert "".join(pieces) == letters
    assert len(pieces) > 2
    assert not any(piece.startswith("\u0301") for piece in pieces)
    assert not any(piece.endswith("\r") for piece in list(whole_lines(["x" * 10 + "\r", "\ny"]))[:-1])


# Finding files --------------------------------------------------------------------------------------------------


def test_a_folder_stands_for_its_files_in_order(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "sub/c.md", ".hidden.txt", ".git/config", "sub/deep/d"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("text", encoding="utf-8")
    files, errors = expand([tmp_path])
    assert [file.relative_to(tmp_path).as_posix() for file in files] == ["a.txt", "b.txt", "sub/c.md", "sub/deep/d"]
    assert not errors
    again, _ = expand([tmp_path / "b.txt", tmp_path, tmp_path / "sub"])
    assert [file.name for file in again] == ["b.txt", "a.txt", "c.md", "d"], "each file once"
    assert expand([tmp_path / ".hidden.txt"])[0], "what is named is taken"


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_links_do_not_lead_out_of_a_folder_or_in_circles(tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("secret", encoding="utf-8")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "real.txt").write_text("text", encoding="utf-8")
    (folder / "out.txt").symlink_to(outside)
    (folder / "circle").symlink_to(folder)
    (folder / "broken").symlink_to(folder / "nothing")
    (folder / "inside.txt").symlink_to(folder / "real.txt")
    files, errors = expand([folder])
    assert [file.name for file in files] == ["inside.txt"], "a link and its goal are one file"
    assert not errors
    assert [file.name for file in expand([folder / "out.txt"])[0]] == ["out.txt"], "a link that a person names is fine"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes in folders on Windows")
def test_a_pipe_is_no_source(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert expand([tmp_path])[0] == []
    with pytest.raises(UserError, match="not a file that holds text"):
        list(documents(pipe))


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.txt", tmp_path / "nul\0.txt", tmp_path / "missing" / "x"):
        with pytest.raises(UserError, match="is not there"):
            expand([path])


def test_what_may_not_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "locked").mkdir()
    (tmp_path / "open.txt").write_text("text", encoding="utf-8")
    original = Path.iterdir

    def refuse(path: Path) -> object:
        if path.name == "locked":
            raise PermissionError(13, "Permission denied")
        return original(path)

    monkeypatch.setattr(Path, "iterdir", refuse)
    files, errors = expand([tmp_path])
    assert [file.name for file in files] == ["open.txt"]
    assert "locked" in str(errors[0])
    assert "no permission" in str(errors[0])


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="everything may be read on Windows and by root")
def test_a_file_without_permission_is_told(tmp_path: Path) -> None:
    path = tmp_path / "locked.txt"
    path.write_text("text", encoding="utf-8")
    path.chmod(0)
    with pytest.raises(UserError, match="there is no permission"):
        list(documents(path))


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EIO, "could not be read: Input/output error"),
        (errno.EACCES, "may not be read: there is no permission"),
        (errno.ENOENT, "is not there"),
    ],
)
def test_what_the_system_refuses_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    path = tmp_path / "text.txt"
    path.write_text("text", encoding="utf-8")

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, "Input/output error")

    monkeypatch.setattr(Path, "open", fail)
    with pytest.raises(Unreadable, match=words):
        list(TextSource(path, "utf-8").pieces())
