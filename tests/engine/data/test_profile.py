"""What a corpus is like: counted as plain Python counts it, kept, and drawn."""

from __future__ import annotations

import csv
import math
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmstudio_app.engine import pipeline
from lmstudio_app.engine.data import profile as profile_of_texts
from lmstudio_app.engine.data.corpus import Corpus, CorpusSettings
from lmstudio_app.engine.data.profile import TextProfile, _Counting, count_profile
from lmstudio_app.engine.data.scripts import script_of
from lmstudio_app.engine.data.splits import SPLITS
from lmstudio_app.engine.data.tokenizer import TokenizerSettings
from lmstudio_app.engine.data.words import words_of
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.pipeline.profile import rows
from lmstudio_app.engine.workspace import Workspace
from tests.engine.data import writings

CHARACTERS = CorpusSettings(tokenizer=TokenizerSettings(kind="character"))


def corpus_of(tmp_path: Path, text: str = "", **request: object) -> Corpus:
    workspace = Workspace.open(tmp_path / "workspace")
    request = request or {"text": text}
    list(pipeline.prepare(workspace, name="tales", settings=CHARACTERS, **request))  # type: ignore[arg-type]
    return workspace.corpus("tales")


def profiled(corpus: Corpus) -> TextProfile:
    steps = pipeline.profile(corpus)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: TextProfile = end.value
            return found


def entropy(counts: Counter[str]) -> float:
    total = sum(counts.values())
    return -sum(count / total * math.log2(count / total) for count in counts.values())


@given(st.lists(st.text(alphabet="abc é漢字\n'’", max_size=30), max_size=6))
def test_pieces_are_counted_as_plain_python_counts_the_whole(pieces: list[str]) -> None:
    text, counting = "".join(pieces), _Counting()
    for piece in pieces:
        counting.count(piece)
    pairs = Counter(a + b for a, b in pairwise(text))
    firsts = Counter(text[:-1])
    assert dict(counting.frequent_characters(100)) == dict(Counter(text))
    if text:
        assert counting.unigram_entropy() == pytest.approx(entropy(Counter(text)))
    expected = entropy(pairs) - entropy(firsts) if pairs else 0.0
    assert counting.bigram_entropy() == pytest.approx(expected, abs=1e-9)


def test_a_text_in_numbers(tmp_path: Path) -> None:
    text = (writings.ENGLISH + "\n\n") * 8 + writings.RUSSIAN
    corpus = corpus_of(tmp_path, text)
    counted = profiled(corpus)
    words = Counter(word for split in SPLITS for word in words_of(corpus.text(split)))
    assert counted.whole
    assert counted.word_count == sum(words.values())
    assert counted.different_words == len(words)
    assert dict(counted.words) == dict(sorted(words.items(), key=lambda each: (-each[1], each[0]))[:500])
    assert counted.ranks[0] == (1, max(words.values()))
    assert counted.ranks[-1] == (len(words), min(words.values()))
    assert [rank for rank, _ in counted.ranks] == sorted({rank for rank, _ in counted.ranks})
    assert all(earlier >= later for (_, earlier), (_, later) in pairwise(counted.ranks))
    assert list(counted.scripts) == ["Latin", "Cyrillic"]
    assert sum(counted.scripts.values()) == pytest.approx(1)
    assert counted.labels == ()
    assert counted.lengths.count == sum(counted.lengths.counts) > 30


def test_chinese_words_are_ideographs() -> None:
    assert words_of("漢字ab 字’s it’s") == ["漢", "字", "ab", "字", "s", "it’s"]
    assert script_of("漢") == "Han"
    assert script_of("ａ") == "Latin"
    assert script_of("1") is None
    found = {letter: script_of(letter) for letter in "µªᾡ々𝐀ℂﾡ"}
    assert found == {"µ": "Greek", "ª": "Latin", "ᾡ": "Greek", "々": "Han", "𝐀": "Latin", "ℂ": "Latin", "ﾡ": "Hangul"}


