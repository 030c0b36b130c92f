"""How the files of a text are taken apart: a form that is applied by a button, since all files are read again then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from lmstudio_app.engine.settings import Declaration, Problem
from lmstudio_app.gui.widgets.button import Button
from lmstudio_app.gui.widgets.card import row
from lmstudio_app.gui.widgets.config_form import ConfigForm, Section
from lmstudio_app.gui.widgets.text import Text

_PREFIX = "reading"


class ReadingForm(QWidget):
    """It goes one way: an edit gives new values; whoever checks them answers with `show_problems`.

    Signals: `edited()` after each edit; `applied()`.
    """

    edited = Signal()
    applied = Signal()

    def __init__(self, settings: Sequence[Declaration], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.form = ConfigForm()
        self.form.show_sections([Section("", _PREFIX, [replace(one, advanced=False) for one in settings])])
        self.form.changed.connect(lambda values: self.edited.emit())
        self._left_out = Text("", "hint", wrap=True)
        self.apply = Button(self.tr("Apply"), "check", "primary")
        self.apply.setEnabled(False)
        self.apply.clicked.connect(self.applied)
        inside = QWidget()
        inside.setProperty("scrolled", True)
        column = QVBoxLayout(inside)
        column.setContentsMargins(12, 4, 12, 12)
        column.addWidget(self.form)
        below = row(self._left_out, self.apply)
        below.setStretch(0, 1)
        column.addLayout(below)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidget(inside)
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        outside = QVBoxLayout(self)
        outside.setContentsMargins(0, 0, 0, 0)
        outside.addWidget(scroll)

    def values(self) -> dict[str, Any]:
        """What is chosen and typed, by name; text where no number could be read."""
        return {path.partition(".")[2]: value for path, value in self.form.values().items()}

    def show_values(self, values: Mapping[str, Any]) -> None:
        """Show these settings without telling anybody."""
        self.form.set_values({f"{_PREFIX}.{name}": value for name, value in values.items()})
        self.show_problems([], changed=False)

    def show_left_out(self, words: str) -> None:
        """Say what the settings leave out."""
        self._left_out.setText(words)

    def left_out(self) -> str:
        """What is said about that."""
        return self._left_out.text()

    def show_problems(self, problems: Sequence[Problem], *, changed: bool) -> None:
        """Show what is wrong with the settings, and whether they can be applied."""
        self.form.set_problems([replace(problem, field=f"{_PREFIX}.{problem.field}") for problem in problems])
        self.apply.setEnabled(changed and not problems)

    def set_locked(self, locked: bool) -> None:
        """Whether nothing can be changed now."""
        self.form.setEnabled(not locked)
        self.apply.setVisible(not locked)
