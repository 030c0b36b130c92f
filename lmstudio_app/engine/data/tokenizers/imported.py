"""A tokenizer that was made elsewhere: byte-level byte pairs with any separation of words (GPT-2, Llama 3, Qwen, …).

Only such a one gives back every text as it was, or composed (NFC), so that scores count its bytes. The file comes from
anywhere, and the library has been made to swell and to give up the process by some: another process tries it first.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lmstudio_app.engine.data import child_process
from lmstudio_app.engine.data.library_tokenizer import LibraryTokenizer, bytes_of
from lmstudio_app.engine.data.surface import Surface
from lmstudio_app.engine.errors import UserError

_MEMORY = 2 << 30  # bytes of address space
_SECONDS = 30
_MOST_TOKENS = 1 << 20
_BETWEEN_WORDS = re.compile(r"(?<=[^\W_]) (?=[^\W_])")
"""A space between letters or figures: a word starts there in all separations of words that are in use."""
_PROBE = (
    "The old mill, 12345 turns; it's “quiet”…\n\n\tNaïve façade — 漢字，かな。 Привет! 😀\r\n"
    "  two  spaces\0 e\u0301 \u200b end <s> [X]\n"
)


class ImportedTokenizer(LibraryTokenizer):
    """Encodes as its file says; no special token is put before or behind a text."""

    kind = "imported"
    safe = _BETWEEN_WORDS

    def __init__(self, described: Mapping[str, Any]) -> None:
        """Raises `ValueError`, `KeyError` or `TypeError` for what is no byte-level BPE, and where the library refuses
        it."""
        super().__init__(described, _tokens(described), Surface())

    @property
    def verbatim(self) -> bool:
        """Not where letters and accents are composed first (NFC)."""
        return self._library.normalizer is None

    def seen(self, text: str) -> str:
        """`text`, composed where the tokenizer does that."""
        composed: str = text if self.verbatim else self._library.normalizer.normalize_str(text)
        return composed


def from_json(described: Mapping[str, Any], path: Path) -> ImportedTokenizer:
    """The tokenizer in `path`, of which `described` is the content. Raises `UserError` when it cannot be used."""
    reduced = dict(described) | {"truncation": None, "padding": None, "post_processor": None}
    if reason := _trouble(reduced):
        raise UserError("“{path}” cannot be used: {reason}", path=path, reason=reason)
    command = child_process.command(f"from {__name__} import main; main()")
    environment = dict(child_process.environment()) | {"TOKENIZERS_PARALLELISM": "false"}
    raw = json.dumps(reduced).encode("utf-8")
    try:
        tried = subprocess.run(
            command, input=raw, capture_output=True, env=environment, timeout=2 * _SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        tried = None
    if tried is None or tried.returncode != 0:
        raise UserError(
            "“{path}” cannot be used: cutting a text with it and putting that together again did not succeed. It may "
            "be damaged.",
            path=path,
        )
    return ImportedTokenizer(reduced)


def main() -> None:
    """`python -c …`: ends with 0 when the tokenizer on the standard input gives back a text as it was."""
    child_process.limit(_MEMORY, _SECONDS)
    tokenizer = ImportedTokenizer(json.loads(sys.stdin.buffer.read()))
    sys.exit(0 if tokenizer.decode(tokenizer.encode(_PROBE)) == tokenizer.seen(_PROBE) else 1)


def _trouble(described: Mapping[str, Any]) -> str:
    """What keeps a file from being used, as the end of a sentence; empty when nothing does."""
    try:
        model, kinds = described["model"], set(_kinds(described.get("pre_tokenizer")))
        if model["type"] != "BPE" or "ByteLevel" not in kinds or "ByteLevel" not in set(_kinds(described["decoder"])):
            return (
                "it is no byte-level BPE (as those of GPT-2, Llama 3 and Qwen are), so a text would not come back as "
                "it was. Learn a tokenizer of your own text instead."
            )
        if model.get("dropout"):
            return "it cuts the same text differently every time. Learn a tokenizer of your own text instead."
        if set(_kinds(described["normalizer"])) - {"NFC", "Sequence"}:
            return "it changes a text before it cuts it. Learn a tokenizer of your own text instead."
        _tokens(described)
        library_parts = {"ByteLevel", "Split", "Digits", "Sequence"}
        if kinds - library_parts or any(token["lstrip"] or token["rstrip"] for token in described["added_tokens"]):
            return "it drops spaces. Learn a tokenizer of your own text instead."
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return "it is damaged, or of a make that is not known here."
    return ""


def _kinds(part: Any) -> Iterator[str]:
    """The types of a part of the file and of the parts in it."""
    if part is None:
        return
    yield part["type"]
    for name in ("normalizers", "pretokenizers", "decoders"):
        for inner in part.get(name, ()):
            yield from _kinds(inner)


def _tokens(described: Mapping[str, Any]) -> list[bytes]:
    """The bytes of each token; numbers that no token has stand for nothing."""
    table, vocabulary = bytes_of(), described["model"]["vocab"]
    added = {token["content"]: token["id"] for token in described["added_tokens"]}
    numbers = [*vocabulary.values(), *added.values()]
    if not all(type(number) is int and 0 <= number < _MOST_TOKENS for number in numbers):
        raise ValueError("ids are no numbers, or too large")
    if not table.keys() <= vocabulary.keys():
        raise ValueError("a byte is missing")
    tokens = [b""] * (max(numbers) + 1)
    for token, number in vocabulary.items():
        known = all(character in table for character in token)
        tokens[number] = bytes(table[character] for character in token) if known else token.encode("utf-8")
    for word, number in added.items():
        tokens[number] = word.encode("utf-8")
    return tokens
