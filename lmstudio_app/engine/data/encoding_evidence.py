"""Gathers what the bytes of a text say about its encoding, chunk by chunk, and weighs it.

Valid UTF-8 is UTF-8: other encodings practically never look like it. For the rest a sample from all over the file is
decoded under every candidate; the text most like writing (`writing.bits`) wins if it wins clearly, everywhere in the
sample, and if the whole file decodes. charset-normalizer adds candidates for languages not known here.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import islice

import numpy as np

from lmstudio_app.engine.data import signatures, writing
from lmstudio_app.engine.data.encoding import Detected, EncodingDoubtful, decoder
from lmstudio_app.engine.data.encoding_ranking import (
    OLDER,
    SEVERAL_BYTES,
    WIDE,
    Candidate,
    alternatives,
    cost,
    decoded,
    excerpt,
    guesses,
    lenient,
    margin,
    rank,
)
from lmstudio_app.engine.errors import UserError

_CONTROLS = bytes(b for b in (*range(0x20), 0x7F) if b not in b"\t\n\r\f\x1b")
_HIGH = bytes(range(0x80, 0x100))
_BLOCK, _MOST_BLOCKS = 1 << 12, 32
_SEGMENT, _LONGEST_SEGMENT = 1 << 8, 1 << 10
_AROUND = 400  # bytes kept on each side of a place in trouble
_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_MOST_ZEROS = 0.8  # UTF-32 has three in four
_FEW_CONTROLS = 0.01
_MOST_CONTROLS_IN_UTF_8, _MOST_CONTROLS = 0.3, 0.04  # random bytes have more than a tenth
_CLEAR_BITS, _CLEAR_BITS_PER_CHARACTER = 12.0, 0.06
# A byte outside ASCII takes 5 to 7 bits in Russian or Chinese, 10 and more in a wrong decoding.
_MOST_BITS_PER_BYTE, _MOST_BITS_PER_WIDE_BYTE = 10.5, 6.5

Again = Callable[[], Iterable[bytes]]


class Examination:
    """The evidence so far. `feed` it every byte in order, then `conclude`."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._size = self._controls = self._zeros = self._high = self._in_utf_8_sequences = 0
        self._head = b""
        self._utf_8: codecs.IncrementalDecoder | None = decoder("utf-8")
        self._trouble, self._trouble_place = b"", 0  # bytes around the first that is not UTF-8, and its place there
        self._blocks: list[tuple[int, bytes]] = []
        self._block_count, self._stride = 0, 1

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes. Raises `UserError` as soon as they are known to be no text."""
        if self._size == 0:
            self._head = chunk[: 1 << 16]
            if words := signatures.describe(self._head):
                raise UserError("“{path}” is {kind}, not text. Choose a text file.", path=self._path, kind=words)
        if self._utf_8 is not None:
            self._check_utf_8(self._utf_8, chunk)
        self._controls += _count(chunk, _CONTROLS)
        self._zeros += chunk.count(0)
        if not chunk.isascii():
            self._high += _count(chunk, _HIGH)
            self._in_utf_8_sequences += _bytes_in_utf_8_sequences(chunk)
        self._sample(chunk)
        self._size += len(chunk)

    def conclude(self, again: Again) -> Generator[int, None, Detected]:
        """Weigh the evidence; `again` gives all bytes once more, for a strict check of the likeliest encodings.

        Yields how many bytes that check has read. Raises `UserError` (no text, empty) or `EncodingDoubtful`.
        """
        if self._size == 0:
            raise UserError("“{path}” is empty. Choose a file with text in it.", path=self._path)
        marked = next((encoding for mark, encoding in _MARKS if self._head.startswith(mark)), "")
        is_utf_8 = self._ends_as_utf_8()
        if marked == "utf-8-sig" and is_utf_8:
            return Detected(marked, 1.0)
        if marked and marked != "utf-8-sig":
            if (yield from _decodes(marked, again)):
                return Detected(marked, 1.0)
            raise self._doubtful([Candidate(marked, "", 0.0)], unfit=[marked])
        if is_utf_8:
            return (yield from self._conclude_utf_8(again))
        return (yield from self._conclude_older(again))

    def _check_utf_8(self, strict: codecs.IncrementalDecoder, chunk: bytes) -> None:
        self._trouble, self._trouble_place = chunk[-_AROUND:], min(_AROUND, len(chunk))
        try:
            strict.decode(chunk)
        except UnicodeDecodeError as error:
            self._utf_8 = None
            start = max(0, error.start - _AROUND) // 4 * 4  # a multiple of four keeps UTF-16 and UTF-32 in step
            self._trouble = bytes(error.object[start : error.start + _AROUND])
            self._trouble_place = error.start - start

    def _ends_as_utf_8(self) -> bool:
        if self._utf_8 is None:
            return False
        try:
            self._utf_8.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
        return True

    def _sample(self, chunk: bytes) -> None:
        """Keep blocks that are not plain ASCII: all of a small file, evenly spread ones of a large file."""
        for start in range(0, len(chunk), _BLOCK):
            block = chunk[start : start + _BLOCK]
            if block.isascii() and not _count(block, _CONTROLS + b"\x1b"):
                continue
            if self._block_count % self._stride == 0:
                self._blocks.append((self._size + start, block))
                if len(self._blocks) > _MOST_BLOCKS:
                    self._blocks = self._blocks[::2]
                    self._stride *= 2
            self._block_count += 1

    def _conclude_utf_8(self, again: Again) -> Generator[int, None, Detected]:
        if self._zeros > _MOST_ZEROS * self._size:
            raise self._not_text()
        wide = self._zeros or self._controls > _FEW_CONTROLS * self._size  # ASCII by chance has controls
        rivals = (["iso2022_jp"] if b"\x1b$" in self._head else []) + ([*WIDE] if wide else [])
        candidates = rank(self._blocks, ["utf-8", *rivals]) if rivals else []
        for candidate in candidates:
            if candidate.encoding == "utf-8":
                break
            if self._is_dear(candidate):
                continue
            if (yield from _decodes(candidate.encoding, again)):
                return Detected(candidate.encoding, 0.99, alternatives(candidates, candidate))
            raise self._doubtful(candidates, unfit=[candidate.encoding])
        if self._controls > _MOST_CONTROLS_IN_UTF_8 * self._size:
            raise self._not_text()
        return Detected("utf-8", 1.0)

    def _conclude_older(self, again: Again) -> Generator[int, None, Detected]:
        candidates = rank(self._blocks, [*OLDER, *WIDE, *guesses(self._blocks)])
        likeliest, unfit = candidates[0], list[str]()
        if likeliest.encoding not in WIDE and self._controls > _MOST_CONTROLS * self._size:
            raise self._doubtful(candidates) if self._is_damaged_wide() else self._not_text()
        best = likeliest
        for best in candidates:  # the last one, Latin-1 at the latest, fits always
            if (yield from _decodes(best.encoding, again)):
                break
            unfit.append(best.encoding)
        lead, differing = margin(best, candidates, most=4 * _CLEAR_BITS)
        if (
            best.bits > likeliest.bits + _CLEAR_BITS
            or lead < max(min(_CLEAR_BITS, 3 * differing), _CLEAR_BITS_PER_CHARACTER * differing)
            or self._is_dear(best)
            or self._is_mixed(best, candidates)
        ):
            raise self._doubtful(candidates, unfit)
        confidence = 1 - 2.0 ** -min(7.0, lead / 4, 2 + 4 * lead / differing)
        return Detected(_western(best.encoding, again), round(confidence, 2), alternatives(candidates, best))

    def _is_dear(self, best: Candidate) -> bool:
        """Whether even the likeliest text reads like no language: the bytes are something else."""
        if best.encoding in WIDE:
            return best.bits > _MOST_BITS_PER_WIDE_BYTE * sum(len(block) for _, block in self._blocks)
        weight = sum(_count(block, _HIGH) for _, block in self._blocks)
        in_ascii = writing.bits("".join(character for character in best.text if character.isascii()))
        return weight > 20 and best.bits - in_ascii > _MOST_BITS_PER_BYTE * weight

    def _is_damaged_wide(self) -> bool:
        """Whether the sample is UTF-16 but for a few places."""
        sample = b"".join(block for _, block in self._blocks)
        costs = [cost(lenient(sample, f"{encoding}+replace"), encoding) for encoding in WIDE[:2]]
        return min(costs) < _MOST_BITS_PER_WIDE_BYTE * len(sample)

    def _is_mixed(self, best: Candidate, candidates: list[Candidate]) -> bool:
        """Whether a part of the sample speaks clearly for another encoding than the rest."""
        if best.encoding in WIDE:
            return False
        if self._in_utf_8_sequences > 0.6 * self._high:
            return True
        rivals = ["utf-8", *(c.encoding for c in candidates[:8]), "gb18030", "big5", "shift_jis", "euc_jp"]
        for segment in self._segments():
            own = decoded(segment, best.encoding, at_start=False)
            high = _count(segment, _HIGH)
            if own is None or high < 8:
                continue
            bound = cost(own[0], best.encoding) / own[1] - max(30.0, 1.5 * high)
            for rival in rivals:
                other = decoded(segment, rival, at_start=False)
                if other and cost(other[0], rival) / other[1] < bound:
                    return True
        return False

    def _segments(self) -> Iterator[bytes]:
        for _, block in self._blocks:
            start = 0
            while start < len(block):
                cut = block.find(b"\n", start + _SEGMENT, start + _LONGEST_SEGMENT) + 1
                end = cut or start + _LONGEST_SEGMENT
                yield block[start:end]
                start = end

    def _not_text(self) -> UserError:
        return UserError(
            "“{path}” holds data that is not text. Choose a text file, or name its encoding.",
            path=self._path,
            field="encoding",
        )

    def _doubtful(self, candidates: Iterable[Candidate], unfit: Iterable[str] = ()) -> EncodingDoubtful:
        """The error with up to five readings of one place, the one most like writing first.

        Candidates in `unfit` do not decode as a whole, so they are offered with their damaged places shown.
        """
        names = ["utf-8+cp1252", "utf-8+replace"] if self._in_utf_8_sequences else []
        cut = self._utf_8 is not None  # UTF-8 but for the last character, of which a part is missing
        if cut:
            names = ["utf-8+replace"]
        plausible = (c.encoding for c in candidates if self._zeros or c.encoding not in WIDE)
        names += [name + ("+replace" if name in unfit else "") for name in islice(plausible, 6)]
        names += ["latin-1", "koi8_r", *(f"{encoding}+replace" for encoding in ("cp1252", *SEVERAL_BYTES))]
        if self._zeros:
            names += [f"{encoding}+replace" for encoding in WIDE[:2]]
        sample = b"".join(block for _, block in self._blocks)
        options: dict[str, tuple[float, str]] = {}
        for name in dict.fromkeys(names):
            text = lenient(self._trouble, name)
            shown = excerpt(text, self._trouble_place * len(text) // max(1, len(self._trouble)))
            if shown and all(shown != other for _, other in options.values()):
                options[name] = (cost(lenient(sample, name), name), shown)
        ranked = sorted(options.items(), key=lambda option: (not (cut and option[0] == "utf-8+replace"), option[1][0]))
        return EncodingDoubtful(self._path, [(name, shown) for name, (_, shown) in ranked[:5]])


def _decodes(encoding: str, again: Again) -> Generator[int, None, bool]:
    strict, done = decoder(encoding), 0
    try:
        for chunk in again():
            strict.decode(chunk)
            done += len(chunk)
            yield done
        strict.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _western(encoding: str, again: Again) -> str:
    """Latin-1 where Windows-1252 differs from it in nothing, so that the name promises no more than the file shows."""
    if encoding == "cp1252" and not any(re.search(rb"[\x80-\x9f]", chunk) for chunk in again()):
        return "latin-1"
    return encoding


def _count(chunk: bytes, kinds: bytes) -> int:
    return len(chunk) - len(chunk.translate(None, kinds))


def _bytes_in_utf_8_sequences(chunk: bytes) -> int:
    """How many bytes of `chunk` stand in well-formed UTF-8 sequences of two to four bytes."""
    a = np.frombuffer(chunk, dtype=np.uint8)
    following = (a >= 0x80) & (a <= 0xBF)
    two = (a[:-1] >= 0xC2) & (a[:-1] <= 0xDF) & following[1:]
    three = (a[:-2] >= 0xE0) & (a[:-2] <= 0xEF) & following[1:-1] & following[2:]
    four = (a[:-3] >= 0xF0) & (a[:-3] <= 0xF4) & following[1:-2] & following[2:-1] & following[3:]
    return int(2 * two.sum() + 3 * three.sum() + 4 * four.sum())
