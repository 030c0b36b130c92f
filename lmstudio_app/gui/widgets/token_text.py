"""How a token's text is made visible: a dot for a space, an arrow for a line's end."""

from __future__ import annotations

import unicodedata

SPACE, NEWLINE, TABULATOR, PART = "·", "⏎", "⇥", "◦"
_GLYPHS = {
    " ": SPACE, "\n": NEWLINE, "\t": TABULATOR, "\r": "␍", "\u00a0": "⍽", "\u3000": "□",
    "\u2028": "␤", "\u2029": "¶",  # each would end the line
    "\u200b": "⁞", "\ufeff": "⁞", "\u00ad": "‧",  # each would have no width
    **dict.fromkeys(map(chr, range(0x80, 0xA0)), "⁞"),  # control characters
    **dict.fromkeys("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e", "⁞"),  # each would turn the text
    **dict.fromkeys("\u2066\u2067\u2068\u2069", "⁞"),  # after it around
    "\u0085": "␤",
}  # fmt: skip
STAND_INS = frozenset(_GLYPHS.values()) | {PART}
"""The glyphs that stand for something else."""


def visible(text: str, *, spaces: bool = True) -> str:
    """`text` with what would not show replaced by a glyph, one character for one.

    A token without text of its own (part of a character) shows as a small ring. With `spaces` off, spaces stay.
    """
    return "".join(_glyph(character, spaces) for character in text) if text else PART


def label(text: str) -> str:
    """`visible`, for a token that stands alone: a combining mark is put on a dotted circle."""
    shown = visible(text)
    return "◌" + shown if unicodedata.combining(shown[0]) else shown


def _glyph(character: str, spaces: bool) -> str:
    if character == " " and not spaces:
        return character
    if character in _GLYPHS:
        return _GLYPHS[character]
    if ord(character) < 32:
        return chr(0x2400 + ord(character))
    return "␡" if character == "\x7f" else character
