"""Where a corpus is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmstudio_app.engine.data.splits import SPLITS, Cuts, SplitSettings, plan
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.settings import SettingsError, read
from tests.engine.data import writings


def cut(text: str, settings: SplitSettings | None = None, ends: list[int] | None = None) -> tuple[Cuts, list[str]]:
    raw = text.encode()
    cuts = plan(ends or [len(raw)], len(text), settings or SplitSettings(), lambda start, stop: raw[start:stop])
    ranges = cuts.ranges(len(raw))
    return cuts, [raw[slice(*ranges[name])].decode() for name in SPLITS]


def test_a_large_text_is_cut_at_line_ends_near_the_shares() -> None:
    text = writings.ENGLISH * 2000
    cuts, (training, validation, test) = cut(text)
    assert training + validation + test == text
    assert training.endswith("\n")
    assert validation.endswith("\n")
    assert len(training) / len(text) == pytest.approx(0.9, abs=0.006)
    assert len(validation) / len(text) == pytest.approx(0.05, abs=0.006)
    assert not cuts.whole_documents


@pytest.mark.parametrize("text", ["漢字" * 60_000, "word " * 40_000, "😀" * 30_000])
def test_a_large_text_without_lines_is_cut_between_characters(text: str) -> None:
    _, parts = cut(text)
    assert "".join(parts) == text
    assert all(parts)


@given(st.text(alphabet="aé漢😀\n ", min_size=20, max_size=200))
def test_a_small_text_is_cut_by_characters_and_no_split_is_empty(text: str) -> None:
    _, parts = cut(text)
    assert "".join(parts) == text
    assert all(parts)
    assert abs(len(parts[0]) - 0.9 * len(text)) <= 1


@pytest.mark.parametrize(("shares", "needed"), [((0.9, 0.05), 20), ((0.8, 0.1), 10), ((0.98, 0.01), 100)])
def test_a_text_that_is_too_short_says_how_much_is_needed(shares: tuple[float, float], needed: int) -> None:
    settings = SplitSettings(training=shares[0], validation=shares[1])
    with pytest.raises(UserError, match=f"it has {needed - 1} characters, and three splits need at least {needed}"):
        cut("x" * (needed - 1), settings)
    assert all(cut("x" * needed, settings)[1])


def test_documents_stay_whole_where_there_are_enough() -> None:
    documents = [writings.ENGLISH[: 40 + number % 50] for number in range(300)]
    ends = []
    for document in documents:
        ends.append((ends[-1] if ends else 0) + len(document))
    cuts, parts = cut("".join(documents), ends=ends)
    assert cuts.whole_documents
    assert {cuts.training, cuts.validation} <= set(ends)
    assert len(parts[0]) / ends[-1] == pytest.approx(0.9, abs=0.01)
    position, _ = cut("".join(documents), SplitSettings(whole_documents=False), ends)
    assert not position.whole_documents


@pytest.mark.parametrize("lengths", [[100], [50, 50], [25, 25, 25, 25], [1, 1, 1000], [980, 10, 10]])
def test_few_or_large_documents_are_cut_by_position(lengths: list[int]) -> None:
    ends = [sum(lengths[: number + 1]) for number in range(len(lengths))]
    cuts, parts = cut("x" * sum(lengths), ends=ends)
    assert not cuts.whole_documents
    assert len(parts[0]) == int(0.9 * sum(lengths))


def test_the_shares_must_leave_a_test() -> None:
    with pytest.raises(SettingsError, match=r"can be at most 0\.045") as caught:
        read(SplitSettings, {"training": 0.95, "validation": 0.05})
    assert caught.value.choices == (0.045,)
    read(SplitSettings, {"training": 0.95, "validation": 0.045})
    assert sum(SplitSettings().shares) == pytest.approx(1)
