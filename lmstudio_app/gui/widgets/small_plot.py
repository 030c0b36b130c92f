"""A small plot under the large one: a name, the value now, one line, linked to the cursor and range of the others."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from lmstudio_app.gui.widgets.plot_curve import Look, Reference
from lmstudio_app.gui.widgets.plot_surface import PlotSurface
from lmstudio_app.gui.widgets.text import ElidedText

_KEY = "value"


class SmallPlot(QFrame):
    """A card with a title, a key figure and a thin line that starts at zero.

    Values are drawn as they come; divide by the unit first. Signals: `cursor_moved(step or None)`.
    """

    cursor_moved = Signal(object)

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("class", "card")
        self._title = title
        self.surface = PlotSurface(self, compact=True)
        self.surface.setAccessibleName(title)
        self.surface.add_curve(_KEY, title, Look(), width=1.2, color="text2")
        self.surface.cursor_moved.connect(self.cursor_moved)
        self._name = ElidedText(title, "label", least=110)
        self._figure = QLabel("–")
        self._figure.setProperty("role", "strong")
        self._figure.setProperty("verbatim", True)
        self._unit = ElidedText("", "hint", least=0)
        head = QHBoxLayout()
        head.setSpacing(5)
        head.addWidget(self._name)
        head.addStretch(1)
        head.addWidget(self._figure)
        head.addWidget(self._unit)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 7, 8, 4)
        column.setSpacing(2)
        column.addLayout(head)
        column.addWidget(self.surface, 1)

    def set_title(self, title: str) -> None:
        """Call it something else."""
        self._title = title
        self._name.set_words(title)
        self.surface.setAccessibleName(title)
        self.surface.curves[_KEY].title = title

    def set_now(self, figure: str, unit: str = "") -> None:
        """Show the value of now, in words, and its unit."""
        self._figure.setText(figure)
        self._unit.set_words(unit)
        self._unit.setVisible(bool(unit))
        self.surface.setAccessibleDescription(f"{self._title}: {figure} {unit}".strip())

    def extend(self, steps: Iterable[float], seconds: Iterable[float | None], values: Iterable[float | None]) -> None:
        """Append points."""
        self.surface.extend(_KEY, steps, seconds, values)

    def set_level(self, title: str, value: float) -> None:
        """Draw a level with its name on it ("clip at 1")."""
        self.surface.set_references([Reference(title, value)])

    def clear(self) -> None:
        """Empty the plot."""
        self.surface.clear_points()
        self.set_now("–")

    def set_cursor(self, step: float | None) -> None:
        """Mirror the cursor of another plot."""
        self.surface.set_cursor(step)

    def show_range(self, low: float, high: float) -> None:
        """Mirror the range of another plot."""
        self.surface.show_range(low, high)

    def set_axis(self, axis: str) -> None:
        """Lay the points along "steps" or "time"."""
        self.surface.set_by_seconds(axis == "time")
