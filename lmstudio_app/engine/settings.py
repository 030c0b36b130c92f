"""Declare a setting once: form row, command-line option, run file and help all read the declaration.

A group of settings is a frozen pydantic model. Each field is made by `setting(...)`, which carries the words a
person reads (title, help, unit) beside the bounds. Nothing here imports torch.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo

from lmstudio_app.engine.errors import UserError

Kind = Literal["integer", "number", "boolean", "choice", "text"]
SettingsType = TypeVar("SettingsType", bound="Settings")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Problem:
    """One thing wrong with one setting: `sentence` is a template for `values`, `choices` are values that work."""

    field: str
    sentence: str
    values: Mapping[str, object]
    choices: tuple[object, ...] = ()

    def __str__(self) -> str:
        return self.sentence.format(**self.values)


class ConflictError(ValueError):
    """Raised inside validation when settings that are fine alone do not fit together."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in problems))


class SettingsError(UserError):
    """One or more settings are out of range; `problems` names each field, the first one makes the sentence."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        first = problems[0]
        sentence = "{field}: {sentence}" if first.field else "{sentence}"
        super().__init__(sentence, field=first.field, choices=first.choices, sentence=str(first))
        self.values = {"field": first.field, "sentence": str(first)}


class Settings(BaseModel):
    """A frozen group of settings. Override `conflicts` to check fields against each other."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    def conflicts(self) -> Iterator[Problem]:
        """Yield what does not fit together, with the values that would."""
        yield from ()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if problems := [*self._torn_texts(), *self.conflicts()]:
            raise ConflictError(problems)
        return self

    def _torn_texts(self) -> Iterator[Problem]:
        """A terminal gives stray bytes as half characters (lone surrogates), which no file can hold."""
        for name in type(self).model_fields:
            text = getattr(self, name)
            if isinstance(text, str) and _SURROGATE.search(text):
                shown = _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)
                yield Problem(name, "“{text}” has half a character in it. Write it as UTF-8.", {"text": shown})


def setting(
    default: object,
    *,
    title: str,
    help: str,
    unit: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    above: float | None = None,
    below: float | None = None,
    choices: Mapping[str, str] | None = None,
    advanced: bool = False,
) -> Any:
    """Declare one field of a `Settings` class.

    `minimum`/`maximum` are inclusive bounds, `above`/`below` exclusive ones; `choices` maps each value of a
    `Literal` to the words shown for it; `advanced` folds the row away in the form.
    """
    words: dict[str, Any] = {"unit": unit, "choices": dict(choices or {}), "advanced": advanced}
    return Field(
        default=default,
        title=title,
        description=help,
        ge=minimum,
        le=maximum,
        gt=above,
        lt=below,
        json_schema_extra=words,
    )


@dataclass(frozen=True)
class Declaration:
    """A setting as data: what a form row, an option or a page of help needs to know about it."""

    path: str
    kind: Kind
    title: str
    help: str
    unit: str
    default: Any
    minimum: float | None
    maximum: float | None
    above: float | None
    below: float | None
    choices: tuple[tuple[str, str], ...]
    advanced: bool

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition(".")[2]


def declarations(group: type[Settings], prefix: str = "") -> list[Declaration]:
    """Every setting of `group` in the order of its class, nested groups included; paths start with `prefix`. A field
    that `setting` did not make is nothing that a person chooses."""
    found: list[Declaration] = []
    for name, field in group.model_fields.items():
        path = f"{prefix}.{name}" if prefix else name
        if isinstance(field.annotation, type) and issubclass(field.annotation, Settings):
            found.extend(declarations(field.annotation, path))
        elif field.json_schema_extra is not None:
            found.append(_declaration(path, field))
    return found


