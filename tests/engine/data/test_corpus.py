"""Corpus folders: what is opened is sound, what is damaged or foreign is told."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest

from lmstudio_app.engine import pipeline
from lmstudio_app.engine.data import text_pieces as text_pieces_of_files
from lmstudio_app.engine.data import tokenization, tokenizer_learning
from lmstudio_app.engine.data.corpus import Corpus, CorpusSettings
from lmstudio_app.engine.data.splits import SPLITS
from lmstudio_app.engine.data.statistics import Counter, SplitStatistics
from lmstudio_app.engine.data.text_pieces import even_parts, text_pieces
from lmstudio_app.engine.data.tokenization import Tokenization, make_tokenization
from lmstudio_app.engine.data.tokenizer import TokenizerSettings
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import Progress
from lmstudio_app.engine.settings import declarations
from lmstudio_app.engine.storage.atomic import UNFINISHED
from lmstudio_app.engine.workspace import Workspace
from tests.engine.data import writings

CHARACTERS = TokenizerSettings(kind="character")
TEXT = (writings.ENGLISH + writings.CHINESE) * 8


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("prepared")
    (place / "tales.txt").write_text(TEXT, encoding="utf-8", newline="")
    workspace = Workspace.open(place / "workspace")
    list(pipeline.prepare(workspace, paths=[place / "tales.txt"], settings=CorpusSettings(tokenizer=CHARACTERS)))
    return workspace.corpus_folder("tales")


@pytest.fixture
def folder(prepared: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(prepared, tmp_path / "tales"))


def test_opening_reads_numbers_only(folder: Path) -> None:
    start = time.perf_counter()
    corpus = Corpus.open(folder)
    assert time.perf_counter() - start < 2, "a watchdog, no measure"
    assert corpus.name == "tales"
    assert corpus.statistics.characters == len(TEXT)
    assert corpus.statistics.documents == 1
    assert corpus.statistics.words > corpus.statistics.different_words > 50  # type: ignore[operator]
    assert corpus.entropy_bits is corpus.entropy_bits_per_byte is None
    assert corpus.preview(10) == TEXT[:10]
    assert corpus.preview() == corpus.text("training")[:20_000]
    assert "".join(corpus.text(name) for name in SPLITS) == TEXT


def test_another_tokenization_is_made_once_and_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = Corpus.open(folder)
    wanted = TokenizerSettings(vocabulary=300)
    first = corpus.tokenization(wanted)
    assert first.folder == folder / "tokenizers" / "bpe-300"
    monkeypatch.setattr(tokenization, "make_tokenization", lambda *_: pytest.fail("made again"))
    second = Corpus.open(folder).tokenization(wanted)
    assert second.tokenizer.to_json() == first.tokenizer.to_json()
    assert corpus.tokenization().settings == CHARACTERS
    for name in SPLITS:
        assert second.tokenizer.decode(second.store.split(name)) == corpus.text(name)
        assert second.store.bytes(name) == corpus.statistics.splits[name].bytes


@pytest.mark.parametrize("damage", ["tokens.toml", "tokenizer.json", "training.npy", "one token", "other text"])
def test_a_damaged_tokenization_is_made_again(folder: Path, damage: str) -> None:
    corpus = Corpus.open(folder)
    wanted = TokenizerSettings(vocabulary=300)
    good = corpus.tokenization(wanted)
    tokens = np.array(good.store.split("training"))
    if damage == "other text":
        path = good.folder / "tokens.toml"
        path.write_text(path.read_text(encoding="utf-8").replace(corpus.data_hash, "0"), encoding="utf-8")
    elif damage == "one token":
        array = bytearray((good.folder / "training.npy").read_bytes())
        array[-2] ^= 1
        (good.folder / "training.npy").write_bytes(array)
    else:
        (good.folder / damage).write_bytes(b"damaged")
    mended = Corpus.open(folder).tokenization(wanted)
    assert np.array_equal(mended.store.split("training"), tokens)
    assert mended.tokenizer.to_json() == good.tokenizer.to_json()
    assert [path.name for path in (folder / "tokenizers").glob(".*")] == []


def test_no_tokens_are_made_of_a_damaged_text(folder: Path) -> None:
    text = folder / "text" / "validation.txt"
    raw = bytearray(text.read_bytes())
    raw[3] ^= 1
    text.write_bytes(raw)
    with pytest.raises(UserError, match="is damaged"):
        Corpus.open(folder).tokenization(TokenizerSettings(vocabulary=300))
    assert [path.name for path in (folder / "tokenizers").glob(".*")] == []


def test_a_tokenizer_that_does_not_fit_its_tokens_is_told(folder: Path) -> None:
    corpus = Corpus.open(folder)
    one, other = corpus.tokenization(TokenizerSettings(vocabulary=300)), corpus.tokenization()
    shutil.copy(other.folder / "tokenizer.json", one.folder / "tokenizer.json")
    fresh = tokenization.Tokenization(one.folder, one.settings, one.store)
    with pytest.raises(UserError, match="does not fit its tokens"):
        _ = fresh.tokenizer


def test_a_tokenization_can_be_left_at_any_moment(folder: Path) -> None:
    corpus = Corpus.open(folder)
    steps = len(list(corpus.tokenize(TokenizerSettings(vocabulary=300))))
    for stop in range(1, steps + 1):
        left = corpus.tokenize(TokenizerSettings(vocabulary=301))
        for _ in range(min(stop, 2)):
            next(left)
        left.close()
        assert [path.name for path in (folder / "tokenizers").iterdir() if "301" in path.name or "." in path.name] == []


def test_two_that_make_the_same_tokenization_share_one(folder: Path) -> None:
    wanted = TokenizerSettings(vocabulary=300)
    quick, slow = Corpus.open(folder).tokenize(wanted), Corpus.open(folder).tokenize(wanted)
    next(slow)
    first = finished(quick)
    place = (first.folder / "training.npy").stat()
    second = finished(slow)
    assert second.folder == first.folder
    assert (second.folder / "training.npy").stat().st_ino == place.st_ino, "what is read already stays"
    assert [path.name for path in (folder / "tokenizers").glob(".*")] == []


def test_a_race_for_the_last_moment_is_no_mistake(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = TokenizerSettings(vocabulary=300)

    def too_late(temporary: Path, final: Path) -> None:
        shutil.copytree(temporary, final)
        raise UserError("“{path}” is not empty.", path=final)

    monkeypatch.setattr(tokenization, "replace_folder", too_late)
    assert Corpus.open(folder).tokenization(wanted).tokenizer.vocabulary == 300


def test_what_a_killed_maker_left_is_swept(folder: Path) -> None:
    left = folder / "tokenizers" / f"{UNFINISHED}1-killed"
    left.mkdir()
    (left / ".lock").touch()
    (left / "training.npy").write_bytes(b"half")
    living = Corpus.open(folder).tokenize(TokenizerSettings(vocabulary=301))
    next(living)
    assert not left.exists()
    Corpus.open(folder).tokenization(TokenizerSettings(vocabulary=300))
    assert finished(living).tokenizer.vocabulary == 301, "what a living one is building stays"


def finished(steps: Generator[Progress, None, Tokenization]) -> Tokenization:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def test_a_large_text_teaches_by_parts_of_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizer_learning, "LEARNED_FROM", 1 << 12)
    monkeypatch.setattr(text_pieces_of_files, "_CHUNK", 1 << 10)
    corpus = Corpus.open(folder)
    assert corpus.statistics.splits["training"].bytes > 1 << 12
    steps = corpus.tokenize(TokenizerSettings(vocabulary=400))
    learning = [step for step in steps if step.stage == "Learning the tokenizer"]
    assert all(step.total == 1 << 12 and step.done <= step.total for step in learning)
    tokenizer = corpus.tokenization(TokenizerSettings(vocabulary=400)).tokenizer
    assert tokenizer.decode(tokenizer.encode(TEXT)) == TEXT
    assert "\ufffd" not in "".join(even_parts(corpus.text_path("training"), 20_000))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("format = 1", "format = = 1"), ("[settings.cleaning]", "[settings.washing]"),
        ("line_ends = true", "line_ends = 7"), ('origin = "files"', 'origin = "nowhere"'), ("data_hash", "hash"),
        ("[statistics]", "[numbers]"),
        ("[statistics.splits.test]", "[statistics.splits.other]"), ("vocabulary = 2048", "vocabulary = 1"),
        ("whole_documents = false", 'whole_documents = "often"'), ("[entropy_bits]", "[entropy_bits]\nx = 1"),
        ("[entropy_bits]", "[entropy_bits]\ntraining = 1.0"), ("\ncharacters = ", "\ncharacters = -"),
        ("[entropy_bits]", "[entropy_bits]\ntest = nan"),
        ("[settings.tokenizer]", "[settings.tokenizer]\nunheard_of = 1"),
    ],
)  # fmt: skip
def test_a_damaged_corpus_file_is_told(folder: Path, old: str, new: str) -> None:
    path = folder / "corpus.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(UserError, match="The corpus “tales” is damaged"):
        Corpus.open(folder)


def test_a_newer_missing_or_foreign_corpus_is_told(folder: Path, tmp_path: Path) -> None:
    path = folder / "corpus.toml"
    path.write_text("format = 2\n", encoding="utf-8")
    with pytest.raises(UserError, match="made by a newer version"):
        Corpus.open(folder)
    path.write_text("[unheard]\n" * 3, encoding="utf-8")
    with pytest.raises(UserError, match="is damaged"):
        Corpus.open(folder)
    with pytest.raises(UserError, match="is not a corpus"):
        Corpus.open(tmp_path)
    with pytest.raises(UserError, match="is not a corpus"):
        Corpus.open(tmp_path / "missing")
    with path.open("wb") as file:
        file.truncate(1 << 25)
    with pytest.raises(UserError, match="is damaged"):
        Corpus.open(folder)


def test_a_text_that_was_tampered_with_is_told(folder: Path) -> None:
    path = folder / "text" / "test.txt"
    raw = path.read_bytes()
    path.write_bytes(raw[:-1])
    with pytest.raises(UserError, match="is damaged"):
        Corpus.open(folder)
    path.write_bytes(raw[:-2] + b"\xff\xff")
    corpus = Corpus.open(folder)
    with pytest.raises(UserError, match=r"The text in .*test\.txt” is damaged"):
        corpus.text("test")
    path.unlink()
    with pytest.raises(UserError, match="is not there"):
        Corpus.open(folder)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("documents.npy", "damaged"),
        ("sources.jsonl", '{"unheard": 1}'),
        ("sources.jsonl", '{"path": 1, "title": "", "encoding": "", "confidence": 1, "bytes": 1, "documents": 1}'),
        ("skipped.jsonl", '{"path": "a", "template": "{missing}"}'),
        ("skipped.jsonl", '{"path": "a", "template": "{0.x"}'),
        ("skipped.jsonl", '{"path": "a", "template": "{x.y}", "values": {"x": 1}}'),
        ("skipped.jsonl", '{"path": "a", "template": "", "options": [["utf-8"]]}'),
    ],
)
def test_other_damaged_files_are_told_when_they_are_needed(folder: Path, name: str, content: str) -> None:
    (folder / name).write_text(content + "\n", encoding="utf-8")
    corpus = Corpus.open(folder)
    with pytest.raises(UserError, match="is damaged"):
        list(pipeline.redo(corpus, CorpusSettings.model_validate({"split": {"training": 0.8}})))
    assert Corpus.open(folder).data_hash == corpus.data_hash


def test_no_damage_brings_the_program_down(folder: Path) -> None:
    path = folder / "corpus.toml"
    raw = path.read_bytes()
    chance = random.Random(3)
    for _ in range(200):
        mutated = bytearray(raw)
        place = chance.randrange(len(mutated))
        mutated[place : place + chance.randrange(4)] = chance.randbytes(chance.randrange(4))
        path.write_bytes(bytes(mutated))
        try:
            Corpus.open(folder)
        except UserError as error:
            assert "tales" in str(error)


def test_text_is_read_just_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes("a\r\nb\rc\u2028d\0\n".encode())
    assert "".join(text_pieces(path)) == "a\r\nb\rc\u2028d\0\n"


def test_an_unwritable_place_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(UserError, match="no permission"):
        list(make_tokenization(tmp_path / "tokenizers" / "x", CHARACTERS, {}, ""))


def test_every_setting_has_words_and_a_valid_default() -> None:
    found = declarations(CorpusSettings)
    assert {each.path.partition(".")[0] for each in found} == {"reading", "cleaning", "split", "tokenizer"}
    for each in found:
        assert each.title
        assert each.help.endswith(".")
    assert CorpusSettings().model_dump() == CorpusSettings.model_validate(CorpusSettings().model_dump()).model_dump()


# Statistics -----------------------------------------------------------------------------------------------------


def test_words_and_characters_are_counted() -> None:
    counter = Counter()
    for piece in ("It’s late, it's LATE.\n", "Naïve 1st 42 _x_\n"):
        counter.count(piece)
    statistics = counter.statistics({"training": SplitStatistics(1, 2, 3)}, whole_documents=False, cleaned={})
    assert statistics.words == 7  # it’s late it's late naïve st x
    assert statistics.different_words == 6
    assert statistics.different_characters == len(set("It’s late, it's LATE.\nNaïve 1st 42 _x_\n"))


def test_the_entropy_of_equally_frequent_characters_is_their_logarithm() -> None:
    counter = Counter()
    counter.count("abcdefgh" * 100)
    statistics = counter.statistics({}, whole_documents=False, cleaned={})
    assert statistics.character_entropy == pytest.approx(3)


def test_too_many_different_words_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lmstudio_app.engine.data.statistics.MOST_DIFFERENT_WORDS", 10)
    counter = Counter()
    counter.count(writings.ENGLISH)
    counter.count(writings.ENGLISH)
    statistics = counter.statistics({}, whole_documents=False, cleaned={})
    assert statistics.different_words is None
    assert statistics.words > 100
