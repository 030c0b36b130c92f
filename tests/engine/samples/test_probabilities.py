"""The stated probability of a text is its probability: by listing everything, by reading back, by counting."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import islice
from math import fsum, log2, sqrt

import pytest

from lmstudio_app.engine.data.samples.drawing import write_documents
from lmstudio_app.engine.data.samples.grammar import Grammar
from tests.engine.samples.recogniser import bits, derivations, texts
from tests.engine.samples.small_grammars import BRACKETS, SMALL, checked


@pytest.fixture(params=SMALL)
def grammar(request: pytest.FixtureRequest) -> Grammar:
    return checked(SMALL[request.param])


def test_all_texts_together_have_probability_one_and_none_is_written_in_two_ways(grammar: Grammar) -> None:
    every = texts(grammar)
    assert sum(chance for _, chance in every) == 1
    assert len({text for text, _ in every}) == len(every)


def test_stated_bits_are_those_of_the_full_list(grammar: Grammar) -> None:
    known = dict(texts(grammar))
    for text, stated in islice(write_documents(grammar, seed=5), 400):
        assert stated == pytest.approx(bits(known[text]), abs=1e-9)


def test_reading_back_finds_one_derivation_with_the_same_probability(grammar: Grammar) -> None:
    for text, chance in texts(grammar):
        assert derivations(grammar, text) == [chance]


def test_texts_come_as_often_as_stated(grammar: Grammar) -> None:
    known, total = dict(texts(grammar)), 6_000
    counted = Counter(text for text, _ in islice(write_documents(grammar, seed=11), total))
    assert counted.keys() <= known.keys()
    squares = fsum(
        (counted[text] - float(chance) * total) ** 2 / (float(chance) * total) for text, chance in known.items()
    )
    freedom = len(known) - 1
    assert abs(squares - freedom) < 5 * sqrt(2 * freedom)


def test_mean_bits_of_a_fresh_sample_agree_with_the_entropy(grammar: Grammar) -> None:
    entropy = fsum(float(chance) * bits(chance) for _, chance in texts(grammar))
    sample = [stated for _, stated in islice(write_documents(grammar, seed=23), 8_000)]
    assert fsum(sample) / len(sample) == pytest.approx(entropy, rel=0.005)


def test_a_recursive_grammar_has_its_analytic_entropy() -> None:
    grammar = checked(BRACKETS)
    # Each "inside" draws one of three and then, on average, 2/9 · 1 + 1/9 · 2 more: H = h + 4/9 · H = 9/5 · h.
    choice = fsum(-p * log2(p) for p in (6 / 9, 2 / 9, 1 / 9))
    documents = list(islice(write_documents(grammar, seed=9), 15_000))
    mean = fsum(stated for _, stated in documents) / len(documents)
    variance = fsum((stated - mean) ** 2 for _, stated in documents) / len(documents)
    assert abs(mean - 9 / 5 * choice) < 3 * sqrt(variance / len(documents))
    for text, stated in documents[:300]:
        assert [bits(chance) for chance in derivations(grammar, text)] == [pytest.approx(stated, abs=1e-9)]
    assert derivations(grammar, "[x].") == [Fraction(4, 27)]
