"""One writer per folder."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lmstudio_app.engine.storage import locks

_HOLDER = """
import pathlib, sys, time
from lmstudio_app.engine.storage import locks
with locks.hold(pathlib.Path(sys.argv[1]), "training"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_second_writer_learns_who_holds_the_folder(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", _HOLDER, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert locks.is_held(tmp_path)
        with (
            pytest.raises(locks.Held, match=rf"in use: training on .+ \(process {holder.pid}\) since \d{{4}}-") as held,
            locks.hold(tmp_path, "renaming"),
        ):
            pass
        assert held.value.process == holder.pid
        holder.send_signal(signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
        holder.wait()
        assert not locks.is_held(tmp_path)
        with locks.hold(tmp_path, "resuming"):
            assert locks.is_held(tmp_path)


def test_two_holders_in_one_process_exclude_each_other(tmp_path: Path) -> None:
    with locks.hold(tmp_path, "first"), pytest.raises(locks.Held, match="first"), locks.hold(tmp_path, "second"):
        pass
    assert not locks.is_held(tmp_path)


def test_a_damaged_record_does_not_matter(tmp_path: Path) -> None:
    with locks.hold(tmp_path, "first"):
        for content in (b"\xff[", b'{"process": "nobody"}'):
            (tmp_path / ".holder").write_bytes(content)
            with pytest.raises(locks.Held, match="another program"), locks.hold(tmp_path, "second"):
                pass
