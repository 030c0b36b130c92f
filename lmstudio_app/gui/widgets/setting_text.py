"""A setting's value as a person types and reads it."""

from __future__ import annotations

import re
from typing import Any

from lmstudio_app.engine.settings import Declaration
from lmstudio_app.gui.widgets.token_text import NEWLINE

_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:[,  _']\d{3})+(?:\.\d+)?(?:[eE][+-]?\d+)?")
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

    Takes 1,000 and 1 000 and 1_000, 0,5 for 0.5, and 1e-3; a whole number may be written 1e3 or 5.0. In a text the sign
    ⏎ stands for a line's end.
    """
    if declared.kind not in ("integer", "number"):
        return text.replace(NEWLINE, "\n")
    plain = text.strip()
    if _THOUSANDS.fullmatch(plain):
        plain = re.sub(r"[,  _']", "", plain)
    elif _COMMA.fullmatch(plain):
        plain = plain.replace(",", ".")
    try:
        number = float(plain)
    except ValueError:
        return text
    if declared.kind == "integer":
        return int(plain) if re.fullmatch(r"[+-]?\d+", plain) else int(number) if number.is_integer() else number
    return number
