"""The settings of one run, in columns, with the folder it lies in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from lmstudio_app.gui.widgets.card import Card
from lmstudio_app.gui.widgets.text import Role, Text

LONGEST_COLUMN = 8
"""A group with more settings than this goes on in the next column."""

Group = tuple[str, Sequence[tuple[str, str]]]


class RunDetails(Card):
    """What a run was made of. Values can be copied."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(self.tr("Settings"), " ", parent)
        self.note.setProperty("verbatim", True)
        self._folder = QLineEdit()
        self._folder.setReadOnly(True)
        self._folder.setProperty("verbatim", True)
        self._folder.setAccessibleName(self.tr("Folder of the run"))
        self._folder.setMinimumWidth(320)
        self.head.addWidget(self._folder, 2)
        self._nothing = Text("", "body2", wrap=True)
        self._nothing.setProperty("verbatim", True)  # whoever says it has translated it
        self._nothing.setContentsMargins(12, 12, 12, 12)
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.body.addWidget(self._nothing)
        self.body.addWidget(self._scroll, 1)
        self.show_nothing("")

    def show_nothing(self, words: str) -> None:
        """No run is picked, or it cannot be read; `words` say so."""
        self.note.setText("")
        self._nothing.setText(words)
        self._nothing.show()
        self._scroll.hide()
        self._folder.hide()

    def show_run(self, name: str, folder: str, groups: Sequence[Group]) -> None:
        """Show a run's settings by group: its title, then (title, value) rows."""
        self.note.setText(name)
        self._folder.setText(folder)
        self._folder.setCursorPosition(0)
        page = QWidget()
        page.setProperty("scrolled", True)
        line = QHBoxLayout(page)
        line.setContentsMargins(12, 10, 12, 10)
        line.setSpacing(32)
        for title, rows in _columns(groups):
            line.addLayout(self._group(title, rows))
        line.addStretch(1)
        self._scroll.setWidget(page)
        self._nothing.hide()
        self._scroll.show()
        self._folder.show()

    def _group(self, title: str, rows: Sequence[tuple[str, str]]) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(4)
        column.addWidget(_verbatim(title, "section"))
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(3)
        for place, (name, value) in enumerate(rows):
            grid.addWidget(_verbatim(name, "label"), place, 0)
            grid.addWidget(_verbatim(value, "body"), place, 1)
        column.addLayout(grid)
        column.addStretch(1)
        return column


def _verbatim(words: str, role: Role) -> Text:
    return Text(words, role, verbatim=True)


def _columns(groups: Sequence[Group]) -> Iterator[Group]:
    """The groups, those that are too long split; a split part has no title of its own."""
    for title, rows in groups:
        for start in range(0, len(rows), LONGEST_COLUMN):
            yield ("" if start else title), rows[start : start + LONGEST_COLUMN]
