"""What a person changes in a text: its encoding, cleaning, splits and tokenizer. Each is done in the background."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication, QObject, QTimer, Signal

from lmstudio_app.engine.errors import UserError
from lmstudio_app.gui import corpus_words
from lmstudio_app.gui.preparation import Preparation
from lmstudio_app.gui.session import Session
from lmstudio_app.gui.shown_text import Cards, ShownText
from lmstudio_app.gui.widgets import number_text
from lmstudio_app.gui.widgets.progress_strip import ProgressStrip

if TYPE_CHECKING:
    from lmstudio_app.engine.data.corpus import CorpusSettings

TYPING_MILLISECONDS = 900
"""How long a person pauses before a vocabulary that was typed is worth learning a tokenizer."""
TEXT = frozenset({"cleaning", "split", "encodings", "reading"})
"""Requests that give a corpus another text; a tokenizer does not."""


class CorpusEditing(QObject):
    """Ties the controls of the cards to the session, one way round: an edit is asked for, and what comes is shown.

    Signals: `failed(object)` an exception, `mendable(object, str)` a `Preparation` whose failure goes away with another
    encoding of the file that it names, `changed(object)` one that gave a corpus another text, from which runs had
    learned.
    """

    failed = Signal(object)
    mendable = Signal(object, str)
    changed = Signal(object)

    def __init__(self, session: Session, cards: Cards, shown: ShownText) -> None:
        super().__init__(shown)
        self._session = session
        self._cards = cards
        self._shown = shown
        self._values: tuple[str, Any] = ("", None)
        self._typed = QTimer(self)
        self._typed.setSingleShot(True)
        self._typed.setInterval(TYPING_MILLISECONDS)
        self._typed.timeout.connect(self._choose_tokenizer)
        self._connect()

    # What is asked for --------------------------------------------------------------------------------------------

    def redo(self, *, encodings: dict[str, str] | None = None, **groups: Any) -> None:
        """Make the shown corpus again with these groups of settings or encodings of its files."""
        corpus = self._shown.corpus
        if corpus is None:
            return
        known = {source.path: source.encoding for source in corpus.sources}
        before = {name: getattr(corpus.settings, name) for name in groups}
        try:
            one = self._session.redo(corpus.name, encodings=encodings, **groups)
        except UserError as error:
            self.failed.emit(error)
            self.show(afresh=True)
            return
        if all(path in known for path in encodings or {}):  # a file that was added cannot be taken out again
            one.before = {**before, "encodings": {path: known[path] for path in encodings or {}}}
        self.show()

    def undo(self, one: Preparation) -> None:
        """Give a corpus the text that it had before `one`."""
        try:
            self._session.redo(one.corpus, **one.before)
        except UserError as error:
            self.failed.emit(error)

    def mend(self, one: Preparation, encoding: str) -> None:
        """Do what `one` failed to do, with another encoding of the file that did not fit."""
        path = str(getattr(one.failure, "values", {}).get("path", ""))
        try:
            sources = self._session.workspace.corpus(one.corpus).sources
            again = self._session.redo(
                one.corpus, **one.request | {"encodings": {**one.request["encodings"], path: encoding}}
            )
        except UserError as error:
            self.failed.emit(error)
            return
        known = {source.path: source.encoding for source in sources}
        if path in known:  # as in `redo`: a file that was added cannot be taken out again
            again.before = {**one.before, "encodings": {**one.before.get("encodings", {}), path: known[path]}}

    def choose_encoding(self, encoding: str) -> None:
        """Read the picked file in another encoding; how it begins is shown at once."""
        corpus, source = self._shown.corpus, self._shown.source
        if corpus is None or source is None or corpus.sources[source].encoding == encoding:
            return
        path = corpus.sources[source].path
        self._shown.show_file(Path(path), encoding)
        self.redo(encodings={path: encoding})

    def _settle_encoding(self, encoding: str) -> None:
        if self._shown.preparation is not None:
            self._session.settle_encoding(self._shown.preparation, encoding)
        elif self._shown.skipped is not None:
            self.redo(encodings={self._shown.skipped.path: encoding})

    def _leave_out(self) -> None:
        if self._shown.preparation is not None:
            self._session.preparations.drop(self._shown.preparation)
        else:
            self._cards.library.files.pick("source:0")

    def _clean(self, values: dict[str, bool]) -> None:
        from lmstudio_app.engine.data.cleaning import CleaningSettings

        corpus = self._shown.corpus
        if values["simplified"] and values["traditional"] and corpus is not None:  # the later click counts
            before = "simplified" if self._wished(corpus.settings).cleaning.simplified else "traditional"
            values = values | {before: False}
        self.redo(cleaning=CleaningSettings(**values))

    def _read_otherwise(self, values: dict[str, Any]) -> None:
        corpus = self._shown.corpus
        if corpus is not None:
            self.redo(reading=self._wished(corpus.settings).reading.model_copy(update=values))

    def _mend_check(self, action: str) -> None:
        """Do what a check offers."""
        corpus = self._shown.corpus
        if corpus is None:
            return
        wished = self._wished(corpus.settings)
        if action == "compare":
            self._shown.compare()
        elif action == "repair":
            self.redo(split=wished.split.model_copy(update={"repair": True}))
        else:
            switch = {"keep_first": "repeated_documents", "drop_similar": "similar_documents"}[action]
            self.redo(cleaning=wished.cleaning.model_copy(update={switch: True}))

    # Tokenizer ----------------------------------------------------------------------------------------------------

    def _check_tokenizer(self) -> Any:
        """The settings that are chosen and typed; None, and a sentence at the field, when they are wrong."""
        from lmstudio_app.engine.data.tokenizer import TokenizerSettings
        from lmstudio_app.engine.settings import SettingsError, read

        try:
            chosen = read(TokenizerSettings, self._cards.tokenizer.values())
        except SettingsError as error:
            problems = {problem.field: problem for problem in error.problems}
            self._cards.tokenizer.show_problem(problems.get("vocabulary"))
            named = [replace(problem, field=f"tokenizer.{problem.field}") for problem in error.problems]
            others = self._cards.tokenizer.form.set_problems(named)
            if not others and "vocabulary" not in problems:
                self._cards.tokenizer.show_view("settings")  # where the sentence stands
            return None
        self._cards.tokenizer.show_problem(None)
        self._cards.tokenizer.form.set_problems([])
        return chosen

    def _edit_tokenizer(self) -> None:
        """Say whether the further settings can be applied."""
        corpus, chosen = self._shown.corpus, self._check_tokenizer()
        changed = corpus is not None and chosen is not None and chosen != self._wished(corpus.settings).tokenizer
        self._cards.tokenizer.show_further({}, changed=True)
        self._cards.tokenizer.apply.setEnabled(changed)

    def _type_vocabulary(self) -> None:
        self._typed.stop()
        if self._check_tokenizer() is not None:
            self._typed.start()

    def _choose_tokenizer(self) -> None:
        """Cut the text anew, if the tokenizer is another one; a tokenizer in the making is given up for it."""
        self._typed.stop()
        self._cards.tokenizer.name_saved(self._session.workspace.tokenizers())
        corpus, chosen = self._shown.corpus, self._check_tokenizer()
        if corpus is None or chosen is None or chosen == self._wished(corpus.settings).tokenizer:
            return
        making = self._session.preparations.of(corpus.name)
        if making is not None and not TEXT & _groups(making):
            self._session.preparations.stop(making)
        self.redo(tokenizer=chosen)

    # Splits -------------------------------------------------------------------------------------------------------

    def _check_split(self, values: dict[str, Any]) -> Any:
        from lmstudio_app.engine.data.splits import SPLITS, SplitSettings
        from lmstudio_app.engine.settings import SettingsError, read

        splits, corpus = self._cards.splits, self._shown.corpus
        try:
            chosen = read(SplitSettings, {path.partition(".")[2]: value for path, value in values.items()}, "split")
        except SettingsError as error:
            splits.form.set_problems(error.problems)
            splits.apply.setEnabled(False)
            return None
        splits.form.set_problems([])
        splits.apply.setEnabled(corpus is not None and chosen != corpus.settings.split)
        splits.bar.show_parts(corpus_words.split_parts(dict(zip(SPLITS, chosen.shares, strict=True))))
        return chosen

    def _split(self) -> None:
        chosen = self._check_split(self._cards.splits.form.values())
        if chosen is not None:
            self._cards.splits.open_form(False)
            self.redo(split=chosen)

    # Showing ------------------------------------------------------------------------------------------------------

    def show(self, *, afresh: bool = False) -> None:
        """Show the settings as they will be, how far the work on them is, and what must not be changed now.

        What is being typed stays, unless `afresh`.
        """
        corpus, cards = self._shown.corpus, self._cards
        if corpus is not None:
            wished = self._wished(corpus.settings)
            if corpus.name != self._values[0] and cards.splits.opened:  # what was typed is for another text
                cards.splits.open_form(False)
            if afresh or (corpus.name, wished) != self._values:
                self._values = (corpus.name, wished)
                cards.preview.cleaning.show_values(wished.cleaning.model_dump())
                cards.preview.reading.show_values(wished.reading.model_dump())
                cards.tokenizer.show_values(wished.tokenizer.kind, wished.tokenizer.vocabulary)
                further = wished.tokenizer.model_dump(exclude={"kind", "vocabulary"})
                cards.tokenizer.show_further(further, changed=False)
                cards.splits.show_values({f"split.{name}": value for name, value in wished.split.model_dump().items()})
        runs = self._session.learning_from(corpus.name) if corpus is not None else []
        locked = corpus is None or bool(runs)
        for card in (cards.preview, cards.tokenizer, cards.splits, cards.checks):
            card.set_locked(locked)
        words = self.tr("“{run}” learns from this text. It can be changed when that run has ended.")
        cards.preview.notice.say(words.format(run=runs[0]) if runs else "", icon="lock")
        self._show_progress()
        self._show_use(runs)

    def _wished(self, settings: CorpusSettings) -> CorpusSettings:
        """The settings with what was asked for and is not done yet."""
        for one in self._pending():
            settings = settings.model_copy(update={k: v for k, v in one.request.items() if k != "encodings"})
        return settings

    def _pending(self) -> list[Preparation]:
        corpus, making = self._shown.corpus, self._session.preparations
        if corpus is None:
            return []
        return [one for one in (making.current, *making.waiting) if one is not None and one.corpus == corpus.name]

    def _show_progress(self) -> None:
        one = self._shown.preparation or next(iter(self._pending()), None)
        strips = {
            "tokenizer": self._cards.tokenizer.progress,
            "split": self._cards.splits.progress,
            "text": self._cards.preview.progress,
        }
        place = ""
        if one is not None and one not in self._session.preparations.undecided:
            groups = _groups(one)
            place = "text" if one is self._shown.preparation or groups - {"tokenizer", "split"} else min(groups)
            self._show_one(strips[place], one)
        for name, strip in strips.items():
            if name != place:
                strip.show_nothing()

    def _show_one(self, strip: ProgressStrip, one: Preparation) -> None:
        if one is not self._session.preparations.current:
            strip.show_progress(self.tr("Waits for the text before it"), 0, 0)
            strip.show_paused(False, there=False)
        else:
            progress = one.progress
            strip.show_progress(pace_words(one), progress.done, progress.total)
            strip.show_paused(one.paused, there=True)

    def _show_use(self, runs: list[str]) -> None:
        corpus, splits = self._shown.corpus, self._cards.splits
        if corpus is None:
            splits.show_use("", ready=False)
            return
        learned = [run.name for run in self._session.runs if run.corpus == corpus.name]
        if self._pending():
            splits.show_use(self.tr("It is being changed."), ready=False)
        elif runs:
            splits.show_use(self.tr("“{run}” learns from it now.").format(run=runs[0]), ready=True)
        elif self._session.draft.corpus == corpus.name:
            splits.show_use(self.tr("Chosen for the next run."), ready=True)
        elif learned:
            words = (
                self.tr("{count} runs learned from it.") if len(learned) > 1 else self.tr("“{run}” learned from it.")
            )
            splits.show_use(words.format(count=len(learned), run=learned[0]), ready=True)
        else:
            splits.show_use(self.tr("No run has learned from it yet."), ready=True)

    def _ended(self, one: Preparation) -> None:
        corpus = self._shown.corpus
        if corpus is None or one.corpus != corpus.name:
            return
        if not one.ready:
            self._shown.show_corpus(corpus.name)
            self.show(afresh=True)
            choices = getattr(one.failure, "choices", ())
            if choices and getattr(one.failure, "field", "") == "encoding":
                self.mendable.emit(one, str(choices[0]))
        elif TEXT & _groups(one) and any(run.corpus == corpus.name for run in self._session.runs):
            self.changed.emit(one)

    def _pause(self) -> None:
        one = self._session.preparations.current
        if one is not None:
            self._session.preparations.pause(one, not one.paused)

    def _stop(self) -> None:
        one = self._shown.preparation or next(iter(self._pending()), None)
        if one is not None:
            self._session.preparations.stop(one)

    def _connect(self) -> None:
        session, cards = self._session, self._cards
        cards.preview.encoding.chosen.connect(self.choose_encoding)
        cards.preview.chooser.chosen.connect(self._settle_encoding)
        cards.preview.chooser.given_up.connect(self._leave_out)
        cards.preview.cleaning.changed.connect(self._clean)
        self._shown.views.read_otherwise.connect(self._read_otherwise)
        cards.checks.acted.connect(self._mend_check)
        cards.tokenizer.kind_chosen.connect(self._choose_tokenizer)
        cards.tokenizer.further_edited.connect(self._edit_tokenizer)
        cards.tokenizer.applied.connect(self._choose_tokenizer)
        cards.tokenizer.vocabulary_typed.connect(self._type_vocabulary)
        cards.tokenizer.vocabulary_entered.connect(self._choose_tokenizer)
        cards.splits.edited.connect(self._check_split)
        cards.splits.applied.connect(self._split)
        for card in (cards.preview, cards.tokenizer, cards.splits):
            card.progress.stop_pressed.connect(self._stop)
            card.progress.pause_pressed.connect(self._pause)
        session.preparations.ended.connect(self._ended)
        signals = (session.preparing_changed, session.job_changed, session.runs_changed, session.draft_changed)
        for changed in (*signals, self._shown.changed):
            changed.connect(self.show)


def _groups(one: Preparation) -> set[str]:
    """What was asked for: groups of settings, and encodings if any were named."""
    return {name for name, value in one.request.items() if name != "encodings" or value}


def pace_words(one: Preparation) -> str:
    """How far a preparation is, how quick, and how long its stage still takes."""
    said = corpus_words.progress_words(one.progress)
    if one.paused:
        return QCoreApplication.translate("Corpus", "Paused: {said}").format(said=said)
    if (pace := one.pace) is None:
        return said
    rate, left = pace
    if one.progress.unit != "bytes":
        words = QCoreApplication.translate("Corpus", "{said} · {left} left")
        return words.format(said=said, left=number_text.duration(left))
    words = QCoreApplication.translate("Corpus", "{said} · {rate}/s · {left} left")
    return words.format(said=said, rate=number_text.size(rate), left=number_text.duration(left))
