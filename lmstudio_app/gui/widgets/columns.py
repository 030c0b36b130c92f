"""Cards side by side, in fewer columns where the window is narrow or the text is large."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QWidget

from lmstudio_app.gui import theme


class Columns(QWidget):
    """Lays cards in as many equal columns as are at least `narrowest` pixels wide (before enlarging)."""

    def __init__(self, cards: Sequence[QWidget], narrowest: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cards = list(cards)
        self._narrowest = narrowest
        self._count = 0
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(16)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        for card in self._cards:
            card.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        theme.current().changed.connect(self._lay)
        self._lay()

    def put(self, place: int, card: QWidget) -> None:
        """Put another card in a place."""
        old, self._cards[place] = self._cards[place], card
        card.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._grid.replaceWidget(old, card)
        old.deleteLater()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay()

    def _lay(self) -> None:
        wide = theme.current().pixels(self._narrowest) + self._grid.spacing()
        count = min(len(self._cards), max(1, (self.width() + self._grid.spacing()) // wide))
        if count == self._count:
            return
        self._count = count
        for column in range(len(self._cards)):
            self._grid.setColumnStretch(column, 1 if column < count else 0)
            self._grid.setRowStretch(column, 1 if column * count < len(self._cards) else 0)
        for place, card in enumerate(self._cards):
            last = place == len(self._cards) - 1
            span = count - place % count if last else 1
            self._grid.addWidget(card, place // count, place % count, 1, span)
