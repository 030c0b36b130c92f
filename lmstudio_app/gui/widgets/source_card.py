"""Where a text comes from: lines of a name and a value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from PySide6.QtWidgets import QGridLayout, QLineEdit, QWidget

from lmstudio_app.gui.widgets.card import Card
from lmstudio_app.gui.widgets.text import ElidedText, Text


class Fact(NamedTuple):
    """A name and its value; `remark` explains it, a `place` is a path to be copied."""

    name: str
    value: str
    remark: str = ""
    place: bool = False


class SourceCard(Card):
    """A few facts, one below the other."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(self.tr("Source"), "", parent)
        self.note.setMinimumWidth(20)
        self._shown: tuple[Fact, ...] = ()
        self._grid = QGridLayout()
        self._grid.setContentsMargins(12, 8, 12, 10)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(5)
        self._grid.setColumnStretch(1, 1)
        self.body.addLayout(self._grid)
        self.body.addStretch(1)

    def show_facts(self, facts: Sequence[Fact], note: str = "") -> None:
        """Show these facts; `note` stands beside the title."""
        self.note.setText(note)
        if tuple(facts) == self._shown:
            return
        self._shown = tuple(facts)
        self.setVisible(bool(facts))
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for line, fact in enumerate(facts):
            name = Text(fact.name, "label", copyable=False)
            value = _place(fact) if fact.place else ElidedText(fact.value, "small-strong", verbatim=True)
            value.setAccessibleDescription(fact.remark)
            if fact.remark:
                name.setToolTip(fact.remark)
            self._grid.addWidget(name, line, 0)
            self._grid.addWidget(value, line, 1)

    def facts(self) -> dict[str, str]:
        """What is shown, by name."""
        return {fact.name: fact.value for fact in self._shown}


def _place(fact: Fact) -> QLineEdit:
    field = QLineEdit(fact.value)
    field.setReadOnly(True)
    field.setProperty("verbatim", True)
    field.setProperty("compact", True)
    field.setAccessibleName(fact.name)
    field.setToolTip(fact.value)
    field.setAcceptDrops(False)
    return field
