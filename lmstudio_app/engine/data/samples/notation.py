"""Reads the text form of a grammar (described at the top of each file in `resources/samples/`)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lmstudio_app.engine.data.samples.grammar import (
    Alternative,
    Choice,
    Condition,
    Draw,
    Form,
    Grammar,
    GrammarError,
    Item,
    Items,
    Literal,
    Recall,
    Rule,
)

_NAME = r"[^\W\d][\w-]*"
_HEADER = re.compile(r"([a-z]+):\s*(.*)")
_TAG = re.compile(rf"tag\s+({_NAME})\s*:\s*(.*)")
_RULE = re.compile(rf"({_NAME})(\s+once)?\s*=\s*(.*)")
_REFERENCE = re.compile(rf"(\^)?(a )?(?:({_NAME})=)?({_NAME})(?:\.({_NAME}))?")
_WEIGHT = re.compile(r"(\d+)\*\s?")
_VARIABLE = re.compile(rf"\{{\^?(?:a )?({_NAME})=")
_CONDITION = re.compile(rf"({_NAME}) is (not )?({_NAME}(?: or {_NAME})*)")


@dataclass
class _Block:
    """The rows of one rule as they stand in the file, before their text is read."""

    name: str
    once: bool
    line: int
    rows: list[tuple[int, str]] = field(default_factory=list)
    indent: int = 0

    def add(self, line: int, text: str) -> None:
        """Take in an indented line: a new row, or more of the last one where it is indented deeper."""
        indent = len(text) - len(text.lstrip())
        self.indent = self.indent or indent
        if self.rows and indent > self.indent:
            first, begun = self.rows[-1]
            self.rows[-1] = (first, begun[:-1] + text.lstrip() if begun.endswith("\\") else f"{begun} {text.lstrip()}")
        else:
            self.rows.append((line, text.lstrip()))


@dataclass(frozen=True)
class _Context:
    """What a row must know of its file: its name, which names are variables, what each declared tag brings along."""

    file: str
    variables: frozenset[str]
    tags: Mapping[str, Mapping[str, Items]]


def read_header(lines: Iterable[str]) -> dict[str, str]:
    """The `key: value` lines at the top of a grammar file; comments and blank lines may stand between them."""
    found: dict[str, str] = {}
    for line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        match = _HEADER.fullmatch(line.rstrip())
        if not match:
            break
        found[match[1]] = match[2]
    return found


def read_grammar(text: str, file: str, borrowed: str = "") -> Grammar:
    """The grammar in `text`; `file` is named in errors. Rules and tags that it lacks are those of `borrowed`, another
    grammar. Raises `GrammarError` with the line at fault."""
    lines = text.splitlines()
    start = read_header(lines).get("start", "")
    blocks, tags = _blocks(lines, file)
    if borrowed:
        own = {block.name for block in blocks}
        others, other_tags = _blocks(borrowed.splitlines(), file)
        blocks += [block for block in others if block.name not in own]
        tags = other_tags | tags
    context = _Context(file, frozenset(_VARIABLE.findall(text + borrowed)), {})
    for name, (line, features) in tags.items():
        _, attributes = _features(features, line, context)
        context = replace(context, tags={**context.tags, name: attributes})
    rules: dict[str, Rule] = {}
    for block in blocks:
        if block.name in rules:
            raise GrammarError(
                "{file}, line {line}: the rule “{name}” is already there, on line {first}.",
                file=file,
                line=block.line,
                name=block.name,
                first=rules[block.name].line,
            )
        if block.name in context.variables:
            raise GrammarError(
                "{file}, line {line}: “{name}” is a rule and a variable; give one of them another name.",
                file=file,
                line=block.line,
                name=block.name,
            )
        rules[block.name] = _rule(block, context)
    if start not in rules:
        raise GrammarError(
            "{file}, line {line}: “start:” must name a rule of this file; “{name}” is none.",
            file=file,
            line=1,
            name=start,
        )
    return Grammar(file, rules, start)


def _blocks(lines: Sequence[str], file: str) -> tuple[list[_Block], dict[str, tuple[int, str]]]:
    blocks: list[_Block] = []
    tags: dict[str, tuple[int, str]] = {}
    for number, raw in enumerate(lines, start=1):
        line = raw.rstrip()
        if not line or line.lstrip().startswith("#"):
            continue
        if line[0].isspace():
            if not blocks:
                raise GrammarError(
                    "{file}, line {line}: this line is indented but follows no rule.", file=file, line=number
                )
            blocks[-1].add(number, line)
        elif match := _TAG.fullmatch(line):
            tags[match[1]] = (number, match[2])
        elif match := _RULE.fullmatch(line):
            blocks.append(_Block(match[1], bool(match[2]), number, [(number, match[3])] if match[3] else []))
        elif blocks or tags or not _HEADER.fullmatch(line):
            raise GrammarError(
                "{file}, line {line}: expected “name = …”, “tag name: …” or an indented alternative, not “{text}”.",
                file=file,
                line=number,
                text=line,
            )
    return blocks, tags


def _rule(block: _Block, context: _Context) -> Rule:
    alternatives: list[Alternative] = []
    group = ""
    for line, text in block.rows:
        if text.startswith("::"):
            group = text[2:]
        else:
            alternatives.extend(_Row(text, line, context).alternatives(group))
    if not alternatives:
        raise GrammarError(
            "{file}, line {line}: the rule “{name}” has no alternative.",
            file=context.file,
            line=block.line,
            name=block.name,
        )
    return Rule(alternatives=tuple(alternatives), name=block.name, once=block.once, line=block.line)


def _features(text: str, line: int, context: _Context) -> tuple[frozenset[str], dict[str, Items]]:
    """Tags and attributes from “tag, key=value, …”; a declared tag brings its attributes along."""
    names: set[str] = set()
    attributes: dict[str, Items] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = (side.strip() for side in part.partition("="))
        if not re.fullmatch(_NAME, key):
            raise GrammarError(
                "{file}, line {line}: expected a tag or “key=value”, not “{text}”.",
                file=context.file,
                line=line,
                text=part,
            )
        if equals:
            attributes[key] = _Row(value, line, context).items(stops=("|",))
        else:
            names.add(key)
            attributes |= context.tags.get(key, {})
    return frozenset(names), attributes


class _Row:
    """Reads one row of a rule from left to right; `place` is where it has got to."""

    def __init__(self, text: str, line: int, context: _Context) -> None:
        self.text = text
        self.line = line
        self.context = context
        self.place = 0

    def alternatives(self, group: str) -> Iterator[Alternative]:
        """The alternatives of the row, set off by bars; each has the features of its `group` and its own."""
        while True:
            while self.text.startswith(" ", self.place):
                self.place += 1
            weight, conditions = self.weight(), self.conditions()
            items = _trimmed(self.items(stops=("|", "::")))
            names, attributes = _features(f"{group},{self.features()}", self.line, self.context)
            yield Alternative(weight, items, self.line, conditions, names, attributes)
            if self.place >= len(self.text):
                return
            self.place += 1

    def weight(self) -> int:
        """The number before a star, or 1."""
        match = _WEIGHT.match(self.text, self.place)
        if not match:
            return 1
        self.place = match.end()
        if not 0 < int(match[1]) < 1_000_000:
            raise self.error(
                "{file}, line {line}: a weight must be between 1 and 999999, not {weight}.", weight=match[1]
            )
        return int(match[1])

    def conditions(self) -> tuple[Condition, ...]:
        """What stands between “if” and the colon."""
        if not self.text.startswith("if ", self.place):
            return ()
        words, colon, _ = self.text[self.place + 3 :].partition(":")
        found = []
        for part in words.split(" and "):
            match = _CONDITION.fullmatch(part.strip())
            if not match or not colon:
                raise self.error(
                    "{file}, line {line}: expected “if name is tag:” (also “is not”, “or”, “and”), not “if {text}”.",
                    text=words,
                )
            found.append(Condition(match[1], frozenset(match[3].split(" or ")), bool(match[2])))
        self.place += 3 + len(words) + len(colon)
        self.place += self.text.startswith(" ", self.place)
        return tuple(found)

    def items(self, stops: tuple[str, ...]) -> Items:
        """Text, references and inline choices from here to one of `stops` or the end of the row."""
        found: list[Item] = []
        plain = ""
        while self.place < len(self.text) and not self.text.startswith(stops, self.place):
            sign = self.text[self.place]
            self.place += 1
            if sign in "{[":
                found.extend([Literal(plain)] if plain else [])
                found.append(self.reference() if sign == "{" else self.choice())
                plain = ""
            elif sign in "}]":
                raise self.error(
                    "{file}, line {line}: “{sign}” closes nothing; write “\\{sign}” for the sign itself.", sign=sign
                )
            elif sign == "\\" and self.place < len(self.text):
                plain += self.text[self.place]
                self.place += 1
            else:
                plain += "\n" if sign == "¶" else sign
        return tuple([*found, Literal(plain)] if plain else found)

    def reference(self) -> Draw | Recall:
        """What stands in braces."""
        inside, closed, _ = self.text[self.place :].partition("}")
        match = _REFERENCE.fullmatch(inside)
        if not closed or not match or (match[3] and match[5]):
            raise self.error(
                "{file}, line {line}: expected {{rule}}, {{variable=rule}}, {{variable}} or "
                "{{variable.attribute}}, not “{{{text}”.",
                text=inside,
            )
        self.place += len(inside) + 1
        form = Form(capital=bool(match[1]), article=bool(match[2]))
        if match[5] or match[4] in self.context.variables:
            return Recall(match[4], match[5] or "", form)
        return Draw(match[4], match[3] or "", form)

    def choice(self) -> Choice:
        """What stands in square brackets."""
        found: list[Alternative] = []
        while True:
            weight, conditions = self.weight(), self.conditions()
            found.append(Alternative(weight, self.items(stops=("|", "]")), self.line, conditions))
            if self.place >= len(self.text):
                raise self.error("{file}, line {line}: “[” is never closed.")
            self.place += 1
            if self.text[self.place - 1] == "]":
                return Choice(tuple(found))

    def features(self) -> str:
        """What stands between “::” and the next bar."""
        if not self.text.startswith("::", self.place):
            return ""
        inside = self.text[self.place + 2 :].partition("|")[0]
        self.place += 2 + len(inside)
        return inside

    def error(self, template: str, **values: object) -> GrammarError:
        """An error of this row."""
        return GrammarError(template, file=self.context.file, line=self.line, **values)


def _trimmed(items: Items) -> Items:
    """Without the blanks that only set the last text off from a bar or from the features."""
    if items and isinstance(items[-1], Literal):
        last = Literal(items[-1].text.rstrip(" "))
        return (*items[:-1], last) if last.text else items[:-1]
    return items
