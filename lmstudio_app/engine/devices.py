"""What a model can run on, as plain records, and what the machine has. Torch is imported only to ask it.

`lmstudio_app/engine/__init__.py` sets how threads wait, before torch can be imported.
"""

from __future__ import annotations

import functools
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lmstudio_app.engine.errors import UserError

if TYPE_CHECKING:
    import psutil
    import torch


@dataclass(frozen=True)
class Device:
    """Something that computes. `name` is how torch calls it ("cpu", "cuda:0", "mps"), `title` how its maker does;
    `memory_bytes` is all the memory it has."""

    name: str
    title: str
    memory_bytes: int

    @property
    def kind(self) -> str:
        """The name without a number: "cpu", "cuda" or "mps"."""
        return self.name.partition(":")[0]


def cpu_device() -> Device:
    """The processor; asks nothing of torch."""
    return Device("cpu", processor(), memory_bytes())


def available_devices() -> list[Device]:
    """All devices, the CPU first. Imports torch."""
    import torch

    devices = [cpu_device()]
    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            properties = torch.cuda.get_device_properties(number)
            devices.append(Device(f"cuda:{number}", properties.name, properties.total_memory))
    if torch.backends.mps.is_available():
        # An Apple GPU shares the machine's memory; torch names the part that it should stay within.
        devices.append(Device("mps", f"{processor()} GPU", torch.mps.recommended_max_memory()))
    return devices


def choose_device(wanted: str = "auto") -> Device:
    """The device for "auto" (a GPU where there is one), "cpu", "cuda" or "mps".

    Imports torch unless the CPU was asked for. Raises `UserError` naming the devices that there are.
    """
    if wanted == "cpu":
        return cpu_device()
    devices = available_devices()
    if wanted == "auto":
        return devices[min(1, len(devices) - 1)]
    for device in devices:
        if wanted in (device.kind, device.name):
            return device
    kinds = tuple(dict.fromkeys(device.kind for device in devices))
    raise UserError(
        "This computer has no device “{wanted}”. It has: {known}.",
        field="execution.device",
        choices=("auto", *kinds),
        wanted=wanted,
        known=", ".join(kinds),
    )


def trouble(device: Device) -> str:
    """Why `device` cannot compute, in torch's own words; empty when a small product on it comes out right."""
    import torch

    try:
        ones = torch.ones(16, 16, device=torch_device(device))
        right = float((ones @ ones).sum()) == 16.0**3
    except (RuntimeError, AssertionError) as error:
        return str(error).strip().partition("\n")[0] or type(error).__name__
    return "" if right else "a small product came out wrong"


def cores() -> int:
    """Physical cores that this process may use; at least 1."""
    import psutil

    physical = psutil.cpu_count(logical=False) or psutil.cpu_count() or 1
    if sys.platform == "linux":
        import os

        return max(1, min(physical, len(os.sched_getaffinity(0))))
    return max(1, physical)


def memory_bytes() -> int:
    """All memory of the machine."""
    import psutil

    return int(psutil.virtual_memory().total)


def memory_free_bytes(device: Device) -> int:
    """What of a device's memory nobody uses now; of a GPU that shares the machine's, what is free of that."""
    import psutil

    if device.kind == "cuda":
        import torch

        return int(torch.cuda.mem_get_info(device.name)[0])
    return min(device.memory_bytes, int(psutil.virtual_memory().available))


def memory_used_bytes(device: str = "cpu") -> int:
    """What this process holds now: of the machine's memory on the CPU, of the GPU's memory on a GPU."""
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.memory_reserved(device))
    if device == "mps":
        import torch

        return int(torch.mps.driver_allocated_memory())
    return int(_process().memory_info().rss)


@functools.cache
def processor() -> str:
    """What the processor is called ("AMD Ryzen 7 7840U"); the architecture where that cannot be found out."""
    try:
        if sys.platform == "linux":
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
                if line.startswith("model name"):
                    return " ".join(line.partition(":")[2].split())
        elif sys.platform == "darwin":
            command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
            return subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
        elif sys.platform == "win32":
            import winreg

            place = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, place) as key:
                return str(winreg.QueryValueEx(key, "ProcessorNameString")[0]).strip()
    except (OSError, subprocess.SubprocessError):
        pass
    return platform.machine() or "CPU"


def torch_device(device: Device) -> torch.device:
    """What torch takes."""
    import torch

    return torch.device(device.name)


@functools.cache
def _process() -> psutil.Process:
    import psutil

    return psutil.Process()
