"""Whatever depends on the machine, settled before step 1 and kept for every resume, so that the same bits come out."""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import lmstudio_app
from lmstudio_app.engine import devices
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.settings import read
from lmstudio_app.engine.training.settings import DeviceChoice, ExecutionSettings, WhenFullChoice

if TYPE_CHECKING:
    from lmstudio_app.engine.devices import Device

PRECISION = "float32"
WORK_PER_THREAD = 0.9e9
"""Multiplications of one step that make another thread worth its waiting, measured on two cores (tests/benchmarks)."""


@dataclass(frozen=True)
class Execution:
    """How a run computes: what a person may choose is reused by a resume, the rest tells why figures may differ.

    Equal records (and equal settings) give equal bits on a CPU. `ranks` are the processes that share every batch.
    """

    device: DeviceChoice
    threads: int
    micro_batch: int = 0
    when_full: WhenFullChoice = "stop"
    precision: str = PRECISION
    processor: str = ""
    system: str = ""
    app: str = ""
    python: str = ""
    numpy: str = ""
    torch: str = ""
    ranks: int = 1

    def settings(self) -> ExecutionSettings:
        """The part that a person may choose."""
        return ExecutionSettings(**{name: getattr(self, name) for name in ExecutionSettings.model_fields})


def settle(wanted: ExecutionSettings, work: float) -> tuple[Execution, Device]:
    """Choose what was left open. `work` is the multiplications of one step, 0 for a family that needs no torch.

    The choice is a function of settings and machine, never of a timing. Raises `UserError` for a device that is not
    there.
    """
    device = devices.choose_device(wanted.device) if work else devices.cpu_device()
    chosen: Any = device.kind
    threads = wanted.threads or (threads_for(work, devices.cores()) if device.kind == "cpu" else 1)
    execution = Execution(
        device=chosen,
        threads=threads,
        micro_batch=wanted.micro_batch,
        when_full=wanted.when_full,
        processor=devices.processor(),
        system=f"{platform.system()} {platform.machine()}",
        app=lmstudio_app.__version__,
        python=platform.python_version(),
        numpy=_version("numpy"),
        torch=_version("torch"),
    )
    return execution, device


def settle_again(before: Execution, wanted: Mapping[str, Any] | None, work: float) -> tuple[Execution, Device]:
    """The execution of a resume: that of the run so far, unless `wanted` says otherwise.

    A run that comes from a machine with another device goes on with what there is here.
    """
    settings = before.settings()
    if wanted and wanted.get("device", settings.device) != settings.device:
        settings = settings.model_copy(update={"threads": 0})  # the number of threads belongs to the device
    settings = changed(settings, wanted)
    try:
        return settle(settings, work)
    except UserError:
        if wanted and "device" in wanted:
            raise
        return settle(ExecutionSettings(micro_batch=before.micro_batch, when_full=before.when_full), work)


def changed(settings: ExecutionSettings, wanted: Mapping[str, Any] | None) -> ExecutionSettings:
    """`settings` with what is `wanted` instead. Raises `SettingsError`."""
    return read(ExecutionSettings, settings.model_dump() | dict(wanted or {}), "execution")


def threads_for(work: float, cores: int) -> int:
    """One thread for a small step, more for a larger one, at most one for each core."""
    return max(1, min(cores, int(work // WORK_PER_THREAD)))


def from_mapping(values: Mapping[str, Any]) -> Execution | None:
    """The execution in a run file's `[execution]`; None where it is not settled yet."""
    known = {field.name for field in fields(Execution)}
    if not isinstance(values.get("precision"), str):
        return None
    settings = read(
        ExecutionSettings,
        {name: values[name] for name in ExecutionSettings.model_fields if name in values},
        "execution",
    )
    told = known - set(ExecutionSettings.model_fields) - {"ranks"}
    rest = {name: str(value) for name, value in values.items() if name in told}
    ranks = values.get("ranks", 1)
    return Execution(
        settings.device,
        settings.threads,
        settings.micro_batch,
        settings.when_full,
        ranks=ranks if isinstance(ranks, int) else 1,
        **rest,
    )


def to_mapping(execution: Execution) -> dict[str, Any]:
    """What goes into `[execution]`."""
    return asdict(execution)


@contextlib.contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch compute with `count` threads on this thread for the time of the block."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def kept_chance(device: Device) -> Iterator[None]:
    """Put torch's global generators, of the CPU and of `device`, back to where they were after the block."""
    import torch

    of_device: Any = {"cuda": torch.cuda, "mps": torch.mps}.get(device.kind)
    named = [torch.device(device.name)] if device.kind == "cuda" else []
    before, there = torch.get_rng_state(), of_device.get_rng_state(*named) if of_device else None
    try:
        yield
    finally:
        torch.set_rng_state(before)
        if of_device:
            of_device.set_rng_state(there, *named)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
