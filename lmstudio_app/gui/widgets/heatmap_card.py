"""One head, large: its weights as a picture or as a table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QStackedWidget, QVBoxLayout, QWidget

from lmstudio_app.gui.widgets.banner import Banner
from lmstudio_app.gui.widgets.button import Button
from lmstudio_app.gui.widgets.card import Card
from lmstudio_app.gui.widgets.color_maps import MAPS
from lmstudio_app.gui.widgets.heatmap import Heatmap
from lmstudio_app.gui.widgets.text import ElidedText
from lmstudio_app.gui.widgets.weights_table import WeightsTable


class HeatmapCard(Card):
    """The weights of a head with a choice of colours above them, and how to move in them below.

    Signals: `cell_changed(row, column)` from 0, (−1, −1) when no cell is marked; `colors_changed(str)` another map.
    """

    cell_changed = Signal(int, int)
    colors_changed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent, title=self.tr("Attention"))
        self.title.setProperty("verbatim", True)  # "Layer 3, head 2", said by the pane
        self.note.setProperty("verbatim", True)
        self.heatmap = Heatmap()
        self.table = WeightsTable()
        self.banner = Banner()
        self.colors = Button(self.tr("Colours"), "chevron-down", "quiet", compact=True)
        self.colors.setMenu(self._menu())
        self.head.addWidget(self.colors)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.heatmap)
        self._stack.addWidget(self.table)
        framed = QVBoxLayout()
        framed.setContentsMargins(10, 8, 10, 8)
        framed.addWidget(self.banner)
        framed.addWidget(self._stack, 1)
        self.body.addLayout(framed, 1)
        foot, _ = self.add_foot()
        foot.setContentsMargins(12, 5, 12, 5)
        self._hint = ElidedText("", "hint")
        foot.addWidget(self._hint)
        self.heatmap.cell_changed.connect(self._heatmap_marked)
        self.table.cell_marked.connect(self._table_marked)
        self.show_table(False)

    def show_weights(self, weights: NDArray[np.floating], tokens: Sequence[str]) -> None:
        """Show `weights` (T, T) between `tokens` (T)."""
        self.heatmap.set_weights(weights, tokens)
        self.table.set_weights(weights, tokens)

    def clear(self) -> None:
        """Show nothing."""
        self.show_weights(np.zeros((0, 0)), [])
        self.show_place("", "")

    def show_place(self, title: str, note: str) -> None:
        """Say which head it is, and of which model."""
        self.title.setText(title)
        self.note.setText(note)

    def show_table(self, on: bool) -> None:
        """Show the numbers instead of the picture."""
        self._stack.setCurrentWidget(self.table if on else self.heatmap)
        self.colors.setVisible(not on)
        self._hint.set_words(
            self.tr("Rows look, columns are looked at. Copy takes the selected cells with their headings.")
            if on
            else self.tr("Rows look, columns are looked at. Arrows move, the wheel zooms, dragging pans, A shows all.")
        )

    @property
    def is_table(self) -> bool:
        """Whether the numbers are shown."""
        return self._stack.currentWidget() is self.table

    def _menu(self) -> QMenu:
        menu = QMenu(self)
        group = QActionGroup(menu)
        for name, words in (("", self.tr("Colours of the theme")), *((name, name) for name in MAPS)):
            action = QAction(words, menu, checkable=True, checked=not name)
            action.triggered.connect(lambda checked=True, name=name: self._choose_colors(name))
            group.addAction(action)
            menu.addAction(action)
        menu.addSeparator()
        self.largest = menu.addAction(self.tr("Full colour for the largest weight"))
        self.largest.setCheckable(True)
        self.largest.toggled.connect(self.heatmap.set_scale_to_largest)
        return menu

    def _choose_colors(self, name: str) -> None:
        self.heatmap.set_colors(name)
        self.colors_changed.emit(name)

    def _heatmap_marked(self, row: int, column: int) -> None:
        if row >= 0:
            self.table.mark(row, column)
        self.cell_changed.emit(row, column)

    def _table_marked(self, row: int, column: int) -> None:
        self.heatmap.mark((row, column))
