"""Subtitles (SubRip and WebVTT): what is said, a line for each cue; numbers, times and marks are left out."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from lmstudio_app.engine.data.reader import Document, TextSource
from lmstudio_app.engine.registry import Reader, register_reader

_TIMES = re.compile(r"\s*(\d+:)?\d{1,2}:\d{2}[.,]\d{1,3}\s*-->\s*(\d+:)?\d{1,2}:\d{2}[.,]\d{1,3}")
_MARKS = re.compile(r"</?[a-zA-Z][^<>\n]*>|<\d[\d:.]*>|\{\\[^}\n]*\}")


def read(source: TextSource) -> Iterator[Document]:
    """The file as one document."""
    yield Document(source.path.name, _spoken(source.pieces()))


def _spoken(pieces: Iterator[str]) -> Iterator[str]:
    cue: list[str] | None = None
    for piece in pieces:
        said = []
        for line in piece.splitlines():
            if _TIMES.match(line):
                if cue:
                    said.append(_joined(cue))
                cue = []
            elif not line.strip():
                if cue:
                    said.append(_joined(cue))
                cue = None
            elif cue is not None:
                cue.append(line)
        if text := "".join(said):
            yield text
    if cue:
        yield _joined(cue)


def _joined(cue: list[str]) -> str:
    text = " ".join(html.unescape(_MARKS.sub("", line)).strip() for line in cue).strip()
    return text + "\n" if text else ""


def looks(head: str) -> bool:
    """Does a file begin as subtitles do?"""
    lines = head.splitlines()[:3]
    return bool(lines) and (lines[0].startswith("WEBVTT") or any(_TIMES.match(line) for line in lines[1:]))


READER = register_reader(Reader("subtitles", "Subtitles", (".srt", ".vtt"), read, looks))
