"""Small grammars that use every part of the notation and can be listed in full."""

from __future__ import annotations

from lmstudio_app.engine.data.samples.checks import check_endings, check_names, check_variables
from lmstudio_app.engine.data.samples.grammar import Grammar
from lmstudio_app.engine.data.samples.notation import read_grammar
from lmstudio_app.engine.data.samples.unambiguity import check_unambiguous


def checked(text: str, start: str = "start") -> Grammar:
    """The grammar in `text`, with a header before it, after all checks."""
    grammar = read_grammar(f"start: {start}\n{text}", "small.grammar")
    check_names(grammar)
    check_endings(grammar)
    check_variables(grammar)
    check_unambiguous(grammar)
    return grammar


WEATHER = """
tag warm: after=rain
tag cold: after=snow

start = {sky=weather} on {day=weekday}, [very |2* ]{mood}, then {sky.after}[.|!]
weather =
    :: warm
    3* sun | mist
    :: cold
    frost | 2* hail
weekday = Monday | 3* Sunday :: rest
mood =
    if sky is warm: glad | if sky is warm and day is rest: idle | 2* if sky is not warm: sorry | if sky is cold: grim
"""

NAMES = """
tag girl: they=she, child=girl
tag boy: they=he, child=boy

start =
    {^a first=being} met {second=being}. [{^first}|2* {^second}] laughed, and {first.they} liked {a toy}.
    2* {^first=being} and {second=being}, {^third=being} watching: {second.they} won {a toy}.
being once =
    :: girl
    2* Ada
    :: boy
    Ben | {look} owl
look once = ugly | useful
toy = 2* apple | unicorn | hourglass | kite
"""

HATS = """
start = {one=hat} and {two=hat}: {one.short}, {two.short}, [{one.colour}|none].
hat = {shade=colour} {kind=shape} hat :: short={kind}, colour={shade}
colour once = red | 2* blue | green
shape = top | 3* straw
"""

BRACKETS = """
start = \\[{inside}.
inside = 6* \\] | 2* x{inside} | \\[{inside}{inside}
"""

SMALL = {"weather": WEATHER, "names": NAMES, "hats": HATS}
