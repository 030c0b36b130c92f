"""The switches of cleaning, each with how often it finds something."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QWidget

from lmstudio_app.engine.settings import Declaration
from lmstudio_app.gui.translation import declared
from lmstudio_app.gui.widgets.card import row
from lmstudio_app.gui.widgets.text import Text
from lmstudio_app.gui.widgets.wrapping_row import WrappingRow


class CleaningSwitches(QWidget):
    """A row of boxes to tick that wraps. Signals: `changed(dict)` the value of each by name after a click."""

    changed = Signal(object)

    def __init__(self, declarations: Sequence[Declaration], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._boxes: dict[str, QCheckBox] = {}
        self._counts: dict[str, Text] = {}
        line = WrappingRow(self, spacing=2)
        line.setContentsMargins(12, 6, 0, 6)
        for declaration in declarations:
            title, help_words = declared(declaration.title), declared(declaration.help)
            box, count = QCheckBox(title), Text("", "hint")
            box.setAccessibleName(title)
            box.setToolTip(help_words)
            box.clicked.connect(lambda: self.changed.emit(self.values()))
            pair = QWidget()
            inside = row(box, count, spacing=6)
            inside.setContentsMargins(0, 0, 12, 0)
            pair.setLayout(inside)
            box.setProperty("small", True)
            line.addWidget(pair)
            self._boxes[declaration.name], self._counts[declaration.name] = box, count

    def show_values(self, values: Mapping[str, bool]) -> None:
        """Show which switches are on, without telling anybody."""
        for name, box in self._boxes.items():
            box.setChecked(bool(values.get(name)))

    def show_counts(self, counts: Mapping[str, str]) -> None:
        """Say something about each switch: how often it finds something."""
        for name, box in self._boxes.items():
            self._counts[name].setText(counts.get(name, ""))
            self._counts[name].setVisible(name in counts)
            box.setAccessibleDescription(f"{box.toolTip()} {counts.get(name, '')}".strip())

    def values(self) -> dict[str, bool]:
        """Which are on."""
        return {name: box.isChecked() for name, box in self._boxes.items()}

    def box(self, name: str) -> QCheckBox:
        """The box of a switch."""
        return self._boxes[name]

    def count(self, name: str) -> str:
        """What is said about a switch."""
        return self._counts[name].text()
