"""A state of a widget that the style sheet knows by a property."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget


def set_state(widget: QWidget, name: str, value: bool | str) -> None:
    """Give the property `name` another value and the widget the look that goes with it; unset it counts as false."""
    if (widget.property(name) or False) != value:
        widget.setProperty(name, value)
        widget.style().unpolish(widget)
        widget.style().polish(widget)
