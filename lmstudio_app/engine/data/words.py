"""Words of a text: runs of letters, with apostrophes inside them."""

from __future__ import annotations

import re

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


def count_words(text: str) -> int:
    """How many there are."""
    return sum(1 for _ in WORD.finditer(text))
