"""What the columns of a table are for: which hold text, which a label, a question, an answer.

A corpus whose documents all have the same roles is a typed one (labelled, paired, …): besides their text its documents
keep the values of their roles, which later tasks learn from.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from lmstudio_app.engine.errors import UserError

CorpusKind = Literal["plain", "labelled", "paired", "question_answering", "instruction", "tagged"]


@dataclass(frozen=True)
class Roles:
    """What a kind of document consists of: roles it must have and may have, and those that its text is made of."""

    needed: tuple[str, ...]
    text: tuple[str, ...]
    optional: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """Every role of the kind."""
        return self.needed + self.optional


KINDS: Mapping[CorpusKind, Roles] = {
    "instruction": Roles(("instruction", "output"), ("instruction", "input", "output"), ("input",)),
    "question_answering": Roles(("question", "answer"), ("context", "question", "answer"), ("context",)),
    "tagged": Roles(("tokens", "tags"), ("tokens",)),
    "paired": Roles(("source", "target"), ("source", "target")),
    "labelled": Roles(("text", "label"), ("text",)),
    "plain": Roles(("text",), ("text",)),
}
"""The kinds, those that ask for more roles first."""

ROLES: tuple[str, ...] = tuple(dict.fromkeys(role for roles in KINDS.values() for role in roles.all))

_NAMES: Mapping[str, str] = {
    "instruction": "instruction prompt task command 指令 提示",
    "input": "input 输入",
    "output": "output response completion reply 输出 回答 回复",
    "question": "question query 问题",
    "context": "context passage background 上下文 背景",
    "answer": "answer answers solution 答案",
    "tokens": "tokens words 词",
    "tags": "tags ner_tags pos_tags upos 标注",
    "source": "source src original 原文 源文",
    "target": "target tgt translation summary 译文 摘要",
    "text": "text body content review sentence document article comment message story tweet post paragraph abstract"
    " title 文本 内容 正文 评论 句子",
    "label": "label class category sentiment stars rating score topic polarity 标签 类别 情感 评分",
}
_LANGUAGES = frozenset({
    "ar", "cs", "da", "de", "el", "en", "es", "fa", "fi", "fr", "he", "hi", "hu", "id", "it", "ja", "ko", "nl", "no",
    "pl", "pt", "ro", "ru", "sv", "th", "tr", "uk", "vi", "zh",
})  # fmt: skip
_MOST_LABELS = 20
_FEWEST_ROWS = 20  # before a column of few different values is believed to be a label
_NUMBER = re.compile(r"\s*[-+]?[\d.,:/ -]+%?\s*")


def parse_mapping(text: str) -> dict[str, str]:
    """`"text=body,label=stars"` as {role: column}, for columns with commas in their names the same as a JSON object; an
    empty text leaves it to `guess`. Raises `UserError`."""
    found: dict[str, str] = {}
    if text.lstrip().startswith("{"):
        return _parse_json_mapping(text)
    for part in filter(None, (part.strip() for part in text.split(","))):
        role, equals, column = (word.strip() for word in part.partition("="))
        if not equals or role not in ROLES or not column:
            raise UserError(
                "“{part}” does not say what a column is for. Write ROLE=COLUMN, as in text=body; roles are: {roles}.",
                field="reading.mapping",
                choices=ROLES,
                part=part,
                roles=", ".join(ROLES),
            )
        found[role] = column
    if found:
        kind_of(found)
    return found


def _parse_json_mapping(text: str) -> dict[str, str]:
    try:
        found = json.loads(text)
        fits = isinstance(found, dict) and all(role in ROLES and isinstance(found[role], str) for role in found)
    except (ValueError, RecursionError):
        fits = False
    if not fits:
        raise UserError(
            "“{part}” does not say what columns are for. Write it as in {example}; roles are: {roles}.",
            field="reading.mapping",
            choices=ROLES,
            part=text,
            example='{"text": "body"}',
            roles=", ".join(ROLES),
        )
    if found:
        kind_of(found)
    return dict(found)


def written_mapping(mapping: Mapping[str, str]) -> str:
    """A mapping as `parse_mapping` reads it."""
    if any(not column or "," in column or column != column.strip() for column in mapping.values()):
        return json.dumps(dict(mapping), ensure_ascii=False)
    return ",".join(f"{role}={column}" for role, column in mapping.items())


def kind_of(mapping: Mapping[str, str]) -> CorpusKind:
    """The kind of document that has the roles of `mapping`. Raises `UserError` when they make none."""
    given = set(mapping)
    for kind, roles in KINDS.items():
        if given >= set(roles.needed) and given <= set(roles.all):
            return kind
    raise UserError(
        "The roles {given} do not belong together. Use one of: {sets}.",
        field="reading.mapping",
        given=", ".join(sorted(given)),
        sets="; ".join(" + ".join(roles.needed) for roles in KINDS.values()),
    )


def check_columns(mapping: Mapping[str, str], columns: Sequence[str]) -> None:
    """Raises `UserError` when `mapping` names a column that is not there."""
    for role, column in mapping.items():
        if column not in columns:
            raise UserError(
                "There is no column “{column}” for {role}. The columns are: {columns}.",
                field="reading.mapping",
                choices=tuple(columns),
                column=column,
                role=role,
                columns=", ".join(columns),
            )


def guess(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """What each column is for, {role: column}, by the names of the columns and what stands in `rows`."""
    named = {role: column for role in _NAMES if (column := _by_name(role, columns)) is not None}
    for kind, roles in KINDS.items():
        if kind != "plain" and all(role in named for role in roles.needed):
            return {role: named[role] for role in roles.all if role in named}
    languages = [column for column in columns if _last_part(column) in _LANGUAGES]
    if len(languages) == 2:
        return {"source": languages[0], "target": languages[1]}
    text = named.get("text") or _longest(columns, rows)
    label = named.get("label") or _of_few_values(columns, rows, text)
    return {"text": text, "label": label} if label and label != text else {"text": text}


def text_of(kind: CorpusKind, values: Mapping[str, str]) -> str:
    """The text that a model of language learns from a document with these values: its parts, each on its own line."""
    return "\n".join(values[role] for role in KINDS[kind].text if values.get(role, "").strip())


def known_names() -> frozenset[str]:
    """Names of columns, in small letters, that say what the column is for."""
    return frozenset(name for names in _NAMES.values() for name in names.split()) | _LANGUAGES


def _by_name(role: str, columns: Sequence[str]) -> str | None:
    """The first column whose name, or whose part of a name in a nested record, is one for `role`."""
    for name in _NAMES[role].split():
        for column in columns:
            if column.strip().casefold() == name or name in column.strip().casefold().split("."):
                return column
    return None


def _last_part(column: str) -> str:
    return column.strip().casefold().rpartition(".")[2]


def _longest(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> str:
    def letters(column: str) -> int:
        values = [row.get(column, "") for row in rows]
        return sum(len(value) for value in values if not _NUMBER.fullmatch(value))

    return max(columns, key=letters)


def _of_few_values(columns: Sequence[str], rows: Sequence[Mapping[str, str]], text: str) -> str | None:
    """A column with so few different values that they sort the rows into classes."""
    if len(rows) < _FEWEST_ROWS:
        return None
    for column in columns:
        values = {row.get(column, "") for row in rows}
        if column != text and 2 <= len(values) <= min(_MOST_LABELS, len(rows) // 4) and "" not in values:
            return column
    return None
