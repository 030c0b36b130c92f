"""A table as it begins, with a choice above each column of what it is for, and what becomes of the first rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.button import Button
from lmstudio_app.gui.widgets.card import strip
from lmstudio_app.gui.widgets.notice import Notice
from lmstudio_app.gui.widgets.still_wheel import still_wheel
from lmstudio_app.gui.widgets.text import ElidedText, Text

ROWS = 4
MOST_COLUMNS = 60
WIDTH = 168


class ColumnMapping(QWidget):
    """It goes one way: a choice gives a new mapping, whoever checks it answers with `show_kind` or `show_problem`.

    Signals: `edited(dict)` {role: column} after each choice; `applied()`.
    """

    edited = Signal(object)
    applied = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._roles: Sequence[tuple[str, str]] = ()
        self._choices: dict[str, QComboBox] = {}
        self._beyond: dict[str, str] = {}  # roles of columns that are too far to the right to be shown
        self._locked = False
        self._fits = True
        self._changed = False
        self._kind = Text("", "small-strong")
        self._text = Text("", "hint", wrap=True, verbatim=True)
        self.notice = Notice()
        self.apply = Button(self.tr("Apply"), "check", "primary")
        self.apply.clicked.connect(self.applied)
        self._page = QWidget()
        self._page.setProperty("scrolled", True)
        self._grid = QGridLayout(self._page)
        self._grid.setContentsMargins(12, 4, 12, 8)
        self._grid.setHorizontalSpacing(10)
        self._grid.setVerticalSpacing(6)
        scroll = QScrollArea()
        scroll.setWidget(self._page)
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        below = QVBoxLayout()
        below.setContentsMargins(12, 6, 12, 6)
        below.setSpacing(4)
        line = QHBoxLayout()
        line.addWidget(self._kind, 1)
        line.addWidget(self.apply)
        below.addLayout(line)
        below.addWidget(self._text)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(scroll, 1)
        column.addWidget(self.notice)
        column.addWidget(strip("rule"))
        column.addLayout(below)

    def show_table(
        self,
        columns: Sequence[str],
        rows: Sequence[Mapping[str, str]],
        mapping: Mapping[str, str],
        roles: Sequence[tuple[str, str]],
    ) -> None:
        """Show how a table begins and what its columns are taken for; `roles` are (role, words) to choose from."""
        self._roles = roles
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self._choices = {}
        by_column = {column: role for role, column in mapping.items()}
        shown = columns[:MOST_COLUMNS]
        self._beyond = {role: column for role, column in mapping.items() if column not in shown}
        for place, column in enumerate(columns[:MOST_COLUMNS]):
            choice = QComboBox()
            still_wheel(choice)
            choice.addItem(self.tr("not used"), "")
            for role, words in roles:
                choice.addItem(words, role)
            choice.setCurrentIndex(max(0, choice.findData(by_column.get(column, ""))))
            choice.setAccessibleName(self.tr("What the column {column} is for").format(column=column))
            choice.setEnabled(not self._locked)
            choice.activated.connect(self._edit)
            self._choices[column] = choice
            name = ElidedText(column, "small-strong", verbatim=True)
            for line, widget in enumerate((name, choice)):
                widget.setFixedWidth(theme.current().pixels(WIDTH))
                self._grid.addWidget(widget, line, place)
            for number, row in enumerate(rows[:ROWS]):
                cell = ElidedText(" ".join(row.get(column, "").split())[:400], "label", verbatim=True)
                cell.setFixedWidth(theme.current().pixels(WIDTH))
                self._grid.addWidget(cell, 2 + number, place)
        self._grid.setColumnStretch(len(columns), 1)
        self._grid.setRowStretch(2 + ROWS, 1)
        self._changed = False
        self._show_apply()

    def mapping(self) -> dict[str, str]:
        """What is chosen, {role: column}; of columns with the same role the last."""
        chosen = {str(choice.currentData()): column for column, choice in self._choices.items() if choice.currentData()}
        return self._beyond | chosen

    def choose(self, column: str, role: str) -> None:
        """Choose what a column is for, as a person does."""
        choice = self._choices[column]
        choice.setCurrentIndex(choice.findData(role))
        self._edit_of(choice)

    def show_kind(self, words: str, text: str) -> None:
        """Say what kind of corpus the choices give, and show how a document of it begins."""
        self.notice.say("")
        self._kind.setText(words)
        self._text.setText(text)
        self._fits = True
        self._show_apply()

    def show_problem(self, words: str) -> None:
        """Say why the choices do not fit together."""
        self.notice.say(words, "err")
        self._kind.setText("")
        self._text.setText("")
        self._fits = False
        self._show_apply()

    def set_locked(self, locked: bool) -> None:
        """Whether nothing can be changed now."""
        self._locked = locked
        for choice in self._choices.values():
            choice.setEnabled(not locked)
        self._show_apply()

    def _edit(self) -> None:
        sender = self.sender()
        if isinstance(sender, QComboBox):
            self._edit_of(sender)

    def _edit_of(self, chosen: QComboBox) -> None:
        """A role belongs to one column: the one that had it before gives it up."""
        for other in self._choices.values():
            if other is not chosen and chosen.currentData() and other.currentData() == chosen.currentData():
                other.setCurrentIndex(0)
        self._changed = True
        self.edited.emit(self.mapping())

    def _show_apply(self) -> None:
        self.apply.setEnabled(self._changed and self._fits and not self._locked)
