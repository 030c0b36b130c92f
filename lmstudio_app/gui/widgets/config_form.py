"""A form made from declarations: one row per setting, the rarely used ones folded away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from lmstudio_app.engine.settings import Declaration, Problem
from lmstudio_app.gui.widgets.button import Button
from lmstudio_app.gui.widgets.card import strip
from lmstudio_app.gui.widgets.setting_row import SettingRow
from lmstudio_app.gui.widgets.text import Text


@dataclass(frozen=True)
class Section:
    """Settings under one heading (translated; empty for none). Their rows are called `prefix.name`."""

    title: str
    prefix: str
    declarations: Sequence[Declaration]

    def full(self) -> list[Declaration]:
        """The declarations with their prefix."""
        prefix = f"{self.prefix}." if self.prefix else ""
        return [replace(declaration, path=prefix + declaration.path) for declaration in self.declarations]


class ConfigForm(QWidget):
    """Rows for declared settings, grouped in sections.

    It goes one way: an edit gives new values; whoever checks them answers with `set_problems`. Nothing that was typed
    is ever cleared.

    Signals: `changed(dict)` with the value of every row by path after each edit; text where no number could be read.
    """

    changed = Signal(object)  # as dict it would pass through a map of Qt's, which sorts and narrows

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: dict[str, SettingRow] = {}
        self._sections: list[_SectionRows] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)

    def show_sections(self, sections: Sequence[Section], values: Mapping[str, Any] | None = None) -> None:
        """Show these sections instead of what there was, filled with `values` by path, else with the defaults."""
        for shown in self._sections:
            self._column.removeWidget(shown)
            shown.hide()
            shown.deleteLater()
        self._rows, self._sections = {}, []
        for section in sections:
            made = _SectionRows(section, bool(self._sections), self)
            for path, row in made.rows.items():
                self._rows[path] = row
                row.edited.connect(self._edited)
            self._sections.append(made)
            self._column.addWidget(made)
        self.set_values(values or {})

    def row(self, path: str) -> SettingRow:
        """The row of a setting."""
        return self._rows[path]

    def rows(self) -> dict[str, SettingRow]:
        """Every row by path."""
        return dict(self._rows)

    def values(self) -> dict[str, Any]:
        """The value of every row by path."""
        return {path: row.value() for path, row in self._rows.items()}

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Show these values; rows that are not named keep theirs, unknown paths are passed over."""
        for path, value in values.items():
            if path in self._rows:
                self._rows[path].set_value(value)

    def set_problems(self, problems: Sequence[Problem]) -> list[Problem]:
        """Show each problem at its row and none at the others; returns those that belong to no row."""
        first: dict[str, Problem] = {}
        for problem in problems:
            first.setdefault(problem.field, problem)
        for path, row in self._rows.items():
            row.show_problem(first.get(path))
        for section in self._sections:
            section.unfold_problems()
        return [problem for problem in problems if problem.field not in self._rows]

    def _edited(self) -> None:
        self.changed.emit(self.values())


class _SectionRows(QWidget):
    """The rows of one section, with its heading and the fold for advanced ones."""

    def __init__(self, section: Section, ruled: bool, parent: QWidget) -> None:
        super().__init__(parent)
        self.rows = {declaration.path: SettingRow(declaration) for declaration in section.full()}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 4)
        column.setSpacing(8)
        if ruled:
            column.addWidget(strip("rule"))
        if section.title:
            column.addWidget(Text(section.title.upper(), "section", copyable=False))
        self._folded = QWidget()
        folded = QVBoxLayout(self._folded)
        folded.setContentsMargins(0, 0, 0, 0)
        folded.setSpacing(8)
        for row in self.rows.values():
            (folded if row.declaration.advanced else column).addWidget(row)
        self._fold = Button("", "chevron-down", "quiet", compact=True)
        self._fold.clicked.connect(lambda: self.unfold(self._folded.isHidden()))
        if any(row.declaration.advanced for row in self.rows.values()):
            column.addWidget(self._fold, 0, Qt.AlignmentFlag.AlignLeft)
            column.addWidget(self._folded)
        else:
            self._fold.setParent(self)
            self._folded.setParent(self)
            self._fold.hide()
        self.unfold(False)

    def unfold(self, on: bool) -> None:
        """Show the advanced settings, or fold them away."""
        self._folded.setVisible(on)
        count = sum(row.declaration.advanced for row in self.rows.values())
        words = self.tr("Fewer settings") if on else self.tr("{count} more settings").format(count=count)
        self._fold.set_words(words)

    def unfold_problems(self) -> None:
        """Show the advanced settings if one of them is wrong."""
        if any(row.wrong and row.declaration.advanced for row in self.rows.values()):
            self.unfold(True)
