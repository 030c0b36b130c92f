"""How a text is shared out between training, validation and test, and what it is used for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from lmstudio_app.engine.settings import Declaration
from lmstudio_app.gui.widgets.button import Button
from lmstudio_app.gui.widgets.card import Card, row
from lmstudio_app.gui.widgets.config_form import ConfigForm, Section
from lmstudio_app.gui.widgets.progress_strip import ProgressStrip
from lmstudio_app.gui.widgets.scrolled_column import ScrolledColumn
from lmstudio_app.gui.widgets.split_bar import Part, SplitBar
from lmstudio_app.gui.widgets.status import Dot
from lmstudio_app.gui.widgets.text import Text
from lmstudio_app.gui.widgets.wrapping_row import WrappingRow


class SplitsCard(Card):
    """A bar of three parts with their tokens; the form behind Change… is made from declarations.

    Signals: `edited(dict)` the values of the form by path after each edit, `applied()`, `use_pressed()`.
    """

    edited = Signal(object)
    applied = Signal()
    use_pressed = Signal()

    def __init__(self, settings: Sequence[Declaration], prefix: str, parent: QWidget | None = None) -> None:
        super().__init__(self.tr("Splits"), "", parent)
        self.note.setMinimumWidth(10)
        self.change = Button(self.tr("Change…"))
        self.change.clicked.connect(lambda: self.open_form(True))
        self.head.addWidget(self.change)
        self.progress = ProgressStrip(self.tr("Progress of the splits"))
        self.bar = SplitBar(self.tr("Shares of the splits"))
        self._total = Text("", "label")
        self._dots = [Dot() for _ in range(2)]
        self._counts = [Text("", "label") for _ in range(2)]
        self.form = ConfigForm()
        self.form.show_sections([Section("", prefix, settings)])
        self.form.changed.connect(self.edited)
        self.apply = Button(self.tr("Apply"), "check")
        self.apply.clicked.connect(self.applied)
        self.cancel = Button(self.tr("Cancel"), kind="quiet")
        self.cancel.clicked.connect(lambda: self.open_form(False))
        self.use = Button(self.tr("Use for training"), "", "primary")
        self.use.clicked.connect(self.use_pressed)
        self._remark = Text("", "hint", wrap=True)
        self._values: dict[str, Any] = {}
        self._parts: Sequence[Part] = ()
        self._build()

    def show_parts(self, parts: Sequence[Part], counts: Sequence[str], note: str) -> None:
        """Show training, validation and test with their sizes in words; `note` says how the text was cut."""
        self._parts = tuple(parts)
        self.bar.show_parts(parts)
        self._total.setText(counts[0] if counts else "")
        for place, (dot, words) in enumerate(zip(self._dots, self._counts, strict=True), 1):
            words.setText(counts[place] if len(counts) > place else "")
            dot.setVisible(bool(words.text()))
            if len(parts) > place:
                dot.set_run(parts[place].color)
        self.note.setText(note)

    def show_values(self, values: dict[str, Any]) -> None:
        """What the form shows when it is opened."""
        self._values = dict(values)
        if self._below.isHidden():
            self.form.set_values(self._values)

    def open_form(self, opened: bool) -> None:
        """Show the form, or put it away without a change."""
        self.form.set_values(self._values)
        self.form.set_problems([])
        self.bar.show_parts(self._parts)  # in the place of what was being tried
        self._below.setVisible(opened)
        self.change.setVisible(not opened)
        self.apply.setEnabled(False)
        if opened:
            next(iter(self.form.rows().values())).editor.setFocus()

    @property
    def opened(self) -> bool:
        """Whether the form is shown."""
        return not self._below.isHidden()

    def show_use(self, words: str, *, ready: bool) -> None:
        """What is said beside the button, and whether it can be pressed."""
        self._remark.setText(words)
        self.use.setEnabled(ready)

    def remark(self) -> str:
        """What is said beside the button."""
        return self._remark.text()

    def counts(self) -> list[str]:
        """The sizes in words."""
        return [self._total.text(), *(words.text() for words in self._counts)]

    def set_locked(self, locked: bool) -> None:
        """Whether nothing can be changed now."""
        self.change.setEnabled(not locked)
        if locked and self.opened:
            self.open_form(False)

    def _build(self) -> None:
        column = QVBoxLayout()
        column.setContentsMargins(12, 12, 12, 12)
        column.setSpacing(8)
        column.addWidget(self.bar)
        legend = WrappingRow(spacing=14)
        legend.addWidget(self._total)
        legend.add_gap()
        for dot, words in zip(self._dots, self._counts, strict=True):
            pair = QWidget()
            pair.setLayout(row(dot, words, spacing=6))
            legend.addWidget(pair)
        column.addLayout(legend)
        self._below = QWidget()
        below = QVBoxLayout(self._below)
        below.setContentsMargins(0, 4, 0, 0)
        below.setSpacing(8)
        scroll = ScrolledColumn()  # a low window has no room for all of it
        scroll.column.addWidget(self.form)
        scroll.column.addStretch(1)
        below.addWidget(scroll, 1)
        below.addLayout(row(None, self.cancel, self.apply))
        self._below.hide()
        column.addWidget(self._below, 1)
        self.body.addWidget(self.progress)
        self.body.addLayout(column, 1)
        foot, _ = self.add_foot()
        line = row(self._remark, self.use, spacing=12)
        line.setStretch(0, 1)
        foot.addLayout(line)
        self._remark.setMinimumWidth(40)
