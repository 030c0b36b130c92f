"""Command-line options made from the declarations of settings, one option a setting.

Options take text and leave reading and checking it to the settings themselves, so that the terminal, the form and a run
file give the same sentence for the same mistake.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter, Token

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.settings import Declaration, describe_range

Values = dict[str, dict[str, Any]]


def _place(kind: object, tokens: Sequence[Token]) -> Path:
    """A path as it was typed; none at all would otherwise mean the present folder."""
    (token,) = tokens
    if not token.value.strip():
        what = token.keyword or "The path"
        raise UserError("{what}: it is empty. Name a file or folder.", what=what)
    return Path(token.value)


Place = Annotated[Path, Parameter(converter=_place)]
"""A file or folder on the command line."""


def with_options(
    command: Callable[..., Any],
    declared: Iterable[Declaration],
    names: Mapping[str, str] | None = None,
    group: Mapping[str, str] | None = None,
    hidden: Collection[str] = (),
) -> Callable[..., Any]:
    """`command` with one keyword option per declaration, gathered into its argument `options` as {path: value}.

    `names` maps a path to an option's own name ("tokenizer.kind" → "tokenizer"); `group` maps the first part of a path
    to the heading in `--help`, which leaves out the paths in `hidden`.
    """
    fixed = inspect.signature(command, eval_str=True)
    options = {_identifier(d.path): d for d in declared}

    def wrapped(*arguments: Any, **keywords: Any) -> Any:
        given = {options[name].path: keywords.pop(name) for name in list(keywords) if name in options}
        return command(*arguments, **keywords, options={path: v for path, v in given.items() if v is not None})

    parameters = [p for p in fixed.parameters.values() if p.name != "options"]
    for name, declaration in options.items():
        heading = (group or {}).get(declaration.path.partition(".")[0])
        shown = declaration.path not in hidden
        annotation = _annotation(declaration, (names or {}).get(declaration.path), heading, shown)
        parameters.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation))
    wrapped.__signature__ = fixed.replace(parameters=parameters)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {p.name: p.annotation for p in parameters}
    wrapped.__name__, wrapped.__doc__ = command.__name__, command.__doc__
    return wrapped


def nested(options: Mapping[str, Any]) -> Values:
    """{"model.layers": "4"} → {"model": {"layers": "4"}}."""
    groups: Values = {}
    for path, value in options.items():
        group, _, name = path.partition(".")
        groups.setdefault(group, {})[name] = value
    return groups


def _identifier(path: str) -> str:
    return "option__" + path.replace(".", "__")


def _annotation(declaration: Declaration, name: str | None, heading: str | None, shown: bool) -> Any:
    option = "--" + (name or declaration.path.replace("_", "-"))
    kind: Any = bool if declaration.kind == "boolean" else str
    if heading is None:  # a group of None would hide the option in `--help`
        return Annotated[kind | None, Parameter(name=option, help=_help(declaration), show=shown)]
    return Annotated[kind | None, Parameter(name=option, help=_help(declaration), group=heading, show=shown)]


def _help(declaration: Declaration) -> str:
    allowed = ", ".join(value for value, _ in declaration.choices) or describe_range(declaration)
    default = declaration.default
    shown = "yes" if default is True else "no" if default is False else "empty" if default == "" else str(default)
    facts = [allowed, f"default {shown}"]
    return f"{declaration.title}. {declaration.help} [{'; '.join(fact for fact in facts if fact)}]"
