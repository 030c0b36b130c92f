"""Planted duplicates and planted leakage are found, and nothing else."""

from __future__ import annotations

import random
from collections.abc import Generator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmstudio_app.engine import pipeline
from lmstudio_app.engine.data import duplicates
from lmstudio_app.engine.data.corpus import CorpusSettings
from lmstudio_app.engine.data.documents import examples
from lmstudio_app.engine.data.duplicates import (
    Duplicates,
    Fingerprint,
    Passage,
    find_duplicates,
    find_leakage,
    fingerprint,
)
from lmstudio_app.engine.data.tokenizer import TokenizerSettings
from lmstudio_app.engine.events import DuplicatesFound, LeakageFound
from lmstudio_app.engine.workspace import Workspace

WORDS = [
    f"{a}{b}{c}" for a in ("ka", "lo", "mi", "tu", "re") for b in ("na", "so", "vi", "pe") for c in ("x", "l", "n")
]


def result(steps: Generator[int, None, object]) -> object:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def compared(texts: list[str]) -> Duplicates:
    found = result(find_duplicates(texts))
    assert isinstance(found, Duplicates)
    return found


def leaked(training: list[str], other: str, characters: int = 48) -> list[Passage]:
    found = result(find_leakage(training, "test", other, characters))
    assert isinstance(found, list)
    return found


def prose(chance: random.Random, words: int) -> str:
    return " ".join(chance.choice(WORDS) for _ in range(words))


def jaccard(left: str, right: str) -> float:
    a, b = ({text[i : i + 5] for i in range(len(text) - 4)} for text in (left, right))
    return len(a & b) / len(a | b)


def test_equal_documents_are_found_exactly() -> None:
    chance = random.Random(1)
    texts = [prose(chance, 60) for _ in range(400)] + ["", "a", "b"]
    planted = {5: [100, 300], 17: [200], 401: [403]}
    for original, copies in planted.items():
        for place in sorted(copies):
            text = texts[original]
            texts.insert(place, f"\n{text} \n")
    expected: dict[str, list[int]] = {}
    for number, text in enumerate(texts):
        expected.setdefault(text.strip(), []).append(number)
    found = compared(texts)
    assert sorted(found.equal) == sorted(tuple(group) for group in expected.values() if len(group) > 1)
    assert found.repeated == len(texts) - len(expected)


@given(st.lists(st.text(" \n\u3000ab", max_size=4)))
def test_a_fingerprint_does_not_see_pieces_nor_white_space_around(pieces: list[str]) -> None:
    apart = Fingerprint()
    for piece in pieces:
        apart.add(piece)
    assert apart.digest() == fingerprint("".join(pieces)) == fingerprint("".join(pieces).strip())


def test_repeated_documents_are_counted_and_dropped(tmp_path_factory: pytest.TempPathFactory) -> None:
    workspace = Workspace.open(tmp_path_factory.mktemp("workspace"))
    chance = random.Random(4)
    rows = [prose(chance, 20) for _ in range(60)]
    texts = {
        "a.csv": [*rows, rows[7], rows[7] + " "],
        "b.csv": ["torn,row", rows[1], "late"],
        "c.csv": ["late", rows[9]],
    }
    for name, lines in texts.items():
        (workspace.folder / name).write_text("text\n" + "\n".join(lines), encoding="utf-8")
    paths = [workspace.folder / name for name in texts]
    settings = CorpusSettings.model_validate({"tokenizer": {"kind": "character"}, "reading": {"bad_rows": "stop"}})
    list(pipeline.prepare(workspace, paths=paths, settings=settings, name="made"))
    corpus = workspace.corpus("made")
    assert pipeline.count_cleanable(corpus)["repeated_documents"] == 3
    cleaning = settings.cleaning.model_copy(update={"repeated_documents": True})
    list(pipeline.redo(corpus, settings.model_copy(update={"cleaning": cleaning})))
    cleaned = workspace.corpus("made")
    assert [example.text for example in examples(cleaned)] == [*rows, "late"]
    assert cleaned.statistics.cleaned["repeated_documents"] == 3
    assert cleaned.statistics.documents == 61


