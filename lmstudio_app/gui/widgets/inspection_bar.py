"""What is looked at: a text and a model; and what can be done with the picture: a table, a file."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QVBoxLayout, QWidget

from lmstudio_app.gui.widgets import number_text
from lmstudio_app.gui.widgets.button import Button
from lmstudio_app.gui.widgets.card import Card
from lmstudio_app.gui.widgets.menu_heading import add_heading
from lmstudio_app.gui.widgets.model_chooser import ModelChooser
from lmstudio_app.gui.widgets.prompt_field import PromptField
from lmstudio_app.gui.widgets.text import Text
from lmstudio_app.gui.widgets.two_parts import TwoParts
from lmstudio_app.gui.widgets.wrapping_row import WrappingRow


class InspectionBar(Card):
    """A text field with its number of tokens, the choice of a model, and two buttons.

    Signals: `edited()`, `submitted()` on Ctrl+Enter, `table_wanted(bool)`, `export_wanted(str, bool)` the ending of the
    file and whether every head is meant.
    """

    edited = Signal()
    submitted = Signal()
    table_wanted = Signal(bool)
    export_wanted = Signal(str, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self.field = PromptField(self.tr("Text to look at"), 2)
        self.field.setPlaceholderText(self.tr("Type a text"))
        self.field.textChanged.connect(self.edited)
        self.field.submitted.connect(self.submitted)
        self._error = Text("", "err", wrap=True)
        self._error.setProperty("verbatim", True)  # whoever says it has translated it
        self._error.hide()
        self.chooser = ModelChooser()
        self.table = Button(self.tr("Table"), "table")
        self.table.setCheckable(True)
        self.table.toggled.connect(self.table_wanted)
        self.export = Button(self.tr("Export: PNG, SVG, CSV"), "export")
        self.export.setMenu(self._menu())
        self._build()

    def say_error(self, sentence: str) -> None:
        """Show what is wrong with the text; nothing when `sentence` is empty."""
        self._error.setText(sentence)
        self._error.setVisible(bool(sentence))
        self.field.set_invalid(bool(sentence))
        self.field.setAccessibleDescription(sentence or self.field.remark())

    def error(self) -> str:
        """The error that is shown."""
        return self._error.text() if not self._error.isHidden() else ""

    def show_count(self, tokens: int) -> None:
        """Say how many tokens the text has."""
        self.field.set_remark(self.tr("{count} tokens").format(count=number_text.whole(tokens)))

    def show_text(self, on: bool) -> None:
        """Show what a text needs, or the choice of a model alone."""
        for part in (self._text, self.table, self.export):
            part.setVisible(on)
        if not on:
            self.say_error("")

    def set_usable(self, usable: bool) -> None:
        """Whether there is a model that can look at a text."""
        for part in (self.field, self.table, self.export):
            part.setEnabled(usable)

    def _menu(self) -> QMenu:
        menu = QMenu(self)
        for every, title in ((False, self.tr("This head")), (True, self.tr("All heads"))):
            add_heading(menu, title)
            for words, ending in (
                (self.tr("Picture, PNG…"), ".png"),
                (self.tr("Drawing, SVG…"), ".svg"),
                (self.tr("Table, CSV…"), ".csv"),
                (self.tr("Arrays, NumPy NPZ…"), ".npz"),
            ):
                action = menu.addAction(words)
                action.triggered.connect(
                    lambda checked=False, ending=ending, every=every: self.export_wanted.emit(ending, every)
                )
        return menu

    def _build(self) -> None:
        text = Text(self.tr("Text"), "small-strong", copyable=False)
        text.setBuddy(self.field)
        model = Text(self.tr("Model"), "label", copyable=False)
        model.setBuddy(self.chooser.runs)
        buttons = QWidget()
        line = WrappingRow(buttons)
        for button in (self.table, self.export):
            line.addWidget(button)
        left, right = QWidget(), QWidget()
        self._text = left
        for holder, parts in ((left, (text, self.field)), (right, (model, self.chooser, buttons))):
            beside = QHBoxLayout(holder)
            beside.setContentsMargins(0, 0, 0, 0)
            beside.setSpacing(8)
            for part in parts:
                beside.addWidget(part, 1 if part in (self.field, self.chooser) else 0, Qt.AlignmentFlag.AlignVCenter)
        column = QVBoxLayout()
        column.setContentsMargins(12, 9, 12, 9)
        column.setSpacing(6)
        column.addWidget(TwoParts(left, right, 360))
        column.addWidget(self._error)
        self.body.addLayout(column)
