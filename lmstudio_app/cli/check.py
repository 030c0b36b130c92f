"""`check`: what this machine has: devices, versions, fonts, libraries."""

from __future__ import annotations

import importlib.metadata
import platform
from typing import Any

from cyclopts import App

from lmstudio_app import __version__
from lmstudio_app.cli.terminal import Terminal

LIBRARIES = ("torch", "numpy", "tokenizers", "safetensors", "pydantic", "PySide6-Essentials", "pyqtgraph", "matplotlib")


def register(app: App, terminal: Terminal) -> None:
    """Add the command to `app`."""

    @app.command
    def check() -> int:
        """Say what this machine has and what is missing. Exit code 1 when something does not work."""
        from lmstudio_app.engine import pipeline

        machine = pipeline.check(terminal.workspace_folder)
        values: dict[str, Any] = {
            "version": __version__,
            "python": platform.python_version(),
            "system": platform.platform(),
            "device": machine.chosen.title,
            "devices": [device.title for device in machine.devices],
            "cores": machine.cores,
            "memory_bytes": machine.memory_bytes,
            "workspace": str(machine.workspace),
            "workspace_writable": machine.workspace_writable,
            "resources": str(machine.resources),
            "libraries": {name: _version(name) for name in LIBRARIES},
            "screen": machine.screen,
            "window": machine.window or "can open",
            "chinese_font": machine.chinese_font,
            "problems": list(machine.problems),
            "advice": list(machine.advice),
        }
        if terminal.json:
            terminal.result(values)
        else:
            values["devices"] = ", ".join(device.title for device in machine.devices)
            values["screen"] = "there is one" if machine.screen else "there is none: use the commands of the terminal"
            table = {name: value for name, value in values.items() if name not in ("libraries", "problems", "advice")}
            terminal.result(table | values["libraries"])
            for sentence in (*machine.problems, *machine.advice):
                terminal.note(f"! {sentence}")
        if not machine.problems:
            terminal.say("Everything works.")
        return 1 if machine.problems else 0


def _version(library: str) -> str | None:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return None
