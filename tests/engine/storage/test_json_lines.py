"""JSON lines: torn ends, cuts, a disk that fills up."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from lmstudio_app.engine.storage.atomic import DiskFull
from lmstudio_app.engine.storage.json_lines import JsonLines, read_jsonl
from tests.engine.storage.faults import FaultyDisk


def test_appends_and_reads_back(tmp_path: Path) -> None:
    with JsonLines(tmp_path / "rows") as lines:
        lines.append([{"step": 1, "text": "中"}, {"step": 2, "text": None}])
        lines.append([])
        lines.flush()
        assert lines.rows == 2
    assert list(read_jsonl(tmp_path / "rows")) == [{"step": 1, "text": "中"}, {"step": 2, "text": None}]
    with JsonLines(tmp_path / "rows", keep=1) as lines:
        assert lines.rows == 1
        lines.append([{"step": 3}])
    assert [row["step"] for row in read_jsonl(tmp_path / "rows")] == [1, 3]


def test_a_missing_file_has_no_rows(tmp_path: Path) -> None:
    assert list(read_jsonl(tmp_path / "none")) == []


@pytest.mark.parametrize("torn", [b'{"step": 2', b'{"step": 2}', b"\xff\xfe\n", b"[1]\n", b"[" * 100_000 + b"\n"])
def test_a_torn_or_foreign_line_is_left_out_and_mended(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "rows"
    path.write_bytes(b'{"step": 1}\n' + torn)
    assert list(read_jsonl(path)) == [{"step": 1}]
    with JsonLines(path) as lines:
        lines.append([{"step": 3}])
    assert path.read_bytes() == b'{"step": 1}\n{"step": 3}\n'


def test_nan_from_elsewhere_reads_as_nothing(tmp_path: Path) -> None:
    (tmp_path / "rows").write_bytes(b'{"loss": NaN}\n')
    with JsonLines(tmp_path / "rows"):
        assert list(read_jsonl(tmp_path / "rows")) == [{"loss": None}]


def test_a_full_disk_appends_all_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with JsonLines(tmp_path / "rows") as lines:
        lines.append([{"step": 1}])
        with monkeypatch.context() as patch:
            FaultyDisk(patch, errno.ENOSPC, 0)
            with pytest.raises(DiskFull):
                lines.append([{"step": 2}])
        assert lines.rows == 1
        lines.append([{"step": 2}])
    assert [row["step"] for row in read_jsonl(tmp_path / "rows")] == [1, 2]
