"""Shortcuts in words."""

from __future__ import annotations

from PySide6.QtGui import QKeySequence


def native(keys: str) -> str:
    """A shortcut as this system writes it: Ctrl+P, or ⌘P."""
    return QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
