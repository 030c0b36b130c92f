"""Shows what a text is like, and whether it can be trusted: the plots, their tables, the checks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QFileDialog

from lmstudio_app.gui import text_reading
from lmstudio_app.gui.job_thread import Stopping
from lmstudio_app.gui.pane import Pane
from lmstudio_app.gui.text_reading import stamp_of
from lmstudio_app.gui.translation import declared
from lmstudio_app.gui.widgets import number_text
from lmstudio_app.gui.widgets.bar_plot import Mark, Rule
from lmstudio_app.gui.widgets.checks_card import Check, ChecksCard
from lmstudio_app.gui.widgets.profile_card import PlotWords, ProfileCard

if TYPE_CHECKING:
    from lmstudio_app.engine.data.corpus import Corpus
    from lmstudio_app.engine.data.profile import Lengths, TextProfile
    from lmstudio_app.engine.events import DuplicatesFound, LeakageFound
    from lmstudio_app.gui.session import Session

NAMED = (1, 3, 10, 30, 100, 300)
"""Ranks of the words that are named in the plot."""
LISTED = 30


class ShownProfile(QObject):
    """Fills a `ProfileCard` and a `ChecksCard`, and writes plots to files.

    `comparing` is the corpus that is compared with itself although it is large.
    """

    def __init__(self, session: Session, card: ProfileCard, checks: ChecksCard, pane: Pane) -> None:
        super().__init__(pane)
        self._session, self._card, self._checks, self._pane = session, card, checks, pane
        self._corpus: Corpus | None = None
        self._found: dict[str, Any] = {}
        self.comparing = ""
        card.export_wanted.connect(self._ask_for_file)
        session.draft_changed.connect(self._show_lengths_again)

    def clear(self) -> None:
        """There is no text."""
        self._corpus, self._found = None, {}
        self._card.show_nothing(self.tr("Known as soon as the text is ready."))
        self._checks.show_checks([])

    def show_corpus(self, corpus: Corpus) -> None:
        """Another text is shown, of which nothing is counted yet."""
        if self._corpus is None or stamp_of(corpus) != stamp_of(self._corpus):
            self._found = {}
            self._card.show_nothing(self.tr("Words are being counted."))
        self._corpus = corpus
        self._show_checks()

    def show_profile(self, counted: TextProfile) -> None:
        """Show the plots and their tables."""
        from lmstudio_app.engine.pipeline.profile import rows

        self._found["profile"] = counted
        self._show_plots(counted)
        columns = {
            "words": (self.tr("Rank"), self.tr("Word"), self.tr("Occurrences")),
            "lengths": (self.tr("Bytes from"), self.tr("Bytes below"), self.tr("Count")),
            "characters": (self.tr("Character"), self.tr("Code point"), self.tr("Occurrences")),
            "labels": (self.tr("Label"), self.tr("Occurrences")),
        }
        words = {
            "words": self.tr("Words"),
            "lengths": self.tr("Lengths"),
            "characters": self.tr("Characters"),
            "labels": self.tr("Labels"),
        }
        offered = [name for name in columns if name != "labels" or counted.labels]
        self._card.show_tables([(name, words[name], columns[name], rows(counted, name)) for name in offered])  # type: ignore[arg-type]
        self._show_checks()

    def show_duplicates(self, found: DuplicatesFound) -> None:
        """Show whether documents come twice."""
        self._found["duplicates"] = found
        self._show_checks()

    def show_leakage(self, found: LeakageFound) -> None:
        """Show whether the splits share passages."""
        self._found["leakage"] = found
        self._show_checks()

    # Plots --------------------------------------------------------------------------------------------------------

    def _show_lengths_again(self) -> None:
        if (counted := self._found.get("profile")) is not None:
            self._show_plots(counted)

    def _show_plots(self, counted: TextProfile) -> None:
        size = number_text.size(counted.counted_bytes)
        note = "" if counted.whole else self.tr("counted in {size} from all over the text").format(size=size)
        scripts = ", ".join(
            f"{declared(script)} {number_text.percent(share)}" for script, share in list(counted.scripts.items())[:3]
        )
        self._card.show_plots(self._words(counted), self._lengths(counted.lengths), note or scripts)

    def _words(self, counted: TextProfile) -> PlotWords:
        names = {rank: word for rank, (word, _) in enumerate(counted.words, 1)}
        told = self.tr("rank {rank}: {word} {count} times")
        marks = [
            Mark(
                rank,
                count,
                told.format(
                    rank=number_text.whole(rank),
                    word=f"“{names[rank]}”" if rank in names else "",
                    count=number_text.whole(count),
                ).replace("  ", " "),
                word=names.get(rank, "") if rank in NAMED else "",
            )
            for rank, count in counted.ranks
        ]
        summary = self.tr("{different} different words among {count}; the most frequent is “{word}”.").format(
            different=number_text.whole(counted.different_words),
            count=number_text.whole(counted.word_count),
            word=counted.words[0][0] if counted.words else "",
        )
        return PlotWords(
            self.tr("Word frequency"),
            self.tr("Zipf, log–log"),
            marks,
            [Rule("1 / rank", dashed=True)],
            self.tr("rank of the word"),
            summary,
        )

    def _lengths(self, lengths: Lengths) -> PlotWords:
        units = {
            "document": (self.tr("Document length"), self.tr("bytes in a document")),
            "paragraph": (self.tr("Paragraph length"), self.tr("bytes in a paragraph")),
            "line": (self.tr("Line length"), self.tr("bytes in a line")),
        }
        title, below = units[lengths.unit]
        told = self.tr("{count} of {low} to {high} bytes")
        edges = list(lengths.edges)
        marks = [
            Mark(
                low,
                count,
                told.format(count=number_text.whole(count), low=round(low), high=round(high)),
                x2=high,
            )
            for low, high, count in zip(edges, edges[1:], lengths.counts, strict=False)
        ]
        median = number_text.whole(round(lengths.median))
        rules = [Rule(self.tr("median {median}").format(median=median), lengths.median)]
        if context := self._context_bytes():
            rules.append(Rule(self.tr("context"), context, dashed=True))
        summary = self.tr("{count} lengths, median {median} bytes, longest {longest}.").format(
            count=number_text.whole(lengths.count), median=median, longest=number_text.whole(lengths.longest)
        )
        return PlotWords(title, self.tr("bytes, log"), marks, rules, below, summary)

    def _context_bytes(self) -> float:
        """How much text a model of the next run sees at once, about; 0 where that is not known."""
        if self._corpus is None:
            return 0.0
        return self._context_tokens() * self._corpus.statistics.bytes_per_token

    def _context_tokens(self) -> int:
        from lmstudio_app.engine.registry import family

        draft = self._session.draft
        known = family(draft.family)
        values = {**known.chosen(draft.preset, draft.style)["model"], **draft.model}
        field = known.settings.model_fields.get("context")
        value = values.get("context", field.default if field is not None else 0)
        return value if isinstance(value, int) else 0

    # Checks -------------------------------------------------------------------------------------------------------

    def _show_checks(self) -> None:
        corpus = self._corpus
        if corpus is None:
            return
        compared = [*self._leakage(), *self._duplicates(corpus)]
        if self._waits(corpus):
            words = self.tr("Splits and documents are not compared yet")
            remark = self.tr("in a text of this size it takes some minutes")
            compared = [Check("compare", "text3", words, remark, action=("compare", self.tr("Compare")))]
        self._checks.show_checks([*compared, *self._decoded(corpus)])

    def _waits(self, corpus: Corpus) -> bool:
        """Whether the text is too large to be compared with itself without being asked to."""
        asked = self.comparing == corpus.name or {"leakage", "duplicates"} & self._found.keys()
        return corpus.statistics.bytes > text_reading.MOST_CHECKED_BYTES and not asked

    def _leakage(self) -> list[Check]:
        found: LeakageFound | None = self._found.get("leakage")
        remark = self.tr("any shared passage of 48 characters or more")
        if found is None:
            return [Check("leakage", "text3", self.tr("Comparing the splits"), remark)]
        if not found.passages:
            return [Check("leakage", "ok", self.tr("No validation or test text appears in training"), remark)]
        words = self.tr("{count} passages are in the training text too").format(count=number_text.whole(found.passages))
        if found.passages == 1:
            words = self.tr("1 passage is in the training text too")
        listed = [
            f"{split} {number_text.whole(start)}: {' '.join(text.split())}" for split, start, text in found.listed
        ]
        if found.by_design:
            remark = self.tr("A grammar wrote this text: it repeats itself by design.")
            return [Check("leakage", "ok", words, remark, listed)]
        return [Check("leakage", "warn", words, remark, listed, ("repair", self.tr("Leave out")))]

    def _duplicates(self, corpus: Corpus) -> list[Check]:
        found: DuplicatesFound | None = self._found.get("duplicates")
        if found is None:
            return [Check("duplicates", "text3", self.tr("Comparing documents"))]
        if corpus.statistics.documents < 2:
            return []
        checks = []
        share = found.repeated / max(1, corpus.statistics.documents)
        words = self.tr("{count} repeated documents ({percent})")
        words = (self.tr("1 repeated document ({percent})") if found.repeated == 1 else words).format(
            count=number_text.whole(found.repeated), percent=number_text.percent(share)
        )
        if not found.repeated:
            checks.append(Check("duplicates", "ok", self.tr("No document is there twice")))
        elif found.by_design:
            remark = self.tr("A grammar wrote this text: it repeats itself by design.")
            checks.append(Check("duplicates", "ok", words, remark, _groups(found.equal, found.equal_begun)))
        else:
            first = _beginning(found.equal_begun[0]) if found.equal_begun else ""
            remark = self.tr("such as “{text}”, {count} times").format(
                text=first, count=number_text.whole(len(found.equal[0]))
            )
            action = ("keep_first", self.tr("Keep first"))
            checks.append(Check("duplicates", "warn", words, remark, _groups(found.equal, found.equal_begun), action))
        if found.similar_groups and not found.by_design:
            words = self.tr("{count} groups of documents are nearly the same")
            words = self.tr("1 group of documents is nearly the same") if found.similar_groups == 1 else words
            words = words.format(count=number_text.whole(found.similar_groups))
            action = ("drop_similar", self.tr("Keep first"))
            listed = _groups(found.similar, found.similar_begun)
            checks.append(Check("similar", "warn", words, "", listed, action))
        return checks

    def _decoded(self, corpus: Corpus) -> list[Check]:
        statistics = corpus.statistics
        unknown = sum(split.unknown_tokens for split in statistics.splits.values())
        tokens = max(1, sum(statistics.tokens.values()))
        repaired = [source for source in corpus.sources if "+" in source.encoding]
        bad = sum(source.bad_rows for source in corpus.sources)
        checks = []
        if bad:
            words = self.tr("{count} rows could not be used").format(count=number_text.whole(bad))
            words = self.tr("1 row could not be used") if bad == 1 else words
            lines = [
                f"{Path(source.path).name}: {', '.join(map(str, source.bad_lines))}"
                for source in corpus.sources
                if source.bad_rows
            ]
            checks.append(Check("rows", "warn", words, self.tr("they are left out; the lines are listed"), lines))
        if unknown:
            words = self.tr("{count} unknown tokens ({percent})")
            words = (self.tr("1 unknown token ({percent})") if unknown == 1 else words).format(
                count=number_text.whole(unknown), percent=number_text.percent(unknown / tokens)
            )
            remark = self.tr("the vocabulary lacks them; each of their bytes costs 8 bits")
            tone = "warn" if unknown > tokens / 1000 else "ok"
            checks.append(Check("unknown", tone, words, remark))
        elif not repaired:
            checks.append(Check("unknown", "ok", self.tr("Every byte decoded; 0 unknown tokens")))
        if repaired:
            words = self.tr("{count} files had bytes that do not fit their encoding")
            words = self.tr("1 file had bytes that do not fit its encoding") if len(repaired) == 1 else words
            listed = [f"{Path(source.path).name}: {source.encoding}" for source in repaired]
            checks.append(Check("encoding", "warn", words.format(count=len(repaired)), "", listed))
        return checks

    # Files --------------------------------------------------------------------------------------------------------

    def _ask_for_file(self, plot: str, ending: str) -> None:
        if self._corpus is None:
            return
        dialog = QFileDialog(self._pane, self.tr("Export"), f"{self._corpus.name} {plot}{ending}")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(ending[1:])
        dialog.setNameFilter(f"*{ending}")
        dialog.fileSelected.connect(lambda path: self.save(plot, Path(path)))
        dialog.open()

    def save(self, plot: str, path: Path) -> None:
        """Write a plot to `path`, and say above the pane when it is there, or why it is not."""
        corpus, context, pane = self._corpus, self._context_tokens(), self._pane
        if corpus is None:
            return

        def work(stopping: Stopping) -> Iterable[Any]:
            from lmstudio_app.engine import pipeline

            yield from pipeline.save_profile(corpus, plot, path, context=context)  # type: ignore[arg-type]

        def ended(failure: BaseException | None) -> None:
            if failure is not None:
                pane.tell(failure)
            else:
                pane.said.emit(self.tr("Saved as “{path}”.").format(path=path), "ok")

        self._session.jobs.start(work, lambda items: None, ended, pane)


def _groups(groups: Sequence[Sequence[int]], begun: Sequence[str]) -> list[str]:
    """Groups of documents, counted from 1, with how the first of each begins."""
    lines = []
    for group, text in list(zip(groups, begun, strict=False))[:LISTED]:
        numbers = ", ".join(number_text.whole(number + 1) for number in group[:6]) + (" …" if len(group) > 6 else "")
        lines.append(f"{numbers}: {_beginning(text)}")
    return lines


def _beginning(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= 60 else plain[:59] + "…"
