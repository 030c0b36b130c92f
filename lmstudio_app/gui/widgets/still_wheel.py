"""Lists and sliders that a form can be scrolled over without changing them."""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QWidget

Control = TypeVar("Control", bound=QWidget)


def still_wheel(control: Control) -> Control:
    """`control`, deaf to the wheel until it has the focus."""
    control.installEventFilter(_StillWheel(control))
    control.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return control


class _StillWheel(QObject):
    """Hands the wheel on to what is scrolled while the control does not have the focus."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        return False
