"""Which token follows which in a model of counts: the whole matrix, and one row of it sorted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QMenu, QVBoxLayout, QWidget

from lmstudio_app.gui.widgets.banner import Banner
from lmstudio_app.gui.widgets.bar_list import Bar, BarList
from lmstudio_app.gui.widgets.button import Button
from lmstudio_app.gui.widgets.card import Card
from lmstudio_app.gui.widgets.folding_columns import FoldingColumns
from lmstudio_app.gui.widgets.heatmap_painting import figure
from lmstudio_app.gui.widgets.text import ElidedText, Text
from lmstudio_app.gui.widgets.token_text import label
from lmstudio_app.gui.widgets.transition_heatmap import TransitionHeatmap

if TYPE_CHECKING:
    from lmstudio_app.engine.inspection.transitions import Transitions


class TransitionsCard(FoldingColumns):
    """The matrix between the most frequent tokens, and what follows the marked one.

    Signals: `export_wanted(str)` the ending of the file.
    """

    export_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(760, parent)
        self.heatmap = TransitionHeatmap()
        self.list = BarList(self.tr("What follows a token"))
        self.banner = Banner()
        self.export = Button(self.tr("Export: PNG, SVG, CSV"), "export", "quiet", compact=True)
        self.shown: Transitions | None = None
        self._followers: list[int] = []
        self.matrix = Card(title=self.tr("Transitions"))
        self.row = Card(title=self.tr("What follows a token"))
        self._build()
        self.heatmap.cell_changed.connect(self._cell_changed)
        self.list.current_changed.connect(self._chosen)
        self.clear()

    def show_transitions(self, shown: Transitions, note: str) -> None:
        """Show `shown`, whose contexts are its tokens, and of which model they are."""
        self.shown = shown
        self.banner.hide()
        self.matrix.note.setText(note)
        self.export.setEnabled(True)
        self.heatmap.set_weights(shown.probabilities, shown.tokens, masked=False)
        self._cell_changed(*(self.heatmap.cell or (0, -1)))

    def clear(self) -> None:
        """Show nothing."""
        self.shown = None
        self.matrix.note.setText("")
        self.export.setEnabled(False)
        self.heatmap.set_weights(np.zeros((0, 0)), [], masked=False)
        self.row.title.setText(self.tr("What follows a token"))
        self.list.set_bars([])
        self._words.setText("")

    def words(self) -> str:
        """What is said below the sorted row."""
        return self._words.text()

    def _build(self) -> None:
        menu = QMenu(self)
        for words, ending in (
            (self.tr("Picture, PNG…"), ".png"),
            (self.tr("Drawing, SVG…"), ".svg"),
            (self.tr("Table, CSV…"), ".csv"),
        ):
            menu.addAction(words).triggered.connect(lambda _=False, ending=ending: self.export_wanted.emit(ending))
        self.export.setMenu(menu)
        self.matrix.head.addWidget(self.export)
        self.matrix.note.setProperty("verbatim", True)
        self.row.title.setProperty("verbatim", True)
        self.row.note.hide()
        for card, parts in ((self.matrix, (self.banner, self.heatmap)), (self.row, (self.list,))):
            framed = QVBoxLayout()
            framed.setContentsMargins(10, 8, 10, 8)
            for part in parts:
                framed.addWidget(part, 0 if part is self.banner else 1)
            card.body.addLayout(framed, 1)
        foot, _ = self.matrix.add_foot()
        hint = self.tr("Rows come first, columns follow, the most frequent tokens first. Arrows move, the wheel zooms.")
        foot.addWidget(ElidedText(hint, "hint"))
        self._words = Text("", "label", wrap=True)
        foot, _ = self.row.add_foot()
        foot.addWidget(self._words)
        self.add(self.matrix, 66, height=520)
        self.add(self.row, 33, height=320)

    def _cell_changed(self, row: int, column: int) -> None:
        if self.shown is None:
            return
        place, chances = max(row, 0), self.shown.probabilities[max(row, 0)]
        self.row.title.setText(self.tr("What follows “{token}”").format(token=label(self.shown.contexts[place])))
        self._followers = [int(one) for one in np.argsort(-chances, kind="stable") if chances[one] > 0]
        tokens = self.shown.tokens
        self.list.set_bars(
            [
                Bar(label(tokens[one]), float(chances[one]), (figure(float(chances[one])),), strong=rank == 0)
                for rank, one in enumerate(self._followers)
            ],
            full=1.0,
        )
        self.list.set_current(self._followers.index(column) if column in self._followers else -1)
        self._words.setText(self._summary(place))

    def _summary(self, place: int) -> str:
        """What the row does not show, and whether the model has seen its token followed by anything."""
        if self.shown is None:
            return ""
        if self.shown.seen[place] < self.shown.lengths[place]:
            return self.tr("The model looks at no token before the next one, or has never seen this one followed.")
        others = figure(float(self.shown.others[place]))
        return self.tr("All tokens that are not shown have {others} together.").format(others=others)

    def _chosen(self, rank: int) -> None:
        if 0 <= rank < len(self._followers):
            self.heatmap.mark(((self.heatmap.cell or (0, 0))[0], self._followers[rank]))
