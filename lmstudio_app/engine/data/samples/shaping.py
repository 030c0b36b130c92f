"""Moves a form (capital letter, article) from a reference into the text it refers to.

At writing time a form is applied to the finished text. To reason about a rule before anything is drawn, the same form
is pushed down to the first word of each of its alternatives.
"""

from __future__ import annotations

from dataclasses import replace

from lmstudio_app.engine.data.samples.grammar import (
    PLAIN,
    Alternative,
    Choice,
    Draw,
    Form,
    Grammar,
    GrammarError,
    Items,
    Literal,
    Recall,
    article_is_open,
)


def shaped(items: Items, form: Form, grammar: Grammar, line: int) -> Items:
    """`items` written in `form`. Raises `GrammarError` where the first word is not certain enough to carry it."""
    if form == PLAIN:
        return items
    if not items:
        raise GrammarError(
            "{file}, line {line}: a capital letter or an article is asked of a text that may be empty.",
            file=grammar.file,
            line=line,
        )
    first, rest = items[0], items[1:]
    if isinstance(first, Literal):
        if form.article and rest and article_is_open(first.text):
            raise GrammarError(
                "{file}, line {line}: “a” or “an” cannot be told from “{text}” alone; write the first word "
                "in one piece.",
                file=grammar.file,
                line=line,
                text=first.text,
            )
        return (Literal(form.fit(first.text)), *rest)
    if isinstance(first, (Draw, Recall)):
        if form.article and first.form != PLAIN:
            raise GrammarError(
                "{file}, line {line}: this text has its article or capital letter already, and another "
                "place asks for an article before it.",
                file=grammar.file,
                line=line,
            )
        both = Form(form.capital or first.form.capital, form.article or first.form.article)
        return (replace(first, form=both), *rest)
    return (_shaped_choice(first, form, grammar), *rest)


def _shaped_choice(choice: Choice, form: Form, grammar: Grammar) -> Choice:
    return Choice(
        tuple(
            Alternative(a.weight, shaped(a.items, form, grammar, a.line), a.line, a.conditions)
            for a in choice.alternatives
        )
    )
