"""All heads of a model at once, to choose one from."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from lmstudio_app.gui.widgets.card import Card
from lmstudio_app.gui.widgets.head_grid import HeadGrid
from lmstudio_app.gui.widgets.text import Text


class HeadsCard(Card):
    """The grid of layers and heads, and how they are counted."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent, title=self.tr("All heads"))
        self.grid = HeadGrid()
        framed = QVBoxLayout()
        framed.setContentsMargins(10, 6, 12, 10)
        framed.addWidget(self.grid)
        self.body.addLayout(framed)
        foot, _ = self.add_foot()
        foot.setContentsMargins(12, 6, 12, 6)
        foot.addWidget(
            Text(self.tr("Rows are layers, columns are heads; they count from 1."), "hint", wrap=True, copyable=False)
        )
