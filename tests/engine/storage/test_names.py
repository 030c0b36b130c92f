"""Names that are folders on every system."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.storage.names import check_name, free_name, inside, tidy_name
from lmstudio_app.engine.storage.sizes import describe_bytes


@pytest.mark.parametrize("name", ["tales", "Shakespeare 2", "小故事", "a.b", "..a"[2:], "emoji 🙂", "CONSOLE", "it's"])
def test_good_names_stay(name: str) -> None:
    assert check_name(name) == name == tidy_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "  ", ".", "..", "../up", "/etc", "a/b", "a\\b", "C:", "a?", "tab\t", "nul", "NUL.txt", "com1", "COM¹", " a",
     "a ", "a.", ".hidden", "x" * 81, "字" * 70, "line\nbreak", "\ud800", "<a>", "aux "],
)  # fmt: skip
def test_bad_names_are_refused_with_one_that_works(name: str) -> None:
    with pytest.raises(UserError) as refused:
        check_name(name)
    assert refused.value.field == "name"
    for choice in refused.value.choices:
        assert check_name(str(choice)) == choice


@given(st.text(max_size=300))
def test_any_text_gives_a_good_name(text: str) -> None:
    name = tidy_name(text)
    assert check_name(name) == name
    assert tidy_name(name) == name


def test_taken_names_get_a_number(tmp_path: Path) -> None:
    assert free_name(tmp_path / "missing", "tales") == "tales"
    (tmp_path / "Tales").mkdir()
    assert free_name(tmp_path, "tales") == "tales 2"
    (tmp_path / "tales 2").mkdir()
    assert free_name(tmp_path, "tales") == "tales 3"
    assert free_name(tmp_path, "tales 2") == "tales 3"
    (tmp_path / ("x" * 80)).mkdir()
    assert check_name(free_name(tmp_path, "x" * 80)) == "x" * 72 + " 2"


def test_a_name_cannot_leave_its_folder(tmp_path: Path) -> None:
    assert inside(tmp_path, "tales") == tmp_path / "tales"
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "link").symlink_to(tmp_path)
    for name in ("../inner", "/etc", "..", "link"):
        with pytest.raises(UserError):
            inside(tmp_path / "inner", name)


def test_sizes_in_words() -> None:
    sizes = [0, 1, 999, 1000, 12_345_678, 99_960_000, 999_999_999, 2_500_000_000_000]
    assert [describe_bytes(size) for size in sizes] == [
        "0 bytes", "1 byte", "999 bytes", "1.0 kB", "12.3 MB", "100 MB", "1.0 GB", "2.5 TB",
    ]  # fmt: skip
