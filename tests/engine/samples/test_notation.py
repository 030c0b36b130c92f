"""The text form of a grammar: what it means, and one clear sentence with file and line where it means nothing."""

from __future__ import annotations

import pytest

from lmstudio_app.engine.data.samples.grammar import GrammarError
from lmstudio_app.engine.errors import UserError
from tests.engine.samples.recogniser import texts
from tests.engine.samples.small_grammars import checked

MEANINGS = {
    "alternatives on one row": ("start = a | 2* b", {"a": 1 / 3, "b": 2 / 3}),
    "alternatives on rows, comments and blanks between": (
        "start =\n    a\n\n    # not this\n    3* b | c\n",
        {"a": 0.2, "b": 0.6, "c": 0.2},
    ),
    "a row goes on when indented deeper": ("start =\n    one\n        two\n    three", {"one two": 0.5, "three": 0.5}),
    "a row goes on without a blank after a backslash": ("start =\n    小\\\n        猫", {"小猫": 1}),
    "signs": (r"start = \{a\} \[b\] \| c \\ ¶\:\: d", {"{a} [b] | c \\ \n:: d": 1}),
    "a blank may end an inline alternative": ("start = [so |]far", {"so far": 0.5, "far": 0.5}),
    "only a star makes a number a weight": ("start = 2 cats | 3* 4 dogs", {"2 cats": 0.25, "4 dogs": 0.75}),
    "features of a group, and of a tag": (
        "tag big: size=large\nstart = {v=a}, {v.size}\na =\n    :: size=small\n    ant | bee\n    :: big\n    cow",
        {"ant, small": 1 / 3, "bee, small": 1 / 3, "cow, large": 1 / 3},
    ),
    "an attribute keeps what was drawn then": (
        "start = {v=pair}{w=pair} {v.s}{w.s}\npair = ({c=letter}) :: s={c}\nletter once = x | y",
        {"(x)(y) xy": 0.5, "(y)(x) yx": 0.5},
    ),
    "conditions": (
        "start = {v=a}[!| if so]{b}\na = x :: p, q | y :: p\nb =\n    if v is p and v is not q: 1\n    if v is q: 2",
        {"x!2": 0.25, "x if so2": 0.25, "y!1": 0.25, "y if so1": 0.25},
    ),
    "articles and capitals": (
        "start = {^a b}, {a b}, {^b}\nb once = egg | honest man | unicorn",
        {
            "An egg, an honest man, Unicorn": 1 / 6,
            "An egg, a unicorn, Honest man": 1 / 6,
            "An honest man, an egg, Unicorn": 1 / 6,
            "An honest man, a unicorn, Egg": 1 / 6,
            "A unicorn, an egg, Honest man": 1 / 6,
            "A unicorn, an honest man, Egg": 1 / 6,
        },
    ),
}

MISTAKES = {
    "no such rule": ("start =\n    a {b}", 3, "there is no rule or variable “b”"),
    "no such variable": ("start = {v.k}", 2, "nothing is ever remembered as “v”"),
    "a rule never used": ("start = a\nb = c", 3, "the rule “b” is never used"),
    "a rule twice": ("start = {a}\na = x\na = y", 4, "“a” is already there, on line 3"),
    "a rule and a variable": ("start = {a=a}\na = x", 3, "“a” is a rule and a variable"),
    "an empty rule": ("start =\n# nothing", 2, "“start” has no alternative"),
    "an open bracket": ("start =\n    one\n    two [three|four", 4, "“[” is never closed"),
    "a closing bracket": ("start = two] three", 2, "“]” closes nothing"),
    "an open brace": ("start = {a", 2, "not “{a”"),
    "something odd in braces": ("start = {a b c}", 2, "not “{a b c”"),
    "an attribute while drawing": ("start = {v=a.k}", 2, "expected {rule}"),
    "a weight of nothing": ("start = 0* a | b", 2, "a weight must be between 1 and 999999, not 0"),
    "a condition without a colon": ("start = {v=a}[if v is b|c]\na = x :: b", 2, "expected “if name is tag:”"),
    "a tag that nothing has": ("start = {v=a}{b}\na = x :: one\nb = if v is two: y", 4, "“v” is never “two”"),
    "an attribute that some lack": ("start = {v=a} {v.k}\na =\n    x :: k=1\n    y", 5, "has no “k”, which line 2"),
    "an attribute that draws": ("start = {v=a} {v.k}\na = x :: k={b}\nb = y | z", 3, "“k” draws something"),
    "a feature that is none": ("start = {v=a}\na = x :: 1=2", 3, "expected a tag or “key=value”, not “1=2”"),
    "used before it is drawn": ("start = {a}{v=b}\na = x{v}\nb = y", 3, "“v” may be used here before it is drawn"),
    "drawn only sometimes": ("start = [a|{v=b}]{v}\nb = y", 2, "“v” may be used here before it is drawn"),
    "a rule without end": ("start = {a}\na = x{a}", 3, "“a” can never end"),
    "a rule that begins with itself": ("start = {a}.\na = x | {a}y", 3, "“a” begins with itself"),
    "a row of no rule": ("    a", 2, "follows no rule"),
    "a row that is nothing": ("start = a\nand then", 3, "not “and then”"),
    "an article before an article": ("start = {a a}\na = {a b}\nb = x", 3, "has its article or capital letter already"),
    "an article before an open word": ("start = {a a}\na = u[nicorn|dder]", 3, "write the first word in one piece"),
    "a capital letter of nothing": ("start = {^a}\na = [b|]c", 3, "asked of a text that may be empty"),
}


@pytest.mark.parametrize("name", MEANINGS)
def test_meaning(name: str) -> None:
    text, expected = MEANINGS[name]
    assert dict(texts(checked(text))) == pytest.approx(expected)


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_sentence_with_file_and_line(name: str) -> None:
    text, line, words = MISTAKES[name]
    with pytest.raises(GrammarError) as raised:
        checked(text)
    sentence = str(raised.value)
    assert isinstance(raised.value, UserError)
    assert sentence.startswith(f"small.grammar, line {line}: ")
    assert words in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_the_start_must_be_a_rule() -> None:
    with pytest.raises(
        GrammarError, match=r"small\.grammar, line 1: “start:” must name a rule of this file; “begin” is none\."
    ):
        checked("start = a", start="begin")
