"""Documents are drawn by whole numbers from a stream that is the same everywhere."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest

from lmstudio_app.engine.data.samples.drawing import SplitMix64, write_documents
from lmstudio_app.engine.data.samples.grammar import GrammarError
from tests.engine.samples.small_grammars import checked


def test_the_stream_is_splitmix64() -> None:
    # The first numbers of the reference implementation (Vigna, splitmix64.c) from seed 1234567.
    numbers = SplitMix64(1234567)
    assert [numbers.next() for _ in range(5)] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


def test_numbers_below_a_bound_are_uniform_and_throw_the_uneven_rest_away() -> None:
    numbers = SplitMix64(7)
    counted = Counter(numbers.below(6) for _ in range(6000))
    assert set(counted) == set(range(6))
    assert all(900 < count < 1100 for count in counted.values())
    bound = (1 << 63) + 1  # nearly half of the stream lies beyond the only multiple
    kept = SplitMix64(7)
    expected = next(number for number in iter(kept.next, None) if number < bound)
    assert SplitMix64(7).below(bound) == expected


def test_a_seed_writes_the_same_and_another_seed_something_else() -> None:
    grammar = checked("start = {a} {a} {a} {a}\na = one | two | three | four | five | six")
    first, again, other = (list(islice(write_documents(grammar, seed), 50)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_once_draws_nothing_twice_in_a_document_but_starts_anew_in_the_next() -> None:
    grammar = checked("start = {a}{a}{a}\na once = 5* x | y | z")
    documents = [text for text, _ in islice(write_documents(grammar, 4), 200)]
    assert all(sorted(text) == ["x", "y", "z"] for text in documents)
    assert len(set(documents)) == 6


def test_a_rule_used_up_is_named() -> None:
    grammar = checked("start = {a}{a}{a}\na once =\n    x | y")
    with pytest.raises(GrammarError, match=r"small\.grammar, line 4: no alternative is left to draw here\."):
        next(write_documents(grammar, 1))


def test_a_rule_that_grows_without_end_is_stopped() -> None:
    grammar = checked("start = {a}.\na = 9* xx{a}{a} | y")
    with pytest.raises(GrammarError, match="draws itself too often"):
        for _ in islice(write_documents(grammar, 1), 50):
            pass
