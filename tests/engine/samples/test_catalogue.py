"""The list of bundled corpora: instant, light, and clear about what it does not have."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lmstudio_app.engine.data.samples import Sample, catalogue, sample, samples
from lmstudio_app.engine.errors import UserError

HEADER = "place: 1\ntitle: T\nsummary: S\nlanguage: en\ndocuments: 2\nbytes: 4\nseed: 1\nstart: a\n"


def test_the_list_names_every_grammar_file_in_the_order_of_the_headers() -> None:
    listed = samples()
    assert [one.name for one in listed[:2]] == ["stories", "stories-chinese"]
    assert {one.name for one in listed} == {path.stem for path in catalogue._folder().glob("*.grammar")}
    assert listed[0].language == "en"
    assert listed[1].language == "zh-Hans"
    assert all(one.title and one.summary.endswith(".") for one in listed)


def test_one_by_name_and_an_unknown_one() -> None:
    assert sample("stories") == samples()[0]
    with pytest.raises(
        UserError, match=r"There is no bundled corpus “novels”\. Bundled: stories, stories-chinese"
    ) as raised:
        sample("novels")
    assert raised.value.choices[:2] == ("stories", "stories-chinese")


def test_listing_reads_only_the_headers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "one.grammar").write_text(f"# A comment.\n\n{HEADER}\na = [never closed\n", encoding="utf-8")
    monkeypatch.setattr(catalogue, "_folder", lambda: tmp_path)
    assert samples() == [Sample("one", "T", "S", "en", 4)]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("title: T", "one.grammar, line 1: the header lacks “title:”."),
        ("seed: 1", "one.grammar, line 1: the header needs “seed:” with a whole number."),
    ],
)
def test_a_header_that_lacks_something(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str, sentence: str
) -> None:
    (tmp_path / "one.grammar").write_text(HEADER.replace(line + "\n", "") + "a = b\n", encoding="utf-8")
    monkeypatch.setattr(catalogue, "_folder", lambda: tmp_path)
    with pytest.raises(UserError) as raised:
        samples()
    assert str(raised.value) == sentence


def test_a_new_file_is_a_new_corpus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "one.grammar").write_text(HEADER + "a = x¶¶ | 3* y¶¶\n", encoding="utf-8")
    monkeypatch.setattr(catalogue, "_folder", lambda: tmp_path)
    written = catalogue.generate(sample("one"))
    assert len(written.documents) == len(written.bits) == 2
    assert set(written.documents) <= {"x\n\n", "y\n\n"}


def test_windows_line_ends_change_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "one.grammar").write_bytes((HEADER + "a =\n    x\n        y¶¶\n").replace("\n", "\r\n").encode())
    monkeypatch.setattr(catalogue, "_folder", lambda: tmp_path)
    assert catalogue.generate(sample("one")).documents == ["x y\n\n"] * 2


def test_importing_and_listing_pull_in_nothing_heavy() -> None:
    code = (
        "import sys; from lmstudio_app.engine.data.samples import samples; samples();"
        "print([name for name in ('torch', 'numpy', 'tokenizers', 'pydantic', 'PySide6') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
