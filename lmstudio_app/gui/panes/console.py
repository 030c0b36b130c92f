"""Console: a prompt, and what a model makes of it, token by token."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import Event, GenerationEnded, PromptRead, TokenWritten
from lmstudio_app.engine.generation.settings import SamplingSettings
from lmstudio_app.engine.settings import SettingsError, declarations, read
from lmstudio_app.gui import theme
from lmstudio_app.gui.job_thread import Ended, JobThread, Stopping, failure_event
from lmstudio_app.gui.latest_job import LatestJob
from lmstudio_app.gui.model_source import ModelSource
from lmstudio_app.gui.pane import Pane, run_alone
from lmstudio_app.gui.session import Session
from lmstudio_app.gui.translation import declared, sentence
from lmstudio_app.gui.widgets import number_text
from lmstudio_app.gui.widgets.bar_list import Bar
from lmstudio_app.gui.widgets.chances_card import ChancesCard
from lmstudio_app.gui.widgets.empty_state import EmptyState
from lmstudio_app.gui.widgets.prompt_card import PromptCard
from lmstudio_app.gui.widgets.sampler_card import SamplerCard
from lmstudio_app.gui.widgets.token_details import TokenDetails
from lmstudio_app.gui.widgets.token_text import label
from lmstudio_app.gui.widgets.written_card import LEAST_CHANCE, WrittenCard

if TYPE_CHECKING:
    from lmstudio_app.engine.model import Model
    from lmstudio_app.engine.pipeline.expect import Expectation
    from lmstudio_app.engine.run import Run

MOST_EXPECTED = 20_000
"""A longer prompt is read only when a text is asked for."""

AFTER_TOKENS = 2
"""How many tokens the chances are said to come after."""

SHOWN_CHANCES = 12


@dataclass(frozen=True)
class Read:
    """A prompt in the tokens of a run, and the characters that the run's vocabulary lacks."""

    text: str
    tokens: tuple[int, ...] = ()
    pieces: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass
