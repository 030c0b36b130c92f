"""The start page: choose text, train, watch it learn. It is what Corpus shows in an empty workspace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QPaintEvent, QShowEvent
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from lmstudio_app.engine.errors import UserError
from lmstudio_app.gui.ladder import Rung, rungs
from lmstudio_app.gui.pane import Pane, run_alone
from lmstudio_app.gui.session import Session
from lmstudio_app.gui.translation import declared, sentence
from lmstudio_app.gui.widgets import number_text
from lmstudio_app.gui.widgets.card import Card
from lmstudio_app.gui.widgets.choose_text_card import ChooseTextCard
from lmstudio_app.gui.widgets.columns import Columns
from lmstudio_app.gui.widgets.text import Text
from lmstudio_app.gui.widgets.wrapping_row import WrappingRow

if TYPE_CHECKING:
    from lmstudio_app.engine.data.corpus import Corpus
    from lmstudio_app.engine.run import RunConfig
    from lmstudio_app.gui.run_facts import RunFacts
    from lmstudio_app.gui.widgets.example_card import ExampleCard
    from lmstudio_app.gui.widgets.next_run_card import NextRunCard

PREVIEW_CHARACTERS = 600
NARROWEST_CARD = 320
SMALL_TEXT_BYTES = 200_000
"""A text below this is learnt by heart by anything but the tiniest model."""


class StartPane(Pane):
    """Three cards: text, training, an example; below them the devices that were found."""

    name = "start"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.text = ChooseTextCard()
        self._was_painted = False
        self._stale = False
        self._drafted: Corpus | None = None
        self._rungs: dict[str, Rung] = {}
        self._picked: str | None = None
        self._adding = False
        self._devices = WrappingRow(spacing=20)
        self._build()
        self._connect()
        if session.opened:
            self._workspace_changed()

    # The second and third card are made right after the first paint, or when they are asked for.

    @cached_property
    def facts(self) -> RunFacts:
        """Words for the drafted run."""
        from lmstudio_app.gui.run_facts import RunFacts

        return RunFacts(self)

    @cached_property
    def run(self) -> NextRunCard:
        """The card of the drafted run."""
        from lmstudio_app.gui.widgets.next_run_card import NextRunCard

        card = NextRunCard()
        card.train_pressed.connect(self.train)
        card.settings_wanted.connect(lambda: self.go.emit("train"))
        card.rung_chosen.connect(self._choose_rung)
        card.set_ready(False, self.tr("Choose a text first"))
        self._columns.put(1, card)
        return card

    @cached_property
    def example(self) -> ExampleCard:
        """The card of the finished example."""
        from lmstudio_app.gui.recorded_example import recorded_example
        from lmstudio_app.gui.widgets.example_card import ExampleCard

        card = ExampleCard(recorded_example())
        self._columns.put(2, card)
        return card

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._stale:
            self._show_draft()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._was_painted:
            self._was_painted = True
            QTimer.singleShot(0, self, self.complete)

    def complete(self) -> None:
        """Make what the first paint did without."""
        self.run.show()
        self.example.show()
        self._show_devices()

    def title(self) -> str:
        return self.tr("Start")

    def primary_action(self) -> None:
        self.run.train.click()

    def regions(self) -> list[QWidget]:
        return [self.text.choose_files, self.run.train]

    # Building ---------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)
        page = QWidget()
        page.setProperty("scrolled", True)
        scroll.setWidget(page)
        column = QVBoxLayout(page)
        column.setContentsMargins(48, 20, 48, 12)
        column.setSpacing(8)
        column.addWidget(Text(self.tr("Train a small language model on your own text"), "hero", wrap=True))
        column.addWidget(Text(self.tr("Three actions. Everything stays on this computer."), "hero2", wrap=True))
        column.addSpacing(6)
        self._columns = Columns((self.text, Card(), Card()), NARROWEST_CARD)
        column.addWidget(self._columns, 1)
        column.addSpacing(4)
        column.addLayout(self._devices)

    def _connect(self) -> None:
        session, text = self.session, self.text
        text.dropped.connect(self._add_paths)
        text.text_dropped.connect(self.add_text)
        text.files_wanted.connect(self.choose_files)
        text.folder_wanted.connect(self.choose_folder)
        text.paste_wanted.connect(self.paste_text)
        text.sample_chosen.connect(self._pick_sample)
        session.workspace_changed.connect(self._workspace_changed)
        session.devices_changed.connect(self._show_devices)
        session.preparing_changed.connect(self._show_progress)
        session.prepared.connect(self._fit)
        session.draft_changed.connect(self._show_draft)
        session.runs_changed.connect(self._runs_changed)

    # Text -------------------------------------------------------------------------------------------------------

    def _workspace_changed(self) -> None:
        from lmstudio_app.engine.data.samples import samples

        if not self._rungs:
            self.text.show_samples(
                (
                    sample.name,
                    declared(sample.title),
                    declared(sample.summary),
                    number_text.size(sample.approximate_bytes),
                )
                for sample in samples()
            )
            self._rungs = {rung.key: rung for rung in rungs()}
        self._picked = None
        self._show_draft()
        self._show_devices()
        self._show_progress()

    def _add_paths(self, paths: list[Any]) -> None:
        self._picked = None
        self.add_paths(paths)

    def _pick_sample(self, name: str) -> None:
        self.session.stop_preparing()
        self._picked = name
        made = next((corpus.name for corpus in self._corpora() if corpus.record.sample == name), None)
        if made is None:
            self.add_sample(name)
        else:
            self._adding = True
            self.session.choose_corpus(made)
            self._fit(made)

    def _prepare(self, **request: Any) -> None:
        self._adding = True
        super()._prepare(**request)

    def _corpora(self) -> Iterator[Corpus]:
        """The sound corpora of the workspace."""
        for name in self.session.workspace.corpora():
            with suppress(UserError):
                yield self.session.workspace.corpus(name)

    def _show_progress(self) -> None:
        progress = self.session.preparing
        if progress is None:
            self.text.show_progress("", 0, 0)
        else:
            words = declared(progress.stage) or self.tr("Reading the text")
            self.text.show_progress(words, progress.done, progress.total)

    def _fit(self, name: str) -> None:
        """Choose a preset that suits a text added here and the device, unless a person has chosen settings."""
        draft, device = self.session.draft, self.session.chosen_device()
        added_here, self._adding = self._adding, False
        if not added_here or draft.model or draft.training:
            return
        try:
            corpus = self.session.workspace.corpus(name)
        except UserError:
            return  # the card says what is wrong with it
        gpu = device is not None and device.kind != "cpu"
        preset = "tiny" if corpus.statistics.bytes < SMALL_TEXT_BYTES else "medium" if gpu else "small"
        self.session.change_draft(preset=preset)

    # The next run -----------------------------------------------------------------------------------------------

    def _choose_rung(self, key: str) -> None:
        rung = self._rungs[key]
        self.session.choose_family(rung.family.name, rung.model)

    def _show_draft(self) -> None:
        """Show what is drafted; while nobody sees it, when it is seen again."""
        self._stale = not self.isVisible()
        if self._stale or not self._rungs:
            return
        corpus, config, trouble = self._read_draft()
        self._drafted = corpus
        sample = corpus.record.sample if corpus is not None and self.session.preparing is None else self._picked
        self.text.show_chosen(sample, done=corpus is not None)
        self.text.set_active(corpus is None)
        if corpus is None:
            self.text.show_preview("", "", "")
        else:
            self.text.show_preview(corpus.name, corpus.preview(PREVIEW_CHARACTERS), self._encoding_words(corpus))
        self.run.show_problem(trouble)
        if corpus is not None and config is not None:
            self.run.show_facts(self.facts.of_run(corpus, config))
            self.run.show_figures(self.facts.figures(corpus, config))
            self.run.set_ready(True, self.tr("Train"))
        else:
            self.run.show_facts(self.facts.usual(self.session.draft, corpus))
            words = self.tr("Change settings first") if corpus is not None else self.tr("Choose a text first")
            self.run.set_ready(False, words)
        self._show_ladder()

    def _read_draft(self) -> tuple[Corpus | None, RunConfig | None, str]:
        """The drafted text and the settings, and what is wrong with them in one sentence."""
        name = self.session.draft.corpus if self.session.opened else ""
        corpus = None
        try:
            corpus = self.session.workspace.corpus(name) if name else None
            return corpus, self.session.configuration() if corpus is not None else None, ""
        except UserError as error:
            return corpus, None, sentence(error)

    def _encoding_words(self, corpus: Corpus) -> str:
        entropy = corpus.entropy_bits_per_byte
        if entropy is not None:
            return self.tr("true entropy known: {bits} bits/byte").format(bits=f"{entropy['validation']:.3f}")
        source = next(iter(corpus.sources), None)
        if source is None:
            return ""
        words = self.tr("{encoding}, {percent} % sure")
        return words.format(encoding=source.encoding.upper(), percent=round(100 * source.confidence))

    def _runs_changed(self) -> None:
        if self._rungs and self.isVisible():
            self._show_ladder()
        else:
            self._stale = True

    def _show_ladder(self) -> None:
        corpus, draft = self._drafted, self.session.draft
        vocabulary = corpus.statistics.vocabulary if corpus is not None else 0
        shown = []
        for rung in self._rungs.values():
            settings = rung.family.settings(**{**rung.family.chosen(draft.preset, "")["model"], **rung.model})
            count = rung.family.parameters(settings, vocabulary) if vocabulary else 0
            figures = (number_text.loss(self._best_score(rung)), number_text.short_count(count) if count else "–")
            shown.append((rung.key, rung.title, declared(rung.family.summary), figures))
        chosen = [
            rung.key for rung in self._rungs.values() if rung.family.name == draft.family and rung.fits(draft.model)
        ]
        self.run.show_rungs(shown, next(iter(chosen), ""))
        for before, after in pairwise((*self.text.stops(), *self.run.stops())):
            self.setTabOrder(before, after)

    def _best_score(self, rung: Rung) -> float | None:
        """The best validation loss that such a model reached on the chosen text in this workspace."""
        scores = [
            summary.best_bits_per_byte
            for summary in self.session.runs
            if summary.corpus == self.session.draft.corpus
            and summary.family == rung.family.name
            and summary.config is not None
            and rung.fits(summary.config.model.model_dump())
            and summary.best_bits_per_byte is not None
        ]
        return min(scores, default=None)

    # The machine ------------------------------------------------------------------------------------------------

    def _show_devices(self) -> None:
        from lmstudio_app.gui.widgets.remark import Remark

        while (item := self._devices.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        for device in self.session.devices:
            trouble = self.session.device_trouble.get(device.name, "")
            if trouble:
                words = self.tr("{device}: does not work ({reason})").format(device=device.title, reason=trouble)
            else:
                words = self.tr("{device}, {memory}: tested just now").format(
                    device=device.title, memory=number_text.size(device.memory_bytes)
                )
            self._devices.addWidget(Remark(words, "warning" if trouble else "check", "warn" if trouble else "ok"))
        if not self.session.devices:
            self._devices.addWidget(Remark(self.tr("Looking for devices: loading PyTorch"), "clock", "text2"))


if __name__ == "__main__":
    raise SystemExit(run_alone(StartPane))
