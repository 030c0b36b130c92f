"""A card whose head goes on in a second line where one is too short for it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from lmstudio_app.gui.widgets.card import Card
from lmstudio_app.gui.widgets.wrapping_row import WrappingRow


class WrappingCard(Card):
    """Call `arrange_head` once with what stands in the head."""

    def arrange_head(self, left: Sequence[QWidget], right: Sequence[QWidget]) -> None:
        """Put `left` at the left and `right` at the right edge of the head, as long as there is room."""
        while self.head.count():
            self.head.takeAt(0)
        line = WrappingRow(spacing=8)
        for widget in left:
            line.addWidget(widget)
        line.add_gap()
        for widget in right:
            line.addWidget(widget)
        holder = QWidget()
        holder.setLayout(line)
        self.head.addWidget(holder, 1, Qt.AlignmentFlag.AlignVCenter)
