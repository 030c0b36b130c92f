"""Files and folders that nothing can tear."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.storage import atomic
from tests.engine.storage.faults import FaultyDisk

CODES = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EACCES)


def test_writes_text_json_and_toml_as_they_are(tmp_path: Path) -> None:
    atomic.write_text(tmp_path / "a.txt", "línea\r\n中文\n")
    atomic.write_json(tmp_path / "a.json", {"title": "中文", "values": [1, 2.5, None]})
    atomic.write_toml(tmp_path / "a.toml", {"name": "two", "model": {"layers": 4}})
    assert (tmp_path / "a.txt").read_bytes() == "línea\r\n中文\n".encode()
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"title": "中文", "values": [1, 2.5, None]}
    assert tomllib.loads((tmp_path / "a.toml").read_text(encoding="utf-8")) == {"name": "two", "model": {"layers": 4}}
    assert len(list(tmp_path.iterdir())) == 3


def test_json_with_nan_is_refused_and_the_old_file_stays(tmp_path: Path) -> None:
    atomic.write_json(tmp_path / "a.json", [1])
    with pytest.raises(ValueError, match="not JSON compliant"):
        atomic.write_json(tmp_path / "a.json", [float("nan")])
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == [1]


@pytest.mark.parametrize("code", CODES)
def test_a_failure_at_each_call_leaves_the_old_file_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    for at in range(50):
        with monkeypatch.context() as patch:
            disk = FaultyDisk(patch, code, at)
            try:
                atomic.write_bytes(path, b"new")
            except UserError as error:
                assert disk.failed
                assert "file" in str(error)
                assert isinstance(error, atomic.DiskFull) == (code in (errno.ENOSPC, errno.EDQUOT))
        # The last call flushes the folder after the rename: the new file is then whole, though the caller is told.
        assert path.read_bytes() in (b"old", b"new")
        assert [p.name for p in tmp_path.iterdir()] == ["file"]
        if not disk.failed:
            break
    assert at == 4
    assert path.read_bytes() == b"new"


def test_a_full_disk_says_what_is_needed_and_what_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        FaultyDisk(patch, errno.ENOSPC, 0)
        with pytest.raises(atomic.DiskFull, match=r"needs 12\.3 kB, the disk has .+B\. Free some space"):
            atomic.write_bytes(tmp_path / "file", bytes(12_300))


def test_a_short_write_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda handle, data: real(handle, bytes(data[:3])))
        atomic.write_bytes(tmp_path / "file", b"0123456789")
    assert (tmp_path / "file").read_bytes() == b"0123456789"


@pytest.mark.parametrize("code", CODES)
def test_a_failure_at_each_call_leaves_the_old_folder_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    final = tmp_path / "folder"
    with atomic.building(final) as folder:
        atomic.write_text(folder / "a", "old")
    for at in range(100):
        with monkeypatch.context() as patch:
            disk = FaultyDisk(patch, code, at)
            try:
                with atomic.building(final) as folder:
                    atomic.write_text(folder / "a", "new")
                    atomic.write_text(folder / "b", "new")
            except UserError:
                assert disk.failed
        if not disk.failed:
            break
        contents = {p.name: p.read_text(encoding="utf-8") for p in final.iterdir()}
        assert contents in ({"a": "old"}, {"a": "new", "b": "new"})
        assert [p for p in tmp_path.iterdir() if p != final] == []
    assert 10 < at < 99
    assert {p.name: p.read_text(encoding="utf-8") for p in final.iterdir()} == {"a": "new", "b": "new"}


def test_an_exception_while_building_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), atomic.building(tmp_path / "deep" / "folder") as folder:
        atomic.write_text(folder / "a", "half")
        raise RuntimeError
    assert list((tmp_path / "deep").iterdir()) == []


def test_remove_and_sweep(tmp_path: Path) -> None:
    with atomic.building(tmp_path / "kept") as folder:
        atomic.write_text(folder / "a", "x" * 10)
    atomic.remove_folder(tmp_path / "missing")
    atomic.unfinished(tmp_path).mkdir()
    (atomic.unfinished(tmp_path)).write_text("torn", encoding="utf-8")
    assert atomic.sweep(tmp_path) == 2
    assert atomic.folder_bytes(tmp_path) == 10
    atomic.remove_folder(tmp_path / "kept")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="permissions do not bind this account")
def test_no_permission_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="no permission"):
        atomic.write_text(tmp_path / "file", "text")


_WRITER = """
import pathlib, sys
from lmstudio_app.engine.storage import atomic
folder = pathlib.Path(sys.argv[1])
print("ready", flush=True)
number = 0
while True:
    number += 1
    atomic.write_bytes(folder / "file", number.to_bytes(4, "big") * 50_000)
    with atomic.building(folder / "folder") as new:
        for name in "ab":
            atomic.write_bytes(new / name, number.to_bytes(4, "big") * 5_000)
"""


def _kill_while_writing(folder: Path, chance: random.Random) -> None:
    with subprocess.Popen([sys.executable, "-c", _WRITER, str(folder)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(chance.uniform(0.0, 0.03))
        writer.send_signal(signal.SIGKILL)


def _assert_whole(folder: Path) -> None:
    if (folder / "file").exists():
        data = (folder / "file").read_bytes()
        assert data == data[:4] * 50_000
    if (folder / "folder").exists():  # replacing a folder has a moment without one; what is there is whole
        data = (folder / "folder" / "a").read_bytes()
        assert data == data[:4] * 5_000
        assert (folder / "folder" / "b").read_bytes() == data


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is a Unix word; Windows' TerminateProcess is like it")
@pytest.mark.parametrize("kills", [50, pytest.param(1000, marks=[pytest.mark.long, pytest.mark.timeout(900)])])
def test_a_kill_at_any_moment_leaves_whole_files(tmp_path: Path, kills: int) -> None:
    chance = random.Random(kills)
    for _ in range(kills):
        _kill_while_writing(tmp_path, chance)
        _assert_whole(tmp_path)
    atomic.sweep(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} <= {"file", "folder"}
