"""What this machine has: devices, memory, fonts, the workspace, and whether a window could open."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from lmstudio_app.engine.devices import Device, available_devices, choose_device, cores, memory_bytes, trouble
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.figures import chinese_font
from lmstudio_app.engine.resources import resources_folder
from lmstudio_app.engine.workspace import Workspace
from lmstudio_app.screen import has_screen

WINDOW_TRIAL = (
    "from PySide6.QtWidgets import QApplication, QLabel; a = QApplication(['check', '-platform', 'offscreen']); "
    "w = QLabel('x'); w.show(); a.processEvents()"
)

CURE = "On Debian or Ubuntu, packaging/bootstrap.py names what to install."


@dataclass(frozen=True)
class Machine:
    """What was found. `chosen` is what a training takes by itself; `screen` says whether a window can be seen, `window`
    is empty when one can be made, else why not; `problems` are sentences about what does not work, `advice` about what
    would be better."""

    devices: tuple[Device, ...]
    chosen: Device
    cores: int
    memory_bytes: int
    workspace: Path
    workspace_writable: bool
    resources: Path
    screen: bool
    window: str
    chinese_font: str
    problems: tuple[str, ...]
    advice: tuple[str, ...]


def check(workspace_folder: Path | None = None) -> Machine:
    """Look at the machine. Loads torch, and tries a window in a process of its own."""
    problems: list[str] = []
    folder, writable = _workspace(workspace_folder, problems)
    window = _window_trouble()
    if window:
        problems.append(f"The window cannot open here: {window} {CURE}")
    devices = tuple(available_devices())
    for device in devices:
        if reason := trouble(device):
            problems.append(f"{device.title} cannot compute: {reason.rstrip('.')}. Train on another device.")
    font = chinese_font()
    advice = () if font else ("No font with Chinese characters is installed; on Debian take fonts-wqy-microhei.",)
    return Machine(
        devices=devices,
        chosen=choose_device(),
        cores=cores(),
        memory_bytes=memory_bytes(),
        workspace=folder,
        workspace_writable=writable,
        resources=resources_folder(),
        screen=has_screen(os.environ),
        window=window,
        chinese_font=font,
        problems=tuple(problems),
        advice=advice,
    )


def _workspace(folder: Path | None, problems: list[str]) -> tuple[Path, bool]:
    try:
        opened = Workspace.open(folder, make=folder is None).folder
    except UserError as error:
        problems.append(str(error))
        return folder or Path(), False
    writable = os.access(opened, os.W_OK)
    if not writable:
        problems.append(f"The workspace {opened} cannot be written to. Choose another with --workspace.")
    return opened, writable


def _window_trouble() -> str:
    try:
        command = [sys.executable, "-c", WINDOW_TRIAL]
        trial = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{error}."
    if trial.returncode == 0:
        return ""
    lines = trial.stderr.strip().splitlines()
    return (lines[-1] if lines else f"Qt ended with code {trial.returncode}").rstrip(".") + "."
