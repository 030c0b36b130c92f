"""Finds mistakes in a grammar that would show only in some of its documents, and says on which line they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lmstudio_app.engine.data.samples.grammar import (
    Alternative,
    Choice,
    Draw,
    Grammar,
    GrammarError,
    Item,
    Items,
    Recall,
)

_Needs = dict[str, tuple[int, ...]]  # variable used before it is drawn → the lines that lead to its use


def check_names(grammar: Grammar) -> None:
    """Every rule drawn exists, every rule is used, and a variable has what is asked of it whatever it may remember.

    Raises `GrammarError`.
    """
    used = {grammar.start}
    bindings = grammar.bindings()
    for alternative, item in _references(grammar):
        if isinstance(item, Draw):
            used.add(item.rule)
            if item.rule not in grammar.rules:
                raise GrammarError(
                    "{file}, line {line}: there is no rule or variable “{name}”.",
                    file=grammar.file,
                    line=alternative.line,
                    name=item.rule,
                )
    for name, rule in grammar.rules.items():
        if name not in used:
            raise GrammarError(
                "{file}, line {line}: the rule “{name}” is never used.", file=grammar.file, line=rule.line, name=name
            )
    for alternative, item in _references(grammar):
        if isinstance(item, Recall):
            _check_attribute(grammar, bindings, alternative, item)
    for alternative in grammar.alternatives():
        _check_conditions(grammar, bindings, alternative)
        for key, value in alternative.attributes.items():
            if any(isinstance(item, Draw | Choice) for item in value):
                raise GrammarError(
                    "{file}, line {line}: the attribute “{key}” draws something; it may only repeat what was drawn.",
                    file=grammar.file,
                    line=alternative.line,
                    key=key,
                )


def _references(grammar: Grammar) -> Iterator[tuple[Alternative, Draw | Recall]]:
    for alternative in grammar.alternatives():
        for items in (alternative.items, *alternative.attributes.values()):
            for item in items:
                if isinstance(item, (Draw, Recall)):
                    yield alternative, item


def _check_attribute(grammar: Grammar, bindings: Mapping[str, set[str]], place: Alternative, item: Recall) -> None:
    if item.variable not in bindings:
        raise GrammarError(
            "{file}, line {line}: nothing is ever remembered as “{name}”.",
            file=grammar.file,
            line=place.line,
            name=item.variable,
        )
    for rule in sorted(bindings[item.variable]):
        for alternative in grammar.rules[rule].alternatives:
            if item.key and item.key not in alternative.attributes:
                raise GrammarError(
                    "{file}, line {line}: this alternative of “{rule}” has no “{key}”, which line {user} asks for.",
                    file=grammar.file,
                    line=alternative.line,
                    rule=rule,
                    key=item.key,
                    user=place.line,
                )


def _check_conditions(grammar: Grammar, bindings: Mapping[str, set[str]], alternative: Alternative) -> None:
    for condition in alternative.conditions:
        known = {
            tag
            for rule in bindings.get(condition.variable, ())
            for other in grammar.rules[rule].alternatives
            for tag in other.tags
        }
        for tag in sorted(condition.tags - known):
            raise GrammarError(
                "{file}, line {line}: “{name}” is never “{tag}”.",
                file=grammar.file,
                line=alternative.line,
                name=condition.variable,
                tag=tag,
            )


def check_endings(grammar: Grammar) -> None:
    """Every rule can come to an end, and none begins with itself. Raises `GrammarError`."""
    first = {name: {rule for a in r.alternatives for rule in _first(a.items)} for name, r in grammar.rules.items()}
    drawn = {name: {rule for a in r.alternatives for rule in _drawn(a.items)} for name, r in grammar.rules.items()}
    endless = _endless(grammar)
    for name, rule in grammar.rules.items():
        if name in endless and name in _closure(drawn, name):
            raise GrammarError(
                "{file}, line {line}: the rule “{name}” can never end.", file=grammar.file, line=rule.line, name=name
            )
        if name in _closure(first, name):
            raise GrammarError(
                "{file}, line {line}: the rule “{name}” begins with itself.",
                file=grammar.file,
                line=rule.line,
                name=name,
            )


def _endless(grammar: Grammar) -> set[str]:
    endless = set(grammar.rules)
    while ending := {n for n in endless if any(_ends(a.items, endless) for a in grammar.rules[n].alternatives)}:
        endless -= ending
    return endless


def _ends(items: Items, endless: set[str]) -> bool:
    """Whether `items` can come to an end while the rules in `endless` do not."""
    choices = (item for item in items if isinstance(item, Choice))
    return all(any(_ends(a.items, endless) for a in choice.alternatives) for choice in choices) and not any(
        isinstance(item, Draw) and item.rule in endless for item in items
    )


def _closure(steps: Mapping[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = steps[waiting.pop()] - found
        found |= new
        waiting.extend(new)
    return found


def _drawn(items: Items) -> Iterator[str]:
    """The rules that can be drawn anywhere in `items`."""
    for item in items:
        if isinstance(item, Draw):
            yield item.rule
        elif isinstance(item, Choice):
            for alternative in item.alternatives:
                yield from _drawn(alternative.items)


def _first(items: Items) -> Iterator[str]:
    """The rules that can stand at the very beginning of `items`."""
    for item in items:
        if isinstance(item, Draw):
            yield item.rule
        elif isinstance(item, Choice):
            for alternative in item.alternatives:
                yield from _first(alternative.items)
            if any(not alternative.items for alternative in item.alternatives):
                continue
        return


def check_variables(grammar: Grammar) -> None:
    """No variable is used before it is drawn, whichever alternatives are drawn. Raises `GrammarError`."""
    variables = set(grammar.bindings())
    drawn: dict[str, set[str]] = dict.fromkeys(grammar.rules, variables)
    needs: dict[str, _Needs] = {name: {} for name in grammar.rules}
    changed = True
    while changed:
        changed = False
        for name, rule in grammar.rules.items():
            now_drawn, now_needs = _flow(rule, drawn, needs)
            changed |= now_drawn != drawn[name] or now_needs.keys() != needs[name].keys()
            drawn[name], needs[name] = now_drawn, now_needs
    for variable, lines in needs[grammar.start].items():
        raise GrammarError(
            "{file}, line {line}: “{name}” may be used here before it is drawn (on the way through lines {way}).",
            file=grammar.file,
            line=lines[-1],
            name=variable,
            way=", ".join(map(str, lines)),
        )


def _flow(choice: Choice, drawn: Mapping[str, set[str]], needs: Mapping[str, _Needs]) -> tuple[set[str], _Needs]:
    """What is drawn for certain once `choice` is written, and what must have been drawn before it."""
    always: set[str] | None = None
    needed: _Needs = {}
    for alternative in choice.alternatives:
        here, line = set[str](), (alternative.line,)
        wanted: _Needs = {condition.variable: line for condition in alternative.conditions}
        for item in (*alternative.items, *(i for items in alternative.attributes.values() for i in items)):
            asked, brought = _single(item, line, drawn, needs)
            wanted |= {variable: way for variable, way in asked.items() if variable not in here | wanted.keys()}
            here |= brought
        needed = {**wanted, **needed}
        always = here if always is None else always & here
    return always or set(), needed


def _single(
    item: Item, line: tuple[int], drawn: Mapping[str, set[str]], needs: Mapping[str, _Needs]
) -> tuple[_Needs, set[str]]:
    """What must have been drawn before `item`, and what is drawn once it is written."""
    if isinstance(item, Recall):
        return {item.variable: line}, set()
    if isinstance(item, Draw):
        ways = {variable: (*line, *way) for variable, way in needs[item.rule].items()}
        return ways, drawn[item.rule] | ({item.variable} if item.variable else set())
    if isinstance(item, Choice):
        brought, asked = _flow(item, drawn, needs)
        return asked, brought
    return {}, set()
