"""What is made uniform in a text before a model learns from it. Nothing is lost unless a switch says so."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from operator import ne

from lmstudio_app.engine.data.chinese import converted
from lmstudio_app.engine.settings import Problem, Settings, setting

_TRAILING = re.compile(r"[ \t\u00a0\u3000]+(?=[\r\n])")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_DOUBLE, _SINGLE = re.compile("[“”„‟]"), re.compile("[‘’‚‛]")
_FULL_WIDTH = re.compile("[０-９Ａ-Ｚａ-ｚ]")  # punctuation of that width is how Chinese is written
_HALF_WIDTH = {
    point: point - 0xFEE0 for point in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))
}
_E_MAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.)+[A-Za-z]{2,24}\b")
_CARD = re.compile(r"(?<![A-Za-z0-9_.+])\d(?:[ -]?\d){12,18}(?![A-Za-z0-9_])")  # Chinese has no spaces around numbers
_PHONE = re.compile(
    r"(?<![A-Za-z0-9_.,+-])(?:\+\d{1,3}[ .-]?)?(?:\(\d{1,5}\)[ .-]?)?\d{2,5}(?:[ .-]\d{2,5}){1,4}"
    r"(?![A-Za-z0-9_]|[.,-]\d)|(?<![A-Za-z0-9_.,+-])(?:\+\d{9,15}|1[3-9]\d{9})(?![A-Za-z0-9_])"
)
# An address on the net, a number with its thousands set apart, a date.
_NO_PHONE = re.compile(
    r"\d{1,3}(?:\.\d{1,3}){3}|[1-9]\d{0,2}(?:[ .]\d{3})+|\d{4}[ .-]\d{2}[ .-]\d{2}"
)  # address, number, date
_FEWEST_DIGITS, _MOST_DIGITS = 9, 15
_NOTICE_START = re.compile(r"^ *\*\*\* ?START OF (?:THE|THIS) PROJECT GUTENBERG EBOOK.*$", re.MULTILINE | re.IGNORECASE)
_NOTICE_END = re.compile(r"^ *\*\*\* ?END OF (?:THE|THIS) PROJECT GUTENBERG EBOOK.*$", re.MULTILINE | re.IGNORECASE)
_LONGEST_NOTICE = 1 << 16  # characters before the text of a book
_HYPHENATED = re.compile(r"(?<=[^\W\d_])[-\u00ad\u2010]\r?\n[ \t]*([^\W\d_]+[^\s\w]*) ?(?=(\S?))")
_SMALL = 1 << 16  # characters
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
        advanced=True,
    )
    unicode_nfc: bool = setting(
        False,
        title="Compose letters (NFC)",
        help="Writes a letter and its accent as one character where Unicode has one, so that é is always the same.",
        advanced=True,
    )
    quotes: bool = setting(
        False, title="Straight quotes", help="Writes curly quotation marks and apostrophes as the straight ones."
    )
    hyphenation: bool = setting(
        False,
        title="Join hyphenated words",
        help="Joins words that a line end parts, as in com-puter; the line ends behind the word.",
        advanced=True,
    )
    boilerplate: bool = setting(
        False,
        title="Drop boilerplate lines",
        help="Removes lines at the beginning or end of documents that a fifth of them have: headers, licences.",
        advanced=True,
    )
    html_entities: bool = setting(
        False,
        title="Resolve HTML entities",
        help="Writes &amp; as &, &eacute; as é, and all others, as the signs that they stand for.",
        advanced=True,
    )
    lower_case: bool = setting(False, title="Lower case", help="Writes all letters small, so that models learn fewer.")
    half_width: bool = setting(
        False,
        title="Half-width letters",
        help="Writes full-width letters and digits, as in Ａ１, as A1. Chinese punctuation stays.",
        advanced=True,
    )
    simplified: bool = setting(
        False,
        title="Simplified Chinese",
        help="Writes traditional Chinese characters as simplified ones, by the package opencc.",
        advanced=True,
    )
    traditional: bool = setting(
        False,
        title="Traditional Chinese",
        help="Writes simplified Chinese characters as traditional ones, by the package opencc.",
        advanced=True,
    )
    gutenberg: bool = setting(
        False,
        title="Drop Gutenberg notices",
        help="Removes what Project Gutenberg writes before and after the text of a book.",
        advanced=True,
    )
    personal_data: bool = setting(
        False,
        title="Mask personal data",
        help="Writes <EMAIL>, <PHONE> and <CARD> in the place of e-mail addresses, phone and card numbers.",
        advanced=True,
    )
    repeated_documents: bool = setting(
        False,
        title="Drop repeated documents",
        help="Keeps the first of documents that are equal but for white space around them. Generated texts keep all.",
        advanced=True,
    )
    similar_documents: bool = setting(
        False,
        title="Drop similar documents",
        help="Keeps the first of documents that share nearly all of their text (MinHash). Generated texts keep all.",
        advanced=True,
    )

    def conflicts(self) -> Iterator[Problem]:
        """Chinese is written in one way or the other."""
        if self.simplified and self.traditional:
            yield Problem("traditional", "Chinese becomes simplified or traditional, not both.", {}, (False,))


def clean(text: str, settings: CleaningSettings) -> tuple[str, Mapping[str, int]]:
    """`text` cleaned, and how often each switch that is on found something, by the name of the switch.

    A text may be cleaned in pieces that end after line ends; the result is the same. Notices around whole documents are
    only counted here, `without_notices` removes them; repeated documents are the business of who has all documents.
    """
    counts: dict[str, int] = {}
    for name, step in _STEPS.items():
        if getattr(settings, name):
            text, counts[name] = step(text)
    return text, counts


def without_notices(pieces: Iterable[str], heard: Callable[[int], None]) -> Iterator[str]:
    """A document in pieces without what Project Gutenberg writes around it; `heard` gets the number of notices."""
    coming = iter(pieces)
    head = ""
    while len(head) < _LONGEST_NOTICE and (piece := next(coming, None)) is not None:
        head += piece
    if start := _NOTICE_START.search(head, 0, _LONGEST_NOTICE):
        heard(1)
        head = head[start.end() :].lstrip("\r\n")
    ended = False
    for piece in chain([head], coming):
        end = None if ended else _NOTICE_END.search(piece)
        if end:
            heard(1)
            yield piece[: end.start()].rstrip("\r\n") + "\n"
            ended = True
        elif not ended:  # after the end the source is read on all the same, so that it is known whole
            yield piece


def small_parts(pieces: Iterable[str]) -> Iterator[str]:
    """The same text in small pieces that end after line ends, so that nobody waits long while one of them is cleaned:
    a pattern lets no other thread run until it has been through all of a piece."""
    for piece in pieces:
        start = 0
        while len(piece) - start > _SMALL and (end := piece.rfind("\n", start, start + _SMALL) + 1):
            yield piece[start:end]
            start = end
        yield piece[start:]


def rejoined(pieces: Iterable[str]) -> Iterator[str]:
    """A document in pieces of which none ends in a word that goes on in the next one."""
    kept = ""
    for piece in pieces:
        kept += piece
        if not kept.rstrip().endswith(("-", "\u00ad", "\u2010")):
            yield kept
            kept = ""
    if kept:
        yield kept


def _join(text: str) -> tuple[str, int]:
    count = 0

    def word(found: re.Match[str]) -> str:
        nonlocal count
        if not found[1][0].islower():
            return found[0]
        count += 1
        return found[1] + ("\n" if found[2] else "")

    before = -1
    while "\n" in text and before != count:  # a joined word may itself be parted at its end
        before = count
        text = _HYPHENATED.sub(word, text)
    return text, count


def _line_ends(text: str) -> tuple[str, int]:
    count = text.count("\r")
    return (text.replace("\r\n", "\n").replace("\r", "\n") if count else text), count


def _compose(text: str) -> tuple[str, int]:
    composed = text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)
    return composed, max(int(composed != text), len(text) - len(composed))


def _straight(text: str) -> tuple[str, int]:
    text, double = _DOUBLE.subn('"', text)
    text, single = _SINGLE.subn("'", text)
    return text, double + single


def _entities(text: str) -> tuple[str, int]:
    count = 0

    def sign(found: re.Match[str]) -> str:
        nonlocal count
        meant = html.unescape(found[0])
        if meant == "\N{REPLACEMENT CHARACTER}":  # it stands for no character
            return found[0]
        count += meant != found[0]
        return meant

    return (_ENTITY.sub(sign, text), count) if "&" in text else (text, 0)


def _lower(text: str) -> tuple[str, int]:
    lower = text.lower()
    if lower == text:
        return text, 0
    if len(lower) == len(text):
        return lower, sum(map(ne, text, lower))
    return lower, sum(character != character.lower() for character in text)


def _masked(text: str) -> tuple[str, int]:
    count = 0

    def mask(word: str, believed: Callable[[str], bool]) -> Callable[[re.Match[str]], str]:
        def put(found: re.Match[str]) -> str:
            nonlocal count
            if not believed(found[0]):
                return found[0]
            count += 1
            return word

        return put

    text = _E_MAIL.sub(mask("<EMAIL>", lambda _: True), text) if "@" in text else text
    text = _CARD.sub(mask("<CARD>", _has_check_digit), text)
    return _PHONE.sub(mask("<PHONE>", _is_phone), text), count


def _has_check_digit(number: str) -> bool:
    """Luhn's sum, which every card number meets (ISO/IEC 7812-1)."""
    digits = [int(digit) for digit in number if digit.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[::-2]) + sum(doubled)) % 10 == 0


def _is_phone(number: str) -> bool:
    digits = sum(character.isdigit() for character in number)
    return _FEWEST_DIGITS <= digits <= _MOST_DIGITS and not _NO_PHONE.fullmatch(number)


_STEPS: Mapping[str, Callable[[str], tuple[str, int]]] = {
    "html_entities": _entities,  # first, since what they stand for is cleaned too
    "line_ends": _line_ends,
    "control_characters": lambda text: _CONTROLS.subn("", text),
    "half_width": lambda text: (text.translate(_HALF_WIDTH), len(_FULL_WIDTH.findall(text))),
    "simplified": lambda text: converted(text, "simplified"),
    "traditional": lambda text: converted(text, "traditional"),
    "quotes": _straight,
    "personal_data": _masked,
    "lower_case": _lower,
    "trailing_spaces": lambda text: _TRAILING.subn("", text),
    "unicode_nfc": _compose,
    "hyphenation": _join,  # when nothing else at the ends of lines changes
    "boilerplate": lambda text: (text, 0),
    "repeated_documents": lambda text: (text, 0),
    "similar_documents": lambda text: (text, 0),
    "gutenberg": lambda text: (text, len(_NOTICE_START.findall(text)) + len(_NOTICE_END.findall(text))),
}
