"""What is in a corpus, in numbers: counted once, when it is made, and kept in its `corpus.toml`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import NonNegativeFloat, NonNegativeInt

from lmstudio_app.engine.data.splits import SPLITS, Split
from lmstudio_app.engine.data.words import words_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_DIFFERENT_WORDS = 1_000_000


@dataclass(frozen=True)
class SplitStatistics:
    """One split: its documents (one that is cut belongs to where it starts), characters, and bytes of UTF-8; its
    tokens, and what characters without a token take of these."""

    documents: NonNegativeInt
    characters: NonNegativeInt
    bytes: NonNegativeInt
    tokens: NonNegativeInt = 0
    unknown_tokens: NonNegativeInt = 0
    unknown_bytes: NonNegativeInt = 0


@dataclass(frozen=True)
class Statistics:
    """The whole corpus after cleaning.

    `words` and `different_words` are runs of letters, upper and lower case alike; `different_words` is None where
    there are more than a million. `character_entropy` is that of single characters, in bits. `cleaned` says how often
    each switch of cleaning found something. `vocabulary` is that of the corpus' own tokenizer, as it was learned.
    """

    splits: Mapping[Split, SplitStatistics]
    words: NonNegativeInt
    different_characters: NonNegativeInt
    character_entropy: NonNegativeFloat
    whole_documents: bool
    different_words: NonNegativeInt | None = None
    cleaned: Mapping[str, NonNegativeInt] = field(default_factory=dict)
    vocabulary: NonNegativeInt = 0

    @property
    def documents(self) -> int:
        """Documents of all splits."""
        return sum(split.documents for split in self.splits.values())

    @property
    def characters(self) -> int:
        """Characters of all splits."""
        return sum(split.characters for split in self.splits.values())

    @property
    def bytes(self) -> int:
        """Bytes of all splits, in UTF-8."""
        return sum(split.bytes for split in self.splits.values())

    @property
    def tokens(self) -> Mapping[Split, int]:
        """Tokens of each split."""
        return {name: self.splits[name].tokens for name in SPLITS}

    @property
    def bytes_per_token(self) -> float:
        """Bytes of text for each token, over all splits."""
        return self.bytes / max(1, sum(self.tokens.values()))


class Counter:
    """Counts characters and words of a text that comes in pieces which end after line ends."""

    def __init__(self) -> None:
        import numpy as np

        self.words = 0
        self._different: set[str] | None = set()
        self._characters: NDArray[np.int64] = np.zeros(0x110000, dtype=np.int64)

    def count(self, piece: str) -> None:
        """Take the next piece."""
        import numpy as np

        points = np.frombuffer(piece.encode("utf-32-le"), dtype=np.uint32)
        self._characters[: int(points.max(initial=0)) + 1] += np.bincount(points, minlength=1)
        words = words_of(piece)
        self.words += len(words)
        if self._different is not None:
            self._different.update(words)
            if len(self._different) > MOST_DIFFERENT_WORDS:
                self._different = None

    def statistics(
        self, splits: Mapping[Split, SplitStatistics], *, whole_documents: bool, cleaned: Mapping[str, int]
    ) -> Statistics:
        """The figures of all that was counted."""
        import numpy as np

        counts = self._characters[self._characters > 0]
        shares = counts / max(1, counts.sum())
        return Statistics(
            splits=dict(splits),
            words=self.words,
            different_words=len(self._different) if self._different is not None else None,
            different_characters=len(counts),
            character_entropy=max(0.0, float(-(shares * np.log2(shares)).sum())),
            whole_documents=whole_documents,
            cleaned=dict(cleaned),
        )


def added(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """The sums of counts by name."""
    sums: dict[str, int] = {}
    for some in counts:
        for name, number in some.items():
            sums[name] = sums.get(name, 0) + number
    return sums
