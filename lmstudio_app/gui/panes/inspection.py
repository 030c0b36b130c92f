"""Inspect: what every head of a Transformer looks at while it reads a text; of an n-gram model, what follows what."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from lmstudio_app.gui.attention_export import Shown, ask_for_file
from lmstudio_app.gui.attention_reading import Seen, Unseen, looking
from lmstudio_app.gui.job_thread import Ended, JobThread
from lmstudio_app.gui.latest_job import LatestJob
from lmstudio_app.gui.model_source import BEST, LAST, NOW, ModelSource
from lmstudio_app.gui.pane import Pane, run_alone
from lmstudio_app.gui.prompt_reading import lacking_words
from lmstudio_app.gui.session import Session
from lmstudio_app.gui.transitions_reading import TransitionsReading
from lmstudio_app.gui.translation import sentence
from lmstudio_app.gui.widgets import number_text
from lmstudio_app.gui.widgets.empty_state import EmptyState
from lmstudio_app.gui.widgets.folding_columns import FoldingColumns
from lmstudio_app.gui.widgets.heads_card import HeadsCard
from lmstudio_app.gui.widgets.heatmap_card import HeatmapCard
from lmstudio_app.gui.widgets.inspection_bar import InspectionBar
from lmstudio_app.gui.widgets.looks_card import LooksCard
from lmstudio_app.gui.widgets.read_card import ReadCard
from lmstudio_app.gui.widgets.transitions_card import TransitionsCard

if TYPE_CHECKING:
    from lmstudio_app.engine.inspection.trace import Trace

FOLLOW_MILLISECONDS = 2000
"""How often a model in training is looked into again while the pane is visible."""


class InspectPane(Pane):
    """A text at the top; below it all heads, one of them large, and where one token looks. A model that counts has no
    text to read: there are its transitions.

    It is captured again a moment after the text, the model or a followed checkpoint changed; what was shown stays until
    then.
    """

    name = "inspect"
    needs: ClassVar[frozenset[str]] = frozenset({"attention", "transitions"})

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.bar = InspectionBar()
        self.heads = HeadsCard()
        self.read = ReadCard()
        self.large = HeatmapCard()
        self.looks = LooksCard()
        self.transitions = TransitionsCard()
        self.empty = EmptyState("inspect")
        self.seen: Seen | None = None
        self._looked = -1
        self._typed = False
        self._stack = QStackedWidget()
        self._build()
        self.source = ModelSource(session, self.needs, self)
        self._capture = LatestJob(self._look, self._failed, self)
        self.reading = TransitionsReading(self, self.source, self.transitions)
        self._following = QTimer(self)
        self._following.setInterval(FOLLOW_MILLISECONDS)
        self._connect()
        self._model_changed()

    def title(self) -> str:
        return self.tr("Inspect")

    def crumbs(self) -> list[str]:
        run = self.source.run
        return [run.name, self.source.words()] if run is not None else []

    def primary_action(self) -> None:
        """Look again."""
        if self.counts:
            self.reading.ask()
        else:
            self._capture.ask(now=True)

    @property
    def counts(self) -> bool:
        """Whether the chosen model counts, so that its transitions are shown instead of attention."""
        run = self.source.run
        return run is not None and "transitions" in run.config.described.offers

    def regions(self) -> list[QWidget]:
        if self._stack.currentWidget() is self.empty:
            return [self.empty.button]
        if self.counts:
            return [self.transitions.heatmap, self.transitions.list]
        return [
            self.bar.field,
            self.heads.grid,
            self.large.table if self.large.is_table else self.large.heatmap,
            self.looks.list,
        ]

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """T changes between picture and table, [ and ] go to the checkpoint before and after."""
        versions = [version for version, _ in self.source.versions if version.isdecimal() or version in (BEST, LAST)]
        versions.sort(key=self.source.step_of)
        steps = {Qt.Key.Key_BracketLeft: -1, Qt.Key.Key_BracketRight: 1}
        if event.key() == Qt.Key.Key_T and not event.modifiers() and not self.counts:
            self.bar.table.toggle()
        elif event.key() in steps and self.source.version in versions:
            place = versions.index(self.source.version) + steps[Qt.Key(event.key())]
            if 0 <= place < len(versions):
                self.source.choose_version(versions[place])
        else:
            super().keyPressEvent(event)

    # Building ---------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        left = QWidget()
        lines = QVBoxLayout(left)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.setSpacing(12)
        lines.addWidget(self.heads)
        lines.addWidget(self.read, 1)
        columns = FoldingColumns(760)
        columns.add(left, 28, height=420)
        columns.add(self.large, 66, height=520)
        columns.add(self.looks, 33, height=320)
        for part in (columns, self.transitions, self.empty):
            self._stack.addWidget(part)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 12, 12, 12)
        column.setSpacing(12)
        column.addWidget(self.bar)
        column.addWidget(self._stack, 1)

    def _connect(self) -> None:
        self.bar.edited.connect(self._edited)
        self.bar.submitted.connect(self.primary_action)
        self.bar.table_wanted.connect(self.large.show_table)
        self.bar.export_wanted.connect(self._export)
        self.bar.chooser.run_chosen.connect(self.source.choose)
        self.bar.chooser.version_chosen.connect(self.source.choose_version)
        self.source.listed.connect(self._show_choices)
        self.source.changed.connect(self._model_changed)
        self.heads.grid.selected.connect(lambda layer, head: self._show_head())
        self.large.cell_changed.connect(self._cell_changed)
        self.large.colors_changed.connect(self.heads.grid.set_colors)
        self.looks.target_chosen.connect(self._target_chosen)
        self.read.token_chosen.connect(lambda token: self.large.heatmap.mark((token, token)))
        self.empty.acted.connect(self._open_suggested)
        self._following.timeout.connect(self._follow)
        QShortcut(QKeySequence("Ctrl+E"), self).activated.connect(self._show_exports)

    # Which model ------------------------------------------------------------------------------------------------

    def _show_choices(self) -> None:
        run = self.source.run
        self.bar.chooser.show_runs(self.source.choices(), run.name if run is not None else "")
        self.bar.chooser.show_versions(self.source.versions, self.source.version)
        if run is None:
            self._show_empty()

    def _model_changed(self) -> None:
        run = self.source.run
        self._show_choices()
        self.crumbs_changed.emit()
        if self.source.version == NOW:
            self._following.start()
        else:
            self._following.stop()
        self.bar.show_text(not self.counts)
        (self._capture if self.counts or run is None else self.reading).forget()
        if run is None:
            self.reading.forget()
            self._show_empty()
        elif not self.source.version:
            words = self.tr("“{run}” has no saved model yet. Train it until its first checkpoint.")
            self.empty.say(self.tr("Nothing to look into yet"), words.format(run=run.name))
            self._stack.setCurrentWidget(self.empty)
        else:
            self._stack.setCurrentIndex(1 if self.counts else 0)
            self.primary_action()

    def _show_empty(self) -> None:
        name, lacking = self.source.suggested(), self.source.lacking_run()
        title = self.tr("Nothing to show for this model") if lacking else self.tr("Choose a model")
        words = lacking or self.tr(
            "Attention shows which earlier tokens a Transformer looks at while it reads a text. The transitions of an "
            "n-gram model show which token follows which."
        )
        action = self.tr("Open “{run}”").format(run=name) if name else self.tr("Train a Transformer")
        self.empty.say(title, words, action, "inspect" if name else "train")
        self.bar.set_usable(False)
        self._stack.setCurrentWidget(self.empty)

    def _open_suggested(self) -> None:
        if name := self.source.suggested():
            self.source.choose(name)
        else:
            self.session.choose_family("gpt")
            self.go.emit("train")

    def _follow(self) -> None:
        """Look again into a model in training, if anybody sees it and it has moved on."""
        if self.isVisible() and self.counts:
            self.reading.follow()
        elif self.isVisible() and self._looked != self.source.step and not self._capture.busy:
            self._capture.ask(now=True)

    # Capturing --------------------------------------------------------------------------------------------------

    def _edited(self) -> None:
        self._typed = True
        self._capture.ask()

    def _look(self, ended: Ended) -> JobThread | None:
        if self.source.run is None or not self.source.version:
            return None
        typed = self.bar.field.text() if self._typed else None

        self.bar.set_usable(True)
        return self.source.start(looking(self.source, typed), self._arrived, ended, self)

    def _arrived(self, items: list[str | Seen | Unseen]) -> None:
        for item in items:
            if isinstance(item, Seen):
                self._show_seen(item)
            elif isinstance(item, Unseen):
                self._show_unseen(item)
            elif not self._typed:
                self.bar.field.blockSignals(True)
                self.bar.field.set_text(item)
                self.bar.field.blockSignals(False)

    def _show_seen(self, seen: Seen) -> None:
        self.seen, self._looked = seen, seen.step
        self.large.banner.hide()
        self.bar.say_error("")
        self.bar.show_count(len(seen.pieces))
        self.read.show_tokens(seen.pieces, seen.trace.cut, self._cut_words(seen.trace))
        self.heads.grid.set_weights(seen.trace.attention)
        self._show_head()

    def _show_unseen(self, unseen: Unseen) -> None:
        self._looked = unseen.step
        self._drop_other()
        if unseen.missing:
            self.bar.say_error(lacking_words(unseen.missing))
        else:
            self.bar.show_count(0)
            self.bar.say_error(self.tr("Type a text to look at."))

    def _drop_other(self) -> None:
        """Take away what the model of another run saw; that of this run stays until there is something newer."""
        run = self.source.run
        if self.seen is None or (run is not None and run.name == self.seen.run):
            return
        self.seen = None
        self.read.show_tokens([], 0, "")
        self.heads.grid.clear()
        self.large.clear()
        self.looks.clear()

    def _cut_words(self, trace: Trace) -> str:
        if not trace.cut:
            return ""
        words = self.tr("The model sees {context} tokens at once; the first {cut} of this text are left out.")
        return words.format(context=number_text.whole(len(trace.tokens)), cut=number_text.whole(trace.cut))

    def _failed(self, failure: BaseException) -> None:
        self._drop_other()
        self.large.banner.say(sentence(failure), "err")

    # One head and one token -------------------------------------------------------------------------------------

    def _show_head(self) -> None:
        if self.seen is None:
            return
        trace = self.seen.trace
        layer, head = self.heads.grid.chosen
        step = number_text.whole(self.seen.step)
        note = self.tr("step {step}, in training") if self.source.version == NOW else self.tr("step {step}")
        self.large.show_place(self.heads.grid.words(layer, head), note.format(step=step))
        self.large.show_weights(trace.attention[layer, head], trace.tokens)
        self._cell_changed(*(self.large.heatmap.cell or (-1, -1)))

    def _cell_changed(self, row: int, column: int) -> None:
        if self.seen is None:
            return
        layer, head = self.heads.grid.chosen
        tokens = self.seen.trace.tokens
        place = row if 0 <= row < len(tokens) else len(tokens) - 1
        self.looks.show_row(self.seen.trace.attention[layer, head, place], tokens, place, column)
        self.read.mark(row)

    def _target_chosen(self, column: int) -> None:
        row = (self.large.heatmap.cell or (len(self.seen.trace.tokens) - 1 if self.seen else 0, 0))[0]
        self.large.heatmap.mark((row, column))

    # Export -----------------------------------------------------------------------------------------------------

    def shown(self) -> Shown | None:
        """What can be exported; None while nothing is shown."""
        if self.seen is None:
            return None
        return Shown(self.seen.run, self.seen.trace, *self.heads.grid.chosen)

    def _show_exports(self) -> None:
        (self.transitions if self.counts else self.bar).export.showMenu()

    def _export(self, ending: str, every: bool) -> None:
        if (shown := self.shown()) is not None:
            ask_for_file(self, shown, ending, every=every)


if __name__ == "__main__":
    raise SystemExit(run_alone(InspectPane))
