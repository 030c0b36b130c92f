"""How the text of a corpus begins, or that of one of its files, read without reading the rest."""

from __future__ import annotations

from itertools import pairwise

from lmstudio_app.engine.data.corpus import DOCUMENTS, ORDER, Corpus, damaged
from lmstudio_app.engine.data.splits import SPLITS
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.storage.atomic import in_words

_MOST_BYTES_PER_CHARACTER = 4
_MOST_DOCUMENTS = 10_000  # of which at least one character is shown


def excerpt(corpus: Corpus, source: int | None, characters: int) -> tuple[str, bool]:
    """The first `characters` of the text that came from `corpus.sources[source]` (None: of the whole text), cleaned,
    and whether that is all of it; documents in the order of reading. Raises `UserError`."""
    places = [(0, corpus.statistics.bytes)] if source is None else _places(corpus, source)
    most, raw, all_read = _MOST_BYTES_PER_CHARACTER * characters, b"", True
    for start, stop in places:
        if len(raw) >= most:
            all_read = False
            break
        raw += _read(corpus, start, min(stop, start + most - len(raw)))
        all_read = all_read and len(raw) < most
    text = raw.decode("utf-8", "ignore")  # the last character may be cut in two
    whole = all_read or len(raw) == sum(stop - start for start, stop in places)
    return text[:characters], whole and len(text) <= characters


def _places(corpus: Corpus, source: int) -> list[tuple[int, int]]:
    """Where the text of a source lies, in the bytes of all splits joined: one stretch, or where documents were shuffled
    or left out one for each, of many the first ones."""
    import numpy as np

    try:
        ends = np.load(corpus.folder / DOCUMENTS, mmap_mode="r", allow_pickle=False)
        first = sum(earlier.documents for earlier in corpus.sources[:source])
        last = first + corpus.sources[source].documents
        if first == last:  # all its documents are left out
            return []
        if not (corpus.folder / ORDER).exists():
            return [(int(ends[first - 1]) if first else 0, int(ends[last - 1]))]
        numbers = np.load(corpus.folder / ORDER, allow_pickle=False)[:-2]
        lying = np.argsort(numbers, kind="stable")
        read = numbers[lying]
        places = lying[np.searchsorted(read, first) : np.searchsorted(read, last)][:_MOST_DOCUMENTS]
        return [(int(ends[place - 1]) if place else 0, int(ends[place])) for place in places.tolist()]
    except (OSError, ValueError, EOFError, IndexError) as error:
        raise damaged(corpus.folder) from error


def _read(corpus: Corpus, start: int, stop: int) -> bytes:
    """Bytes of the whole text, which lies in the files of the three splits."""
    edges = [0]
    for name in SPLITS:
        edges.append(edges[-1] + corpus.statistics.splits[name].bytes)
    found = b""
    for name, (first, after) in zip(SPLITS, pairwise(edges), strict=True):
        low, high = max(start, first), min(stop, after)
        if low < high:
            path = corpus.text_path(name)
            try:
                with path.open("rb") as file:
                    file.seek(low - first)
                    found += file.read(high - low)
            except OSError as error:
                raise in_words(error, path) from error
    if len(found) != stop - start:
        raise UserError(
            "The text of “{name}” is shorter than it was. Restore its folder from a copy, or add its text again.",
            name=corpus.name,
        )
    return found
