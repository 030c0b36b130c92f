"""How much a decoded text looks like writing: its length in bits under letter frequencies of known languages.

Decoding is one-to-one, so the encoding under which the text is shortest is the likeliest one (minimum description
length). The model is coarse on purpose: single characters by language, and a toll on pairs that no language writes,
such as a Cyrillic letter inside a Latin word or a capital after a small letter.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from lmstudio_app.engine.data import letters

_PLANE = 0x10000
_JUNK_BITS = 20.0  # symbols, private use, unassigned, controls of the C1 range
_DAMAGE_BITS = 60.0  # the sign for what could not be decoded
_CONTROL_BITS = 18.0
_OTHER_LETTER_BITS = 13.0
_PUNCTUATION_BITS = 7.5
_WRONG_SCRIPT_TOLL = 8.0
_WRONG_CASE_TOLL = 4.0
_CAPITAL_TOLL = 2.5  # of the first of a run, so that a text all in capitals is writing too
_BESIDE_IDEOGRAPH_TOLL = 4.0
_BESIDE_DIGIT_TOLL = 3.0  # of a letter outside ASCII in an alphabet; Chinese writes numbers without a space
_MISPLACED_QUOTE_TOLL = 4.0
_MISPLACED_SIGMA_TOLL = 6.0  # the form for the end of a word, inside one
_ASCII_ORDER = " etaonirshldcumpfgywbvk"
_LATIN, _CYRILLIC, _GREEK, _HAN, _OTHER_SCRIPT = 1, 2, 3, 4, 5
_HAN_SHARE_OF_FREQUENT, _HAN_SHARE_OF_COMMON = 0.55, 0.44


def bits(text: str) -> float:
    """The length of `text` in bits under the language that suits it best. Lower, per byte, is more like writing."""
    if not text:
        return 0.0
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    counts = np.bincount(points[points < _PLANE], minlength=_PLANE)
    values = np.flatnonzero(counts)
    lengths = _costs()[:, values] @ counts[values]
    beyond = float(np.sum(points >= _PLANE)) * _JUNK_BITS
    return float(lengths.min()) + beyond + _tolls(points)


def _tolls(points: NDArray[np.uint32]) -> float:
    scripts, cases = _scripts_and_cases()
    inside = np.minimum(points, _PLANE - 1)
    script, case = scripts[inside], cases[inside]
    earlier, later = script[:-1], script[1:]
    letters_meet = (earlier > 0) & (later > 0) & (earlier != later)
    ideograph = (earlier == _HAN) | (later == _HAN)
    climbing = (case[:-1] == 1) & (case[1:] == 2)
    capital = (case[:-1] != 2) & (case[1:] == 2) & (points[1:] > 0x7F)
    sigma = (points[:-1] == 0x3C2) & (later > 0)
    digit = (points >= 0x30) & (points <= 0x39)
    letter = (script > 0) & (script != _HAN) & (points > 0x7F)
    beside = (digit[:-1] & letter[1:]) | (letter[:-1] & digit[1:])
    quote = (points[:-2] <= 0x20) & (points[1:-1] == 0x2019) & (script[2:] > 0)
    return float(
        _WRONG_SCRIPT_TOLL * np.sum(letters_meet & ~ideograph)
        + _BESIDE_IDEOGRAPH_TOLL * np.sum(letters_meet & ideograph)
        + _BESIDE_DIGIT_TOLL * beside.sum()
        + _WRONG_CASE_TOLL * climbing.sum()
        + _CAPITAL_TOLL * capital.sum()
        + _MISPLACED_QUOTE_TOLL * quote.sum()
        + _MISPLACED_SIGMA_TOLL * sigma.sum()
    )


@cache
def _costs() -> NDArray[np.float32]:
    """Bits of each character of the basic plane, one row per language (languages, 65536)."""
    base = _base()
    rows = [_alphabet(base, order, both_cases=False) for order in letters.LATIN.values()]
    rows += [_alphabet(base, order, both_cases=True) for order in letters.ALPHABETS.values()]
    rows.append(_ideographs(base, letters.SIMPLIFIED, "gb2312", 0xD7))
    rows.append(_ideographs(base, letters.TRADITIONAL, "big5", 0xC6))
    rows.append(_japanese(base))
    rows.append(_korean(base))
    return np.stack(rows)


def _base() -> NDArray[np.float32]:
    """What every language shares: ASCII, common punctuation, and dear everything else."""
    costs = np.full(_PLANE, _JUNK_BITS, dtype=np.float32)
    scripts, _ = _scripts_and_cases()
    costs[scripts > 0] = _OTHER_LETTER_BITS
    costs[:0x20] = _CONTROL_BITS
    costs[0xFFFD] = _DAMAGE_BITS
    costs[0x20:0x7F] = 10.0
    costs[[ord(c) for c in letters.PUNCTUATION]] = _PUNCTUATION_BITS
    for first, last, price in (("0", "9", 7.5), ("A", "Z", 9.0), ("a", "z", 8.0)):
        costs[ord(first) : ord(last) + 1] = price
    for character, price in {"\n": 5.5, "\r": 6.0, "\t": 8.0, ",": 7.0, ".": 7.0, "'": 8.0, '"': 8.0, "-": 8.0}.items():
        costs[ord(character)] = price
    for rank, character in enumerate(_ASCII_ORDER):
        costs[ord(character)] = 3.5 + 0.17 * rank
    return costs


def _alphabet(base: NDArray[np.float32], order: str, *, both_cases: bool) -> NDArray[np.float32]:
    costs = base.copy()
    chances = 0.9 ** np.arange(len(order))
    for letter, price in zip(order, 1.2 - np.log2(chances / chances.sum()), strict=True):
        costs[ord(letter)] = price
        if both_cases and letter != letter.upper() and len(letter.upper()) == 1:
            costs[ord(letter.upper())] = price
    return costs


def _ranked(costs: NDArray[np.float32], order: Iterable[str], share: float) -> None:
    characters = list(dict.fromkeys(order))
    chances = 1.0 / (np.arange(len(characters)) + 10)
    for character, chance in zip(characters, share * chances / chances.sum(), strict=True):
        costs[ord(character)] = 1.2 - np.log2(chance)


def _ideographs(base: NDArray[np.float32], order: str, codec: str, last_common_row: int) -> NDArray[np.float32]:
    """Chinese: the frequent ones by rank, then those of the character set's first level, then the rest."""
    costs = base.copy()
    common = _first_level(codec, last_common_row)
    costs[common] = 1.2 - np.log2(_HAN_SHARE_OF_COMMON / len(common))
    _ranked(costs, order, _HAN_SHARE_OF_FREQUENT)
    return costs


