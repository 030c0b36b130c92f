"""What a text is like: how often words occur and how long documents are, as plots or as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QStackedWidget, QVBoxLayout, QWidget

from lmstudio_app.gui.widgets.bar_plot import BarPlot, Mark, Rule
from lmstudio_app.gui.widgets.button import Button
from lmstudio_app.gui.widgets.card import Card, row, strip
from lmstudio_app.gui.widgets.numbers_table import NumbersTable
from lmstudio_app.gui.widgets.segmented import Segmented
from lmstudio_app.gui.widgets.text import ElidedText, Text

Plot = Literal["words", "lengths", "characters", "labels"]


class PlotWords(NamedTuple):
    """A plot: its title, the quiet words beside it, its marks and lines, what stands below, and a summary."""

    title: str
    note: str
    marks: Sequence[Mark]
    rules: Sequence[Rule]
    below: str
    summary: str


class ProfileCard(Card):
    """Two plots side by side, or one of several tables.

    Signals: `export_wanted(str, str)` a plot by name and an ending (".csv", ".png", ".svg").
    """

    export_wanted = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(self.tr("Words and lengths"), "", parent)
        self.remark = ElidedText("", "label")
        self.head.takeAt(2)
        self.head.addWidget(self.remark, 1)
        self.table_button = Button(self.tr("Table"), "table", compact=True)
        self.table_button.setCheckable(True)
        self.table_button.toggled.connect(self.show_table)
        self.export = Button(self.tr("Export"), "export", compact=True)
        self.export.setMenu(QMenu(self.export))
        self.head.addWidget(self.table_button)
        self.head.addWidget(self.export)
        self.words = BarPlot(self.tr("Word frequency"), "points")
        self.lengths = BarPlot(self.tr("Length"), "bars")
        self._titles: dict[BarPlot, tuple[Text, ElidedText]] = {}
        plots = QWidget()
        line = QHBoxLayout(plots)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(0)
        line.addWidget(self._framed(self.words), 1)
        line.addWidget(strip("vrule"))
        line.addWidget(self._framed(self.lengths), 1)
        self._tables: dict[str, tuple[Sequence[str], Sequence[Sequence[Any]]]] = {}
        self._choice_line = QVBoxLayout()
        self._choice_line.setContentsMargins(12, 8, 12, 4)
        self._choice: Segmented | None = None
        self.table = NumbersTable(self.tr("Words and lengths, as a table"))
        tables = QWidget()
        column = QVBoxLayout(tables)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(self._choice_line)
        column.addWidget(self.table, 1)
        self._wait = Text("", "hint", wrap=True)
        waiting = QWidget()
        column = QVBoxLayout(waiting)
        column.setContentsMargins(12, 10, 12, 10)
        column.addWidget(self._wait)
        column.addStretch(1)
        self._stack = QStackedWidget()
        for page in (plots, tables, waiting):
            self._stack.addWidget(page)
        self.body.addWidget(self._stack)
        self.show_nothing("")

    def show_plots(self, words: PlotWords, lengths: PlotWords, note: str) -> None:
        """Show both plots; `note` says from how much of the text they were counted."""
        for plot, shown in ((self.words, words), (self.lengths, lengths)):
            title, beside = self._titles[plot]
            title.setText(shown.title)
            beside.set_words(shown.note)
            plot.show_marks(shown.marks, shown.rules, shown.below, shown.summary)
        self.remark.set_words(note)
        self._offer(True)

    def show_tables(self, tables: Sequence[tuple[str, str, Sequence[str], Sequence[Sequence[Any]]]]) -> None:
        """What the tables hold: (name, words, columns, rows) of each."""
        self._tables = {name: (columns, rows) for name, _, columns, rows in tables}
        if self._choice is not None:
            self._choice_line.removeWidget(self._choice)
            self._choice.deleteLater()
        self._choice = Segmented([(name, words) for name, words, _, _ in tables], self.tr("Table of"), compact=True)
        self._choice.changed.connect(self._show_rows)
        self._choice_line.addWidget(self._choice)
        menu = self.export.menu()
        menu.clear()
        for name, words, _, _ in tables:
            endings = (".png", ".svg", ".csv") if name in ("words", "lengths") else (".csv",)
            for ending in endings:
                action = menu.addAction(f"{words} ({ending[1:].upper()})")
                action.triggered.connect(
                    lambda checked=False, name=name, ending=ending: self.export_wanted.emit(name, ending)
                )
        self._show_rows(self._choice.value)

    def show_nothing(self, words: str) -> None:
        """There is nothing to show yet, for the reason that `words` tell."""
        self._wait.setText(words)
        self.remark.set_words("")
        self._offer(False)

    def show_table(self, on: bool) -> None:
        """Show the tables instead of the plots."""
        self.table_button.setChecked(on)
        if self.table_button.isEnabled():
            self._stack.setCurrentIndex(1 if on else 0)

    def choose_table(self, name: str) -> None:
        """Show the table called `name`."""
        if self._choice is not None:
            self._choice.set_value(name)
        self._show_rows(name)

    @property
    def shown(self) -> bool:
        """Whether there is something to look at."""
        return self._stack.currentIndex() < 2

    def _show_rows(self, name: str) -> None:
        self.table.show_rows(*self._tables[name])

    def _offer(self, on: bool) -> None:
        self.table_button.setEnabled(on)
        self.export.setEnabled(on)
        self._stack.setCurrentIndex((1 if self.table_button.isChecked() else 0) if on else 2)

    def _framed(self, plot: BarPlot) -> QWidget:
        """A plot under its title."""
        frame = QWidget()
        column = QVBoxLayout(frame)
        column.setContentsMargins(0, 8, 0, 4)
        column.setSpacing(2)
        title, beside = Text("", "small-strong", copyable=False), ElidedText("", "hint")
        head = row(title, beside)
        head.setStretch(1, 1)
        beside.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        head.setContentsMargins(12, 0, 10, 0)
        column.addLayout(head)
        column.addWidget(plot, 1)
        self._titles[plot] = (title, beside)
        return frame
