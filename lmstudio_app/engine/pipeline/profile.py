"""What a corpus is like, counted; and each of its plots as a picture or a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import Progress
from lmstudio_app.engine.storage.atomic import write_text

if TYPE_CHECKING:
    from lmstudio_app.engine.data.corpus import Corpus
    from lmstudio_app.engine.data.profile import TextProfile

Plot = Literal["words", "lengths", "characters", "labels"]
COLUMNS: dict[Plot, tuple[str, ...]] = {
    "words": ("rank", "word", "occurrences"),
    "lengths": ("bytes_from", "bytes_below", "count"),
    "characters": ("character", "code_point", "occurrences"),
    "labels": ("label", "occurrences"),
}


def profile(corpus: Corpus) -> Generator[Progress, None, TextProfile]:
    """The profile of `corpus`; yields progress while it is counted for the first time. Raises `UserError`."""
    from lmstudio_app.engine.data.profile import profile

    return (yield from profile(corpus))


def save_profile(
    corpus: Corpus, plot: Plot, path: Path, *, context: int | None = None
) -> Generator[Progress, None, None]:
    """Write one plot of a profile to `path`: .csv is a table, .png and .svg are pictures (of words and lengths).

    `context` are the tokens that a model will see at once, marked among the lengths. Raises `UserError` for another
    ending, labels where there are none, or a full disk.
    """
    from lmstudio_app.engine import figures

    pictures = plot in ("words", "lengths")
    if not pictures and path.suffix.lower() != ".csv":
        raise UserError("“{path}”: {plot} are written as .csv.", field="out", path=path, plot=plot)
    figures.check_format(path, (".csv",))
    counted = yield from profile(corpus)
    if plot == "labels" and not counted.labels:
        raise UserError("“{corpus}” has no labels.", field="plot", corpus=corpus.name)
    if path.suffix.lower() == ".csv":
        write_text(path, _table(COLUMNS[plot], rows(counted, plot)))
    elif plot == "words":
        figures.draw_frequencies(counted.ranks, counted.words, path, title=f"{corpus.name} · word frequency")
    else:
        lengths = counted.lengths
        size = (context or 0) * corpus.statistics.bytes_per_token
        title = f"{corpus.name} · length of a {lengths.unit}"
        figures.draw_lengths(lengths.edges, lengths.counts, lengths.median, size, path, title=title, unit=lengths.unit)


def rows(counted: TextProfile, plot: Plot) -> Sequence[Sequence[Any]]:
    """The rows of a plot's table, under `COLUMNS`. Of words beyond the most frequent ones only ranks are kept."""
    if plot == "words":
        listed = [(rank, word, count) for rank, (word, count) in enumerate(counted.words, 1)]
        return listed + [(rank, "", count) for rank, count in counted.ranks if rank > len(listed)]
    if plot == "lengths":
        edges = counted.lengths.edges
        return [(round(low, 1), round(high, 1), count)
                for low, high, count in zip(edges, edges[1:], counted.lengths.counts, strict=False)]  # fmt: skip
    if plot == "characters":
        return [(character, f"U+{ord(character):04X}", count) for character, count in counted.characters]
    return list(counted.labels)


def _table(columns: Sequence[str], written: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(columns)
    table.writerows(written)
    return text.getvalue()
