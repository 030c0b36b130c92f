"""A figure that matters, with its name above and its unit beside."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from lmstudio_app.gui.widgets.text import ElidedText, Text


class KeyFigure(QWidget):
    """A name, a large figure and a small unit or yardstick."""

    def __init__(self, name: str, parent: QWidget | None = None, *, narrow: bool = False) -> None:
        """A `narrow` one shortens its name where there is no room for it."""
        super().__init__(parent)
        self._title = name
        self._name = ElidedText(name, "hint") if narrow else Text(name, "hint", copyable=False)
        self._figure = ElidedText("–", "figure", verbatim=True)
        self._figure.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        self._unit = Text("", "hint", verbatim=True)
        line = QHBoxLayout()
        line.setSpacing(4)
        line.addWidget(self._figure)
        line.addWidget(self._unit, 1, Qt.AlignmentFlag.AlignBottom)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        column.addWidget(self._name)
        column.addLayout(line)
        self.show_figure("–")

    def show_figure(self, figure: str, unit: str = "", remark: str = "") -> None:
        """Show a value; `remark` explains it as a tooltip and to a screen reader."""
        self._figure.set_words(figure)
        self._unit.setText(unit)
        self.setToolTip(remark)
        self.setAccessibleName(f"{self._title}: {figure} {unit}".strip())
        self.setAccessibleDescription(remark)

    def figure(self) -> str:
        """The value that is shown."""
        return self._figure.words()
