"""The proof refuses what can be read in two ways, passes what cannot, and never passes wrongly."""

from __future__ import annotations

import re

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from lmstudio_app.engine.data.samples.grammar import GrammarError
from tests.engine.samples.recogniser import derivations, texts
from tests.engine.samples.small_grammars import checked

REFUSED = {
    "one text twice": ("start = cat | dog | cat", 2, 2),
    "one begins the other": ("start = {a}.\na =\n    pig\n    cow\n    pigeon", 4, 6),
    "the same through two rules": ("start =\n    {a} tart\n    {b} tart\na = plum | pear\nb = lemon | plum", 3, 4),
    "a boundary that can move": ("start = {a}{b}\na = x | xy\nb = z | yz", 3, 3),
    "an ending that may be left out": ("start = {a}!\na = yes[ sir|]", 3, 3),
    "a silent choice": ("start = {a}\na = [|]word", 3, 3),
    "the same variable by two ways": ("start = {v=a} [{v}|{a}]\na = x | y", 2, 2),
    "two variables of a rule that may repeat": ("start = {v=a}{w=a} [{v}|{w}]\na = x | y", 2, 2),
    "capital letters that meet": ("start = {^a}\na = Rose | rose | lily", 3, 3),
    "conditions that can hold together": (
        "start = {v=a}{b}\na = x :: one, two | y :: two\nb =\n    if v is one: up\n    if v is two: up",
        5,
        6,
    ),
    # Both sides draw "b" after the same letter, but from different memories.
    "a rule that depends on what was drawn after the choice": (
        "start = [{v=c}{b}y|{v=d}{b}]z\nc = x :: short\nd = x :: long\nb =\n    if v is short: k\n    if v is long: ky",
        2,
        2,
    ),
    "an attribute of which one value begins another": (
        "start = [{v=c}{v.k}o|{v=d}{v.k}]z\nc = x :: k=o\nd = x :: k=oo",
        2,
        2,
    ),
}

PASSED = {
    "an option told apart by what follows": ("start = a [very |2* ]small {b}\nb = cat | dog", 4),
    "two variables that must differ": ("start = {v=a}{w=a} [{v}|{w}]\na once = x | y | z", 12),
    "conditions that exclude each other": (
        "start = {v=a}{b}.\na = x :: one | y :: two\nb =\n    if v is one: up\n    if v is two: upper",
        2,
    ),
    "a long common beginning": ("start =\n    {a} and {b} sang\n    {a} and {b} sank\na = x | y\nb = z | w", 8),
    "words that share letters": ("start = {a}\na = three | thirteen | thirty. | twelve | two", 5),
    "articles": ("start = {a b}\nb = apple | plum | unicorn", 3),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_with_both_lines(name: str) -> None:
    text, first, second = REFUSED[name]
    with pytest.raises(GrammarError) as refused:
        checked(text)
    sentence = str(refused.value)
    assert sentence.startswith("small.grammar, line ")
    assert [int(number) for number in re.findall(r"line (\d+)", sentence)] in ([first, second], [second, first])


@pytest.mark.parametrize("name", PASSED)
def test_passes_and_each_text_has_one_derivation(name: str) -> None:
    text, number = PASSED[name]
    grammar = checked(text)
    every = texts(grammar)
    assert len(every) == number == len({written for written, _ in every})
    assert all(len(derivations(grammar, written)) == 1 for written, _ in every)


@st.composite
def grammars(draw: st.DrawFn) -> str:
    """A few rules over few letters, each drawing only from later ones, with variables, conditions and options."""
    rows = {"v-rule": "v-rule once =\n    a :: t0, t=a\n    b :: t1, t=ab\n    cd :: t0, t=c"}
    reached = {"start"}
    for place, name in enumerate(names := ["start", "k", "l", "m"]):
        pieces = ["a", "b", "ab", "c", "d", "e", "{v}", "{w}", "{v.t}", "[a|b]", "[ab|a]c", "[d|]", "[{v}|{w}]"]
        pieces += [form.format(rule) for rule in names[place + 1 :] for form in ("{{{}}}", "{{{}}}", "{{^{}}}")]
        pieces += ["{v=v-rule}", "{w=v-rule}"]
        alternatives = []
        for _ in range(draw(st.integers(1, 3)) if name in reached else 0):
            guard = draw(st.sampled_from(["", "", "", "if v is t0: ", "if v is not t0: "]))
            body = draw(st.lists(st.sampled_from(pieces), min_size=1, max_size=4))
            alternatives.append(
                f"    {'' if name == 'start' else guard}{'{v=v-rule}{w=v-rule}' * (name == 'start')}{''.join(body)}"
            )
            reached |= {rule for rule in names if any(f"{rule}}}" in piece for piece in body)}
        if alternatives:
            rows[name] = f"{name}{draw(st.sampled_from(['', '', ' once']))} =\n" + "\n".join(alternatives)
    return "\n".join(rows.values())


@settings(max_examples=250, deadline=None, derandomize=True)
@given(grammars())
def test_whatever_passes_writes_no_text_in_two_ways(text: str) -> None:
    try:
        grammar = checked(text)
    except GrammarError as refused:
        event("refused: " + re.sub(r"“[^”]*”|\d+", "…", refused.template)[:60])
        return
    written = [one for one, _ in texts(grammar)]
    event("passed, up to one text" if len(written) < 2 else "passed, several texts")
    assert len(set(written)) == len(written)
