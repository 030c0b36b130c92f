"""The window into a plot: the wheel zooms, dragging pans, and it says when a person took it over."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal


class PlotView(pg.ViewBox):  # type: ignore[misc]
    """A view box without menu: wheel zooms x, Ctrl+wheel zooms y, dragging with the left button pans. A `still` one
    leaves both to what it lies on.

    Signals: `taken_over()` when a person zoomed or panned.
    """

    taken_over = Signal()

    def __init__(self, *, still: bool = False) -> None:
        super().__init__(enableMenu=False, border=None)
        self.setDefaultPadding(0)
        self.disableAutoRange()
        self._still = still

    def wheelEvent(self, event: Any, axis: int | None = None) -> None:
        """Zoom along one axis around the mouse."""
        if self._still:
            event.ignore()
            return
        if axis is None:
            axis = 1 if event.modifiers() & Qt.KeyboardModifier.ControlModifier else 0
        super().wheelEvent(event, axis=axis)
        self.taken_over.emit()

    def mouseDragEvent(self, event: Any, axis: int | None = None) -> None:
        """Pan; other buttons do nothing."""
        if self._still or event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        super().mouseDragEvent(event, axis=axis)
        self.taken_over.emit()
