"""Where the window was and what it showed, remembered in the workspace."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QMainWindow


def remember(window: QMainWindow, workspace: Path, pane: str) -> None:
    """Note place and size of `window`, and the pane that it shows."""
    stored = _file(workspace)
    stored.setValue("geometry", window.saveGeometry())
    stored.setValue("pane", pane)


def restore(window: QMainWindow, workspace: Path) -> str:
    """Put `window` where it was when this workspace was last open; returns the pane that it showed, or nothing."""
    stored = _file(workspace)
    if stored.value("geometry") is not None:
        window.restoreGeometry(stored.value("geometry"))
    return str(stored.value("pane", ""))


def _file(workspace: Path) -> QSettings:
    return QSettings(str(workspace / "window.ini"), QSettings.Format.IniFormat)
