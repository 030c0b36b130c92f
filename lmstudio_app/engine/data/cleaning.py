"""What is made uniform in a text before a model learns from it. Nothing is lost unless a switch says so."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from lmstudio_app.engine.settings import Settings, setting

_TRAILING = re.compile(r"[ \t\u00a0\u3000]+(?=[\r\n])")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff]")


class CleaningSettings(Settings):
    """The switches of cleaning."""

    line_ends: bool = setting(
        True,
        title="Uniform line ends",
        help="Writes every line end as a single line feed, whatever system the file comes from.",
    )
    trailing_spaces: bool = setting(False, title="Trim line ends", help="Removes spaces and tabs at the ends of lines.")
    control_characters: bool = setting(
        False,
        title="Drop control characters",
        help="Removes characters that show nothing, such as NUL. Tabs and line ends stay.",
    )
    unicode_nfc: bool = setting(
        False,
        title="Compose letters (NFC)",
        help="Writes a letter and its accent as one character where Unicode has one, so that é is always the same.",
    )


def clean(text: str, settings: CleaningSettings) -> tuple[str, Mapping[str, int]]:
    """`text` cleaned, and how often each switch that is on found something, by the name of the switch.

    A text may be cleaned in pieces that end after line ends; the result is the same.
    """
    counts: dict[str, int] = {}
    if settings.line_ends:
        counts["line_ends"] = text.count("\r")
        if counts["line_ends"]:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
    if settings.control_characters:
        text, counts["control_characters"] = _CONTROLS.subn("", text)
    if settings.trailing_spaces:
        text, counts["trailing_spaces"] = _TRAILING.subn("", text)
    if settings.unicode_nfc:
        composed = text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)
        counts["unicode_nfc"] = max(int(composed != text), len(text) - len(composed))
        text = composed
    return text, counts
