"""Documents in another order, or fewer of them: nothing is lost, and every label, figure and source stays with its
document."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmstudio_app.engine import pipeline
from lmstudio_app.engine.data.arrangement import draw, in_bytes, line_ends, sharing, shortened, stretches_of
from lmstudio_app.engine.data.cleaning import CleaningSettings
from lmstudio_app.engine.data.corpus import Corpus, CorpusSettings
from lmstudio_app.engine.data.documents import examples, whole_texts
from lmstudio_app.engine.data.splits import SPLITS, SplitSettings
from lmstudio_app.engine.data.tokenizer import TokenizerSettings
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import LeakageFound
from lmstudio_app.engine.workspace import Workspace
from tests.engine.data import writings

CHARACTERS = CorpusSettings(tokenizer=TokenizerSettings(kind="character"))
WORDS = sorted(set(writings.ENGLISH.split()))


def chosen(**split: Any) -> CorpusSettings:
    return CHARACTERS.model_copy(update={"split": SplitSettings(**split)})


def corpus_of(workspace: Workspace, paths: list[Path], wanted: CorpusSettings = CHARACTERS) -> Corpus:
    list(pipeline.prepare(workspace, paths=paths, name="many", settings=wanted))
    return workspace.corpus("many")


def redone(corpus: Corpus, wanted: CorpusSettings) -> Corpus:
    list(pipeline.redo(corpus, wanted))
    return Corpus.open(corpus.folder)


def rows_of(corpus: Corpus) -> list[tuple[str, str, str]]:
    return [(one.split, one.text, one.fields.get("label", "")) for one in examples(corpus)]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "workspace")


def labelled(path: Path, number: int, labels: list[str]) -> Path:
    random = np.random.default_rng(number)
    rows = [
        {"text": f"Number {n} " + " ".join(random.choice(WORDS, 12)), "label": labels[n % len(labels)]}
        for n in range(number)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_shuffled_documents_keep_their_labels_and_lose_nothing(workspace: Workspace, tmp_path: Path) -> None:
    path = labelled(tmp_path / "rows.jsonl", 400, ["good", "good", "good", "bad"])
    before = corpus_of(workspace, [path])
    hash_before, rows_before = before.data_hash, rows_of(before)
    shuffled = redone(before, chosen(shuffled=True, seed=1))
    rows = rows_of(shuffled)
    assert {(text, label) for _, text, label in rows} == {(text, label) for _, text, label in rows_before}
    assert len(rows) == 400
    assert [text for _, text, _ in rows] != [text for _, text, _ in rows_before]
    assert shuffled.statistics.whole_documents
    sizes = {name: split.bytes / shuffled.statistics.bytes for name, split in shuffled.statistics.splits.items()}
    assert sizes == pytest.approx({"training": 0.9, "validation": 0.05, "test": 0.05}, abs=0.01)
    for split in SPLITS:
        found = Counter(label for name, _, label in rows if name == split)
        assert found["bad"] / found.total() == pytest.approx(0.25, abs=0.06), split
    assert redone(shuffled, chosen(shuffled=True, seed=1)).data_hash == shuffled.data_hash
    other = redone(shuffled, chosen(shuffled=True, seed=2))
    assert other.data_hash != shuffled.data_hash
    back = redone(other, chosen())
    assert back.data_hash == hash_before, "in the order of reading it is the text that it was"
    assert rows_of(back) == rows_before
    assert not (back.folder / "order.npy").exists()


def test_a_fresh_corpus_is_shuffled_as_an_old_one(workspace: Workspace, tmp_path: Path) -> None:
    path = labelled(tmp_path / "rows.jsonl", 120, ["a", "b"])
    fresh = corpus_of(workspace, [path], chosen(shuffled=True, seed=3))
    list(pipeline.prepare(workspace, paths=[path], name="old", settings=CHARACTERS))
    assert redone(workspace.corpus("old"), chosen(shuffled=True, seed=3)).data_hash == fresh.data_hash


def test_a_file_is_shown_in_the_order_of_reading(workspace: Workspace, tmp_path: Path) -> None:
    first = labelled(tmp_path / "a.jsonl", 60, ["x"])
    second = tmp_path / "b.txt"
    second.write_text(writings.ENGLISH, encoding="utf-8")
    wanted = chosen(shuffled=True, seed=5, training=0.6, validation=0.2)
    corpus = corpus_of(workspace, [first, second], wanted)
    texts = [json.loads(line)["text"] for line in first.read_text(encoding="utf-8").splitlines()]
    shown = pipeline.preview(corpus, 0)
    assert shown.text.split("\n\n")[:60] == texts
    assert shown.whole
    other = pipeline.preview(corpus, 1)
    assert other.text.strip() == writings.ENGLISH.strip()
    assert other.whole
    short = pipeline.preview(corpus, 0, 100)
    assert short.text == shown.text[:100]
    assert not short.whole


def test_few_documents_are_cut_in_order(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "one.txt"
    path.write_text(writings.ENGLISH * 4, encoding="utf-8")
    corpus = corpus_of(workspace, [path], chosen(shuffled=True))
    assert not corpus.statistics.whole_documents
    assert "".join(corpus.text(split) for split in SPLITS) == writings.ENGLISH * 4


def test_a_generated_text_keeps_its_exact_entropy(workspace: Workspace) -> None:
    list(pipeline.prepare(workspace, sample="stories", name="many", settings=CHARACTERS))
    corpus = workspace.corpus("many")
    before = sum(corpus.entropy_bits.values()) if corpus.entropy_bits else 0.0
    texts = sorted(whole_texts(corpus))
    shuffled = redone(corpus, chosen(shuffled=True, seed=9))
    assert shuffled.entropy_bits is not None
    assert sum(shuffled.entropy_bits.values()) == pytest.approx(before, rel=1e-12)
    assert sorted(whole_texts(shuffled)) == texts
    by_text = dict(zip(whole_texts(shuffled), np.load(shuffled.folder / "bits.npy").tolist(), strict=True))
    back = redone(shuffled, CHARACTERS)
    again = dict(zip(whole_texts(back), np.load(back.folder / "bits.npy").tolist(), strict=True))
    assert by_text == again, "every document keeps its own probability"


@given(
    lengths=st.lists(st.integers(1, 400), min_size=3, max_size=80),
    labels=st.lists(st.sampled_from("abc"), min_size=80, max_size=80),
    seed=st.integers(0, 2**31 - 1),
)
def test_drawing_keeps_the_shares(lengths: list[int], labels: list[str], seed: int) -> None:
    sizes, wanted = np.array(lengths), SplitSettings(training=0.6, validation=0.2, seed=seed)
    for given_labels in (None, labels[: len(lengths)]):
        assigned = draw(sizes, wanted, given_labels)
        if assigned is None:
            continue
        assert assigned.tolist() == draw(sizes, wanted, given_labels).tolist()  # type: ignore[union-attr]
        for place, share in enumerate(wanted.shares):
            assert abs(sizes[assigned == place].sum() - share * sizes.sum()) <= 2 * sizes.max()


@given(
    raw=st.lists(st.binary(min_size=1, max_size=5), min_size=1, max_size=12),
    keep=st.lists(st.integers(0, 11), unique=True),
)
def test_stretches_are_the_documents_in_their_order(raw: list[bytes], keep: list[int]) -> None:
    order = np.array([number for number in keep if number < len(raw)], dtype=np.int64)
    ends = np.cumsum([len(one) for one in raw])
    joined = b"".join(raw)
    parts = stretches_of(order, ends)
    assert b"".join(joined[start:stop] for start, stop in parts) == b"".join(raw[number] for number in order)


@given(st.text(alphabet="aé漢\n", max_size=60), st.data())
def test_lines_are_cut_out_to_the_byte(text: str, data: st.DataObject) -> None:
    raw = text.encode()
    ends = line_ends(raw)
    lines = text.splitlines(keepends=True) if text else []
    assert ends.tolist() == np.cumsum([len(line.encode()) for line in lines]).tolist()
    chosen_lines = data.draw(st.lists(st.sampled_from(range(len(lines))), unique=True) if lines else st.just([]))
    stretches = [(int(ends[n - 1]) if n else 0, int(ends[n])) for n in sorted(chosen_lines)]
    left = "".join(line for number, line in enumerate(lines) if number not in chosen_lines)
    if len(raw):
        assert shortened(np.array([len(raw)]), stretches)[0] == len(left.encode())


def test_a_part_that_a_passage_only_grazes_stays() -> None:
    raw = b"first line of the text\n" + b"x" * 60 + b"\nlast line of the text\n"
    ends = line_ends(raw)
    assert sharing([(18, 88)], ends, raw).tolist() == [False, True, False]
    assert sharing([(0, 88)], ends, raw).tolist() == [True, True, False], "a line that it fills goes too"
    assert sharing([(5, 60)], ends, raw).tolist() == [True, True, False], "else all that it touches"
    assert sharing([(30, 80)], ends, raw).tolist() == [False, True, False]


# Without what training has ---------------------------------------------------------------------------------------


def leaks(corpus: Corpus) -> LeakageFound:
    *_, found = pipeline.find_leakage(corpus)
    assert isinstance(found, LeakageFound)
    return found


def test_planted_leakage_is_repaired_by_leaving_documents_out(workspace: Workspace, tmp_path: Path) -> None:
    path = labelled(tmp_path / "rows.jsonl", 300, ["a"])
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    planted = [275, 282, 297]
    for number in planted:
        rows[number]["text"] = f"New {number}. " + rows[number - 200]["text"]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    corpus = corpus_of(workspace, [path])
    assert leaks(corpus).passages == 3
    repaired = redone(corpus, chosen(repair=True))
    assert leaks(repaired).passages == 0
    texts = {text for _, text, _ in rows_of(repaired)}
    assert {row["text"] for row in rows} - texts == {rows[number]["text"] for number in planted}
    assert len(texts) == 297
    assert pipeline.preview(repaired, 0).text.startswith("Number 0 ")
    back = redone(repaired, chosen())
    assert len(rows_of(back)) == 300, "without the repair they are read again"


def test_where_documents_are_cut_lines_are_left_out(workspace: Workspace, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    lines = [f"Line {n}: " + " ".join(random.choice(WORDS, 14)) for n in range(500)]
    for number in (455, 480, 499):
        lines[number] = lines[number - 400]
    path = tmp_path / "novel.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    corpus = corpus_of(workspace, [path])
    assert leaks(corpus).passages == 3
    repaired = redone(corpus, chosen(repair=True))
    assert leaks(repaired).passages == 0
    left = "".join(repaired.text(split) for split in SPLITS).splitlines()
    assert left == [line for number, line in enumerate(lines) if number not in (455, 480, 499)]
    assert repaired.statistics.documents == 1


def test_what_would_leave_nothing_is_told(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "echo.txt"
    path.write_text("The same line again and again and again and again and again.\n" * 300, encoding="utf-8")
    with pytest.raises(UserError, match="nothing would be left of it"):
        corpus_of(workspace, [path], chosen(repair=True))
    assert workspace.corpora() == []


def test_similar_documents_are_dropped_and_counted(workspace: Workspace, tmp_path: Path) -> None:
    path = labelled(tmp_path / "rows.jsonl", 100, ["a", "b"])
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    long = writings.ENGLISH[:900]
    rows[7]["text"], rows[50]["text"] = long, long.replace("ferry", "boat", 1)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    wanted = CHARACTERS.model_copy(update={"cleaning": CleaningSettings(similar_documents=True)})
    corpus = corpus_of(workspace, [path], wanted)
    assert corpus.statistics.cleaned["similar_documents"] == 1
    kept = rows_of(corpus)
    assert [(text, label) for _, text, label in kept] == [
        (row["text"].strip(), row["label"]) for number, row in enumerate(rows) if number != 50
    ]


@settings(max_examples=12, deadline=None)
@given(st.lists(st.text(alphabet="ab é漢\n", max_size=12), min_size=3, max_size=14), st.integers(0, 99))
def test_any_documents_come_back_in_their_order(tmp_path_factory: Any, texts: list[str], seed: int) -> None:
    folder = tmp_path_factory.mktemp("any")
    texts = [f"{number}{text}!" for number, text in enumerate(texts)]
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    wanted = {"training": 0.4, "validation": 0.3}
    corpus = corpus_of(Workspace.open(folder / "w"), [path], chosen(**wanted))
    hash_before, texts_before = corpus.data_hash, sorted(text.replace("\n", "") for text in texts)
    shuffled = redone(corpus, chosen(shuffled=True, seed=seed, **wanted))
    if shuffled.statistics.whole_documents:
        assert sorted(text.replace("\n", "") for text in whole_texts(shuffled)) == texts_before
    assert redone(shuffled, chosen(**wanted)).data_hash == hash_before


@given(st.text(alphabet="aé漢\n", max_size=60), st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=5))
def test_stretches_may_overlap(text: str, places: list[tuple[int, int]]) -> None:
    stretches = [(min(start, len(text)), min(start + size, len(text))) for start, size in places]
    for (start, end), (low, high) in zip(stretches, in_bytes(stretches, text), strict=True):
        assert text.encode()[low:high].decode() == text[start:end]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from(range(6)), min_size=12, max_size=24), st.booleans())
def test_any_text_is_repaired_or_refused(tmp_path_factory: Any, picks: list[int], whole: bool) -> None:
    sentences = [writings.ENGLISH[start : start + 70].replace("\n", " ") for start in range(0, 300, 50)]
    folder = tmp_path_factory.mktemp("any")
    lines = [f"{sentences[pick]} {sentences[pick - 1][:30]}" for pick in picks]
    path = folder / ("rows.jsonl" if whole else "rows.txt")
    rows = [json.dumps({"text": line}) for line in lines] if whole else lines
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    try:
        corpus = corpus_of(Workspace.open(folder / "w"), [path], chosen(repair=True, training=0.6, validation=0.2))
    except UserError as error:
        assert "nothing would be left" in str(error)
        return
    assert leaks(corpus).passages == 0
    assert pipeline.preview(corpus, 0).text


def test_what_was_read_last_may_be_left_out(workspace: Workspace, tmp_path: Path) -> None:
    path = labelled(tmp_path / "rows.jsonl", 31, ["a", "b"])
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    rows[3]["text"], rows[30]["text"] = writings.ENGLISH[:900], writings.ENGLISH[:900].replace("ferry", "boat", 1)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    wanted = CHARACTERS.model_copy(update={"cleaning": CleaningSettings(similar_documents=True)})
    corpus = corpus_of(workspace, [path], wanted)
    assert corpus.statistics.documents == 30
    assert pipeline.preview(corpus, 0).text.startswith(rows[0]["text"])
    back = redone(corpus, CHARACTERS)
    assert back.statistics.documents == 31


def test_a_file_that_repeats_another_stays_known_and_comes_back(workspace: Workspace, tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / f"{number:02}.txt").write_text(f"Text {number}. {writings.ENGLISH[number:]}", encoding="utf-8")
    (tmp_path / "99.txt").write_bytes((tmp_path / "03.txt").read_bytes())
    files = sorted(tmp_path.glob("*.txt"))
    corpus = corpus_of(workspace, files)
    assert corpus.statistics.documents == 13
    fewer = redone(corpus, CHARACTERS.model_copy(update={"cleaning": CleaningSettings(repeated_documents=True)}))
    assert fewer.statistics.documents == 12
    assert [source.documents for source in fewer.sources] == [1] * 12 + [0]
    assert pipeline.preview(fewer, 12).text == ""
    assert redone(fewer, CHARACTERS).statistics.documents == 13
