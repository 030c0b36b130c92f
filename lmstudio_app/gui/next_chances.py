"""Keeps the card of next-token chances true: to the end of the text or the marked token, and to the sampler."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.generation.settings import SamplingSettings
from lmstudio_app.gui.job_thread import Ended, JobThread, Stopping
from lmstudio_app.gui.latest_job import LatestJob
from lmstudio_app.gui.model_source import ModelSource
from lmstudio_app.gui.widgets.chances_card import ChancesCard
from lmstudio_app.gui.widgets.token_text import label

if TYPE_CHECKING:
    from lmstudio_app.engine.model import Model
    from lmstudio_app.engine.pipeline.expect import Expectation
    from lmstudio_app.engine.run import Run

MOST_TOKENS = 20_000
"""After a longer text the model is not asked: it would have to read all of it."""

SHOWN = 12


@dataclass(frozen=True)
class Place:
    """A place in a text: the ids of its `prompt`, those `written` since, the texts just `before` it, and the token that
    stands there as (id, text), None at the end."""

    prompt: Sequence[int]
    written: Sequence[int] = ()
    before: Sequence[str] = ()
    token: tuple[int, str] | None = None


class NextChances(QObject):
    """Asks the model on a thread and shapes its answer here, which takes no time, so that the card moves as a slider
    does. `place()` says where the text stands, or None while nobody shall be asked."""

    def __init__(
        self,
        card: ChancesCard,
        source: ModelSource,
        place: Callable[[], Place | None],
        failed: Callable[[BaseException], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._card, self._source, self._place, self._failed = card, source, place, failed
        self._owner = parent
        self._known: tuple[Place, Expectation] | None = None
        self._settings = SamplingSettings()
        self._asking = LatestJob(self._ask, failed, self, milliseconds=60)

    def ask(self) -> None:
        """The text, the marked token or the model is another: ask what is expected there."""
        self._asking.ask()

    def forget(self) -> None:
        """Take back what is known: another text is being written."""
        self._asking.forget()
        self._known = None

    def clear(self, words: str) -> None:
        """Show no chances, and say why."""
        self.forget()
        self._card.clear()
        self._card.show_words(words)

    @property
    def known(self) -> bool:
        """Whether the card shows what a model answered."""
        return self._known is not None

    def shape(self, settings: SamplingSettings) -> None:
        """Show what `settings` make of it."""
        self._settings = settings
        if self._known is None:
            return
        place, expectation = self._known
        try:
            found = expectation.shaped(settings, place.token)
        except UserError as error:
            self._failed(error)
            return
        rows = list(found.rows)
        written = next((n for n, row in enumerate(rows) if place.token and row[0] == place.token[0]), -1)
        if written >= SHOWN:  # the token that stands there is always shown
            rows[SHOWN - 1], written = rows[written], SHOWN - 1
        self._card.show_chances(
            [row[1:] for row in rows[:SHOWN]],
            _shown(place.before),
            written,
            counts=(found.kept, found.cut),
            cut_words=self._cutter(found.kept),
        )
        words = self.tr("Entropy {before} bits before the sampler, {after} after it. Moves as you drag.")
        self._card.show_words(words.format(before=f"{found.entropy_before:.2f}", after=f"{found.entropy_after:.2f}"))

    def show_drawn(self, rows: Sequence[tuple[str, float, float]], before: Sequence[str], written: int) -> None:
        """While a text is written: what its newest token, row `written` (or −1), was drawn from."""
        kept = sum(after > 0 for *_, after in rows)
        self._card.show_chances(rows[:SHOWN], _shown(before), written, cut_words=self._cutter(kept))
        self._card.show_words(self.tr("What the newest token was drawn from."))

    def _ask(self, ended: Ended) -> JobThread | None:
        place = self._place()
        run = self._source.run
        if place is None or run is None or not self._source.version:
            return None
        if len(place.prompt) + len(place.written) > MOST_TOKENS:
            return None

        def work(stopping: Stopping, run: Run, model: Model) -> Iterable[Expectation]:
            from lmstudio_app.engine import pipeline

            return [pipeline.expect(run, place.prompt, place.written, model)]

        def arrived(items: list[Expectation]) -> None:
            if self._source.run is not None and self._source.run.identity == run.identity and self._place() == place:
                self._known = (place, items[-1])
                self.shape(self._settings)

        return self._source.start(work, arrived, ended, self._owner)

    def _cutter(self, kept: int) -> str:
        """Which of the sampler's settings cut the list to `kept` tokens."""
        if self._settings.temperature == 0:
            return self.tr("temperature 0 keeps one")
        by_count = 0 < self._settings.top_k <= kept
        return self.tr("top-k cuts here") if by_count or self._settings.top_p == 1 else self.tr("top-p cuts here")


def _shown(before: Sequence[str]) -> str:
    return "".join(label(text) for text in before)
