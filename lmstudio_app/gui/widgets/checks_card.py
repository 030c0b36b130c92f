"""Whether a text can be trusted: one line for each check, with its finding, what to look at and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QTextOption
from PySide6.QtWidgets import QApplication, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.button import Button
from lmstudio_app.gui.widgets.card import Card, strip
from lmstudio_app.gui.widgets.icon import Icon
from lmstudio_app.gui.widgets.text import Text


class Check(NamedTuple):
    """A finding: its tone ("ok", "warn", "text3" while it is looked for), words, what explains them, the lines that
    Show lists, and the (name, words) of what can be done."""

    name: str
    tone: str
    words: str
    remark: str = ""
    listed: Sequence[str] = ()
    action: tuple[str, str] = ("", "")


_ICONS = {"ok": "check", "warn": "warning", "text3": "clock"}


class ChecksCard(Card):
    """Signals: `acted(str)` a person wants what a check offers, by the name of the action."""

    acted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(self.tr("Checks"), "", parent)
        self.note.setMinimumWidth(10)
        self.checks: tuple[Check, ...] = ()
        self._rows: dict[str, _Row] = {}
        self._column = QVBoxLayout()
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self.body.addLayout(self._column)
        self._locked = False

    def show_checks(self, checks: Sequence[Check]) -> None:
        """Show these findings, in this order."""
        if tuple(checks) == self.checks:
            return
        opened = {name for name, row in self._rows.items() if row.opened}
        focused = QApplication.focusWidget() or self
        focus = next((name for name, row in self._rows.items() if row.isAncestorOf(focused)), "")
        self.checks = tuple(checks)
        while (item := self._column.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self._rows = {}
        for place, check in enumerate(self.checks):
            if place:
                self._column.addWidget(strip("rule"))
            row = _Row(check)
            row.open(check.name in opened)
            row.act.clicked.connect(lambda checked=False, check=check: self.acted.emit(check.action[0]))
            self._rows[check.name] = row
            self._column.addWidget(row)
        passed = sum(check.tone == "ok" for check in self.checks)
        wrong = sum(check.tone == "warn" for check in self.checks)
        words = self.tr("{passed} passed, {wrong} to look at") if wrong else self.tr("{passed} passed")
        self.note.setText(words.format(passed=passed, wrong=wrong) if passed + wrong else "")
        self.setVisible(bool(self.checks))
        self.set_locked(self._locked)
        if focus in self._rows:
            self._rows[focus].show_button.setFocus()

    def row(self, name: str) -> _Row:
        """The line of a check."""
        return self._rows[name]

    def set_locked(self, locked: bool) -> None:
        """Whether nothing can be changed now."""
        self._locked = locked
        for row in self._rows.values():
            row.act.setEnabled(not locked)


class _Row(QWidget):
    """An icon, the finding, Show, and what to do; below them what Show lists."""

    def __init__(self, check: Check, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        words = Text(check.words, "body", wrap=True)
        remark = Text(check.remark, "hint", wrap=True)
        for text in (words, remark):
            text.setMinimumWidth(40)
        said = QVBoxLayout()
        said.setSpacing(1)
        said.addWidget(words)
        said.addWidget(remark)
        self.show_button = Button(self.tr("Show"), compact=True)
        self.show_button.setAccessibleName(self.tr("Show: {check}").format(check=check.words))
        self.show_button.setCheckable(True)
        self.show_button.toggled.connect(self.open)
        self.act = Button(check.action[1], compact=True)
        line = QHBoxLayout()
        line.setContentsMargins(12, 8, 12, 8)
        line.setSpacing(8)
        line.addWidget(Icon(_ICONS[check.tone], check.tone, 16), 0, Qt.AlignmentFlag.AlignTop)
        line.addLayout(said, 1)
        for button in (self.show_button, self.act):
            line.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        self.list = QPlainTextEdit("\n".join(check.listed))
        self.list.setReadOnly(True)
        self.list.setProperty("verbatim", True)
        self.list.setAccessibleName(check.words)
        self.list.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.list.setFont(theme.current().font(theme.HINT, mono=True))
        self.list.setFixedHeight(theme.current().pixels(130))
        self.list.setTabChangesFocus(True)
        holder = QVBoxLayout()
        holder.setContentsMargins(12, 0, 12, 10)
        holder.addWidget(self.list)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(line)
        self._below = QWidget()
        self._below.setLayout(holder)
        column.addWidget(self._below)
        for part, there in ((remark, check.remark), (self.show_button, check.listed), (self.act, check.action[0])):
            part.setVisible(bool(there))  # now that they are inside something
        self.open(False)

    def open(self, on: bool) -> None:
        """Show what the check found, or put it away."""
        self.show_button.setChecked(on)
        self._below.setVisible(on)

    @property
    def opened(self) -> bool:
        """Whether it is shown."""
        return self.show_button.isChecked()