class Written:
    """A text as it is written. `nats` are those of the prompt's tokens; `began` is when the first token came."""

    read: PromptRead
    tokens: list[TokenWritten] = field(default_factory=list)
    began: float = 0.0

    def pieces(self, end: int) -> list[str]:
        """The texts of the tokens before place `end`, the prompt included."""
        prompt = len(self.read.pieces)
        return [*self.read.pieces[:end], *(token.text for token in self.tokens[: max(0, end - prompt)])]


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
        self.text: Written | None = None
        self.settings = SamplingSettings()
        self._read = Read("")
        self._typed = False
        self._writing: JobThread | None = None
        self._expectation: tuple[int, Expectation] | None = None
        self._stack = QStackedWidget()
        self._build()
        self.source = ModelSource(session, self.needs, self, finds=True)
        self._reading = LatestJob(self._read_prompt, self._reading_failed, self)
        self._expecting = LatestJob(self._expect, self._expecting_failed, self, milliseconds=60)
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
        left, right = QVBoxLayout(), QVBoxLayout()
        for column in (left, right):
            column.setSpacing(12)
        left.addWidget(self.prompt)
        left.addWidget(self.written, 1)
        right.addWidget(self.sampler)
        right.addWidget(self.chances, 1)
        columns = QHBoxLayout()
        columns.setContentsMargins(0, 0, 0, 0)
        columns.setSpacing(12)
        columns.addLayout(left, 96)
        columns.addWidget(scrolled(right), 33)
        content = QWidget()
        content.setLayout(columns)
        for part in (content, self.empty):
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
        written.chooser.version_chosen.connect(self.source.choose_version)
        written.token_marked.connect(lambda token: self._expecting.ask())
        written.token_opened.connect(self._show_details)
        self.sampler.changed.connect(self._sampler_changed)
        self.source.listed.connect(self._show_choices)
        self.source.changed.connect(self._model_changed)
        self.session.runs_changed.connect(self._show_choices)
        self.empty.acted.connect(lambda: self.go.emit("train"))
        stop = QShortcut(QKeySequence("Esc"), self)
        stop.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        stop.activated.connect(self.stop)

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
        self.stop()
        self.crumbs_changed.emit()
        self._show_choices()
        self._expectation = None
        if self.source.run is not None:
            self._reading.ask(now=True)

    # The prompt -------------------------------------------------------------------------------------------------

    def _edited(self) -> None:
        self._typed = True
        self._reading.ask()

    def _read_prompt(self, ended: Ended) -> JobThread | None:
        run = self.source.run
        if run is None:
            return None
        typed = self.prompt.field.text() if self._typed else None

        def work(stopping: Stopping) -> Iterable[Read]:
            text = beginning(run) if typed is None else typed
            tokenizer = run.tokenizer()
            if missing := tuple(tokenizer.missing(text)):
                return [Read(text, missing=missing)]
            tokens = tokenizer.encode(text)
            return [Read(text, tuple(tokens.tolist()), tuple(tokenizer.pieces(tokens)))]

        return self.session.jobs.start(work, lambda items: self._prompt_read(items[-1]), ended, self)

    def _prompt_read(self, found: Read) -> None:
        self._read = found
        if not self._typed and found.text != self.prompt.field.text():
            self.prompt.field.blockSignals(True)
            self.prompt.field.set_text(found.text)
            self.prompt.field.blockSignals(False)
        count = self.tr("{count} tokens").format(count=number_text.whole(len(found.tokens)))
        self.prompt.field.set_remark("" if found.missing else count)
        characters = " ".join(f"“{character}”" for character in found.missing[:20])
        lacks = self.tr("The vocabulary lacks {characters}. Leave them out, or open a run with a BPE tokenizer.")
        self.prompt.say_error(lacks.format(characters=characters) if found.missing else "")
        self._show_state()
        if self.text is None and not found.missing:
            self.written.show_prompt(found.pieces)
            self._expecting.ask()

    def _reading_failed(self, failure: BaseException) -> None:
        if self.source.version:  # without a saved model there is no tokenizer yet, and the button says so
            self._tell(failure)

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

        def work(stopping: Stopping, run: Run, model: Model) -> Iterable[Event]:
            from lmstudio_app.engine import pipeline

            return pipeline.generate(run, prompt, settings, stopping, model)

        self._expecting.forget()
        self.written.banner.hide()
        try:
            self._writing = self.source.start(work, self._arrived, self._ended, self)
        except UserError as error:
            self._tell(error)
        self.written.show_ending(self.tr("Loading the model") if self.text is None else "")
        self._show_state()

    def _again(self) -> None:
        self.sampler.form.throw_seed()
        self.generate()

    def stop(self) -> None:
        """End the writing after the present token."""
        if self._writing is not None:
            self._writing.stop()

    def _arrived(self, events: list[Event]) -> None:
        texts: list[str] = []
        chances: list[float] = []
        for event in events:
            if isinstance(event, PromptRead):
                self.text = Written(event, began=time.perf_counter())
                self._expectation = None
                self.written.show_prompt(event.pieces)
                self.written.set_writing(True)
            elif isinstance(event, TokenWritten) and self.text is not None:
                self.text.tokens.append(event)
                texts.append(event.text)
                chances.append(event.probability)
            elif isinstance(event, GenerationEnded):
                self._append(texts, chances, event.seconds)
                texts, chances = [], []
                self.written.show_ending(self._ending(event.reason))
        if texts and self.text is not None:
            self._append(texts, chances, time.perf_counter() - self.text.began)
            self._show_live_chances()

    def _append(self, texts: list[str], chances: list[float], seconds: float) -> None:
        if texts or (self.text is not None and self.text.tokens):
            self.written.append(texts, chances, seconds)

    def _ending(self, reason: str) -> str:
        return {
            "length": self.tr("length reached"),
            "stop text": self.tr("the stop text came up"),
            "stopped": self.tr("stopped"),
        }.get(reason, reason)

    def _ended(self, failure: BaseException | None) -> None:
        self._writing = None
        self.written.set_writing(False)
        if failure is not None:
            self.written.show_ending("")
            self._tell(failure)
        self._show_state()
        self._expecting.ask()

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
        self._show_chances()

    def _place(self) -> int:
        """Which token the chances are of, counted from the first of the prompt: the marked one, or the next."""
        strip = self.written.strip
        marked = strip.current
        return marked if strip.prompt_tokens <= marked < len(strip.texts) else len(strip.texts)

    def _expect(self, ended: Ended) -> JobThread | None:
        if self.writing or self.source.run is None or not self.source.version or self._read.missing:
            return None
        place = self._place()
        prompt = self.text.read.tokens if self.text is not None else self._read.tokens
        written = [token.token for token in self.text.tokens[: place - len(prompt)]] if self.text is not None else []
        if len(prompt) + len(written) > MOST_EXPECTED:
            return None

        def work(stopping: Stopping, run: Run, model: Model) -> Iterable[Expectation]:
            from lmstudio_app.engine import pipeline

            return [pipeline.expect(run, prompt, written, model)]

        def arrived(items: list[Expectation]) -> None:
            self._expectation = (place, items[-1])
            self._show_chances()

        return self.source.start(work, arrived, ended, self)

    def _expecting_failed(self, failure: BaseException) -> None:
        self._tell(failure)

    def _show_chances(self) -> None:
        if self._expectation is None or self.writing:
            return
        place, expectation = self._expectation
        try:
            found = expectation.shaped(self.settings)
        except UserError as error:
            self._tell(error)
            return
        token = self._token_at(place)
        rows = found.rows[:SHOWN_CHANCES]
        written = next((row for row, (number, *_) in enumerate(rows) if token and number == token.token), -1)
        self.chances.show_chances(
            [row[1:] for row in rows],
            self._after(place),
            written,
            counts=(found.kept, found.cut),
            cut_words=self._cutter(found.kept),
        )
        words = self.tr("Entropy {before} bits before the sampler, {after} after it. Moves as you drag.")
        self.chances.show_words(words.format(before=f"{found.entropy_before:.2f}", after=f"{found.entropy_after:.2f}"))

    def _show_live_chances(self) -> None:
        """While a text is written: the chances that its newest token was drawn from."""
        if self.text is None:
            return
        token = self.text.tokens[-1]
        place = len(self.text.read.pieces) + len(self.text.tokens) - 1
        rows = token.alternatives[:SHOWN_CHANCES]
        written = next(
            (n for n, (text, chance, _) in enumerate(rows) if (text, chance) == (token.text, token.probability)), -1
        )
        self.chances.show_chances(
            rows, self._after(place), written, cut_words=self._cutter(sum(left > 0 for *_, left in rows))
        )
        self.chances.show_words(self.tr("What the newest token was drawn from."))

    def _after(self, place: int) -> str:
        pieces = self.text.pieces(place) if self.text is not None else list(self._read.pieces)
        return "".join(label(piece) for piece in pieces[-AFTER_TOKENS:])

    def _cutter(self, kept: int) -> str:
        """Which of the sampler's settings cut the list to `kept` tokens."""
        if self.settings.temperature == 0:
            return self.tr("temperature 0 keeps one")
        by_count = 0 < self.settings.top_k <= kept
        return self.tr("top-k cuts here") if by_count or self.settings.top_p == 1 else self.tr("top-p cuts here")

    # One token --------------------------------------------------------------------------------------------------

    def _token_at(self, place: int) -> TokenWritten | None:
        if self.text is None:
            return None
        number = place - len(self.text.read.pieces)
        return self.text.tokens[number] if 0 <= number < len(self.text.tokens) else None

    def _show_details(self, place: int) -> None:
        """Pop up what was expected where a token of the text stands."""
        if self.text is None:
            return
        strip, token = self.written.strip, self._token_at(place)
        box = strip.box_of(place).toRect()
        beside = QRect(strip.viewport().mapToGlobal(box.topLeft()), box.size() if not box.isEmpty() else QPoint(1, 1))
        title = self.tr("Token {place}").format(place=number_text.whole(place + 1))
        facts = self.tr("chance {chance}, {bits} bits of surprise")
        if token is None:
            chance = math.exp(-self.text.read.nats[place])
            words = self.tr("It belongs to the prompt: you wrote it, the model only read it.")
            bars: list[Bar] = []
        else:
            chance, words, bars = token.probability, "", self._alternatives(token)
        bits = -math.log2(max(chance, LEAST_CHANCE))
        told = facts.format(chance=number_text.percent(chance), bits=f"{bits:.1f}")
        self.details.show_token(title, told, bars, words, beside)

    def _alternatives(self, token: TokenWritten) -> list[Bar]:
        """What could have stood in a token's place, the token itself in bold."""
        percent = number_text.percent
        bars = []
        found = False
        for text, before, after in token.alternatives:
            mine = not found and before == token.probability and text in (token.text, text if not token.text else "")
            found = found or mine
            left = percent(after) if after > 0 else self.tr("cut")
            bars.append(Bar(label(text), before, (percent(before), left), strong=mine, cut=after <= 0))
        if not found:
            bars.append(Bar(label(token.text), token.probability, (percent(token.probability), ""), strong=True))
        return bars


def scrolled(column: QVBoxLayout) -> QScrollArea:
    """A column that scrolls where the window is too low for it."""
    column.setContentsMargins(0, 0, 0, 0)
    content = QWidget()
    content.setProperty("scrolled", True)
    content.setLayout(column)
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(content)
    area.setMinimumWidth(theme.current().pixels(306))
    return area


def beginning(run: Run) -> str:
    """A prompt in the manner of the run's corpus; empty when the corpus is not there any more."""
    from lmstudio_app.engine.data.corpus import Corpus
    from lmstudio_app.engine.pipeline.draft import opening_words

    try:
        return opening_words(Corpus.open(run.corpus_folder))
    except UserError:
        return ""


if __name__ == "__main__":
    raise SystemExit(run_alone(ConsolePane))