def test_labels_are_counted_and_their_balance(tmp_path: Path) -> None:
    path = tmp_path / "reviews.csv"
    lines = [f"Review number {n} of many.,{'good' if n % 4 else 'bad'}" for n in range(200)]
    path.write_text("text,label\n" + "\n".join(lines), encoding="utf-8")
    counted = profiled(corpus_of(tmp_path, paths=[path]))
    assert counted.labels == (("good", 150), ("bad", 50))
    assert counted.label_balance == pytest.approx(entropy(Counter(good=150, bad=50)))
    assert counted.lengths.unit == "document"
    assert counted.lengths.count == 200
    assert counted.lengths.median == pytest.approx(27, abs=1.5)


@pytest.mark.parametrize(("text", "unit"), [("one\n\n\n" * 40, "paragraph"), ("one line\n" * 40, "line")])
def test_without_documents_paragraphs_or_lines_are_measured(tmp_path: Path, text: str, unit: str) -> None:
    lengths = profiled(corpus_of(tmp_path, text)).lengths
    assert (lengths.unit, lengths.count) == (unit, 40)
    assert sum(lengths.counts) == 40
    assert lengths.edges[0] <= lengths.median < lengths.edges[-1]


def test_it_is_counted_once_and_again_for_another_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = corpus_of(tmp_path, writings.ENGLISH * 3)
    first = profiled(corpus)
    monkeypatch.setattr(profile_of_texts, "count_profile", lambda corpus: pytest.fail("counted again"))
    assert profiled(corpus) == first
    monkeypatch.undo()
    (corpus.folder / "profile.json").write_text('{"format": 1, "data_hash": "' + corpus.data_hash + '"}')
    assert profiled(corpus) == first, "a damaged one is counted again"
    (corpus.folder / "profile.json").write_text("nonsense", encoding="utf-8")
    assert profiled(corpus) == first


def test_a_large_text_is_counted_from_a_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = corpus_of(tmp_path, writings.ENGLISH * 30)
    monkeypatch.setattr(profile_of_texts, "PROFILED_BYTES", 4096)
    steps = count_profile(corpus)
    while True:
        try:
            assert next(steps).total == 4096
        except StopIteration as end:
            counted = end.value
            break
    assert not counted.whole
    assert 0 < counted.counted_bytes <= 4096


def test_many_different_words_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile_of_texts, "_MOST_WORDS", 100)
    counting = _Counting()
    for number in range(30):
        counting.count("".join(f" the w{chr(97 + number % 26)}{'x' * place}y" for place in range(30)))
    assert not counting.all_words
    assert counting.words["the"] == 900


@pytest.mark.parametrize("plot", ["words", "lengths", "characters"])
@pytest.mark.parametrize("ending", [".csv", ".png", ".svg"])
def test_plots_are_written(tmp_path: Path, plot: str, ending: str) -> None:
    corpus = corpus_of(tmp_path, (writings.ENGLISH + "\n\n") * 8)
    path = tmp_path / f"plot{ending}"
    steps = pipeline.save_profile(corpus, plot, path, context=64)  # type: ignore[arg-type]
    if plot == "characters" and ending != ".csv":
        with pytest.raises(UserError, match=r"are written as \.csv"):
            list(steps)
        return
    list(steps)
    raw = path.read_bytes()
    if ending == ".csv":
        table = list(csv.reader(raw.decode("utf-8").splitlines()))
        assert len(table) == len(rows(profiled(corpus), plot)) + 1  # type: ignore[arg-type]
    else:
        assert raw.startswith(b"\x89PNG" if ending == ".png" else b"<?xml")


def test_labels_that_are_not_there_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no labels"):
        list(pipeline.save_profile(corpus_of(tmp_path, writings.ENGLISH * 3), "labels", tmp_path / "a.csv"))
