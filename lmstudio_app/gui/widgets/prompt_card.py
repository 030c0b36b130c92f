"""Where a prompt is typed and a text is asked for."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from lmstudio_app.gui.widgets.button import Button
from lmstudio_app.gui.widgets.card import Card, row
from lmstudio_app.gui.widgets.parts_legend import PartsLegend
from lmstudio_app.gui.widgets.prompt_field import PromptField
from lmstudio_app.gui.widgets.segmented import Segmented
from lmstudio_app.gui.widgets.text import Text
from lmstudio_app.gui.widgets.tint_legend import TintLegend
from lmstudio_app.gui.widgets.two_parts import TwoParts
from lmstudio_app.gui.widgets.wrapping_row import WrappingRow


class PromptCard(Card):
    """The prompt, the buttons that start and stop the writing, and what the tint of the text means.

    Signals: `edited()`, `generate_pressed()` (also Ctrl+Enter in the field), `again_pressed()`, `stop_pressed()`,
    `tint_chosen(str)` one of the tints of a token strip.
    """

    edited = Signal()
    generate_pressed = Signal()
    again_pressed = Signal()
    stop_pressed = Signal()
    tint_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self.field = PromptField(self.tr("Prompt"))
        self.field.setPlaceholderText(self.tr("The text to go on from; empty lets the model begin by itself"))
        self.field.textChanged.connect(self.edited)
        self.field.submitted.connect(self.generate_pressed)
        self._error = Text("", "err", wrap=True)
        self._error.setProperty("verbatim", True)  # whoever says it has translated it
        self._error.hide()
        self.again = Button(self.tr("Again, new seed"), "refresh")
        self.stop = Button(self.tr("Stop"), "stop")
        self.generate = Button(self.tr("Generate"), "play", "primary")
        self.stop.set_hint(self.tr("Stop at this token"), "Esc")
        self.generate.set_hint(self.tr("Let the model write"), "Ctrl+Enter")
        self.again.clicked.connect(self.again_pressed)
        self.stop.clicked.connect(self.stop_pressed)
        self.generate.clicked.connect(self.generate_pressed)
        self.legend = TintLegend()
        self.parts = PartsLegend()
        self.parts.hide()
        tints = [
            ("surprise", self.tr("Chance")),
            ("parts", self.tr("Run")),
            ("tokens", self.tr("Tokens")),
            ("none", self.tr("None")),
        ]
        self.tints = Segmented(tints, self.tr("Tint by"), compact=True)
        self.tints.changed.connect(self.tint_chosen)
        self.tints.changed.connect(self._show_legend)
        self.tints.offer("parts", False)
        self._build()

    def show_parts(self, names: Sequence[str]) -> None:
        """Offer to tint a text by the runs of a blend, of these names; nothing for any other model."""
        self.parts.show_names(names)
        self.tints.offer("parts", bool(names))
        if not names and self.tints.value == "parts":
            self.tints.set_value("surprise")
            self._show_legend("surprise")
            self.tint_chosen.emit("surprise")

    def _show_legend(self, tint: str) -> None:
        self.legend.set_shown(tint == "surprise")
        self.legend.setVisible(tint != "parts")
        self.parts.setVisible(tint == "parts")

    def say_error(self, sentence: str) -> None:
        """Show what is wrong with the prompt; nothing when `sentence` is empty."""
        self._error.setText(sentence)
        self._error.setVisible(bool(sentence))
        self.field.set_invalid(bool(sentence))
        self.field.setAccessibleDescription(sentence or self.field.remark())

    def error(self) -> str:
        """The error that is shown."""
        return self._error.text() if not self._error.isHidden() else ""

    def set_state(self, *, writing: bool, ready: bool, words: str = "") -> None:
        """Whether a text is being written, whether one can be asked for, and what the button says where not."""
        self.generate.setEnabled(ready and not writing)
        self.again.setEnabled(ready and not writing)
        self.stop.setEnabled(writing)
        self.generate.set_words(words or self.tr("Generate"), "play" if ready else "")

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.legend.set_room(self.body.contentsRect().width())

    def _build(self) -> None:
        column = QVBoxLayout()
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(8)
        buttons = QWidget()
        line = WrappingRow(buttons)
        line.add_gap()
        for button in (self.again, self.stop, self.generate):
            line.addWidget(button)
        column.addWidget(TwoParts(self.field, buttons, 300))
        column.addWidget(self._error)
        self._tint_by = Text(self.tr("Tint by"), "label", copyable=False)
        below = WrappingRow()
        below.addWidget(self.legend)
        below.addWidget(self.parts)
        below.add_gap()
        choice = QWidget()
        choice.setLayout(row(self._tint_by, self.tints))
        below.addWidget(choice)
        column.addLayout(below)
        self.body.addLayout(column)
