"""Is a corpus honest? Documents that come twice, and passages that validation or test share with the training text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lmstudio_app.engine.events import DuplicatesFound, Event, LeakageFound, Progress

if TYPE_CHECKING:
    from lmstudio_app.engine.data.corpus import Corpus

LISTED = 50
"""How many groups or passages a report names."""
_LONGEST = 200  # characters of a passage that are shown
_TICK = 200  # documents between reports


def find_duplicates(corpus: Corpus) -> Iterator[Event]:
    """Compare all documents of `corpus`; yields `Progress`, ends with `DuplicatesFound`. Raises `UserError`."""
    from lmstudio_app.engine.data import duplicates
    from lmstudio_app.engine.data.documents import whole_texts

    steps = duplicates.find_duplicates(whole_texts(corpus))
    while True:
        try:
            done = next(steps)
        except StopIteration as end:
            found: duplicates.Duplicates = end.value
            break
        if done % _TICK == 0:
            yield Progress("Comparing documents", done, corpus.statistics.documents, "documents")
    equal = sorted(found.equal, key=lambda group: (-len(group), group))[:LISTED]
    similar = found.similar[:LISTED]
    begun = _begun(corpus, [group[0] for group in (*equal, *similar)])
    yield DuplicatesFound(
        repeated=found.repeated,
        nearly_repeated=sum(len(group) - 1 for group in found.similar),
        equal=tuple(equal),
        similar=tuple(similar),
        equal_begun=tuple(begun[group[0]] for group in equal),
        similar_begun=tuple(begun[group[0]] for group in similar),
        equal_groups=len(found.equal),
        similar_groups=len(found.similar),
        by_design=corpus.record.origin == "sample",
    )


def _begun(corpus: Corpus, numbers: Sequence[int]) -> dict[int, str]:
    """How these documents begin."""
    from lmstudio_app.engine.data.documents import whole_texts

    wanted, found = set(numbers), {}
    for number, text in enumerate(whole_texts(corpus)) if wanted else ():
        if number in wanted:
            found[number] = text[:_LONGEST]
            if len(found) == len(wanted):
                break
    return found


def find_leakage(corpus: Corpus, characters: int | None = None) -> Iterator[Event]:
    """Look for passages of validation and test that the training text has too, of at least so many characters (48).

    Yields `Progress`, ends with `LeakageFound`. Raises `UserError`.
    """
    from lmstudio_app.engine.data import duplicates
    from lmstudio_app.engine.data.text_pieces import text_pieces

    least = characters or duplicates.PASSAGE
    passages: list[duplicates.Passage] = []
    total = corpus.statistics.splits["training"].characters
    for number, split in enumerate(("validation", "test")):
        pieces = text_pieces(corpus.text_path("training"))
        steps = duplicates.find_leakage(pieces, split, corpus.text(split), least)  # type: ignore[arg-type]
        while True:
            try:
                yield Progress("Comparing splits", number * total + next(steps), 2 * total, "characters")
            except StopIteration as end:
                passages += end.value
                break
    yield LeakageFound(
        characters=least,
        passages=len(passages),
        shared=sum(len(passage.text) for passage in passages),
        listed=tuple((each.split, each.start, each.text[:_LONGEST]) for each in passages[:LISTED]),
        by_design=corpus.record.origin == "sample",
    )
