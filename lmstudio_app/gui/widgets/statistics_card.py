"""What is in a text, in nine figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QVBoxLayout, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.card import Card, strip
from lmstudio_app.gui.widgets.key_figure import KeyFigure

COLUMNS = 3
NARROWEST = 130
"""Fewer columns where a cell would be narrower, in pixels at 100 % text size."""


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
        self._cells = [_cell(figure) for figure in self._figures.values()]
        self._rules: list[QWidget] = []
        self._columns = 0
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(0)
        self.body.addLayout(self._grid, 1)
        theme.current().changed.connect(self._lay)
        self._lay()

    def show_figures(self, figures: Mapping[str, Figure]) -> None:
        """Show these values; figures that are not named are not known (yet)."""
        for key, shown in self._figures.items():
            shown.show_figure(*figures.get(key, Figure()))

    def figure(self, key: str) -> str:
        """The value that is shown."""
        return self._figures[key].figure()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay()

    def _lay(self) -> None:
        """The cells in as many columns as leave room for a long figure, with rules between them."""
        columns = min(COLUMNS, max(1, self.width() // theme.current().pixels(NARROWEST)))
        if columns == self._columns:
            return
        self._columns = columns
        for rule in self._rules:
            rule.hide()
            rule.deleteLater()
        self._rules = []
        grid, last = self._grid, len(self._cells) - 1
        for place, cell in enumerate(self._cells):
            row, column = divmod(place, columns)
            grid.addWidget(cell, 2 * row, 2 * column, 1, 2 * (columns - column) - 1 if place == last else 1)
            if column:
                self._rule("vrule", 2 * row, 2 * column - 1, 1)
            if row and not column:
                self._rule("rule", 2 * row - 1, 0, 2 * columns - 1)
        for number in range(len(self._cells)):
            grid.setRowStretch(2 * number, 1 if number * columns <= last else 0)
            grid.setColumnStretch(2 * number, 1 if number < columns else 0)

    def _rule(self, kind: str, row: int, column: int, columns: int) -> None:
        rule = strip(kind)
        self._rules.append(rule)
        self._grid.addWidget(rule, row, column, 1, columns)


def _cell(figure: KeyFigure) -> QWidget:
    cell = QWidget()
    inner = QVBoxLayout(cell)
    inner.setContentsMargins(12, 7, 4, 7)
    inner.addStretch(1)
    inner.addWidget(figure)
    inner.addStretch(1)
    cell.setMinimumWidth(60)
    cell.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    return cell
