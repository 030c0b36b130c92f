"""Losses that any other is compared with: names, figures and bars on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from PySide6.QtWidgets import QVBoxLayout, QWidget

from lmstudio_app.gui.widgets.card import Card
from lmstudio_app.gui.widgets.measure_row import Measure, MeasureRow
from lmstudio_app.gui.widgets.text import Text


class Yardstick(NamedTuple):
    """A loss that is known before anything is trained: its name, what it means, and its value in bits per byte."""

    title: str
    hint: str
    value: float
    exact: bool = False


class YardstickCard(Card):
    """A few yardsticks, the highest first, each with a bar as long as its value."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(self.tr("Yardsticks"), self.tr("bits per byte, lower is better"), parent)
        self.note.setMinimumWidth(20)
        self._shown: tuple[Yardstick, ...] = ()
        self._column = QVBoxLayout()
        self._column.setContentsMargins(12, 6, 12, 8)
        self._column.setSpacing(4)
        self._rows: list[MeasureRow] = []
        self._words = Text(self.tr("Known as soon as the text is cut into tokens."), "hint", wrap=True)
        self._column.addWidget(self._words)
        self.body.addLayout(self._column)

    def show_yardsticks(self, yardsticks: Sequence[Yardstick]) -> None:
        """Show these; none means that they are not known yet."""
        self._shown = tuple(yardsticks)
        while len(self._rows) < len(self._shown):
            row = MeasureRow()
            self._rows.append(row)
            self._column.addWidget(row)
        longest = max((yardstick.value for yardstick in self._shown), default=1.0)
        for place, row in enumerate(self._rows):
            row.setVisible(place < len(self._shown))
            if place < len(self._shown):
                one = self._shown[place]
                share = one.value / max(longest, 1e-9)
                row.show_measure(Measure(one.title, f"{one.value:.2f}", share, one.hint, one.exact))
        self._words.setVisible(not self._shown)

    def yardsticks(self) -> tuple[Yardstick, ...]:
        """What is shown."""
        return self._shown
