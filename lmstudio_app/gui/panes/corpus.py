"""The texts of the workspace: look at them, correct how they are read, cut them into tokens, use them for training."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QKeySequence,
    QResizeEvent,
    QShortcut,
    QShowEvent,
)
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QSplitter, QVBoxLayout, QWidget

from lmstudio_app.engine.data.cleaning import CleaningSettings
from lmstudio_app.engine.data.samples import samples
from lmstudio_app.engine.data.splits import SplitSettings
from lmstudio_app.engine.data.tokenizer import TokenizerSettings
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.settings import declarations
from lmstudio_app.gui import corpus_words, theme
from lmstudio_app.gui.corpus_editing import CorpusEditing
from lmstudio_app.gui.pane import Pane, run_alone
from lmstudio_app.gui.preparation import Preparation
from lmstudio_app.gui.session import Session
from lmstudio_app.gui.shown_text import Cards, ShownText
from lmstudio_app.gui.shown_views import reading_declarations
from lmstudio_app.gui.text_library import TextLibrary
from lmstudio_app.gui.translation import declared, sentence
from lmstudio_app.gui.widgets.checks_card import ChecksCard
from lmstudio_app.gui.widgets.library_card import LibraryCard
from lmstudio_app.gui.widgets.preview_card import PreviewCard
from lmstudio_app.gui.widgets.profile_card import ProfileCard
from lmstudio_app.gui.widgets.scrolled_column import ScrolledColumn
from lmstudio_app.gui.widgets.source_card import SourceCard
from lmstudio_app.gui.widgets.splits_card import SplitsCard
from lmstudio_app.gui.widgets.statistics_card import StatisticsCard
from lmstudio_app.gui.widgets.tokenizer_card import TokenizerCard
from lmstudio_app.gui.widgets.yardsticks import YardstickCard

GUTTER = 12
WIDTHS = (238, 658, 424)
NARROWEST = 348
"""Below this the figures at the right would not stand side by side, beside a scroll bar."""
FOLDED = 900
FOLDED_HEIGHTS = (330, 720, 640)


class CorpusPane(Pane):
    """Library at the left, the text and its tokens in the middle, figures, splits and the button at the right."""

    name = "corpus"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.setAcceptDrops(True)
        tokenizer = {declaration.name: declaration for declaration in declarations(TokenizerSettings)}
        self.cards = Cards(
            LibraryCard(),
            PreviewCard(declarations(CleaningSettings), reading_declarations()),
            TokenizerCard(
                tokenizer["kind"],
                tokenizer["vocabulary"],
                [one for name, one in tokenizer.items() if name not in ("kind", "vocabulary")],
            ),
            StatisticsCard(corpus_words.figure_names()),
            YardstickCard(),
            SourceCard(),
            SplitsCard(declarations(SplitSettings), "split"),
            ProfileCard(),
            ChecksCard(),
        )
        self._build()
        self.library = TextLibrary(session, self.cards.library)
        self.shown = ShownText(session, self.cards, self)
        self.editing = CorpusEditing(session, self.cards, self.shown)
        self._connect()
        self.cards.library.show_samples(
            [(sample.name, declared(sample.title), declared(sample.summary)) for sample in samples()]
        )
        self.library.refresh()
        self._show_picked()

    def title(self) -> str:
        return self.tr("Corpus")

    def crumbs(self) -> list[str]:
        shown = self.shown
        if shown.preparation is not None:
            return [corpus_words.request_title(shown.preparation.request)]
        if shown.corpus is None:
            return []
        path = shown.skipped.path if shown.skipped is not None else ""
        if shown.source is not None and not path:
            path = shown.corpus.sources[shown.source].path
        return [shown.corpus.name, *([Path(path).name] if path else [])]

    def primary_action(self) -> None:
        button = self.cards.preview.chooser.use if self.cards.preview.choosing else self.cards.splits.use
        button.click()

    def regions(self) -> list[QWidget]:
        cards = self.cards
        return [cards.library.list, cards.preview.text, cards.tokenizer.strip, cards.splits.change, cards.splits.use]

    # Dropping -----------------------------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        self.cards.library.drop.dragEnterEvent(event)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self.cards.library.drop.dragLeaveEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:
        self.cards.library.drop.dropEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.library.refresh()  # the terminal may have added texts meanwhile

    # Building -----------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        cards = self.cards
        middle = QSplitter(Qt.Orientation.Vertical)
        middle.addWidget(cards.preview)
        middle.addWidget(cards.tokenizer)
        middle.setSizes([432, 356])
        figures = ScrolledColumn()
        for card in (cards.statistics, cards.profile, cards.checks, cards.yardsticks, cards.source):
            figures.column.addWidget(card)
        figures.column.setStretchFactor(cards.profile, 1)
        right = self._right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GUTTER)
        column.addWidget(figures, 1)
        column.addWidget(cards.splits)  # the button stays in sight
        split = self._split = QSplitter()
        for part, stretch in ((cards.library, 1), (middle, 5), (right, 3)):
            split.addWidget(part)
            split.setStretchFactor(split.count() - 1, stretch)
        split.setSizes(WIDTHS)
        for splitter in (middle, split):
            splitter.setHandleWidth(GUTTER)
            splitter.setChildrenCollapsible(False)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(split)
        split.setProperty("scrolled", True)
        line = QHBoxLayout(self)
        line.setContentsMargins(GUTTER, GUTTER, GUTTER, GUTTER)
        line.addWidget(scroll)
        theme.current().changed.connect(self._fit)
        self._fit()

    def _fit(self) -> None:
        """Three columns side by side; where the window is too narrow for them, one below the other."""
        look = theme.current()
        self._right.setMinimumWidth(look.pixels(NARROWEST))
        folded = self.width() < look.pixels(FOLDED)
        way = Qt.Orientation.Vertical if folded else Qt.Orientation.Horizontal
        self._split.setMinimumHeight(sum(map(look.pixels, FOLDED_HEIGHTS)) if folded else 0)
        if self._split.orientation() != way:
            self._split.setOrientation(way)
            self._split.setSizes([look.pixels(size) for size in (FOLDED_HEIGHTS if folded else WIDTHS)])

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _connect(self) -> None:
        session, cards = self.session, self.cards
        card = cards.library
        card.files_wanted.connect(self.choose_files)
        card.folder_wanted.connect(self.choose_folder)
        card.paste_wanted.connect(self.paste_text)
        card.sample_wanted.connect(self.add_sample)
        card.dropped.connect(self.add_paths)
        card.text_dropped.connect(self.add_text)
        cards.preview.empty.acted.connect(self.choose_files)
        cards.splits.use_pressed.connect(self.use_for_training)
        self.library.picked.connect(self._show_picked)
        self.library.failed.connect(self.tell)
        self.library.refused.connect(self._refuse)
        self.library.deleted.connect(self._offer_undo)
        self.shown.changed.connect(self.crumbs_changed)
        self.editing.failed.connect(self.tell)
        self.editing.mendable.connect(self._offer_repair)
        self.editing.changed.connect(self._tell_runs)
        session.corpora_changed.connect(self._read_again)
        session.preparing_changed.connect(self._follow_preparation)
        session.preparations.ended.connect(self._preparation_ended)
        undo = QShortcut(QKeySequence.StandardKey.Undo, card)
        undo.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        undo.activated.connect(self._undo)
        self._binned = ""

    # Showing ------------------------------------------------------------------------------------------------------

    def _show_picked(self) -> None:
        if (one := self.library.preparation) is not None:
            self.shown.show_preparation(one)
        elif self.library.corpus:
            self.shown.show_corpus(self.library.corpus)
        else:
            self.shown.show_nothing()

    def _read_again(self) -> None:
        if self.library.corpus:
            self.shown.show_corpus(self.library.corpus)
        elif self.library.preparation is None and not self.session.workspace.corpora():
            self.go.emit("corpus")  # the last text has gone: the window shows its first page

    def _follow_preparation(self) -> None:
        if self.shown.preparation is not None:
            self.shown.show_counted()

    def _preparation_ended(self, one: Preparation) -> None:
        if one is self.shown.preparation and one is self.library.preparation:
            self.shown.show_preparation(one)

    # Doing --------------------------------------------------------------------------------------------------------

    def use_for_training(self) -> None:
        """Make the shown text that of the next run, and show the settings of that run."""
        if self.shown.corpus is not None:
            self.session.choose_corpus(self.shown.corpus.name)
            self.go.emit("train")

    def _refuse(self, error: UserError) -> None:
        self.offered.emit(sentence(error), "warn", self.tr("Show the runs"), lambda: self.go.emit("runs"))

    def _offer_undo(self, name: str, binned: str) -> None:
        self._binned = binned
        words = self.tr("“{name}” is in the bin.").format(name=name)
        self.offered.emit(words, "info", self.tr("Undo"), self._undo)

    def _undo(self) -> None:
        if self._binned:
            self.library.restore(self._binned)
            self._binned = ""
            self.said.emit("", "info")  # that it is in the bin is no longer so

    def _offer_repair(self, one: Preparation, encoding: str) -> None:
        words = self.tr("Read it as {encoding}").format(encoding=corpus_words.encoding_title(encoding))
        told = sentence(one.failure) if one.failure is not None else ""
        self.offered.emit(told, "err", words, lambda: self.editing.mend(one, encoding))

    def _tell_runs(self, one: Preparation) -> None:
        """Say which runs learned from the text as it was, and offer it back."""
        runs = [run.name for run in self.session.runs if run.corpus == one.corpus]
        words = self.tr(
            "“{corpus}” has another text now. Runs that learned from the old one keep their models but cannot be "
            "resumed: {runs}."
        )
        told = words.format(corpus=one.corpus, runs=", ".join(f"“{run}”" for run in runs))
        if one.before:
            self.offered.emit(told, "warn", self.tr("Undo"), lambda: self.editing.undo(one))
        else:
            self.said.emit(told, "warn")


if __name__ == "__main__":
    raise SystemExit(run_alone(CorpusPane))
