"""What is in a text, in nine figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from PySide6.QtWidgets import QGridLayout, QSizePolicy, QVBoxLayout, QWidget

from lmstudio_app.gui.widgets.card import Card, strip
from lmstudio_app.gui.widgets.key_figure import KeyFigure

COLUMNS = 3


class Figure(NamedTuple):
    """A value with its unit; `remark` explains it."""

    value: str = "–"
    unit: str = ""
    remark: str = ""


class StatisticsCard(Card):
    """Key figures in cells, filled in as they become known."""

    def __init__(self, names: Sequence[tuple[str, str]], parent: QWidget | None = None) -> None:
        """`names` are (key, words) of the figures, row by row."""
        super().__init__(self.tr("Statistics"), self.tr("after cleaning"), parent)
        self._figures = {key: KeyFigure(words, narrow=True) for key, words in names}
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(0)
        for place, figure in enumerate(self._figures.values()):
            row, column = divmod(place, COLUMNS)
            cell = QWidget()
            inner = QVBoxLayout(cell)
            inner.setContentsMargins(12, 7, 4, 7)
            inner.addStretch(1)
            inner.addWidget(figure)
            inner.addStretch(1)
            cell.setMinimumWidth(60)
            cell.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            grid.addWidget(cell, 2 * row, 2 * column)
            grid.setRowStretch(2 * row, 1)
            grid.setColumnStretch(2 * column, 1)
            if column:
                grid.addWidget(strip("vrule"), 2 * row, 2 * column - 1)
            if row and not column:
                grid.addWidget(strip("rule"), 2 * row - 1, 0, 1, 2 * COLUMNS - 1)
        self.body.addLayout(grid, 1)

    def show_figures(self, figures: Mapping[str, Figure]) -> None:
        """Show these values; figures that are not named are not known (yet)."""
        for key, shown in self._figures.items():
            shown.show_figure(*figures.get(key, Figure()))

    def figure(self, key: str) -> str:
        """The value that is shown."""
        return self._figures[key].figure()
