"""The scripts of letters: Latin, Han, Cyrillic, …"""

from __future__ import annotations

import unicodedata
from collections import Counter
from functools import lru_cache

SCRIPTS = (
    "Latin", "Han", "Cyrillic", "Greek", "Arabic", "Hebrew", "Hiragana", "Katakana", "Hangul", "Devanagari", "Bengali",
    "Tamil", "Telugu", "Thai", "Georgian", "Armenian", "Ethiopic", "Khmer", "Lao", "Tibetan", "Myanmar",
)  # fmt: skip
"""Those that documents can be chosen by."""
OTHER = "Other"
_HAN = ("CJK", "IDEOGRAPHIC")


@lru_cache(maxsize=1 << 14)
def script_of(character: str) -> str | None:
    """The script of a letter, one of `SCRIPTS` or `OTHER`, by the first word of its Unicode name; of a variant, such as
    a full-width letter, that of the letter itself. None for what is no letter."""
    if not unicodedata.category(character).startswith("L"):
        return None
    plain = unicodedata.normalize("NFKC", character)[:1]
    first = unicodedata.name(plain, "").partition(" ")[0].partition("-")[0]
    script = "Han" if first in _HAN else first.capitalize()
    return script if script in SCRIPTS else OTHER


def counted_scripts(text: str) -> Counter[str]:
    """How many letters of each script a text has."""
    found: Counter[str] = Counter()
    for character, count in Counter(text).items():
        if (script := script_of(character)) is not None:
            found[script] += count
    return found
