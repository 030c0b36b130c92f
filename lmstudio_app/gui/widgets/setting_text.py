"""A setting's value as a person types and reads it."""

from __future__ import annotations

import math
import re
from typing import Any

from lmstudio_app.engine.settings import Declaration
from lmstudio_app.gui.widgets.token_text import NEWLINE

_MARKS = r",\u00a0\u202f\u2009 _'’"
_THOUSANDS = re.compile(rf"[+-]?[1-9]\d{{0,2}}([{_MARKS}])\d{{3}}(?:\1\d{{3}})*(?:\.\d+)?(?:[eE][+-]?\d+)?")
_POINTS = re.compile(r"[+-]?[1-9]\d{0,2}(?:\.\d{3})+")
_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")


def written(declared: Declaration, value: Any) -> str:
    """`value` for a field: thousands set off in whole numbers, no needless digits in others."""
    if isinstance(value, bool) or value is None:
        return "" if value is None else str(value)
    if isinstance(value, int):
        return f"{value:,}" if declared.name != "seed" else str(value)
    if isinstance(value, float):
        return f"{value:.10g}" if 1e-4 <= abs(value) < 1e9 or value == 0 else f"{value:g}"
    return str(value).replace("\n", NEWLINE)


def read(declared: Declaration, text: str) -> Any:
    """What was typed as a value; text that is no number stays text, so that the check can say what it needs.

    Takes 1,000,000 and 1 000 and 1_000, 0,5 for 0.5, and 1e-3; a whole number may be 1,000 or 1.000, 1e3 or 5.0,
    while in any other number a single comma is its point. In a text the sign ⏎ stands for a line's end.
    """
    if declared.kind not in ("integer", "number"):
        return text.replace(NEWLINE, "\n")
    whole = declared.kind == "integer"
    plain = text.strip()
    if _COMMA.fullmatch(plain) and not (whole and _THOUSANDS.fullmatch(plain)):
        plain = plain.replace(",", ".")
    elif _THOUSANDS.fullmatch(plain):
        plain = re.sub(f"[{_MARKS}]", "", plain)
    elif whole and _POINTS.fullmatch(plain):
        plain = plain.replace(".", "")
    try:
        number = float(plain)
    except ValueError:
        return text
    if not math.isfinite(number):
        return text
    if whole:
        return int(plain) if re.fullmatch(r"[+-]?\d+", plain) else int(number) if number.is_integer() else number
    return number
