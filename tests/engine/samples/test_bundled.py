"""What the bundled corpora are: the same letters everywhere, well formed, with exact probabilities."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from itertools import islice
from math import fsum, log2, sqrt
from random import Random

import pytest

from lmstudio_app.engine.data.samples import Generated, catalogue, generate, sample, samples
from lmstudio_app.engine.data.samples.drawing import SplitMix64, _Document, write_documents
from lmstudio_app.engine.data.samples.grammar import Alternative, Choice, Grammar
from tests.engine.samples.recogniser import bits, derivations

# The text of a bundled corpus may change only together with its grammar, and then on purpose: whoever changes a
# grammar puts the new number here.
SHA_256 = {
    "stories": "74fbbfc74c356e2b145fa907786436b8682a80c8fc3077546852d94652b78f96",
    "stories-chinese": "2f6c7f7d0be86e8d85abbc87f77c48f4131e5af2542226d37f226277732cab8c",
}

NAMES = [one.name for one in samples()]


@cache
def grammar_of(name: str) -> Grammar:
    return catalogue.load_grammar(catalogue._folder() / f"{name}.grammar")


@cache
def corpus(name: str) -> Generated:
    return generate(sample(name))


@pytest.mark.parametrize("name", NAMES)
def test_the_letters_are_the_same_everywhere(name: str) -> None:
    assert hashlib.sha256("".join(corpus(name).documents).encode()).hexdigest() == SHA_256[name]


@pytest.mark.parametrize("name", NAMES)
def test_size_is_as_announced(name: str) -> None:
    size = sum(len(document.encode()) for document in corpus(name).documents)
    assert size == pytest.approx(sample(name).approximate_bytes, rel=0.01)


@pytest.mark.parametrize("name", ["stories", "stories-chinese"])
def test_stories_are_a_megabyte_of_stories_set_off_by_blank_lines(name: str) -> None:
    documents = corpus(name).documents
    assert sum(len(document.encode()) for document in documents) >= 1 << 20
    assert len(set(documents)) == len(documents)
    for document in documents:
        lines = document.removesuffix("\n\n").split("\n")
        assert document.endswith("\n\n")
        assert len(lines) > 4
        assert all(lines)
        assert not re.search(r"[{}\[\]|\\¶]|  | \n|\n ", document)


def test_english_marks_stand_where_they_should() -> None:
    for document in corpus("stories").documents:
        for line in document.split("\n")[1:-2]:
            assert line.count('"') % 2 == 0, line
            assert line[0] == '"' or line[0] == "(" or line[0].isupper() or line[0].isdigit(), line
            assert line.endswith((".", '"', "!", "?", ")")), line
            assert not re.search(r"[.!?] [a-z]| [,.;:!?]|[,;:][,.;:]|\ba [aeio]\w|\ban [b-df-gj-np-tv-z]", line), line


def test_chinese_marks_stand_where_they_should() -> None:
    for document in corpus("stories-chinese").documents:
        for line in document.split("\n")[1:-2]:
            assert line.count("“") == line.count("”"), line
            assert line.endswith(("。", "！", "？", "”", "）", "…")), line
            assert not re.search(r"[ -~]|[，。！？；：、]{2}|[，。！？]”[，。！？]", line), line


@pytest.mark.parametrize("name", NAMES)
def test_reading_back_finds_one_derivation_with_the_stated_bits(name: str) -> None:
    written = corpus(name)
    for place in Random(2).sample(range(len(written.documents)), 6):
        found = derivations(grammar_of(name), written.documents[place])
        assert [bits(chance) for chance in found] == [pytest.approx(written.bits[place], abs=1e-6)]


@pytest.mark.parametrize("name", NAMES)
def test_a_changed_text_has_no_derivation(name: str) -> None:
    document = corpus(name).documents[0]
    assert derivations(grammar_of(name), document[:-3] + "x" + document[-2:]) == []


class _Weighing(_Document):
    """Adds up, beside the bits of what is drawn, what each choice costs on average, computed from its weights alone."""

    average = 0.0

    def _choose(self, choice: Choice) -> Alternative:
        used = self.used.get(getattr(choice, "name", ""), set()) if getattr(choice, "once", False) else set()
        open_now = [a.weight for n, a in enumerate(choice.alternatives) if n not in used and self._allows(a)]
        total = sum(open_now)
        self.average += fsum(weight / total * log2(total / weight) for weight in open_now)
        return super()._choose(choice)


@pytest.mark.parametrize("name", NAMES)
def test_stated_bits_agree_with_what_the_choices_cost_on_average(name: str) -> None:
    stated = corpus(name).bits[:300]
    numbers = SplitMix64(int(catalogue._header(catalogue._folder() / f"{name}.grammar")["seed"]))
    documents = [_Weighing(grammar_of(name), numbers) for _ in stated]
    for document in documents:
        document.write()
    assert fsum(document.average for document in documents) == pytest.approx(fsum(stated), rel=0.005)


@pytest.mark.parametrize("name", NAMES)
def test_stated_bits_agree_with_a_fresh_sample(name: str) -> None:
    stated = corpus(name).bits
    fresh = [cost for _, cost in islice(write_documents(grammar_of(name), seed=101), 700)]
    mean = fsum(stated) / len(stated)
    variance = fsum((cost - mean) ** 2 for cost in stated) / len(stated)
    standard_error = sqrt(variance * (1 / len(stated) + 1 / len(fresh)))
    assert abs(fsum(fresh) / len(fresh) - mean) < 3 * standard_error


@pytest.mark.parametrize("name", ["stories", "stories-chinese"])
def test_there_is_much_to_learn_and_something_left_open(name: str) -> None:
    written = corpus(name)
    per_byte = fsum(written.bits) / sum(len(document.encode()) for document in written.documents)
    assert 0.2 < per_byte < 1.2