def _declaration(path: str, field: FieldInfo) -> Declaration:
    words = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    bounds = {
        name: next((getattr(m, name) for m in field.metadata if hasattr(m, name)), None)
        for name in ("ge", "le", "gt", "lt")
    }
    titles = typing.cast(Mapping[str, str], words.get("choices", {}))
    values = typing.get_args(field.annotation) if typing.get_origin(field.annotation) is Literal else ()
    return Declaration(
        path=path,
        kind=_kind(field.annotation),
        title=field.title or path,
        help=field.description or "",
        unit=str(words.get("unit", "")),
        default=field.default,
        minimum=bounds["ge"],
        maximum=bounds["le"],
        above=bounds["gt"],
        below=bounds["lt"],
        choices=tuple((value, titles.get(value, value)) for value in values),
        advanced=bool(words.get("advanced", False)),
    )


def _kind(annotation: Any) -> Kind:
    if typing.get_origin(annotation) is Literal:
        return "choice"
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        annotation = next(a for a in typing.get_args(annotation) if a is not type(None))
    kinds: dict[Any, Kind] = {bool: "boolean", int: "integer", float: "number", str: "text"}
    return kinds[annotation]


def read(group: type[SettingsType], values: Mapping[str, Any], prefix: str = "") -> SettingsType:
    """Build `group` from plain values (from a form, an option or a file).

    Raises `SettingsError` with one sentence per wrong field, fields written as `prefix.name`.
    """
    try:
        return group.model_validate(dict(values))
    except ValidationError as error:
        raise SettingsError(list(_problems(group, error, prefix))) from None


def _problems(group: type[Settings], error: ValidationError, prefix: str) -> Iterator[Problem]:
    known = {d.path: d for d in declarations(group)}
    for item in error.errors():
        place = ".".join(str(part) for part in item["loc"])
        cause = item.get("ctx", {}).get("error")
        if isinstance(cause, ConflictError):
            for problem in cause.problems:
                path = ".".join(part for part in (prefix, place, problem.field) if part)
                yield Problem(path, problem.sentence, problem.values, problem.choices)
            continue
        path = ".".join(part for part in (prefix, place) if part)
        yield _problem(path, known.get(place), item, list(known))


def _problem(path: str, declared: Declaration | None, item: Any, known: Sequence[str]) -> Problem:
    value = item.get("input")
    if item["type"] == "extra_forbidden" or declared is None:
        return Problem(path, "There is no such setting. Known here: {known}.", {"known": ", ".join(known)})
    if declared.kind == "choice":
        options = tuple(option for option, _ in declared.choices)
        return Problem(
            path,
            "“{value}” is not one of the choices: {options}.",
            {"value": value, "options": ", ".join(options)},
            options,
        )
    if item["type"] in ("greater_than_equal", "less_than_equal", "greater_than", "less_than"):
        nearest = _nearest(declared, value)
        return Problem(
            path,
            "Must be {range}, not {value}.",
            {"range": describe_range(declared), "value": value},
            (nearest,) if nearest is not None else (),
        )
    wanted = {
        "integer": "Must be a whole number, not “{value}”.",
        "number": "Must be a number, not “{value}”.",
        "boolean": "Must be yes or no, not “{value}”.",
        "text": "Must be text, not “{value}”.",
    }
    return Problem(path, wanted[declared.kind], {"value": value}, (declared.default,))


def describe_range(declared: Declaration) -> str:
    """The allowed range in words: "between 1 and 7", "above 0", "at most 1"."""
    low = (
        f"at least {declared.minimum:.12g}"
        if declared.minimum is not None
        else (f"above {declared.above:.12g}" if declared.above is not None else "")
    )
    high = (
        f"at most {declared.maximum:.12g}"
        if declared.maximum is not None
        else (f"below {declared.below:.12g}" if declared.below is not None else "")
    )
    if declared.minimum is not None and declared.maximum is not None:
        return f"between {declared.minimum:.12g} and {declared.maximum:.12g}"
    return " and ".join(part for part in (low, high) if part)


def _nearest(declared: Declaration, value: Any) -> int | float | None:
    bounds = [bound for bound in (declared.minimum, declared.maximum) if bound is not None]
    if not bounds or not isinstance(value, (int, float)):
        return None
    nearest = min(bounds, key=lambda bound: abs(bound - value))
    return int(nearest) if declared.kind == "integer" else float(nearest)
