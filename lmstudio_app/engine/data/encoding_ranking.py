"""Candidate encodings of a sample, ranked by how much the decoded text is like writing."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from lmstudio_app.engine.data import writing
from lmstudio_app.engine.data.encoding import KNOWN, check_encoding, decoder, without_mark
from lmstudio_app.engine.errors import UserError

WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
OLDER = tuple(name for name in KNOWN if not name.startswith("utf") and name != "iso2022_jp")
_CHINESE_OR_KOREAN = ("gb18030", "big5", "cp950", "big5hkscs", "cp949")
SEVERAL_BYTES = ("utf-8", "shift_jis", "cp932", "euc_jp", "iso2022_jp", *_CHINESE_OR_KOREAN)  # a character takes 1 to 4
# Bits that a seldom candidate pays before the text begins, against chance likenesses.
_RARE = {
    "koi8_u": 2, "cp949": 4, "iso8859_7": 6, "iso8859_15": 6, "iso8859_5": 10, "cp866": 10, "cp1257": 10, "cp874": 10,
    "cp850": 20, "cp437": 21, "mac_roman": 20, "cp1258": 20,
}  # fmt: skip
_UNKNOWN_TOLL = 30.0  # for what only charset-normalizer knows
_EXCERPT_CHARACTERS = 160

Blocks = Sequence[tuple[int, bytes]]


@dataclass
class Candidate:
    """An encoding under which the sample decodes, and what the text costs in bits."""

    encoding: str
    text: str
    bits: float


def rank(blocks: Blocks, encodings: Iterable[str]) -> list[Candidate]:
    """The encodings under which the sample (offset, bytes) decodes, the text most like writing first."""
    # Where many texts are equal, the Western encodings win.
    names = sorted(encodings, key=lambda name: name not in ("cp1252", "latin-1"))
    candidates = []
    for order, encoding in enumerate(names):
        decoded = _decode_sample(blocks, encoding)
        if decoded is not None:
            text, share = decoded
            toll = _RARE.get(encoding, 0.0 if encoding in KNOWN else _UNKNOWN_TOLL) + order * 1e-6
            candidates.append(Candidate(encoding, text, cost(text, encoding) / share + toll))
    return sorted(candidates, key=lambda candidate: candidate.bits)


def guesses(blocks: Blocks) -> list[str]:
    """What charset-normalizer takes the sample for, beyond the encodings that are tried anyway."""
    import charset_normalizer

    found = []
    for match in islice(charset_normalizer.from_bytes(b"".join(block for _, block in blocks[:6])), 4):
        try:
            found.append(check_encoding(match.encoding))
        except UserError:
            continue
    return [name for name in dict.fromkeys(found) if name not in KNOWN]


def cost(text: str, encoding: str) -> float:
    """The length of a decoded text in bits, with what is known about texts in that encoding."""
    bits = writing.bits(text)
    if encoding.partition("+")[0] in _CHINESE_OR_KOREAN:  # their character sets hold kana, their texts do not
        bits += sum("\u3041" <= character <= "\u30fe" for character in text)
    return bits


def decoded(block: bytes, encoding: str, *, at_start: bool) -> tuple[str, float] | None:
    """A piece from the middle of a text, whose ends may cut a character: its text, and the share of bytes in it.

    None where it does not decode.
    """
    line = block.find(b"\n", 0, len(block) // 2) + 1
    starts: Iterable[int] = (0,)
    if not at_start and encoding in SEVERAL_BYTES:
        starts = (line,) if line else range(min(4, len(block)))
    texts = []
    for start in starts:
        try:
            texts.append((decoder(encoding).decode(block[start:]), 1 - start / len(block)))
        except UnicodeDecodeError:
            continue
    if len(texts) > 1:  # several ways to cut into characters: the one that reads best
        texts.sort(key=lambda item: writing.bits(item[0]) / item[1])
    return (without_mark(texts[0][0], encoding), texts[0][1]) if texts else None


def lenient(raw: bytes, encoding: str) -> str:
    """`raw`, cut out of a text, as far as it can be read in `encoding`; nothing where it cannot."""
    if "+" in encoding:
        return without_mark(decoder(encoding).decode(raw, final=True), encoding)
    read = decoded(raw, encoding, at_start=encoding.startswith("utf-"))
    return read[0] if read else ""


def margin(best: Candidate, candidates: Iterable[Candidate], most: float) -> tuple[float, int]:
    """By how many bits (at most `most`) the next text that reads differently is longer, and in how many characters it
    differs."""
    smallest, differing = most, 1
    for other in candidates:
        if other.bits < best.bits or other.text == best.text:
            continue
        if other.bits - best.bits < smallest:
            smallest = other.bits - best.bits
            differing = _differing(best.text, other.text)
    return smallest, max(1, differing)


def alternatives(candidates: Iterable[Candidate], best: Candidate) -> tuple[tuple[str, str], ...]:
    """The next best encodings that read differently, each with an excerpt where they differ."""
    found: dict[str, str] = {}
    for candidate in candidates:
        place = next((place for place, c in enumerate(candidate.text) if not c.isascii()), 0)
        shown = excerpt(candidate.text, place)
        if candidate is not best and candidate.text != best.text and shown not in found.values():
            found[candidate.encoding] = shown
    return tuple(list(found.items())[:3])


def excerpt(text: str, place: int) -> str:
    """A few lines of `text` around `place`."""
    start = max(0, place - _EXCERPT_CHARACTERS // 2)
    return text[start : start + _EXCERPT_CHARACTERS].strip()


def _decode_sample(blocks: Blocks, encoding: str) -> tuple[str, float] | None:
    """The sample as text, and the share of its bytes that was decoded; None where it does not decode."""
    texts, used, total = [], 0.0, 0
    for offset, block in blocks:
        piece = decoded(block, encoding, at_start=offset == 0)
        if piece is None:
            return None
        texts.append(piece[0])
        used += piece[1] * len(block)
        total += len(block)
    return ("\n".join(texts), used / total) if used else None


def _differing(text: str, other: str) -> int:
    """In how many characters two readings of the same bytes differ, about."""
    if len(text) == len(other):
        return sum(map(operator.ne, text, other))
    return (Counter(text) - Counter(other)).total()
