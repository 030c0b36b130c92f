"""Values of JSON as rows of a table: strict where the library is lenient, and every number spelled as in the file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_DEEPEST = 8
_SURROGATE = re.compile("[\ud800-\udfff]")
TEXT = "text"
"""The column of a value that is a text by itself."""


class Number(str):
    """A number as it is spelled: no rounding, and no limit to its digits."""

    __slots__ = ()


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no value of JSON")


DECODER = json.JSONDecoder(parse_int=Number, parse_float=Number, parse_constant=_refuse, strict=False)


def parsed(text: str) -> Any:
    """The value in `text`. Raises `ValueError` whose words can stand in a sentence."""
    try:
        return DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON at character {error.pos + 1}") from None
    except RecursionError:
        raise ValueError("its values are nested too deeply") from None


def columns_of(value: Any) -> Mapping[str, str]:
    """The columns of one row: fields of an object, those of objects inside with their path ("answers.text").

    A list of texts or numbers is joined by spaces; lists of anything else are kept as JSON. Raises `ValueError` for
    a row that is nothing of that.
    """
    if isinstance(value, str) and not isinstance(value, Number):
        found = {TEXT: value}
    elif isinstance(value, dict):
        found = {}
        _flatten(value, "", found, 0)
    else:
        raise ValueError("it is neither an object nor a text")
    if not found:
        raise ValueError("it has no columns")
    if any(_SURROGATE.search(text) for text in found.values()):
        raise ValueError("it holds half a character")
    return found


def _flatten(value: Mapping[str, Any], path: str, found: dict[str, str], depth: int) -> None:
    for name, inner in value.items():
        here = f"{path}.{name}" if path else name
        if isinstance(inner, dict) and depth < _DEEPEST:
            _flatten(inner, here, found, depth + 1)
        elif isinstance(inner, list) and all(isinstance(each, str) for each in inner):
            found[here] = " ".join(inner)
        else:
            found[here] = _spelled(inner)


def _spelled(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    try:
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    except RecursionError:
        raise ValueError("its values are nested too deeply") from None
