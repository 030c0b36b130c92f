"""What a corpus is like: which words and characters are frequent, how long its documents are, which labels and scripts
it has, how far one character tells the next.

Counted on first use, from an even sample where a text is very large, and kept beside the text as `profile.json`.
Shapes: V different words or characters.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lmstudio_app.engine.data.corpus import DOCUMENTS, FIELDS, Corpus
from lmstudio_app.engine.data.corpus_writer import load_numbers
from lmstudio_app.engine.data.scripts import script_of
from lmstudio_app.engine.data.splits import SPLITS
from lmstudio_app.engine.data.text_pieces import even_parts, text_pieces
from lmstudio_app.engine.data.words import words_of
from lmstudio_app.engine.events import Progress
from lmstudio_app.engine.storage.json_lines import read_jsonl

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FILE = "profile.json"
FORMAT = 1
PROFILED_BYTES = 64_000_000
"""Bytes of text from which a profile is counted at most."""
LISTED = 500
"""How many of the most frequent words and characters are kept."""
FEW_DOCUMENTS = 30
"""With fewer documents, paragraphs are measured, and with few paragraphs lines."""
_MOST_WORDS = 1_000_000
_RANKS = 200  # points of the rank-frequency curve
_BINS_PER_OCTAVE = 2


@dataclass(frozen=True)
class Lengths:
    """How long documents are, in bytes: how many lie between each of `edges` and the next, and the one in the middle.

    `unit` is what is measured: "document", "paragraph" or "line".
    """

    unit: str
    count: int
    median: float
    longest: int
    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class TextProfile:
    """`ranks` are points (rank, occurrences) of all words by frequency, evenly spaced on a logarithmic axis; `words`
    and `characters` are the most frequent ones with their occurrences. Entropies are in bits a character:
    `unigram_entropy` of single ones, `bigram_entropy` of each when the one before it is known. `scripts` are shares of
    letters. `labels` are occurrences in a labelled or tagged corpus. `whole`: all text was counted; `all_words`: none
    was left out because there are too many different ones."""

    whole: bool
    counted_bytes: int
    word_count: int
    different_words: int
    ranks: tuple[tuple[int, int], ...]
    words: tuple[tuple[str, int], ...]
    characters: tuple[tuple[str, int], ...]
    unigram_entropy: float
    bigram_entropy: float
    lengths: Lengths
    scripts: Mapping[str, float]
    labels: tuple[tuple[str, int], ...] = ()
    different_labels: int = 0
    all_words: bool = True

    @property
    def label_balance(self) -> float:
        """The entropy of labels divided by what it would be if all were equally frequent: 1 is balanced."""
        total = sum(count for _, count in self.labels)
        if len(self.labels) < 2 or not total:
            return 1.0
        entropy = -sum(count / total * math.log2(count / total) for _, count in self.labels if count)
        return entropy / math.log2(len(self.labels))


def profile(corpus: Corpus) -> Generator[Progress, None, TextProfile]:
    """The profile of `corpus`, kept beside its text once it is counted; yields progress. Raises `UserError`."""
    if (known := _known(corpus)) is not None:
        return known
    counted = yield from count_profile(corpus)
    _keep(corpus, counted)
    return counted


def count_profile(corpus: Corpus) -> Generator[Progress, None, TextProfile]:
    """Count it. Raises `UserError`."""
    size = corpus.statistics.bytes
    whole = size <= PROFILED_BYTES
    counting, done = _Counting(), 0
    for piece in _pieces(corpus, whole):
        counting.count(piece)
        done += len(piece.encode("utf-8"))
        yield Progress("Counting words", min(done, PROFILED_BYTES), min(size, PROFILED_BYTES), "bytes")
    lengths = _lengths(corpus, whole)
    labels = _labels(corpus)
    ranked = sorted(counting.words.items(), key=lambda each: (-each[1], each[0]))
    shown = sorted(labels.items(), key=lambda each: (-each[1], each[0]))
    return TextProfile(
        whole=whole,
        counted_bytes=done,
        word_count=sum(counting.words.values()),
        different_words=len(ranked),
        ranks=tuple(_ranks([count for _, count in ranked])),
        words=tuple(ranked[:LISTED]),
        characters=tuple(counting.frequent_characters(LISTED)),
        unigram_entropy=counting.unigram_entropy(),
        bigram_entropy=counting.bigram_entropy(),
        lengths=lengths,
        scripts=counting.scripts(),
        labels=tuple(shown[:LISTED]),
        different_labels=len(shown),
        all_words=counting.all_words,
    )


class _Counting:
    """Words, characters and pairs of characters of a text that comes in pieces."""

    def __init__(self) -> None:
        import numpy as np

        self.words: Counter[str] = Counter()
        self._characters: NDArray[np.int64] = np.zeros(0x110000, dtype=np.int64)
        self._pairs: NDArray[np.uint64] = np.empty(0, dtype=np.uint64)
        self._occurrences: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._waiting: list[tuple[NDArray[np.uint64], NDArray[np.int64]]] = []
        self._last = ""
        self.all_words = True

    def count(self, piece: str) -> None:
        """Take the next piece."""
        import numpy as np

        points = np.frombuffer(piece.encode("utf-32-le"), dtype=np.uint32)
        found = np.bincount(points, minlength=1)
        self._characters[: len(found)] += found
        joined = np.frombuffer((self._last + piece).encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
        self._waiting.append(np.unique(joined[:-1] << np.uint64(21) | joined[1:], return_counts=True))
        if len(self._waiting) >= 16:
            self._gather()
        self._last = piece[-1:] or self._last
        self.words.update(words_of(piece))
        if len(self.words) > _MOST_WORDS:  # words that were seen once so far are dropped: none of them is frequent
            self.words = Counter({word: count for word, count in self.words.items() if count > 1})
            self.all_words = False

    def _gather(self) -> None:
        import numpy as np

        if self._waiting:
            pairs = np.concatenate([self._pairs, *(pairs for pairs, _ in self._waiting)])
            counts = np.concatenate([self._occurrences, *(counts for _, counts in self._waiting)])
            self._pairs, places = np.unique(pairs, return_inverse=True)
            self._occurrences = np.bincount(places, weights=counts, minlength=len(self._pairs)).astype(np.int64)
            self._waiting = []

    def frequent_characters(self, most: int) -> Iterator[tuple[str, int]]:
        """The most frequent characters with their occurrences."""
        import numpy as np

        for point in np.argsort(-self._characters, kind="stable")[:most].tolist():
            if self._characters[point]:
                yield chr(point), int(self._characters[point])

    def unigram_entropy(self) -> float:
        """Of single characters, in bits."""
        return _entropy(self._characters[self._characters > 0])

    def bigram_entropy(self) -> float:
        """Of a character when the one before it is known, in bits: H(pair) − H(first of a pair)."""
        import numpy as np

        self._gather()
        if not len(self._pairs):
            return 0.0
        firsts = np.bincount(np.unique(self._pairs >> np.uint64(21), return_inverse=True)[1], weights=self._occurrences)
        return max(0.0, _entropy(self._occurrences) - _entropy(firsts))

    def scripts(self) -> dict[str, float]:
        """The share of each script among the letters, the most frequent first."""
        import numpy as np

        sums: Counter[str] = Counter()
        for point in np.flatnonzero(self._characters).tolist():
            if (script := script_of(chr(point))) is not None:
                sums[script] += int(self._characters[point])
        total = sum(sums.values())
        return {script: count / total for script, count in sums.most_common()}


def _entropy(counts: NDArray[Any]) -> float:
    import numpy as np

    shares = counts / max(1, counts.sum())
    return float(-(shares * np.log2(shares)).sum()) + 0.0


def _pieces(corpus: Corpus, whole: bool) -> Iterator[str]:
    if whole:
        for split in SPLITS:
            yield from text_pieces(corpus.text_path(split))
    else:
        yield from even_parts(corpus.text_path("training"), PROFILED_BYTES)


def _ranks(counts: Sequence[int]) -> list[tuple[int, int]]:
    """(rank from 1, occurrences) at places that are evenly spaced on a logarithmic axis, first and last included."""
    if not counts:
        return []
    last = math.log(len(counts))
    places = {round(math.exp(last * step / (_RANKS - 1))) for step in range(_RANKS)} | {1, len(counts)}
    return [(rank, counts[rank - 1]) for rank in sorted(places)]


def _lengths(corpus: Corpus, whole: bool) -> Lengths:
    import numpy as np

    ends = np.fromiter(load_numbers(corpus, DOCUMENTS, "q"), dtype=np.int64)
    if len(ends) >= FEW_DOCUMENTS:
        return measured("document", np.diff(ends, prepend=0))
    paragraphs = np.fromiter(_blocks(_pieces(corpus, whole), "\n\n"), dtype=np.int64)
    if len(paragraphs) >= FEW_DOCUMENTS:
        return measured("paragraph", paragraphs)
    return measured("line", np.fromiter(_blocks(_pieces(corpus, whole), "\n"), dtype=np.int64))


def _blocks(pieces: Iterable[str], mark: str) -> Iterator[int]:
    """The bytes of the blocks between marks, but of empty ones."""
    kept = ""
    for piece in pieces:
        *blocks, kept = (kept + piece).split(mark)
        yield from (len(block.strip("\n").encode("utf-8")) for block in blocks if block.strip())
    if kept.strip():
        yield len(kept.strip("\n").encode("utf-8"))


def measured(unit: str, lengths: NDArray[np.int64]) -> Lengths:
    """The histogram of `lengths` (N,), in bins that grow by half an octave."""
    import numpy as np

    lengths = lengths[lengths > 0]
    if not len(lengths):
        return Lengths(unit, 0, 0.0, 0, (), ())
    low = math.floor(_BINS_PER_OCTAVE * math.log2(int(lengths.min())))
    high = math.floor(_BINS_PER_OCTAVE * math.log2(int(lengths.max()))) + 1
    edges = 2.0 ** (np.arange(low, high + 1) / _BINS_PER_OCTAVE)
    counts, _ = np.histogram(lengths, edges)
    counts[-1] += len(lengths) - counts.sum()  # what rounding put outside
    return Lengths(
        unit, len(lengths), float(np.median(lengths)), int(lengths.max()), tuple(edges.tolist()), tuple(counts.tolist())
    )


def _labels(corpus: Corpus) -> Counter[str]:
    """How often each label, or each tag of a word, occurs."""
    found: Counter[str] = Counter()
    if corpus.kind == "labelled":
        found.update(str(row.get("label", "")) for row in read_jsonl(corpus.folder / FIELDS))
    elif corpus.kind == "tagged":
        for row in read_jsonl(corpus.folder / FIELDS):
            found.update(str(row.get("tags", "")).split())
    return found


def _known(corpus: Corpus) -> TextProfile | None:
    """What was kept, if it is of this text."""
    try:
        described = json.loads((corpus.folder / FILE).read_text(encoding="utf-8"))
        if (described.pop("format"), described.pop("data_hash")) != (FORMAT, corpus.data_hash):
            return None
        return _checked(described)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None  # not there, or damaged: it is counted again


def _checked(described: dict[str, Any]) -> TextProfile:
    from pydantic import TypeAdapter

    return TypeAdapter(TextProfile).validate_python(described)


def _keep(corpus: Corpus, counted: TextProfile) -> None:
    import contextlib

    from lmstudio_app.engine.errors import UserError
    from lmstudio_app.engine.storage.atomic import write_json

    with contextlib.suppress(UserError):  # a full disk must not hide what was counted
        write_json(corpus.folder / FILE, {"format": FORMAT, "data_hash": corpus.data_hash} | asdict(counted))