def _japanese(base: NDArray[np.float32]) -> NDArray[np.float32]:
    costs = base.copy()
    common = _first_level("euc_jp", 0xCF)
    costs[common] = 1.2 - np.log2(0.2 / len(common))
    costs[0xFF61:0xFFA0] = 14.0  # half-width kana
    _ranked(costs, letters.KANJI, 0.12)
    _ranked(costs, letters.KANA, 0.65)
    return costs


def _korean(base: NDArray[np.float32]) -> NDArray[np.float32]:
    costs = base.copy()
    common = [point for point in range(0xAC00, 0xD7A4) if _encodable(chr(point), "euc_kr")]
    costs[common] = 1.2 - np.log2(0.35 / len(common))
    _ranked(costs, letters.HANGUL, 0.6)
    return costs


def _first_level(codec: str, last_row: int) -> list[int]:
    """The ideographs in the rows up to `last_row` of a character set, where the common ones stand."""
    return [
        point
        for point in range(0x4E00, 0xA000)
        if len(code := chr(point).encode(codec, "ignore")) == 2 and code[0] <= last_row
    ]


def _encodable(character: str, codec: str) -> bool:
    return len(character.encode(codec, "ignore")) == 2


@cache
def _scripts_and_cases() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Script (0 none) and case (1 small, 2 capital) of each character of the basic plane."""
    scripts = np.zeros(_PLANE, dtype=np.uint8)
    cases = np.zeros(_PLANE, dtype=np.uint8)
    for point in range(0x3000):
        character = chr(point)
        category = unicodedata.category(character)
        if category[0] == "L":
            name = unicodedata.name(character, "")
            scripts[point] = _script(name.partition(" ")[0])
            cases[point] = {"Ll": 1, "Lu": 2}.get(category, 0)
    scripts[0xAA] = scripts[0xBA] = 0  # ordinal signs follow digits and letters of any script
    scripts[0x3041:0x3100] = scripts[0x3400:0x4DC0] = scripts[0x4E00:0xA000] = _HAN
    scripts[0xAC00:0xD7A4] = _HAN
    return scripts, cases


def _script(word: str) -> int:
    return {"LATIN": _LATIN, "CYRILLIC": _CYRILLIC, "GREEK": _GREEK}.get(word, _OTHER_SCRIPT)
