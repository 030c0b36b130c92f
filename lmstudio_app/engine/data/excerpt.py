"""How the text of a corpus begins, or that of one of its files, read without reading the rest."""

from __future__ import annotations

from itertools import pairwise

from lmstudio_app.engine.data.corpus import DOCUMENTS, Corpus, damaged
from lmstudio_app.engine.data.splits import SPLITS
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.storage.atomic import in_words

_MOST_BYTES_PER_CHARACTER = 4


def excerpt(corpus: Corpus, source: int | None, characters: int) -> tuple[str, bool]:
    """The first `characters` of the text that came from `corpus.sources[source]` (None: of the whole text), cleaned,
    and whether that is all of it. Raises `UserError`."""
    start, stop = (0, corpus.statistics.bytes) if source is None else _place(corpus, source)
    raw = _read(corpus, start, min(stop, start + _MOST_BYTES_PER_CHARACTER * characters))
    text = raw.decode("utf-8", "ignore")  # the last character may be cut in two
    return text[:characters], start + len(raw) >= stop and len(text) <= characters


def _place(corpus: Corpus, source: int) -> tuple[int, int]:
    """The first byte of a source's text and the one after its last, in the bytes of all splits joined."""
    import numpy as np

    try:
        ends = np.load(corpus.folder / DOCUMENTS, mmap_mode="r", allow_pickle=False)
        first = sum(earlier.documents for earlier in corpus.sources[:source])
        last = first + corpus.sources[source].documents
        return int(ends[first - 1]) if first else 0, int(ends[last - 1])
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
