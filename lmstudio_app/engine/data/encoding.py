"""In which encoding a text is written, and its decoding, without ever losing a byte silently.

Found by itself: UTF-8, UTF-16 and UTF-32 with or without a byte order mark, and the older encodings of `KNOWN`. Where
the evidence does not decide, or where a text mixes encodings or is damaged, `EncodingDoubtful` offers decoded excerpts
to choose from.

An encoding's name may carry what to do with bytes that do not fit: "utf-8+replace" shows them as U+FFFD,
"utf-8+cp1252" reads each of them as Windows-1252 (the usual mixture). Only a person chooses these.
"""

from __future__ import annotations

import codecs
import contextlib
import difflib
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lmstudio_app.engine.data.source_file import CHUNK, Unreadable, chunks, is_table, state_of
from lmstudio_app.engine.errors import UserError

KNOWN: dict[str, str] = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8 with byte order mark",
    "utf-16": "UTF-16 with byte order mark",
    "utf-16-le": "UTF-16, little-endian",
    "utf-16-be": "UTF-16, big-endian",
    "utf-32": "UTF-32 with byte order mark",
    "utf-32-le": "UTF-32, little-endian",
    "utf-32-be": "UTF-32, big-endian",
    "gb18030": "GB18030 (Chinese, simplified)",
    "big5": "Big5 (Chinese, traditional)",
    "cp950": "Windows-950 (Chinese, traditional)",
    "big5hkscs": "Big5-HKSCS (Chinese, Hong Kong)",
    "shift_jis": "Shift-JIS (Japanese)",
    "cp932": "Windows-932 (Japanese)",
    "euc_jp": "EUC-JP (Japanese)",
    "iso2022_jp": "ISO-2022-JP (Japanese)",
    "cp949": "Windows-949 (Korean)",
    "cp1251": "Windows-1251 (Cyrillic)",
    "koi8_r": "KOI8-R (Russian)",
    "koi8_u": "KOI8-U (Ukrainian)",
    "iso8859_5": "ISO 8859-5 (Cyrillic)",
    "cp866": "DOS 866 (Cyrillic)",
    "cp1252": "Windows-1252 (Western European)",
    "latin-1": "Latin-1 (Western European)",
    "iso8859_15": "Latin-9 (Western European)",
    "cp437": "DOS 437 (Western European)",
    "cp850": "DOS 850 (Western European)",
    "mac_roman": "Mac Roman (Western European)",
    "cp1250": "Windows-1250 (Central European)",
    "iso8859_2": "Latin-2 (Central European)",
    "cp1254": "Windows-1254 (Turkish)",
    "cp1257": "Windows-1257 (Baltic)",
    "cp1253": "Windows-1253 (Greek)",
    "iso8859_7": "ISO 8859-7 (Greek)",
    "cp1255": "Windows-1255 (Hebrew)",
    "cp1256": "Windows-1256 (Arabic)",
    "cp874": "Windows-874 (Thai)",
    "cp1258": "Windows-1258 (Vietnamese)",
}
_OTHER_SPELLINGS = {
    "ascii": "utf-8", "us-ascii": "utf-8", "ansi": "cp1252", "windows-31j": "cp932", "gb2312": "gb18030",
    "gbk": "gb18030", "chinese": "gb18030", "euc-kr": "cp949", "x-sjis": "shift_jis",
}  # fmt: skip
_NOT_FOR_FILES = frozenset({"idna", "punycode", "raw_unicode_escape", "unicode_escape", "undefined", "mbcs", "oem"})
_REPAIRS = {"replace": "replace", "cp1252": "lmstudio-app-cp1252"}


@dataclass(frozen=True)
class Detected:
    """The encoding found for a text: its name in `KNOWN`, how sure that is (0–1), and the next best with an excerpt
    each, as (encoding, excerpt)."""

    encoding: str
    confidence: float
    alternatives: tuple[tuple[str, str], ...] = ()


class EncodingDoubtful(UserError):  # noqa: N818  (the name says what happened)
    """The bytes do not say in which encoding a text is; `options` are (encoding, decoded excerpt) to choose from."""

    def __init__(self, path: str, options: Sequence[tuple[str, str]]) -> None:
        self.path = path
        self.options = tuple(options)
        super().__init__(
            "The encoding of “{path}” is doubtful. Choose the one in which the text reads right: {options}.",
            field="encoding",
            choices=[encoding for encoding, _ in options],
            path=path,
            options=", ".join(encoding for encoding, _ in options),
        )


