"""What the bundled corpora are: the same letters everywhere, well formed, with exact probabilities."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from itertools import islice
from math import fsum, log2, sqrt
from pathlib import Path
from random import Random

import pytest

from lmstudio_app.engine import pipeline
from lmstudio_app.engine.data.corpus import CorpusSettings
from lmstudio_app.engine.data.documents import examples
from lmstudio_app.engine.data.roles import text_of
from lmstudio_app.engine.data.samples import Generated, catalogue, generate, sample, samples
from lmstudio_app.engine.data.samples.drawing import SplitMix64, _Document, write_documents
from lmstudio_app.engine.data.samples.grammar import Alternative, Choice, Grammar
from lmstudio_app.engine.data.tokenizer import TokenizerSettings
from lmstudio_app.engine.workspace import Workspace
from tests.engine.samples.recogniser import bits, derivations

# The text of a bundled corpus may change only together with its grammar, and then on purpose: whoever changes a
# grammar puts the new number here.
SHA_256 = {
    "stories": "74fbbfc74c356e2b145fa907786436b8682a80c8fc3077546852d94652b78f96",
    "stories-chinese": "2f6c7f7d0be86e8d85abbc87f77c48f4131e5af2542226d37f226277732cab8c",
    "brackets": "f13d48ca30ca588125d6ab5215dbe8bec094bd2102fc5be3eaaf2617e04389be",
    "copying": "0382e224ebc15ad761f9bb61deaa0e000a0f13a35aadfb0a14166aba48849fe3",
    "reviews": "944f849852be8340607d358082e9df71be961761390ae10c7e30b3e28bdeb665",
    "reviews-unbalanced": "2ac4127e030cc0e8a26f2f8d129276edd20ef513018bba0696b68a36b7162c57",
    "english-chinese": "8521b905ee823e732c2cd7c0de050d08905568d0c395023e96c002534d36eb5f",
    "english-french": "2be935447f220dcba8ea9780bc4fbeb34acbef7478c841bb0300ce4f1182dea6",
    "questions": "03428cd749580b0ac88bc3ec9a3deda31ab9446780796d92347e68a34ce798cd",
    "instructions": "612828d26095735482852b93825dfa47d0a705ad27756e510c7b8d75f383b7a1",
    "semantic-roles": "578afc06b553135a992303a309d425d98b99bd94fd4ae196cfd10eb8e924222e",
    "summaries": "ed6add70e70b80442d4d0a650c67a53a484100b2ca1e999a982455b1e0d7a6f8",
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
    assert derivations(grammar_of(name), document[:-3] + "?" + document[-2:]) == []


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
    stated = corpus(name).bits[: 300 if name.startswith("stories") else 4000]
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
    assert abs(fsum(fresh) / len(fresh) - mean) <= 3 * standard_error + 1e-9


@pytest.mark.parametrize("name", ["stories", "stories-chinese"])
def test_there_is_much_to_learn_and_something_left_open(name: str) -> None:
    written = corpus(name)
    per_byte = fsum(written.bits) / sum(len(document.encode()) for document in written.documents)
    assert 0.2 < per_byte < 1.2


REST = ["brackets", "copying", "instructions", "questions", "semantic-roles", "summaries"]
TYPED = [one.name for one in samples() if one.kind != "plain"]
KINDS_OF = {
    "reviews": "labelled", "reviews-unbalanced": "labelled", "english-chinese": "paired", "english-french": "paired",
    "questions": "question_answering", "instructions": "instruction", "semantic-roles": "tagged", "summaries": "paired",
}  # fmt: skip


def test_every_kind_of_task_has_a_corpus() -> None:
    assert {one.name: one.kind for one in samples() if one.kind != "plain"} == KINDS_OF


@pytest.mark.parametrize("name", TYPED)
def test_every_document_has_its_roles_and_a_text_that_says_how_it_was_made(name: str) -> None:
    written = corpus(name)
    known: dict[str, tuple[tuple[str, ...], float]] = {}
    for document, cost in zip(written.documents, written.bits, strict=True):
        values = document.removesuffix("\n\n").split("\n")
        assert len(values) == len(written.roles)
        assert all(values)
        fields = dict(zip(written.roles, values, strict=True))
        if written.kind == "tagged":
            assert len(fields["tokens"].split(" ")) == len(fields["tags"].split(" "))
        text = text_of(written.kind, fields)  # type: ignore[arg-type]
        assert known.setdefault(text, (tuple(values), cost)) == (tuple(values), pytest.approx(cost)), text


def test_labels_are_as_often_as_they_should() -> None:
    for name, share in (("reviews", 0.5), ("reviews-unbalanced", 0.9)):
        labels = [document.split("\n")[1] for document in corpus(name).documents]
        assert labels.count("positive") / len(labels) == pytest.approx(share, abs=0.02)
        assert set(labels) == {"positive", "negative"}


def test_brackets_close_in_order() -> None:
    closing = {"(": ")", "[": "]", "{": "}"}
    deepest = 0
    for document in corpus("brackets").documents:
        open_now: list[str] = []
        for letter in document.strip():
            if letter in closing:
                open_now.append(closing[letter])
                deepest = max(deepest, len(open_now))
            elif letter != "x":
                assert open_now.pop() == letter
        assert not open_now
    assert deepest >= 8


def test_copies_are_copies() -> None:
    for document in corpus("copying").documents:
        size, row, arrow, copy = document.split()
        assert (len(row), arrow, copy) == (int(size), ">", row)


def test_the_entropy_of_copying_is_that_of_its_letters() -> None:
    every = corpus("copying").bits
    chances = {3: 1, 4: 1, 5: 2, 6: 2, 7: 1, 8: 1}
    expected = sum(weight / 8 * (4 * size - log2(weight / 8)) for size, weight in chances.items())
    assert fsum(every) / len(every) == pytest.approx(expected, rel=0.005)


@pytest.mark.parametrize("name", TYPED)
def test_a_corpus_of_it_keeps_values_and_exact_entropy(name: str, tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path / "w")
    settings = CorpusSettings(tokenizer=TokenizerSettings(kind="character"))
    list(pipeline.prepare(workspace, sample=name, name="made", settings=settings))
    made = workspace.corpus("made")
    assert made.kind == KINDS_OF[name]
    assert made.entropy_bits is not None
    assert sum(made.entropy_bits.values()) == pytest.approx(fsum(corpus(name).bits))
    first = next(examples(made))
    values = corpus(name).documents[0].removesuffix("\n\n").split("\n")
    assert {role: first.fields.get(role, first.text) for role in corpus(name).roles} == dict(
        zip(corpus(name).roles, values, strict=True)
    )


@pytest.mark.parametrize("name", ["reviews", *(pytest.param(name, marks=pytest.mark.long) for name in REST)])
def test_counting_does_not_get_below_the_entropy(name: str, tmp_path: Path) -> None:
    """Baselines and an n-gram, which learn from the training text, stay above the floor on held-out text."""
    workspace = Workspace.open(tmp_path / "w")
    settings = CorpusSettings(tokenizer=TokenizerSettings(kind="character"))
    list(pipeline.prepare(workspace, sample=name, name="made", settings=settings))
    made = workspace.corpus("made")
    values = {"model": {"order": 6}}
    run = workspace.new_run(pipeline.draft(workspace, corpus="made", family="ngram", values=values))
    list(pipeline.train(run))
    floor = made.entropy_bits_per_byte
    assert floor is not None
    *_, scored = pipeline.evaluate(run, split="test")
    assert scored.bits_per_byte >= floor["test"] - 1e-6


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("family", "model"),
    [
        ("gpt", {"layers": 3, "heads": 4, "width": 96, "context": 128}),
        ("recurrent", {"cell": "lstm", "layers": 1, "width": 192, "context": 96}),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_learning_does_not_get_below_the_entropy(
    name: str, family: str, model: dict[str, object], tmp_path: Path
) -> None:
    """Networks come nearer to the floor of held-out text than counting single characters, and stay above it."""
    workspace = Workspace.open(tmp_path / "w")
    settings = CorpusSettings(tokenizer=TokenizerSettings(kind="character"))
    list(pipeline.prepare(workspace, sample=name, name="made", settings=settings))
    made = workspace.corpus("made")
    values = {"model": model, "training": {"steps": 800, "batch": 16, "learning_rate": 3e-3, "validate_every": 400}}
    run = workspace.new_run(pipeline.draft(workspace, corpus="made", family=family, values=values))
    list(pipeline.train(run))
    floor, *_, scored = made.entropy_bits_per_byte, *pipeline.evaluate(run, split="test")
    assert floor is not None
    print(f"{name:20} {family:10} floor {floor['test']:.4f}  reached {scored.bits_per_byte:.4f} bits per byte")
    assert floor["test"] - 1e-6 <= scored.bits_per_byte < 3
