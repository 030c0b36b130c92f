"""`check`: what this machine has: devices, versions, fonts, libraries."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from typing import Any

from cyclopts import App

from lmstudio_app import __version__
from lmstudio_app.cli.terminal import Terminal

LIBRARIES = ("torch", "numpy", "tokenizers", "safetensors", "pydantic", "PySide6-Essentials", "pyqtgraph", "matplotlib")


def register(app: App, terminal: Terminal) -> None:
    """Add the command to `app`."""

    @app.command
    def check() -> None:
        """Say what this machine has and what is missing."""
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
            "window": machine.window or "can open",
            "chinese_font": machine.chinese_font,
            "problems": list(machine.problems),
        }
        if terminal.json:
            terminal.result(values)
            return
        libraries = values.pop("libraries")
        problems = values.pop("problems")
        values["devices"] = ", ".join(device.title for device in machine.devices)
        terminal.result({**values, **libraries})
        for problem in problems:
            print(f"! {problem}", file=sys.stderr)
        terminal.say("Everything is in place." if not problems else f"{len(problems)} to mend, named above.")


def _version(library: str) -> str | None:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return None
