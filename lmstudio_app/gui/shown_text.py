"""Shows one text in the cards of the Corpus pane: a corpus, or one that is still being made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from PySide6.QtCore import QObject, Signal

from lmstudio_app.gui import corpus_words
from lmstudio_app.gui.pane import Pane
from lmstudio_app.gui.preparation import Preparation
from lmstudio_app.gui.session import Session
from lmstudio_app.gui.shown_profile import ShownProfile
from lmstudio_app.gui.shown_tokens import ShownTokens
from lmstudio_app.gui.shown_views import ShownViews
from lmstudio_app.gui.text_reading import TextReading
from lmstudio_app.gui.tokenizer_views import TokenizerViews
from lmstudio_app.gui.translation import declared, sentence
from lmstudio_app.gui.widgets import number_text
from lmstudio_app.gui.widgets.checks_card import ChecksCard
from lmstudio_app.gui.widgets.encoding_chooser import Reading
from lmstudio_app.gui.widgets.library_card import LibraryCard
from lmstudio_app.gui.widgets.preview_card import PreviewCard
from lmstudio_app.gui.widgets.profile_card import ProfileCard
from lmstudio_app.gui.widgets.source_card import SourceCard
from lmstudio_app.gui.widgets.splits_card import SplitsCard
from lmstudio_app.gui.widgets.statistics_card import StatisticsCard
from lmstudio_app.gui.widgets.tokenizer_card import TokenizerCard
from lmstudio_app.gui.widgets.yardsticks import Yardstick, YardstickCard

if TYPE_CHECKING:
    from lmstudio_app.engine.data.corpus import Corpus, Skipped
    from lmstudio_app.engine.events import DuplicatesFound
    from lmstudio_app.engine.pipeline.preview import Preview, TokenPreview

SOURCE, SKIPPED = "source:", "skipped:"
EXCERPT_CHARACTERS = 160


class Cards(NamedTuple):
    """The cards of the pane."""

    library: LibraryCard
    preview: PreviewCard
    tokenizer: TokenizerCard
    statistics: StatisticsCard
    yardsticks: YardstickCard
    source: SourceCard
    splits: SplitsCard
    profile: ProfileCard
    checks: ChecksCard


class ShownText(QObject):
    """Fills the cards. `corpus` is what is shown, None while there is none; `source` the number of its picked file.

    Signals: `changed()` another text or another file is shown.
    """

    changed = Signal()

    def __init__(self, session: Session, cards: Cards, pane: Pane) -> None:
        super().__init__(pane)
        self._session = session
        self._cards = cards
        self._reading = TextReading(session, self)
        self._reading.arrived.connect(self._arrived)
        self._reading.failed.connect(self._failed)
        self._glance = TextReading(session, self)  # whether a file fits is told when it is read again
        self._glance.arrived.connect(lambda kind, preview: self._show_text(preview))
        self._more = TextReading(session, self)
        self._more.arrived.connect(self._show_reading)
        self._more.failed.connect(self._refuse_reading)
        self._name = ""
        self._tokens = ShownTokens(cards.tokenizer)
        self.profile = ShownProfile(session, cards.profile, cards.checks, pane)
        self.views = ShownViews(session, cards.preview)
        self._tokenizer = TokenizerViews(session, cards.tokenizer)
        self._tokenizer.typed.connect(self._show_typed)
        self._begun: Any = None
        self._asked = "cleaned"
        self.corpus: Corpus | None = None
        self.preparation: Preparation | None = None
        self.source: int | None = None
        self.skipped: Skipped | None = None
        cards.library.file_picked.connect(self._pick_file)
        cards.preview.chooser.other_wanted.connect(self._read_otherwise)
        cards.preview.encoding.show_encodings(corpus_words.encodings())

    @property
    def busy(self) -> bool:
        """Whether something is still being read."""
        return self._reading.busy

    # What is shown ------------------------------------------------------------------------------------------------

    def show_corpus(self, name: str) -> None:
        """Show the corpus `name`, or show it again as it is now."""
        if name != self._name or self.preparation is not None:
            self.source = self.skipped = None
        self._name, self.preparation = name, None
        self._glance.stop()
        self._read()

    def _read(self) -> None:
        self._asked = self.views.chosen
        self._reading.read_corpus(self._name, self.source, self._asked, compare=self._name == self.profile.comparing)

    def compare(self) -> None:
        """Look for duplicates and leakage in the text that is shown, however large it is."""
        self.profile.comparing = self._name
        self._read()

    def show_preparation(self, one: Preparation) -> None:
        """Show a text of which a corpus is being made, or of which nobody knows the encoding."""
        new = one is not self.preparation
        undecided = one in self._session.preparations.undecided
        self._clear(
            self.tr("The tokens stand here as soon as the encoding is chosen.")
            if undecided
            else self.tr("The tokens stand here as soon as the text is ready.")
        )
        self._cards.source.show_facts(corpus_words.request_facts(one.request))
        self.preparation = one
        preview = self._cards.preview
        if undecided:
            self._ask_encoding(one.failure, self.tr("Do not add it"))
        elif new:
            preview.offer(encoding=False, cleaning=False)
            if paths := one.request.get("paths"):
                self._reading.read_file(Path(paths[0]), (one.request.get("encodings") or {}).get(str(paths[0])))
            elif one.request.get("text"):
                preview.show_text(str(one.request["text"])[:10_000])
            else:
                words = self.tr("A grammar writes it, so the exact probability of every word is known.")
                preview.show_empty(corpus_words.request_title(one.request), words)
        if new:
            self.changed.emit()

    def show_file(self, path: Path, encoding: str) -> None:
        """Show how a file of the corpus begins in another encoding, while it is being read again."""
        self._glance.read_file(path, encoding)

    def show_counted(self) -> None:
        """Show what is known of the text that is being made."""
        counted = self.preparation.counted if self.preparation is not None else None
        figures = corpus_words.counted_figures(counted) if counted is not None else {}
        self._cards.statistics.show_figures(figures)

    def show_nothing(self) -> None:
        """There are no texts."""
        self._clear(self.tr("The tokens of a text stand here."))
        self._cards.preview.offer(encoding=False, cleaning=False)
        words = self.tr("Drop a text file or a folder anywhere on this page, paste a text, or take a sample.")
        self._cards.preview.show_empty(self.tr("No texts yet"), words, self.tr("Choose files…"), "file")
        self.changed.emit()

    def _clear(self, no_tokens: str) -> None:
        self._reading.stop()
        self._name, self.corpus, self.preparation, self.source, self.skipped = "", None, None, None, None
        cards = self._cards
        cards.library.show_files([], "", "")
        cards.statistics.show_figures({})
        cards.yardsticks.show_yardsticks([])
        cards.source.show_facts([])
        cards.splits.show_parts([], [], "")
        self._tokens.clear(no_tokens)
        self._begun = None
        self._tokenizer.show_corpus(None)
        self.profile.clear()
        self.views.clear()

    # Parts as they arrive -----------------------------------------------------------------------------------------

    def _arrived(self, kind: str, value: Any) -> None:
        show: dict[str, Callable[[Any], None]] = {
            "corpus": self._show_corpus,
            "text": self._show_text,
            "tokens": self._show_tokens,
            "yardsticks": self._show_yardsticks,
            "counts": self._tokens.show_counts,
            "cleanable": self._show_cleanable,
            "profile": self.profile.show_profile,
            "duplicates": self._show_duplicates,
            "leakage": self.profile.show_leakage,
            "changes": self.views.show_changes,
            "table": self.views.show_table,
            "reading": self.views.show_reading,
            "trouble": self.views.show_trouble,
        }
        late = (
            kind in ("text", "changes", "table", "reading", "trouble")
            and self.corpus is not None
            and self.preparation is None
        )
        if not (late and self._asked != self.views.chosen):  # a person chose another view meanwhile
            show[kind](value)

    def _failed(self, failure: BaseException) -> None:
        preview = self._cards.preview
        if self.preparation is not None:  # the preparation itself says what is wrong
            preview.show_text("")
            return
        name = self._name
        self._clear(self.tr("The tokens of a text stand here."))
        self._name = name
        preview.offer(encoding=False, cleaning=False)
        preview.show_empty(self.tr("This text cannot be shown"), sentence(failure))
        self.changed.emit()

    def _show_corpus(self, corpus: Corpus) -> None:
        self.corpus = corpus
        if corpus.sources and self.source is None:
            self.source = 0
        statistics, cards = corpus.statistics, self._cards
        cards.statistics.show_figures(corpus_words.figures(statistics, corpus.settings.tokenizer.vocabulary))
        tokens = max(1, sum(statistics.tokens.values()))
        shares: dict[str, float] = {name: count / tokens for name, count in statistics.tokens.items()}
        how = self.tr("by document, in order") if statistics.whole_documents else self.tr("by position")
        cards.splits.show_parts(corpus_words.split_parts(shares), corpus_words.split_counts(statistics), how)
        self._show_files(corpus)
        self._show_source(corpus)
        self._tokens.show_measures(statistics, corpus.settings.tokenizer.kind)
        self.profile.show_corpus(corpus)
        self._tokenizer.show_corpus(corpus)
        self.changed.emit()

    def _show_tokens(self, tokens: TokenPreview) -> None:
        self._begun = tokens
        if self._cards.tokenizer.typed.text():
            self._tokens.await_tokens()
        else:
            self._tokens.show_tokens(tokens)

    def _show_typed(self, tokens: TokenPreview | None) -> None:
        """Show the tokens of a typed text; without one those of the text."""
        if tokens is not None or self._begun is not None:
            self._tokens.show_tokens(tokens or self._begun, same=True)

    def _show_text(self, preview: Preview) -> None:
        if self.skipped is not None:
            return
        self._cards.preview.show_text(preview.text, whole=preview.whole)

    def _show_cleanable(self, found: dict[str, int]) -> None:
        if self.corpus is not None:
            cleaned = self.corpus.statistics.cleaned
            changed, finds = self.tr("{count} changed"), self.tr("{count} found")
            counts = {name: changed.format(count=number_text.whole(count)) for name, count in cleaned.items()}
            counts |= {name: finds.format(count=number_text.whole(count)) for name, count in found.items()}
            useful = [name for name, count in found.items() if count]
            self._cards.preview.cleaning.show_counts(counts, useful)

    def _show_duplicates(self, found: DuplicatesFound) -> None:
        self.profile.show_duplicates(found)
        if self.corpus is not None and not self.corpus.settings.cleaning.similar_documents and not found.by_design:
            words = self.tr("{count} found").format(count=number_text.whole(found.nearly_repeated))
            self._cards.preview.cleaning.show_count("similar_documents", words, useful=found.nearly_repeated > 0)

    def _show_yardsticks(self, found: dict[str, float]) -> None:
        from lmstudio_app.engine.pipeline.loss import TITLES

        hints = {
            "uniform": self.tr("every token equally likely"),
            "unigram": self.tr("each as likely as it is frequent"),
            "entropy": self.tr("no model can do better"),
        }
        self._cards.yardsticks.show_yardsticks(
            [Yardstick(declared(TITLES[name]), hints[name], value, name == "entropy") for name, value in found.items()]
        )

    # Files --------------------------------------------------------------------------------------------------------

    def _show_files(self, corpus: Corpus) -> None:
        sources, skipped = corpus.sources, corpus.skipped
        if len(sources) + len(skipped) < 2:
            self._cards.library.show_files([], "", "")
            return
        items = [corpus_words.skipped_item(f"{SKIPPED}{place}", one) for place, one in enumerate(skipped)]
        items += [corpus_words.source_item(f"{SOURCE}{place}", one) for place, one in enumerate(sources)]
        words = self.tr("{count} files")
        if skipped:
            words = self.tr("{count} files, {skipped} skipped")
        count = number_text.whole(len(sources))
        chosen = f"{SOURCE}{self.source}"
        if self.skipped is not None:
            chosen = next((f"{SKIPPED}{p}" for p, one in enumerate(skipped) if one.path == self.skipped.path), chosen)
        self._cards.library.show_files(items, chosen, words.format(count=count, skipped=len(skipped)))

    def _pick_file(self, key: str) -> None:
        if self.corpus is None:
            return
        if key.startswith(SOURCE):
            self.source, self.skipped = int(key.removeprefix(SOURCE)), None
            self._read()
        else:
            self._reading.stop()
            self.skipped = self.corpus.skipped[int(key.removeprefix(SKIPPED))]
            self._show_source(self.corpus)
            self.changed.emit()

    def _show_source(self, corpus: Corpus) -> None:
        """Show the encoding of the picked file, or why it was left out."""
        preview = self._cards.preview
        if self.skipped is not None and all(one.path != self.skipped.path for one in corpus.skipped):
            path, self.skipped = self.skipped.path, None  # it was read meanwhile
            read = next((place for place, one in enumerate(corpus.sources) if one.path == path), self.source)
            if read != self.source:
                self.source = read
                self._show_files(corpus)
                self._read()
                return
        if self.skipped is not None:
            preview.offer(encoding=False, cleaning=False)
            self._cards.source.show_facts(corpus_words.skipped_facts(self.skipped), corpus_words.origin(corpus))
            if self.skipped.options:
                self._ask_encoding(self.skipped, self.tr("Leave it out"))
            else:
                preview.show_empty(self.tr("This file was skipped"), corpus_words.skipped_reason(self.skipped))
            return
        table = self.source is not None and bool(corpus.sources[self.source].mapping)
        files, before = self.source is not None, self.views.chosen
        preview.offer(encoding=files, cleaning=True, columns=table, reading=files)
        if self.views.chosen != before == self._asked:  # this text has no such view, so what comes is another
            self._asked = self.views.chosen
        self.views.show_corpus(corpus, self.source)
        self._cards.source.show_facts(corpus_words.source_facts(corpus, self.source), corpus_words.origin(corpus))
        if self.source is not None:
            source = corpus.sources[self.source]
            if preview.encoding.findData(source.encoding) < 0:
                preview.encoding.show_encodings(corpus_words.encodings(source.encoding))
            preview.encoding.show_chosen(source.encoding, corpus_words.sureness(source))

    # Encodings in doubt -------------------------------------------------------------------------------------------

    def _ask_encoding(self, doubtful: Any, leave: str) -> None:
        """Let the person choose among the readings that `doubtful` (an error, or a file left out) offers."""
        preview = self._cards.preview
        preview.offer(encoding=False, cleaning=False)
        readings = [Reading(name, corpus_words.encoding_title(name), words) for name, words in doubtful.options[:3]]
        why = self.tr("Its bytes do not say in which encoding it is written.")
        preview.chooser.other.show_encodings(corpus_words.encodings())
        path = getattr(doubtful, "path", "")
        preview.chooser.show_readings(str(path), readings, why, leave)
        preview.show_chooser()

    def _read_otherwise(self, encoding: str) -> None:
        path = getattr(self.skipped or getattr(self.preparation, "failure", None), "path", "")
        if path:
            self._more.read_file(Path(path), f"{encoding}+replace")

    def _show_reading(self, kind: str, preview: Preview) -> None:
        text = preview.text
        place = max(0, next((place for place, letter in enumerate(text) if not letter.isascii()), 0) - 40)
        encoding = preview.encoding if "\ufffd" in text else preview.encoding.partition("+")[0]
        title = corpus_words.encoding_title(encoding)
        self._cards.preview.chooser.add_reading(Reading(encoding, title, text[place : place + EXCERPT_CHARACTERS]))

    def _refuse_reading(self, failure: BaseException) -> None:
        self._cards.preview.notice.say(sentence(failure), "err")
