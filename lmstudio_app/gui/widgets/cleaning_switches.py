"""The switches of cleaning, each with how often it finds something."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QWidget

from lmstudio_app.engine.settings import Declaration
from lmstudio_app.gui.translation import declared
from lmstudio_app.gui.widgets.button import Button
from lmstudio_app.gui.widgets.card import row
from lmstudio_app.gui.widgets.text import Text
from lmstudio_app.gui.widgets.wrapping_row import WrappingRow


class CleaningSwitches(QWidget):
    """A row of boxes to tick that wraps; those that are rarely wanted are folded away while they are off and would find
    nothing. Signals: `changed(dict)` the value of each by name after a click."""

    changed = Signal(object)

    def __init__(self, declarations: Sequence[Declaration], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._boxes: dict[str, QCheckBox] = {}
        self._counts: dict[str, Text] = {}
        self._pairs: dict[str, QWidget] = {}
        self._rare = {declaration.name for declaration in declarations if declaration.advanced}
        self._said: Mapping[str, str] = {}
        self._useful: set[str] = set()
        self._all = False
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
            self._pairs[declaration.name] = pair
        self.more = Button(self.tr("More"), kind="link")
        self.more.clicked.connect(self._show_all)
        line.addWidget(self.more)
        self._fold()

    def show_values(self, values: Mapping[str, bool]) -> None:
        """Show which switches are on, without telling anybody."""
        for name, box in self._boxes.items():
            box.setChecked(bool(values.get(name)))
        self._fold()

    def show_counts(self, counts: Mapping[str, str], useful: Collection[str] = ()) -> None:
        """Say something about each switch: how often it finds something; `useful` are those that do."""
        self._said, self._useful = dict(counts), set(useful)
        for name, box in self._boxes.items():
            self._counts[name].setText(counts.get(name, ""))
            self._counts[name].setVisible(name in counts)
            box.setAccessibleDescription(f"{box.toolTip()} {counts.get(name, '')}".strip())
        self._fold()

    def show_count(self, name: str, count: str, *, useful: bool) -> None:
        """Say something about one more switch."""
        self.show_counts({**self._said, name: count}, self._useful | ({name} if useful else set()))

    def _show_all(self) -> None:
        self._all = not self._all
        self.more.set_words(self.tr("Fewer") if self._all else self.tr("More"))
        self._fold()

    def _fold(self) -> None:
        for name in self._rare:
            self._pairs[name].setVisible(self._all or name in self._useful or self._boxes[name].isChecked())

    def values(self) -> dict[str, bool]:
        """Which are on."""
        return {name: box.isChecked() for name, box in self._boxes.items()}

    def box(self, name: str) -> QCheckBox:
        """The box of a switch."""
        return self._boxes[name]

    def count(self, name: str) -> str:
        """What is said about a switch."""
        return self._counts[name].text()
