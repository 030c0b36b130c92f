"""How a text is cut into tokens: the kind of tokenizer, the size of its vocabulary, and the tokens themselves."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QWidget

from lmstudio_app.engine.settings import Declaration, Problem
from lmstudio_app.gui import theme
from lmstudio_app.gui.translation import declared
from lmstudio_app.gui.widgets import setting_text
from lmstudio_app.gui.widgets.empty_state import EmptyState
from lmstudio_app.gui.widgets.notice import Notice
from lmstudio_app.gui.widgets.progress_strip import ProgressStrip
from lmstudio_app.gui.widgets.segmented import Segmented
from lmstudio_app.gui.widgets.token_panel import TokenPanel
from lmstudio_app.gui.widgets.token_strip import TokenStrip
from lmstudio_app.gui.widgets.unit_field import UnitField
from lmstudio_app.gui.widgets.wrapping_card import WrappingCard


class TokenizerCard(WrappingCard):
    """It goes one way: an edit gives new values, whoever checks them answers with `show_problem`.

    Signals: `kind_chosen(str)`, `vocabulary_typed()` as it is typed, `vocabulary_entered()` with Enter or when the
    field is left.
    """

    kind_chosen = Signal(str)
    vocabulary_typed = Signal()
    vocabulary_entered = Signal()

    def __init__(self, kind: Declaration, vocabulary: Declaration, parent: QWidget | None = None) -> None:
        """`kind` and `vocabulary` are the declared settings of a tokenizer."""
        super().__init__(declared(kind.title), "", parent)
        self._declaration = vocabulary
        self._problem: Problem | None = None
        short = {
            "character": self.tr("Character"),
            "byte": self.tr("Byte"),
            "word": self.tr("Word"),
            "bpe": self.tr("BPE"),
            "saved": self.tr("Saved"),
        }
        choices = [(value, short.get(value, declared(words))) for value, words in kind.choices]
        self.kind = Segmented(choices, declared(kind.title))
        self.kind.setToolTip(declared(kind.help))
        self.kind.offer("saved", False)
        self.kind.changed.connect(self.kind_chosen)
        self.vocabulary = UnitField(declared(vocabulary.unit))
        self.vocabulary.setAccessibleName(f"{declared(vocabulary.title)}, {declared(vocabulary.unit)}")
        self.vocabulary.setToolTip(declared(vocabulary.help))
        self.vocabulary.setAcceptDrops(False)  # what is dropped here is for the pane
        theme.current().changed.connect(self._fit)
        self._fit()
        self.vocabulary.textEdited.connect(self.vocabulary_typed)
        self.vocabulary.editingFinished.connect(self.vocabulary_entered)
        self.notice = Notice()
        self.notice.taken.connect(self._take)
        self.progress = ProgressStrip(self.tr("Progress of the tokenizer"))
        self.strip = TokenStrip(self.tr("Tokens at the beginning of the text"))
        self.panel = TokenPanel()
        self.arrange_head((self.title, self.kind), (self.vocabulary,))
        for part in (self.notice, self.progress):
            self.body.addWidget(part)
        line = QHBoxLayout()
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(0)
        line.addWidget(self.strip, 1)
        line.addWidget(self.panel)
        shown = QWidget()
        shown.setLayout(line)
        self.empty = EmptyState("token")
        self._pages = QStackedWidget()
        for page in (shown, self.empty):
            self._pages.addWidget(page)
        self.body.addWidget(self._pages, 1)

    def show_empty(self, words: str) -> None:
        """Say why there are no tokens; without words they are shown."""
        if words:
            self.empty.say("", words)
        self._pages.setCurrentIndex(1 if words else 0)

    def values(self) -> dict[str, Any]:
        """What is chosen and typed; text where no number could be read."""
        return {"kind": self.kind.value, "vocabulary": setting_text.read(self._declaration, self.vocabulary.text())}

    def show_values(self, kind: str, vocabulary: Any) -> None:
        """Show these settings without telling anybody. What was typed stays when it means the same."""
        self.kind.set_value(kind)
        self.vocabulary.setVisible(kind not in ("byte", "saved"))
        if self.values()["vocabulary"] != vocabulary:
            self.vocabulary.setText(setting_text.written(self._declaration, vocabulary))
        self.show_problem(None)

    def show_problem(self, problem: Problem | None) -> None:
        """Show what is wrong with the vocabulary, or that nothing is."""
        self._problem = problem
        self.vocabulary.set_invalid(problem is not None)
        if problem is None:
            self.notice.say("")
            self.vocabulary.setAccessibleDescription(declared(self._declaration.help))
            return
        words = declared(problem.sentence, **problem.values)
        offers = [
            self.tr("Use {value}").format(value=setting_text.written(self._declaration, choice))
            for choice in problem.choices[:3]
        ]
        self.notice.say(words, "err", offers=offers)
        self.vocabulary.setAccessibleDescription(words)

    def set_locked(self, locked: bool) -> None:
        """Whether nothing can be changed now."""
        self.kind.setEnabled(not locked)
        self.vocabulary.setEnabled(not locked)

    def _fit(self) -> None:
        self.vocabulary.setFixedWidth(theme.current().pixels(112))

    def _take(self, place: int) -> None:
        if self._problem is not None and place < len(self._problem.choices):
            self.vocabulary.setText(setting_text.written(self._declaration, self._problem.choices[place]))
            self.vocabulary_typed.emit()
            self.vocabulary_entered.emit()
