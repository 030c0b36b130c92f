"""Console: a prompt, and what a model makes of it, token by token."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import Event, GenerationEnded, PromptRead, TokenWritten
from lmstudio_app.engine.generation.settings import SamplingSettings
from lmstudio_app.engine.settings import SettingsError, declarations, read
from lmstudio_app.gui.job_thread import JobThread, Stopping, failure_event
from lmstudio_app.gui.model_source import ModelSource
from lmstudio_app.gui.next_chances import NextChances, Place
from lmstudio_app.gui.pane import Pane, run_alone
from lmstudio_app.gui.prompt_reading import Prompt, PromptReading, lacking_words
from lmstudio_app.gui.session import Session
from lmstudio_app.gui.translation import declared, sentence
from lmstudio_app.gui.widgets import number_text
from lmstudio_app.gui.widgets.bar_list import Bar
from lmstudio_app.gui.widgets.chances_card import ChancesCard
from lmstudio_app.gui.widgets.empty_state import EmptyState
from lmstudio_app.gui.widgets.folding_columns import FoldingColumns
from lmstudio_app.gui.widgets.prompt_card import PromptCard
from lmstudio_app.gui.widgets.sampler_card import SamplerCard
from lmstudio_app.gui.widgets.scrolled_column import ScrolledColumn
from lmstudio_app.gui.widgets.token_details import TokenDetails
from lmstudio_app.gui.widgets.token_text import label
from lmstudio_app.gui.widgets.written_card import WrittenCard
from lmstudio_app.gui.written_text import WrittenText

if TYPE_CHECKING:
    from lmstudio_app.engine.model import Model
    from lmstudio_app.engine.run import Run

AFTER_TOKENS = 2
"""How many tokens the chances are said to come after."""


class ConsolePane(Pane):
    """A prompt at the top, the text below it, the sampler and the chances of the next token at the right.

    The chances are those after the last token, or at the token that is marked in the text; they follow the sampler as
    it is dragged.
    """

    name = "console"
    needs: ClassVar[frozenset[str]] = frozenset({"decoding"})

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.prompt = PromptCard()
        self.written = WrittenCard()
        self.sampler = SamplerCard(declarations(SamplingSettings))
        self.chances = ChancesCard()
        self.details = TokenDetails(self)
        self.empty = EmptyState("console")
        self.text: WrittenText | None = None
        self.settings = self._drawing = SamplingSettings()
        self._writer: Run | None = None
        self._read = Prompt()
        self._typed = False
        self._writing: JobThread | None = None
        self._shown_run = ""
        self._began = 0.0
        self._stack = QStackedWidget()
        self._build()
        self.source = ModelSource(session, self.needs, self, finds=True)
        self._reading = PromptReading(session, self.source, self._typed_text, self._tell, self)
        self._reading.arrived.connect(self._prompt_read)
        self._next = NextChances(self.chances, self.source, self._place, self._tell, self)
        self._connect()
        self._model_changed()

    def title(self) -> str:
        return self.tr("Console")

    def crumbs(self) -> list[str]:
        run = self.source.run
        return [run.name, self.source.words()] if run is not None else []

    def primary_action(self) -> None:
        self.generate()

    def regions(self) -> list[QWidget]:
        if self._stack.currentWidget() is self.empty:
            return [self.empty.button]
        return [self.prompt.field, self.written.chooser.runs, self.written.strip, self.sampler.first, self.chances.list]

    # Building ---------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        left, right = QWidget(), ScrolledColumn()
        lines = QVBoxLayout(left)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.setSpacing(12)
        lines.addWidget(self.prompt)
        lines.addWidget(self.written, 1)
        right.column.addWidget(self.sampler)
        right.column.addWidget(self.chances, 1)
        columns = FoldingColumns(700)
        columns.add(left, 96, height=480)
        columns.add(right, 33, height=560)
        for part in (columns, self.empty):
            self._stack.addWidget(part)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(12, 12, 12, 12)
        outer.addWidget(self._stack)

    def _connect(self) -> None:
        prompt, written = self.prompt, self.written
        prompt.edited.connect(self._edited)
        prompt.generate_pressed.connect(self.generate)
        prompt.again_pressed.connect(self._again)
        prompt.stop_pressed.connect(self.stop)
        prompt.tint_chosen.connect(written.strip.set_tint)
        written.chooser.run_chosen.connect(self.source.choose)
        written.chooser.version_chosen.connect(self._version_chosen)
        written.token_marked.connect(lambda token: self._ask_next())
        written.token_opened.connect(self._show_details)
        self.sampler.changed.connect(self._sampler_changed)
        self.source.listed.connect(self._show_choices)
        self.source.changed.connect(self._model_changed)
        self.empty.acted.connect(lambda: self.go.emit("train"))
        stop = QShortcut(QKeySequence("Esc"), self)
        stop.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        stop.activated.connect(self._escape)

    # Which model ------------------------------------------------------------------------------------------------

    def _show_choices(self) -> None:
        run = self.source.run
        self.written.chooser.show_runs(self.source.choices(), run.name if run is not None else "")
        self.written.chooser.show_versions(self.source.versions, self.source.version)
        training = self.source.training and run is not None
        words = self.tr("prompting while “{run}” trains")
        self.written.show_state(words.format(run=run.name) if training and run is not None else "")
        self._stack.setCurrentIndex(0 if run is not None else 1)
        if run is None:
            self.empty.say(
                self.tr("No model yet"),
                self.tr("Here a trained model goes on from your words, and shows how sure it is of each token."),
                self.tr("Train the first"),
                "train",
            )
        self._show_state()

    def _model_changed(self) -> None:
        run = self.source.run.name if self.source.run is not None else ""
        if run != self._shown_run:
            self.stop()
            self._shown_run, self._read = run, Prompt()
        self.crumbs_changed.emit()
        self._show_choices()
        if run:
            self._reading.ask(now=True)
        if self.text is not None:
            self._ask_next()

    def _version_chosen(self, version: str) -> None:
        self.stop()
        self.source.choose_version(version)

    # The prompt -------------------------------------------------------------------------------------------------

    def _typed_text(self) -> str | None:
        return self.prompt.field.text() if self._typed else None

    def _edited(self) -> None:
        self._typed = True
        self._reading.ask()

    def _prompt_read(self, found: Prompt) -> None:
        self._read = found
        if not self._typed and found.text != self.prompt.field.text():
            self.prompt.field.blockSignals(True)
            self.prompt.field.set_text(found.text)
            self.prompt.field.blockSignals(False)
        count = self.tr("{count} tokens").format(count=number_text.whole(len(found.tokens)))
        self.prompt.field.set_remark("" if found.missing else count)
        self.prompt.say_error(lacking_words(found.missing) if found.missing else "")
        self._show_state()
        if self.text is None and not found.missing:
            self.written.show_prompt(found.pieces)
            self.written.show_ending(self.tr("Generate goes on from here"))
            self._next.ask()

    # Writing ----------------------------------------------------------------------------------------------------

    @property
    def writing(self) -> bool:
        """Whether a text is being written."""
        return self._writing is not None

    def generate(self) -> None:
        """Let the model go on from the prompt."""
        if self.writing or not self.prompt.generate.isEnabled():
            self.prompt.field.setFocus() if self.prompt.error() else None
            return
        prompt, settings = self.prompt.field.text(), self.settings
        self._drawing, self._writer = settings, self.source.run

        def work(stopping: Stopping, run: Run, model: Model) -> Iterable[Event]:
            from lmstudio_app.engine import pipeline

            return pipeline.generate(run, prompt, settings, stopping, model)

        self._next.forget()
        self.written.banner.hide()
        try:
            self._writing = self.source.start(work, self._arrived, self._ended, self)
        except UserError as error:
            self._tell(error)
        else:
            self.written.show_ending(self.tr("Loading the model") if self.text is None else "")
        self._show_state()

    def _again(self) -> None:
        self.sampler.form.throw_seed()
        self.generate()

    def stop(self) -> None:
        """End the writing after the present token."""
        if self._writing is not None:
            self._writing.stop()

    def _escape(self) -> None:
        if self.details.isVisible():  # a pop-up shares the keys of the pane it belongs to
            self.details.hide()
        else:
            self.stop()

    def _arrived(self, events: list[Event]) -> None:
        texts: list[str] = []
        chances: list[float] = []
        parts: list[Sequence[float]] = []
        for event in events:
            if isinstance(event, PromptRead) and self._writer is not None:
                self.text, self._began = WrittenText(self._writer, event, self._drawing), time.perf_counter()
                self.prompt.show_parts(event.parts)
                self.written.show_prompt(event.pieces)
                self.written.set_writing(True)
            elif isinstance(event, TokenWritten) and self.text is not None:
                self.text.tokens.append(event)
                texts.append(event.text)
                chances.append(event.probability)
                parts.append(event.parts)
            elif isinstance(event, GenerationEnded):
                self._append(texts, chances, parts, event.seconds)
                texts, chances, parts = [], [], []
                self.written.show_ending(self._ending(event.reason))
        if texts and self.text is not None:
            self._append(texts, chances, parts, time.perf_counter() - self._began)
            self._show_drawn()

    def _append(self, texts: list[str], chances: list[float], parts: list[Sequence[float]], seconds: float) -> None:
        if texts or (self.text is not None and self.text.tokens):
            self.written.append(texts, chances, parts, seconds)

    def _ending(self, reason: str) -> str:
        return {
            "length": self.tr("length reached"),
            "stop text": self.tr("the stop text came up"),
            "stopped": self.tr("stopped"),
        }.get(reason, reason)

    def _ended(self, failure: BaseException | None) -> None:
        self._writing = None
        self.written.set_writing(False)
        if self.text is None:  # it was stopped while the model was loaded
            self.written.show_ending(self.tr("Generate goes on from here"))
        if failure is not None:
            self.written.show_ending("")
            self._tell(failure)
        self._show_state()
        self._ask_next()

    def _tell(self, failure: BaseException) -> None:
        """Say what went wrong where it went wrong; nothing that was typed or written is lost."""
        if isinstance(failure, UserError) and failure.field == "prompt":
            self.prompt.say_error(sentence(failure))
        elif isinstance(failure, UserError):
            self.written.banner.say(sentence(failure), "err")
        else:
            told = failure_event(failure)
            self.written.banner.say(declared(told.sentence, **told.values), "err")

    def _show_state(self) -> None:
        wrong = len(self.sampler.form.wrong_rows())
        words = ""
        if wrong:
            words = self.tr("Fix {count} fields to generate") if wrong > 1 else self.tr("Fix 1 field to generate")
        elif self._read.missing:
            words = self.tr("Fix the prompt")
        elif self.source.run is not None and not self.source.version:
            words = self.tr("No saved model yet")
        self.prompt.set_state(writing=self.writing, ready=not words, words=words.format(count=wrong))

    # The sampler and the chances --------------------------------------------------------------------------------

    def _sampler_changed(self, values: dict[str, object]) -> None:
        try:
            self.settings = read(SamplingSettings, values)
            self.sampler.form.set_problems([])
        except SettingsError as error:
            self.sampler.form.set_problems(error.problems)
        self._show_state()
        self._next.shape(self.settings)

    def _ask_next(self) -> None:
        """Ask the model what it expects; of a text that another run wrote it would not know the tokens."""
        if self.text is None or self._wrote(self.text):
            self._next.ask()
        else:
            words = self.tr("“{run}” wrote this text. Generate one with this model to see what it expects.")
            self._next.clear(words.format(run=self.text.run.name))

    def _wrote(self, text: WrittenText) -> bool:
        run = self.source.run
        return run is not None and run.identity == text.run.identity

    def _place(self) -> Place | None:
        """Where the chances are asked for: at the marked token of the text, else after its end."""
        strip, text = self.written.strip, self.text
        if self.writing or self._read.missing:
            return None
        if text is None:
            return Place(self._read.tokens, before=self._read.pieces[-AFTER_TOKENS:])
        if not self._wrote(text):
            return None
        marked = strip.current if strip.current >= text.prompt_tokens else len(strip.texts)
        token = text.token_at(marked)
        stands = (token.token, token.text) if token is not None else None
        before = text.texts_before(marked, AFTER_TOKENS)
        return Place(text.read.tokens, text.written_before(marked), before, stands)

    def _show_drawn(self) -> None:
        """While a text is written: the chances that its newest token was drawn from."""
        if self.text is not None:
            place = self.text.prompt_tokens + len(self.text.tokens) - 1
            rows = self.text.alternatives(place)
            mine = next((number for number, row in enumerate(rows) if row.mine), -1)
            drawn = [(row.text, row.before, row.after) for row in rows]
            self._next.show_drawn(drawn, self.text.texts_before(place, AFTER_TOKENS), mine)

    # One token --------------------------------------------------------------------------------------------------

    def _show_details(self, place: int) -> None:
        """Pop up what was expected where a token of the text stands."""
        if self.text is None:
            return
        strip, percent = self.written.strip, number_text.percent
        bars = [
            Bar(
                label(row.text),
                row.before,
                (percent(row.before), percent(row.after) if row.after > 0 else self.tr("cut")),
                strong=row.mine,
                cut=row.after <= 0,
            )
            for row in self.text.alternatives(place)
        ]
        facts = self.tr("chance {chance}, {bits} bits of surprise").format(
            chance=percent(self.text.chance(place)), bits=f"{self.text.bits(place):.1f}"
        )
        words = "" if bars else self.tr("It belongs to the prompt: you wrote it, the model only read it.")
        if parts := self.text.parts(place):
            given = self.tr("{share} of its chance came from “{run}”")
            words = ", ".join(given.format(run=name, share=percent(share)) for name, share in parts) + "."
        box = strip.box_of(place).toAlignedRect()
        beside = QRect(strip.viewport().mapToGlobal(box.topLeft()), box.size())
        self.details.show_token(
            self.tr("Token {place}").format(place=number_text.whole(place + 1)), facts, bars, words, beside
        )


if __name__ == "__main__":
    raise SystemExit(run_alone(ConsolePane))
