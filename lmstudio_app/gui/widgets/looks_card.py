"""Where one token looks: the tokens before it, by how much it takes from each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from lmstudio_app.gui.widgets import number_text
from lmstudio_app.gui.widgets.bar_list import Bar, BarList
from lmstudio_app.gui.widgets.card import Card
from lmstudio_app.gui.widgets.text import ElidedText, Text
from lmstudio_app.gui.widgets.token_text import label


class LooksCard(Card):
    """A row of the heatmap, sorted: the strongest first, with the sum of the row.

    Signals: `target_chosen(column)` from 0, when a person went to one of the tokens.
    """

    target_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent, title=self.tr("Where a token looks"))
        self._token = Text("", verbatim=True)
        self._token.setProperty("role", "mono")
        self._token.setProperty("boxed", True)
        self._sum = ElidedText("", "label")
        self._sum.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.note.hide()
        self.head.insertWidget(1, self._token, 0, Qt.AlignmentFlag.AlignVCenter)
        self.head.addWidget(self._sum, 100)
        self.list = BarList(self.tr("Where a token looks"))
        self.list.current_changed.connect(self._chosen)
        self._targets: list[int] = []
        self._words = Text("", "label", wrap=True)
        foot, self._foot = self.add_foot()
        foot.addWidget(self._words)
        framed = QVBoxLayout()
        framed.setContentsMargins(0, 4, 0, 4)
        framed.addWidget(self.list)
        self.body.addLayout(framed, 1)
        self.clear()

    def clear(self) -> None:
        """Show nothing."""
        self.title.setText(self.tr("Where a token looks"))
        self._token.hide()
        self._sum.set_words("")
        self._targets = []
        self.list.set_bars([])
        self._foot.hide()

    def show_row(self, row: NDArray[np.floating], tokens: Sequence[str], place: int, column: int) -> None:
        """Show the weights `row` (T,) of token `place`; `column` is the one that is marked, or −1."""
        self.title.setText(self.tr("Where token {place} looks").format(place=number_text.whole(place + 1)))
        self._token.setText(label(tokens[place]))
        self._token.show()
        self._sum.set_words(self.tr("row sum {sum}").format(sum=f"{float(row.sum()):.3f}"))
        self._targets = np.argsort(-row[: place + 1], kind="stable").tolist()
        self.list.set_bars(
            [
                Bar(label(tokens[to]), float(row[to]), (f"{float(row[to]):.3f}",), str(to + 1), strong=rank == 0)
                for rank, to in enumerate(self._targets)
            ],
            full=1.0,
        )
        self.list.set_current(self._targets.index(column) if column in self._targets else -1)
        self._words.setText(self._summary(row, tokens, place))
        self._foot.show()

    def total(self) -> str:
        """What is said of the row's sum."""
        return self._sum.words()

    def words(self) -> str:
        """What is said below the rows."""
        return self._words.text()

    def _summary(self, row: NDArray[np.floating], tokens: Sequence[str], place: int) -> str:
        """Where most of the look goes, in one or two sentences."""
        if place == 0:
            return self.tr("The first token has nothing before it: it can only look at itself.")
        first = self._targets[0]
        half = int(np.searchsorted(np.cumsum(row[self._targets]), 0.5)) + 1
        itself = self.tr("Most of it stays with the token itself.")
        start = self.tr("Most of it goes to the first token, where heads look that find nothing to do.")
        before = self.tr("Most of it goes to the token just before.")
        back = self.tr("Most of it goes {count} tokens back, to “{token}”.")
        if row[first] >= 0.5:
            if first == place:
                return itself
            if first == place - 1:
                return before
            return start if first == 0 else back.format(count=place - first, token=label(tokens[first]))
        spread = self.tr("It is spread out: half of it lies on {count} of {all} tokens.")
        return spread.format(count=half, all=place + 1)

    def _chosen(self, rank: int) -> None:
        if 0 <= rank < len(self._targets):
            self.target_chosen.emit(self._targets[rank])
