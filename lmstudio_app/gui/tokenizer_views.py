"""What the tokenizer card shows besides the tokens of the text: those of a typed one, other tokenizers on the same
text, and all tokens of the vocabulary."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, get_args

from PySide6.QtCore import QObject, QTimer, Signal

from lmstudio_app.engine.errors import UserError
from lmstudio_app.gui import corpus_words
from lmstudio_app.gui.job_thread import JobThread, Stopping
from lmstudio_app.gui.session import Session
from lmstudio_app.gui.translation import sentence
from lmstudio_app.gui.widgets.numbers_table import Share
from lmstudio_app.gui.widgets.token_text import visible
from lmstudio_app.gui.widgets.tokenizer_card import TokenizerCard

if TYPE_CHECKING:
    from lmstudio_app.engine.data.corpus import Corpus

WAIT_MILLISECONDS = 250


class TokenizerViews(QObject):
    """Reads on threads what a person asks for.

    Signals: `typed(object)` the `TokenPreview` of a typed text, None where there is none any more.
    """

    typed = Signal(object)

    def __init__(self, session: Session, card: TokenizerCard) -> None:
        super().__init__(card)
        self._session, self._card = session, card
        self._corpus: Corpus | None = None
        self._shown: dict[str, str] = {}
        self._threads: dict[str, JobThread] = {}
        self._rows: list[tuple[Any, ...]] = []
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(WAIT_MILLISECONDS)
        self._typing.timeout.connect(self._read_typed)
        card.text_typed.connect(self._wait)
        card.view_chosen.connect(self._show_view)

    def show_corpus(self, corpus: Corpus | None) -> None:
        """Another text is shown, or the same one cut in another way."""
        before, self._corpus = self._corpus, corpus
        if corpus is None or before is None or _key(before) != _key(corpus):
            for thread in self._threads.values():
                thread.stop()
            self._threads, self._shown = {}, {}
        self._card.offer_saved(corpus is not None and bool(self._session.workspace.tokenizers()))
        self._show_view(self._card.view.value)
        if corpus is not None and self._card.typed.text():
            self._typing.start()

    # A typed text -------------------------------------------------------------------------------------------------

    def _wait(self, text: str) -> None:
        self._typing.start()

    def _read_typed(self) -> None:
        corpus, text = self._corpus, self._card.typed.text()
        if corpus is None:
            return
        if not text:
            self.typed.emit(None)
            return

        def work(stopping: Stopping) -> Iterator[Any]:
            from lmstudio_app.engine import pipeline

            yield pipeline.preview_text_tokens(corpus, text)

        self._start("typed", work, lambda items: self.typed.emit(items[-1]))

    # Other tokenizers, and all tokens -----------------------------------------------------------------------------

    def _show_view(self, view: str) -> None:
        corpus = self._corpus
        if corpus is None:
            return
        if view in ("compare", "vocabulary") and self._shown.get(view) != _key(corpus):
            self._shown[view] = _key(corpus)
            {"compare": self._compare, "vocabulary": self._list}[view](corpus)

    def _list(self, corpus: Corpus) -> None:
        columns = (self.tr("Id"), self.tr("Token"), self.tr("Bytes"), self.tr("Occurrences"))
        self._card.vocabulary_table.show_rows(columns, [])

        def work(stopping: Stopping) -> Iterator[Any]:
            from lmstudio_app.engine import pipeline

            yield [
                (token, visible(spelling.decode("utf-8", "replace")), spelling.hex(" ").upper(), count)
                for token, spelling, count in pipeline.list_tokens(corpus)
            ]

        self._start("vocabulary", work, lambda items: self._card.vocabulary_table.show_rows(columns, items[-1]))

    def _compare(self, corpus: Corpus) -> None:
        self._rows = []
        self._show_rows()
        self._card.compared.setText(self.tr("Other tokenizers are being learned from the training text."))
        workspace, own = self._session.workspace, corpus.settings.tokenizer

        def work(stopping: Stopping) -> Iterator[Any]:
            from lmstudio_app.engine import pipeline
            from lmstudio_app.engine.data.tokenizer import Kind, TokenizerSettings

            chosen: list[tuple[str, Any]] = [("", own)]
            kinds = [kind for kind in get_args(Kind) if kind != "saved"]
            others = [TokenizerSettings(kind=kind, vocabulary=own.vocabulary) for kind in kinds]
            chosen += [("", one) for one in others if one != own]
            for name in workspace.tokenizers():
                try:
                    chosen.append((name, workspace.tokenizer(name)))
                except UserError:
                    continue
            for event in pipeline.compare_tokenizers(corpus, chosen):
                if stopping():
                    return
                yield event

        self._start("compare", work, self._compared, self._all_compared)

    def _compared(self, items: list[Any]) -> None:
        from lmstudio_app.engine.events import Progress, TokenizerMeasured

        for event in items:
            if isinstance(event, TokenizerMeasured):
                name = event.name or corpus_words.tokenizer_words(event.kind, event.vocabulary)
                self._rows.append(
                    (name, event.tokens, event.bytes_per_token, event.tokens_per_word,
                     Share(event.unknown_share), Share(event.used / event.vocabulary))
                )  # fmt: skip
                self._show_rows()
            elif isinstance(event, Progress):
                self._card.compared.setText(corpus_words.progress_words(event))

    def _all_compared(self) -> None:
        self._card.compared.setText(
            self.tr("The first is that of this text. Fewer tokens make a text shorter for a model.")
        )

    def _show_rows(self) -> None:
        columns = (
            self.tr("Tokenizer"),
            self.tr("Tokens"),
            self.tr("Bytes/token"),
            self.tr("Tokens/word"),
            self.tr("Unknown"),
            self.tr("Used"),
        )
        self._card.comparison.show_rows(columns, self._rows)

    # Threads ------------------------------------------------------------------------------------------------------

    def _start(self, name: str, work: Any, arrived: Any, done: Any = None) -> None:
        if name in self._threads:
            self._threads.pop(name).stop()

        def current(items: list[Any]) -> None:
            if self._threads.get(name) is started:
                arrived(items)

        def ended(failure: BaseException | None) -> None:
            if self._threads.get(name) is not started:
                return
            del self._threads[name]
            if failure is None:
                if done is not None:
                    done()
            elif isinstance(failure, UserError):
                self._card.notice.say(sentence(failure), "err")
            else:
                self._session.failed.emit(failure)

        started = self._threads[name] = self._session.jobs.start(work, current, ended, owner=self)


def _key(corpus: Corpus) -> str:
    """What is another one when the text is, or the way it is cut."""
    return f"{corpus.data_hash} {corpus.settings.tokenizer.folder_name}"