@pytest.mark.parametrize("seed", range(3))
def test_near_duplicates_have_a_recall_of_19_in_20_and_no_strangers(seed: int) -> None:
    chance = random.Random(seed)
    texts = [prose(chance, 120) for _ in range(500)]
    pairs = []
    for number in range(200):
        words = texts[number].split()
        while True:  # change words until the two are as similar as near-duplicates are
            words[chance.randrange(len(words))] = chance.choice(WORDS)
            if jaccard(" ".join(words), texts[number]) < chance.uniform(0.82, 0.97):
                break
        if jaccard(" ".join(words), texts[number]) >= duplicates.SIMILAR:
            pairs.append((number, len(texts)))
            texts.append(" ".join(words))
    found = {frozenset(group) for group in compared(texts).similar}
    recall = sum(any(set(pair) <= group for group in found) for pair in pairs) / len(pairs)
    assert len(pairs) > 100
    assert recall >= 0.95
    assert all(jaccard(texts[min(group)], texts[max(group)]) > 0.6 for group in found)


def brute(training: str, other: str, least: int) -> set[int]:
    """Characters of `other` that lie in a shared passage of so many characters."""
    covered: set[int] = set()
    for start in range(len(other) - least + 1):
        passage = other[start : start + least]
        if passage in training and passage.strip():
            covered |= set(range(start, start + least))
    return covered


@given(st.data(), st.integers(4, 9))
def test_leakage_is_what_a_comparison_of_everything_finds(data: st.DataObject, least: int) -> None:
    letters = st.text("ab é", max_size=60)
    training, other = data.draw(letters), data.draw(letters)
    cut = data.draw(st.integers(0, len(training)))
    found = leaked([training[:cut], training[cut:]], other, least)
    covered = {place for passage in found for place in range(passage.start, passage.start + len(passage.text))}
    letters_of = lambda places: {place for place in places if not other[place].isspace()}  # noqa: E731
    assert letters_of(covered) == letters_of(brute(training, other, least))  # white space at an end may go with either
    for passage in found:
        assert other[passage.start :].startswith(passage.text)
        assert training[passage.training_start :].startswith(passage.text)


def test_planted_passages_are_found_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "_CHUNK", 5000)
    chance = random.Random(2)
    other, planted = prose(chance, 3000), []
    pieces = [prose(chance, 200) + "\n" for _ in range(200)]
    for number in range(40):
        start = number * 400 + chance.randrange(100)
        length = 48 + chance.randrange(120)
        pieces[number * 5] += "#" + other[start : start + length] + "#"
        planted.append((start, length))
        pieces[number * 5 + 1] += "#" + other[start + 250 : start + 290] + "#"  # too short
    found = leaked(pieces, other)
    assert [(passage.start, len(passage.text)) for passage in found] == planted


def test_a_corpus_is_checked(tmp_path_factory: pytest.TempPathFactory) -> None:
    workspace = Workspace.open(tmp_path_factory.mktemp("workspace"))
    chance = random.Random(3)
    training = [prose(chance, 50) for _ in range(95)]
    rows = [*training, training[3], prose(chance, 50), prose(chance, 50), training[8][:120] + " end", prose(chance, 50)]
    table = workspace.folder / "a.csv"
    table.write_text("text\n" + "\n".join(rows), encoding="utf-8")
    settings = CorpusSettings(tokenizer=TokenizerSettings(kind="character"))
    list(pipeline.prepare(workspace, paths=[table], settings=settings, name="made"))
    corpus = workspace.corpus("made")
    *_, copies = pipeline.find_duplicates(corpus)
    assert isinstance(copies, DuplicatesFound)
    assert (copies.repeated, copies.equal, copies.by_design) == (1, ((3, 95),), False)
    *_, shared = pipeline.find_leakage(corpus)
    assert isinstance(shared, LeakageFound)
    assert shared.passages == 2
    texts = [text for _, _, text in shared.listed]
    assert all(any(training[number][:100] in text for text in texts) for number in (3, 8))


def test_a_text_that_repeats_itself_without_end_is_compared_in_good_time() -> None:
    line = "the same line again and again, whatever stands around it\n"
    found = leaked([line * 1000] * 20, line * 2000)
    assert sum(len(passage.text) for passage in found) >= len(line) * 2000
