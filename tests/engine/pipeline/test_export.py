"""Attention in files: pictures, tables, arrays, and what is refused."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.inspection.trace import Trace
from lmstudio_app.engine.pipeline.export import check_attention_format, save_attention

TOKENS = ["To", " be", ",\n", '"or"', " 龍"]


@pytest.fixture
def trace() -> Trace:
    raw = np.tril(np.random.default_rng(1).random((2, 3, 5, 5), dtype=np.float32))
    return Trace(TOKENS, raw / raw.sum(-1, keepdims=True), cut=2)


def test_arrays_hold_everything(trace: Trace, tmp_path: Path) -> None:
    save_attention(trace, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as saved:
        np.testing.assert_array_equal(saved["attention"], trace.attention)
        assert saved["tokens"].tolist() == TOKENS
        assert saved["layers"].tolist() == [1, 2]
        assert saved["heads"].tolist() == [1, 2, 3]


def test_arrays_of_one_head(trace: Trace, tmp_path: Path) -> None:
    save_attention(trace, tmp_path / "a.npz", layer=2, head=3)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as saved:
        np.testing.assert_array_equal(saved["attention"], trace.attention[1:, 2:])
        assert (saved["layers"].tolist(), saved["heads"].tolist()) == ([2], [3])


def test_a_table_counts_from_1_and_holds_what_a_token_may_see(trace: Trace, tmp_path: Path) -> None:
    save_attention(trace, tmp_path / "a.csv", layer=2)
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 5 * 6 // 2
    assert {(row["layer"], row["head"]) for row in rows} == {("2", "1")}
    for row in rows:
        i, j = int(row["from"]) - 1, int(row["to"]) - 1
        assert (row["from_token"], row["to_token"]) == (TOKENS[i], TOKENS[j])
        assert float(row["weight"]) == pytest.approx(float(trace.attention[1, 0, i, j]), rel=1e-5)


@pytest.mark.parametrize("name", ["a.png", "a.SVG"])
@pytest.mark.parametrize("head", [None, 2])
def test_pictures(trace: Trace, tmp_path: Path, name: str, head: int | None) -> None:
    save_attention(trace, tmp_path / name, head=head, title="run 014")
    data = (tmp_path / name).read_bytes()
    assert data.startswith(b"\x89PNG") if name.endswith("png") else b"<svg" in data


def test_other_endings_and_heads_that_are_not_there_are_refused(trace: Trace, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"\.png or \.svg or \.csv or \.npz"):
        check_attention_format(tmp_path / "a.gif")
    for name in ("a.csv", "a.png"):
        with pytest.raises(UserError, match="There is no head 4") as refused:
            save_attention(trace, tmp_path / name, layer=1, head=4)
        assert refused.value.choices == (1, 2, 3)
        assert not (tmp_path / name).exists()
