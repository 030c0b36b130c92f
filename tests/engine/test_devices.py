"""What the machine has, as plain records."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lmstudio_app.engine import devices
from lmstudio_app.engine.errors import UserError


def test_the_cpu_is_always_there() -> None:
    cpu = devices.cpu_device()
    assert (cpu.name, cpu.kind) == ("cpu", "cpu")
    assert cpu.title
    assert cpu.memory_bytes > 2**28
    assert devices.available_devices()[0] == cpu
    assert 1 <= devices.cores() <= (os.cpu_count() or 1)
    assert devices.memory_used_bytes() > 2**20


def test_choosing() -> None:
    known = devices.available_devices()
    assert devices.choose_device("cpu") == known[0]
    assert devices.choose_device("auto") == known[min(1, len(known) - 1)]
    missing = next(kind for kind in ("mps", "cuda") if kind not in {device.kind for device in known})
    with pytest.raises(UserError, match=f"no device “{missing}”. It has: cpu") as refused:
        devices.choose_device(missing)
    assert refused.value.field == "execution.device"
    assert "auto" in refused.value.choices


def test_the_cpu_needs_no_torch_and_threads_fall_asleep_soon() -> None:
    names = ("GOMP_SPINCOUNT", "KMP_BLOCKTIME", "OMP_WAIT_POLICY", "OPENBLAS_NUM_THREADS")
    script = (
        "import os, sys; from lmstudio_app.engine import devices; devices.choose_device('cpu'); devices.cores(); "
        f"devices.memory_used_bytes(); assert 'torch' not in sys.modules; print(*map(os.environ.get, {names}))"
    )
    clean = {name: value for name, value in os.environ.items() if name not in names}
    root = Path(__file__).parents[2]
    turns = 4_000 if devices.processor().startswith("AMD ") and sys.platform == "linux" else 10_000
    for extra, said in (({}, f"{turns} 1 None 1"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "None None ACTIVE 1")):
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=root, env=clean | extra, capture_output=True, text=True, check=True
        )
        assert done.stdout.split() == said.split()
