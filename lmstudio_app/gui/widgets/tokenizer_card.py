"""How a text is cut into tokens: the kind of tokenizer, the size of its vocabulary, and the tokens themselves; how it
compares with others, all its tokens, and its rarer settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from lmstudio_app.engine.settings import Declaration, Problem
from lmstudio_app.gui import theme
from lmstudio_app.gui.translation import declared
from lmstudio_app.gui.widgets import setting_text
from lmstudio_app.gui.widgets.button import Button
from lmstudio_app.gui.widgets.card import row
from lmstudio_app.gui.widgets.config_form import ConfigForm, Section
from lmstudio_app.gui.widgets.empty_state import EmptyState
from lmstudio_app.gui.widgets.merge_row import MergeRow
from lmstudio_app.gui.widgets.notice import Notice
from lmstudio_app.gui.widgets.numbers_table import NumbersTable
from lmstudio_app.gui.widgets.progress_strip import ProgressStrip
from lmstudio_app.gui.widgets.search_field import SearchField
from lmstudio_app.gui.widgets.segmented import Segmented
from lmstudio_app.gui.widgets.text import Text
from lmstudio_app.gui.widgets.token_panel import TokenPanel
from lmstudio_app.gui.widgets.token_strip import TokenStrip
from lmstudio_app.gui.widgets.unit_field import UnitField
from lmstudio_app.gui.widgets.wrapping_card import WrappingCard

SEARCH_MILLISECONDS = 120
"""After so long without another letter a vocabulary is searched."""
_ONLY_FOR = {"minimum_count": ("word",), "chinese_words": ("word",), "saved": ("saved",)}
"""Further settings that only some kinds have; the others are for all kinds that are learned here."""


class TokenizerCard(WrappingCard):
    """It goes one way: an edit gives new values, whoever checks them answers with `show_problem`.

    Signals: `kind_chosen(str)`, `vocabulary_typed()` as it is typed, `vocabulary_entered()` with Enter or when the
    field is left; `further_edited()` another of its settings was edited, `applied()` these shall hold;
    `text_typed(str)` a text to be cut, `view_chosen(str)` "tokens", "compare", "vocabulary" or "settings".
    """

    kind_chosen = Signal(str)
    vocabulary_typed = Signal()
    vocabulary_entered = Signal()
    further_edited = Signal()
    applied = Signal()
    text_typed = Signal(str)
    view_chosen = Signal(str)

    def __init__(
        self, kind: Declaration, vocabulary: Declaration, further: Sequence[Declaration], parent: QWidget | None = None
    ) -> None:
        """`kind`, `vocabulary` and `further` are the declared settings of a tokenizer."""
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
        self._build(further)
        self._has_tokens = False
        self.show_empty("")

    def _build(self, further: Sequence[Declaration]) -> None:
        """The views, and what stands above each."""
        self.merges = MergeRow()
        self.empty = EmptyState("token")
        self.typed = QLineEdit()
        self.typed.setPlaceholderText(self.tr("Type a text to see how it is cut"))
        self.typed.setAccessibleName(self.tr("A text to cut into tokens"))
        self.typed.setClearButtonEnabled(True)
        self.typed.setAcceptDrops(False)
        self.typed.textChanged.connect(self.text_typed)
        views = [
            ("tokens", self.tr("Tokens")),
            ("compare", self.tr("Compare")),
            ("vocabulary", self.tr("Vocabulary")),
            ("settings", self.tr("Settings")),
        ]
        self.view = Segmented(views, self.tr("What the card shows"), compact=True)
        self.view.changed.connect(self._choose_view)
        self.search = SearchField(self.tr("Search the vocabulary"))
        self.comparison = NumbersTable(self.tr("Tokenizers on this text"))
        self.compared = Text("", "hint", wrap=True)
        self.vocabulary_table = NumbersTable(self.tr("All tokens"))
        self._searching = QTimer(self)
        self._searching.setSingleShot(True)
        self._searching.setInterval(SEARCH_MILLISECONDS)
        self._searching.timeout.connect(lambda: self.vocabulary_table.search(self.search.text()))
        self.search.searched.connect(lambda words: self._searching.start())
        self.form = ConfigForm()
        self.form.show_sections([Section("", "tokenizer", [replace(one, advanced=False) for one in further])])
        self.form.changed.connect(self._edit_further)
        self.apply = Button(self.tr("Apply"), "check")
        self.apply.clicked.connect(self.applied)
        self._pages = QStackedWidget()
        for page in (
            self._tokens_page(),
            self.empty,
            self._comparison_page(),
            self.vocabulary_table,
            self._form_page(),
        ):
            self._pages.addWidget(page)
        line = row(self.view, self.typed, self.search, None)
        line.setContentsMargins(12, 8, 12, 6)
        line.setStretch(1, 1000)
        line.setStretch(2, 1000)
        self._line = QWidget()
        self._line.setLayout(line)
        self.body.addWidget(self._line)
        self.body.addWidget(self._pages, 1)

    def _edit_further(self, values: object) -> None:
        self.further_edited.emit()

    def _tokens_page(self) -> QWidget:
        left = QVBoxLayout()
        left.setContentsMargins(0, 0, 0, 0)
        left.setSpacing(0)
        left.addWidget(self.strip, 1)
        left.addWidget(self.merges)
        line = QHBoxLayout()
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(0)
        line.addLayout(left, 1)
        line.addWidget(self.panel)
        page = QWidget()
        page.setLayout(line)
        return page

    def _comparison_page(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.comparison, 1)
        below = QVBoxLayout()
        below.setContentsMargins(12, 6, 12, 8)
        below.addWidget(self.compared)
        column.addLayout(below)
        return page

    def _form_page(self) -> QWidget:
        inside = QWidget()
        inside.setProperty("scrolled", True)
        column = QVBoxLayout(inside)
        column.setContentsMargins(12, 4, 12, 12)
        column.addWidget(self.form)
        column.addLayout(row(None, self.apply))
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidget(inside)
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        return scroll

    def show_empty(self, words: str) -> None:
        """Say why there are no tokens; without words they are shown."""
        if words:
            self.empty.say("", words)
        self._has_tokens = not words
        self._line.setVisible(self._has_tokens)
        self._show_view()

    def show_view(self, view: str) -> None:
        """Show tokens, comparison, vocabulary or settings, as a person chooses them."""
        self.view.set_value(view)
        self._choose_view(view)

    def _choose_view(self, view: str) -> None:
        self._show_view()
        self.view_chosen.emit(view)

    def _show_view(self) -> None:
        pages = {"tokens": 0, "compare": 2, "vocabulary": 3, "settings": 4}
        self._pages.setCurrentIndex(pages[self.view.value] if self._has_tokens else 1)
        self.typed.setVisible(self.view.value == "tokens")
        self.search.setVisible(self.view.value == "vocabulary")

    def values(self) -> dict[str, Any]:
        """What is chosen and typed; text where no number could be read."""
        further = {path.partition(".")[2]: value for path, value in self.form.values().items()}
        vocabulary = setting_text.read(self._declaration, self.vocabulary.text())
        return {**further, "kind": self.kind.value, "vocabulary": vocabulary}

    def name_saved(self, names: Sequence[str]) -> None:
        """Name the first of these where a saved tokenizer is chosen and none is named."""
        field = "tokenizer.saved"
        if self.kind.value == "saved" and names and not self.form.values()[field]:
            self.form.set_values({field: names[0]})

    def offer_saved(self, on: bool) -> None:
        """Whether there are saved tokenizers to choose."""
        self.kind.offer("saved", on or self.kind.value == "saved")

    def show_further(self, values: Mapping[str, Any], *, changed: bool) -> None:
        """Show these further settings, or only whether they can be applied."""
        if not changed:
            self.form.set_values({f"tokenizer.{name}": value for name, value in values.items()})
            self.form.set_problems([])
        self.apply.setEnabled(changed)

    def _show_applying(self, kind: str) -> None:
        """Show the further settings that this kind has."""
        for path, line in self.form.rows().items():
            name = path.partition(".")[2]
            kinds = _ONLY_FOR.get(name)
            line.setVisible(kind in kinds if kinds is not None else kind != "saved")

    def show_values(self, kind: str, vocabulary: Any) -> None:
        """Show these settings without telling anybody. What was typed stays when it means the same."""
        self.kind.set_value(kind)
        self._show_applying(kind)
        if kind == "saved":
            self.kind.offer("saved", True)
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
        self.form.setEnabled(not locked)
        self.apply.setVisible(not locked)

    def _fit(self) -> None:
        self.vocabulary.setFixedWidth(theme.current().pixels(100))

    def _take(self, place: int) -> None:
        if self._problem is not None and place < len(self._problem.choices):
            self.vocabulary.setText(setting_text.written(self._declaration, self._problem.choices[place]))
            self.vocabulary_typed.emit()
            self.vocabulary_entered.emit()
