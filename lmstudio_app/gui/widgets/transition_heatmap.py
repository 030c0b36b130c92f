"""A heatmap of what follows what: contexts down, next tokens across."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from lmstudio_app.gui.widgets.heatmap import Cell, Heatmap
from lmstudio_app.gui.widgets.heatmap_painting import figure
from lmstudio_app.gui.widgets.token_text import label


class TransitionHeatmap(Heatmap):
    """The probabilities of each token (column) after each token (row); the full colour stands for the largest."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Transition probabilities"))
        self.set_scale_to_largest(True)

    def text_at(self, cell: Cell) -> str:
        row, column = cell
        words = self.tr("after {context} comes {token}, {probability}")
        return words.format(
            context=label(self.tokens[row]), token=label(self.tokens[column]), probability=self._figure(cell)
        )

    def readout(self, cell: Cell) -> list[tuple[str, str, str]]:
        row, column = cell
        return [
            (self.tr("after"), label(self.tokens[row]), ""),
            (self.tr("comes"), label(self.tokens[column]), ""),
            (self.tr("probability"), "", self._figure(cell)),
        ]

    def scale_words(self) -> str:
        return self.tr("probability")

    def _figure(self, cell: Cell) -> str:
        return figure(float(self.weights[cell]))
