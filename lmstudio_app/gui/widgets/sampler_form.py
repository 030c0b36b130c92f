"""The settings of a sampler: what is often changed can be dragged, a new seed can be thrown."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from lmstudio_app.engine.settings import Declaration, Problem
from lmstudio_app.gui.widgets.button import IconButton
from lmstudio_app.gui.widgets.setting_row import SettingRow
from lmstudio_app.gui.widgets.slider_row import Scale, SliderRow

SIDE_BY_SIDE = ("seed", "length")
"""Settings that share a line; their help is a tooltip there."""

SEEDS = 10_000
"""New seeds are thrown below this, so that they can be remembered and typed."""


class SamplerForm(QWidget):
    """A row for each declared setting; those with a scale get a slider.

    It goes one way, as `ConfigForm` does: an edit gives new values, whoever checks them answers with `set_problems`.

    Signals: `changed(dict)` with the value of every row by name after each edit.
    """

    changed = Signal(object)

    def __init__(
        self, declarations: Sequence[Declaration], scales: Mapping[str, Scale], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._rows: dict[str, SettingRow] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(7)
        for declaration in declarations:
            scale = scales.get(declaration.name)
            row = SliderRow(declaration, scale) if scale is not None else SettingRow(declaration)
            row.edited.connect(self._edited)
            self._rows[declaration.name] = row
            if declaration.name not in SIDE_BY_SIDE:
                column.addWidget(row)
        column.insertLayout(len(scales), self._side_by_side())

    def event(self, event: QEvent) -> bool:
        """Be as high as the wrapped lines of help need: a layout by itself lets them run into each other."""
        told = super().event(event)
        if event.type() in (QEvent.Type.LayoutRequest, QEvent.Type.Resize) and (column := self.layout()) is not None:
            self.setMinimumHeight(column.heightForWidth(self.width()))
        return told

    def row(self, name: str) -> SettingRow:
        """The row of a setting."""
        return self._rows[name]

    def set_scale(self, name: str, scale: Scale) -> None:
        """Let the slider of a setting mean other values."""
        row = self._rows[name]
        assert isinstance(row, SliderRow)
        row.set_scale(scale)

    def values(self) -> dict[str, Any]:
        """The value of every row by name; text where no number could be read."""
        return {name: row.value() for name, row in self._rows.items()}

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Show these values; rows that are not named keep theirs."""
        for name, value in values.items():
            self._rows[name].set_value(value)

    def set_problems(self, problems: Sequence[Problem]) -> None:
        """Show each problem at its row and none at the others."""
        first: dict[str, Problem] = {}
        for problem in problems:
            first.setdefault(problem.field, problem)
        for name, row in self._rows.items():
            row.show_problem(first.get(name))

    def wrong_rows(self) -> list[SettingRow]:
        """The rows that show an error."""
        return [row for row in self._rows.values() if row.wrong]

    def throw_seed(self) -> None:
        """Put another seed than the present one into its field."""
        row, before = self._rows["seed"], self._rows["seed"].value()
        row.set_value(random.choice([seed for seed in (random.randrange(SEEDS) for _ in range(8)) if seed != before]))
        self._edited()

    def _side_by_side(self) -> QHBoxLayout:
        self.dice = IconButton(self.tr("Throw a new seed"), "dice")
        self.dice.clicked.connect(self.throw_seed)
        line = QHBoxLayout()
        line.setSpacing(6)
        for name in SIDE_BY_SIDE:
            row = self._rows[name]
            row.fold()
            line.addWidget(row, 1, Qt.AlignmentFlag.AlignTop)
            if name == "seed":
                line.addWidget(self.dice, 0, Qt.AlignmentFlag.AlignTop)
                line.addSpacing(8)
        return line

    def _edited(self) -> None:
        self.changed.emit(self.values())