def check_encoding(name: str) -> str:
    """The name under which this module keeps the encoding `name` ("GBK" → "gb18030").

    Raises `UserError` with close names when there is no such encoding.
    """
    wanted, plus, repair = name.strip().lower().partition("+")
    wanted = _OTHER_SPELLINGS.get(wanted, _OTHER_SPELLINGS.get(wanted.replace("_", "-"), wanted))
    found = _canonical(wanted)
    if not found or (plus and repair not in _REPAIRS):
        close = difflib.get_close_matches(wanted, [*KNOWN, *_OTHER_SPELLINGS], n=3, cutoff=0.4) or ["utf-8", "cp1252"]
        close = list(dict.fromkeys(_OTHER_SPELLINGS.get(other, other) for other in close))
        raise UserError(
            "There is no encoding “{name}”. Close to it: {close}.",
            field="encoding",
            choices=close,
            name=name,
            close=", ".join(close),
        )
    return found + plus + repair


def _canonical(name: str) -> str:
    try:
        codec = codecs.lookup(name)
        with contextlib.suppress(UnicodeError):
            b"    ".decode(name)  # a LookupError for codecs that are no text encodings (base64, rot13)
    except (LookupError, ValueError):
        return ""
    if codec.name in _NOT_FOR_FILES:
        return ""
    return next((known for known in KNOWN if codecs.lookup(known).name == codec.name), codec.name)


def decoder(encoding: str) -> codecs.IncrementalDecoder:
    """A strict incremental decoder for a checked name; "+replace" and "+cp1252" as the module says."""
    name, _, repair = encoding.partition("+")
    return codecs.getincrementaldecoder(name)(_REPAIRS.get(repair, "strict"))


def decode(raw: bytes, encoding: str) -> str:
    """`raw` as text, a byte order mark left out. Raises `UserError` when it does not fit or the name is unknown."""
    checked = check_encoding(encoding)
    try:
        return without_mark(decoder(checked).decode(raw, final=True), checked)
    except UnicodeError as error:  # no UnicodeDecodeError where UTF-16 or UTF-32 lacks its mark
        raise misfit("the text", checked, getattr(error, "start", 0)) from None


def without_mark(text: str, encoding: str) -> str:
    """The start of a text without a byte order mark that its decoder left in place."""
    return text[1:] if encoding.startswith("utf") and text.startswith("\ufeff") else text


def misfit(path: str, encoding: str, place: int) -> Unreadable:
    """The error for a text that is not in the encoding a person named."""
    lenient = encoding.partition("+")[0] + "+replace"
    return Unreadable(
        "“{path}” is not {encoding}: the byte at place {place} does not fit. Choose another encoding, or “{lenient}” "
        "to show what does not fit as �.",
        field="encoding",
        choices=[lenient],
        path=path,
        encoding=encoding,
        place=place,
        lenient=lenient,
    )


def detect(raw: bytes, path: str = "the text") -> Detected:
    """The encoding of `raw`, every byte looked at. `path` is what error sentences call it.

    Raises `UserError` when it is empty or no text, `EncodingDoubtful` when its encoding cannot be told.
    """
    from lmstudio_app.engine.data.encoding_evidence import Examination

    examination = Examination(path)
    for first in range(0, len(raw), CHUNK):
        examination.feed(raw[first : first + CHUNK])
    conclusion = examination.conclude(lambda: (raw[first : first + CHUNK] for first in range(0, len(raw), CHUNK)))
    return _drain(conclusion)


def examine(path: Path) -> Generator[int, None, Detected]:
    """Find the encoding of the file at `path`: yields how many bytes it has looked at, returns `Detected`.

    A Parquet or Arrow table says what its texts are in. Reads in chunks, so the memory does not grow with the file.
    Raises as `detect`, and `UserError` when the file cannot be read.
    """
    from lmstudio_app.engine.data.encoding_evidence import Examination

    if is_table(path):
        yield state_of(path)[0]
        return Detected("utf-8", 1.0)
    examination = Examination(str(path))
    done = 0
    for chunk in chunks(path):
        examination.feed(chunk)
        done += len(chunk)
        yield done
    return (yield from examination.conclude(lambda: chunks(path)))


def examined(path: Path) -> Detected:
    """`examine` in one go."""
    return _drain(examine(path))


def _drain(steps: Generator[int, None, Detected]) -> Detected:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Detected = end.value
            return result


def _read_as_windows_1252(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    stray = error.object[error.start : error.end]
    # The five bytes that Windows-1252 leaves undefined are controls in Latin-1.
    text = "".join(bytes([b]).decode("cp1252" if b not in b"\x81\x8d\x8f\x90\x9d" else "latin-1") for b in stray)
    return text, error.end


codecs.register_error(_REPAIRS["cp1252"], _read_as_windows_1252)
