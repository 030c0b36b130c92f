"""Where a corpus is cut into training, validation and test text: in order, by whole documents where that fits."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.settings import Problem, Settings, setting

Split = Literal["training", "validation", "test"]
SPLITS: tuple[Split, ...] = ("training", "validation", "test")

_SMALL = 1 << 16  # bytes; such a text is cut by counting characters
_SMALLEST_TEST = 0.005
_LEAST, _MOST = 0.5, 2.0  # a split of whole documents is between half and twice its share


class SplitSettings(Settings):
    """How much of the text is for training and for validation; the test gets the rest."""

    training: float = setting(
        0.9,
        title="Training",
        help="The share of the text, from its start, that models learn from.",
        minimum=0.05,
        maximum=0.99,
    )
    validation: float = setting(
        0.05,
        title="Validation",
        help="The share after it that measures progress while a model learns. The rest is for the final test.",
        minimum=0.005,
        maximum=0.9,
    )
    whole_documents: bool = setting(
        True,
        title="Keep documents whole",
        help="Cuts between documents where there are enough of them, so that no text is in two splits.",
    )
    shuffled: bool = setting(
        False,
        title="Shuffle documents",
        help="Whole documents are drawn for each split; otherwise the splits follow one another in the text.",
    )
    stratified: bool = setting(
        True,
        title="Share out labels evenly",
        help="Where documents are shuffled and have labels, every split gets its share of each.",
    )
    seed: int = setting(
        0,
        title="Seed",
        help="Shuffling with the same seed gives the same splits.",
        minimum=0,
        maximum=2**31 - 1,
    )
    repair: bool = setting(
        False,
        title="Leave out what training has",
        help="Documents, or lines, of validation and test that share a passage of 48 characters with the training text "
        "are left out.",
    )

    def conflicts(self) -> Iterator[Problem]:
        """Training and validation together must leave something for the test."""
        if self.training + self.validation > 1 - _SMALLEST_TEST + 1e-9:
            most = math.floor((1 - _SMALLEST_TEST - self.training) * 1000 + 1e-6) / 1000
            yield Problem(
                "validation",
                "Training and validation together must leave at least {test} for the test; the validation share can be "
                "at most {most}.",
                {"test": _SMALLEST_TEST, "most": max(most, 0.0)},
                (most,) if most >= _SMALLEST_TEST else (),
            )

    @property
    def shares(self) -> tuple[float, float, float]:
        """The shares of the three splits."""
        return self.training, self.validation, 1 - self.training - self.validation


@dataclass(frozen=True)
class Cuts:
    """The byte offsets where training ends and where validation ends, and whether documents stayed whole."""

    training: int
    validation: int
    whole_documents: bool

    def ranges(self, size: int) -> dict[Split, tuple[int, int]]:
        """The first byte and the one after the last of each split of a text of `size` bytes."""
        return {
            "training": (0, self.training),
            "validation": (self.training, self.validation),
            "test": (self.validation, size),
        }


def plan(ends: Sequence[int], characters: int, settings: SplitSettings, read: Callable[[int, int], bytes]) -> Cuts:
    """Where to cut a UTF-8 text whose documents end at the byte offsets `ends`; `read(start, stop)` gives its bytes.

    Raises `UserError` when the text is too short for three splits.
    """
    size = ends[-1] if len(ends) else 0
    needed = math.ceil(1 / min(settings.shares) - 1e-9)
    if characters < needed:
        raise UserError(
            "The text is too short: it has {characters} characters, and three splits need at least {needed}. Add text.",
            characters=characters,
            needed=needed,
        )
    if settings.whole_documents and (cuts := _between_documents(ends, settings)):
        return cuts
    if size <= _SMALL:
        text = read(0, size).decode("utf-8")
        places = [max(1, int(characters * settings.training + 1e-9))]
        places.append(max(places[0] + 1, int(characters * (settings.training + settings.validation) + 1e-9)))
        first, second = (len(text[:place].encode("utf-8")) for place in places)
        return Cuts(first, second, whole_documents=False)
    share = min(settings.shares)
    first = _near(int(size * settings.training), size, share, read)
    second = _near(int(size * (settings.training + settings.validation)), size, share, read)
    return Cuts(first, second, whole_documents=False)


def _between_documents(ends: Sequence[int], settings: SplitSettings) -> Cuts | None:
    """Cuts at the document ends nearest to the shares; None where a split would be far from its share."""
    import numpy as np

    if len(ends) < len(SPLITS):
        return None
    offsets = np.asarray(ends, dtype=np.int64)
    size = int(offsets[-1])
    first = int(offsets[np.abs(offsets - size * settings.training).argmin()])
    second = int(offsets[np.abs(offsets - size * (settings.training + settings.validation)).argmin()])
    lengths = (first, second - first, size - second)
    fits = all(
        _LEAST * share * size <= length <= _MOST * share * size
        for length, share in zip(lengths, settings.shares, strict=True)
    )
    return Cuts(first, second, whole_documents=True) if fits else None


def _near(place: int, size: int, share: float, read: Callable[[int, int], bytes]) -> int:
    """The line end nearest to `place`, else the end of a word, else of a character, at most a tenth of a split away."""
    reach = max(8, min(4000, int(size * share / 10)))
    start = max(1, place - reach)
    window = read(start, min(size - 1, place + reach))
    middle = place - start
    for mark in (b"\n", b" "):
        before, after = window.rfind(mark, 0, middle), window.find(mark, middle)
        found = [at + 1 for at in (before, after) if at >= 0]
        if found:
            return start + min(found, key=lambda at: abs(at - middle))
    while middle < len(window) and 0x80 <= window[middle] < 0xC0:  # inside a character
        middle += 1
    return start + middle
