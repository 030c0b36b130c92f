"""The 256 bytes as visible characters, the way byte-level BPE writes them into a vocabulary (Radford et al. 2019)."""

from __future__ import annotations

_PRINTABLE = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
_HIDDEN = [byte for byte in range(256) if byte not in _PRINTABLE]

LETTER_OF_BYTE = {byte: chr(byte) for byte in _PRINTABLE} | {byte: chr(0x100 + i) for i, byte in enumerate(_HIDDEN)}
"""Bytes that print as themselves in Latin-1 stay; the others take the characters from U+0100 on, in order."""

BYTE_OF_LETTER = {letter: byte for byte, letter in LETTER_OF_BYTE.items()}
LETTERS = frozenset(BYTE_OF_LETTER)
