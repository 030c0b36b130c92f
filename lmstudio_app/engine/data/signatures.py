"""Tells what a file is that is not text, by the bytes it starts with."""

from __future__ import annotations

import re
from collections.abc import Callable

# The first bytes of common formats and what to call them in "… is a PNG picture".
_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF87a", "a GIF picture"),
    (b"GIF89a", "a GIF picture"),
    (b"II*\x00", "a TIFF picture"),
    (b"MM\x00*", "a TIFF picture"),
    (b"%PDF-", "a PDF document"),
    (b"{\\rtf", "a Rich Text document"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document"),
    (b"\x7fELF", "a program"),
    (b"\xfe\xed\xfa\xce", "a program"),
    (b"\xfe\xed\xfa\xcf", "a program"),
    (b"\xcf\xfa\xed\xfe", "a program"),
    (b"\xca\xfe\xba\xbe", "a program"),
    (b"\x00asm", "a program"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"PAR1", "a Parquet table"),
    (b"ARROW1", "an Arrow table"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"GGUF", "a GGUF model"),
    (b"\x80\x02}", "a Python pickle"),
    (b"\x80\x04\x95", "a Python pickle"),
    (b"OggS", "a sound file"),
    (b"fLaC", "a sound file"),
    (b"ID3", "a sound file"),
    (b"wOFF", "a font"),
    (b"wOF2", "a font"),
    (b"OTTO\x00", "a font"),
    (b"\x00\x01\x00\x00\x00", "a font"),
    (b"\x1aE\xdf\xa3", "a film"),
)
_ZIPPED = (
    (b"word/", "a Word document"),
    (b"ppt/", "a PowerPoint document"),
    (b"xl/", "an Excel document"),
    (b"application/epub+zip", "an EPUB book"),
    (b"application/vnd.oasis.opendocument", "an OpenDocument file"),
)


def describe(head: bytes) -> str:
    """What a file that starts with `head` (some kilobytes) is, with its article; empty when no format is recognised."""
    for start, words in _STARTS:
        if head.startswith(start) and (len(start) > 3 or not _reads_as_ascii(head)):
            return words
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return next((words for mark, words in _ZIPPED if mark in head), "a ZIP archive")
    return next((words for test, words in _INSIDE if test(head)), "")


def _is_safetensors(head: bytes) -> bool:
    # Eight bytes give the length of the JSON header that follows.
    if head[8:9] != b"{":
        return False
    length = int.from_bytes(head[:8], "little")
    return 2 <= length < 1 << 32 and (head[8:10] == b"{}" or re.match(rb'\{\s*"', head[8:]) is not None)


def _reads_as_ascii(head: bytes) -> bool:
    return head.isascii() and b"\x00" not in head


_INSIDE: tuple[tuple[Callable[[bytes], bool], str], ...] = (
    (lambda head: head.startswith(b"RIFF") and head[8:12] == b"WEBP", "a WebP picture"),
    (lambda head: head.startswith(b"RIFF") and head[8:12] == b"WAVE", "a sound file"),
    (lambda head: head.startswith(b"RIFF") and head[8:12] == b"AVI ", "a film"),
    (lambda head: head.startswith(b"BM") and head[6:10] == b"\0\0\0\0", "a BMP picture"),
    (lambda head: head.startswith(b"MZ") and b"\0" in head, "a program"),
    (lambda head: head[4:8] == b"ftyp" and b"\0" in head[:4], "a film or picture"),
    (lambda head: head[257:262] == b"ustar", "a tar archive"),
    (_is_safetensors, "a safetensors model"),
)
