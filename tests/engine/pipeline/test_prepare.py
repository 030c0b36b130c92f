"""Preparing a corpus: from files, pasted text and samples; whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lmstudio_app.engine import pipeline
from lmstudio_app.engine.data import building, samples
from lmstudio_app.engine.data.cleaning import CleaningSettings
from lmstudio_app.engine.data.corpus import Corpus, CorpusSettings
from lmstudio_app.engine.data.corpus_writer import CorpusWriter
from lmstudio_app.engine.data.documents import examples
from lmstudio_app.engine.data.encoding import EncodingDoubtful
from lmstudio_app.engine.data.reader import ReadingSettings
from lmstudio_app.engine.data.samples import Generated, Sample
from lmstudio_app.engine.data.splits import SPLITS, SplitSettings
from lmstudio_app.engine.data.tokenizer import TokenizerSettings
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import CorpusReady, Event, Progress, RowsSkipped, SourceSkipped
from lmstudio_app.engine.storage import atomic
from lmstudio_app.engine.storage.atomic import DiskFull
from lmstudio_app.engine.workspace import Workspace
from tests.engine.data import writings

CHARACTERS = CorpusSettings(tokenizer=TokenizerSettings(kind="character"))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "workspace")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of sources in several encodings, some of them no text."""
    place = tmp_path / "sources"
    (place / "sub").mkdir(parents=True)
    (place / "a english.txt").write_bytes((writings.ENGLISH * 3).encode())
    (place / "b russian.txt").write_bytes((writings.RUSSIAN * 3).encode("koi8_r", "replace"))
    (place / "c picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    (place / "d empty.txt").write_bytes(b"")
    (place / "e mixed.txt").write_bytes(writings.FRENCH.encode() + writings.FRENCH.encode("cp1252"))
    (place / "sub" / "notes.md").write_bytes(("# Heading\n\n" + writings.FRENCH).encode("cp1252"))
    return place


def made(workspace: Workspace, **request: object) -> tuple[Corpus, list[Event]]:
    events = list(pipeline.prepare(workspace, **request))  # type: ignore[arg-type]
    ready = events[-1]
    assert isinstance(ready, CorpusReady)
    corpus = workspace.corpus(ready.corpus)
    assert str(corpus.folder) == ready.folder
    return corpus, events


def again(corpus: Corpus, *arguments: object, **named: object) -> Corpus:
    events = list(pipeline.redo(corpus, *arguments, **named))  # type: ignore[arg-type]
    assert isinstance(events[-1], CorpusReady)
    return Corpus.open(corpus.folder)


def whole_text(corpus: Corpus) -> str:
    return "".join(corpus.text(name) for name in SPLITS)


def leftovers(workspace: Workspace) -> list[str]:
    return [path.name for path in (workspace.folder / "corpora").rglob(".*")]


def shakespeare() -> str:
    data = os.environ.get("LMSTUDIO_APP_TEST_DATA")
    path = Path(data, "tinyshakespeare.txt") if data else None
    if path and path.is_file():
        return path.read_text(encoding="utf-8")
    return "\n".join(f"SPEAKER {number}:\n{writings.ENGLISH}" for number in range(500))


# What comes out -------------------------------------------------------------------------------------------------


def test_a_text_file_becomes_a_corpus(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "plays.txt"
    text = shakespeare()
    path.write_text(text, encoding="utf-8", newline="")
    before = path.stat()
    corpus, events = made(workspace, paths=[path])

    assert corpus.name == "plays"
    assert whole_text(corpus) == text
    (source,) = corpus.sources
    assert (source.path, source.encoding, source.confidence, source.documents) == (str(path), "utf-8", 1.0, 1)
    assert source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (path.stat().st_mtime_ns, path.stat().st_size) == (before.st_mtime_ns, before.st_size), "read in place"

    statistics, tokenization = corpus.statistics, corpus.tokenization()
    assert statistics.documents == 1
    assert statistics.characters == len(text)
    assert statistics.bytes == len(text.encode())
    assert statistics.splits["training"].bytes == pytest.approx(0.9 * statistics.bytes, rel=0.01)
    assert statistics.different_characters == len(set(text))
    assert statistics.vocabulary == tokenization.tokenizer.vocabulary == 2048 or "SPEAKER" in text
    assert statistics.bytes_per_token == pytest.approx(statistics.bytes / sum(map(tokenization.store.tokens, SPLITS)))
    for name in SPLITS:
        tokens = tokenization.store.split(name)
        assert len(tokens) == statistics.tokens[name]
        assert tokens.dtype == np.uint16
        assert tokenization.tokenizer.decode(tokens) == corpus.text(name)
        assert np.array_equal(tokenization.tokenizer.encode(corpus.text(name)), tokens)
    assert not leftovers(workspace)

    stages = list(dict.fromkeys(event.stage for event in events if isinstance(event, Progress)))
    assert stages == ["Finding the encoding", "Reading", "Counting", "Learning the tokenizer",
                      "Cutting into tokens", "Counting tokens"]  # fmt: skip
    assert all(event.done <= event.total for event in events if isinstance(event, Progress))


def test_the_tokenizer_learns_from_the_training_split_only(workspace: Workspace) -> None:
    text = "abcdefghij\n" * 100 + "zzzz zzzz zzzz\n" * 5
    corpus, _ = made(workspace, text=text, settings=CHARACTERS)
    tokenizer = corpus.tokenization().tokenizer
    assert tokenizer.missing("z") == ["z"]
    test = corpus.statistics.splits["test"]
    assert test.unknown_tokens == test.unknown_bytes == corpus.text("test").count("z") + corpus.text("test").count(" ")
    assert corpus.tokenization().store.unknown_bytes("test") == test.unknown_bytes


def test_a_corpus_file_says_what_it_is(workspace: Workspace, folder: Path) -> None:
    corpus, _ = made(workspace, paths=[folder / "a english.txt"], settings=CHARACTERS)
    described = tomllib.loads((corpus.folder / "corpus.toml").read_text(encoding="utf-8"))
    assert described["format"] == 1
    assert described["origin"] == "files"
    assert described["settings"]["tokenizer"]["kind"] == "character"
    assert corpus.settings == CHARACTERS
    digest = hashlib.sha256()
    for name in SPLITS:
        raw = corpus.text(name).encode()
        digest.update(f"{name} {len(raw)}\n".encode() + raw)
    assert corpus.data_hash == described["data_hash"] == digest.hexdigest()


def test_the_same_text_makes_the_same_corpus(workspace: Workspace) -> None:
    first, _ = made(workspace, text=writings.ENGLISH * 20)
    second, _ = made(workspace, text=writings.ENGLISH * 20)
    assert first.data_hash == second.data_hash
    assert (first.name, second.name) == ("Pasted text", "Pasted text 2"), "a name that exists gets a number"
    for file in ("tokenizer.json", "training.npy", "tokens.toml", "baselines.json"):
        one, two = (corpus.folder / "tokenizers" / "bpe-2048" / file for corpus in (first, second))
        assert one.read_bytes() == two.read_bytes()


def test_line_ends_are_made_uniform_unless_told_otherwise(workspace: Workspace) -> None:
    text = writings.ENGLISH.replace("\n", "\r\n") * 4
    corpus, _ = made(workspace, text=text, settings=CHARACTERS)
    assert whole_text(corpus) == writings.ENGLISH * 4
    assert corpus.statistics.cleaned == {"line_ends": text.count("\r")}
    untouched = CHARACTERS.model_copy(update={"cleaning": CleaningSettings(line_ends=False)})
    assert whole_text(made(workspace, text=text, settings=untouched)[0]) == text


# Folders and what cannot be read --------------------------------------------------------------------------------


def test_a_folder_keeps_what_can_be_read(workspace: Workspace, folder: Path) -> None:
    corpus, events = made(workspace, paths=[folder], settings=CHARACTERS)
    assert corpus.name == "sources"
    skipped = {Path(event.path).name: event for event in events if isinstance(event, SourceSkipped)}
    assert set(skipped) == {"c picture.png", "d empty.txt", "e mixed.txt"}
    assert "is a PNG picture, not text" in skipped["c picture.png"].reason
    assert "is empty" in skipped["d empty.txt"].reason
    assert next(encoding for encoding, _ in skipped["e mixed.txt"].options) == "utf-8+cp1252"
    for event in skipped.values():
        assert event.template.format(**event.values) == event.reason
        assert event.to_json()["path"] == event.path
    assert [Path(source.path).name for source in corpus.sources] == ["a english.txt", "b russian.txt", "notes.md"]
    assert [source.encoding for source in corpus.sources] == ["utf-8", "koi8_r", "cp1252"]
    assert corpus.sources[2].title == "Heading"
    assert corpus.statistics.documents == 3
    text = whole_text(corpus)
    assert writings.ENGLISH + "\n" in text, "a blank line sets documents apart"
    assert text.endswith(writings.FRENCH)


def test_what_a_person_knows_of_encodings_is_used(workspace: Workspace, folder: Path) -> None:
    mixed = folder / "e mixed.txt"
    with pytest.raises(EncodingDoubtful) as caught:
        made(workspace, paths=[mixed])
    assert caught.value.path == str(mixed)
    assert len(caught.value.options) >= 3
    corpus, _ = made(workspace, paths=[mixed], encodings={str(mixed): "utf-8+cp1252"}, settings=CHARACTERS)
    assert whole_text(corpus) == writings.FRENCH * 2
    assert corpus.sources[0].encoding == "utf-8+cp1252"
    one_for_all, _ = made(workspace, paths=[mixed], encoding="Latin1", settings=CHARACTERS)
    assert one_for_all.sources[0].encoding == "latin-1"


def test_a_wrong_or_unknown_encoding_is_told(workspace: Workspace, folder: Path) -> None:
    path = folder / "b russian.txt"
    with pytest.raises(UserError, match="is not utf-8"):
        made(workspace, paths=[path], encoding="utf-8")
    with pytest.raises(UserError, match="There is no encoding “koi9”") as caught:
        made(workspace, paths=[path], encoding="koi9")
    assert "koi8_r" in caught.value.choices
    assert workspace.corpora() == []
    assert not leftovers(workspace)


def test_one_file_that_cannot_be_read_is_an_error(workspace: Workspace, folder: Path, tmp_path: Path) -> None:
    blank = tmp_path / "blank.txt"
    blank.write_text("\ufeff" + " \n\t\n" * 50, encoding="utf-8")
    for path, words in [
        (folder / "c picture.png", "is a PNG picture"),
        (folder / "d empty.txt", "is empty"),
        (folder / "missing.txt", "is not there"),
        (blank, "holds no text, only white space"),
    ]:
        with pytest.raises(UserError, match=words) as caught:
            made(workspace, paths=[path])
        assert path.name in str(caught.value)
    assert workspace.corpora() == []


def test_nothing_to_read_is_an_error(workspace: Workspace, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    with pytest.raises(UserError, match="There are no files"):
        made(workspace, paths=[tmp_path / "nothing"])
    with pytest.raises(UserError, match=r"None of the 2 files can be read\. The first: .*PNG"):
        made(workspace, paths=[folder / "c picture.png", folder / "d empty.txt"])
    for request in ({}, {"text": "a", "paths": ["b"]}, {"paths": []}):
        with pytest.raises(UserError, match="one of them"):
            made(workspace, **request)
    with pytest.raises(UserError, match="There is no text in what was pasted"):
        made(workspace, text=" \n ")
    with pytest.raises(UserError, match="half a character"):
        made(workspace, text="half \ud83d")


def test_a_file_that_vanishes_after_it_was_examined_is_skipped(workspace: Workspace, folder: Path) -> None:
    steps = pipeline.prepare(workspace, paths=[folder / "a english.txt", folder / "b russian.txt"], settings=CHARACTERS)
    events = []
    for event in steps:
        events.append(event)
        if isinstance(event, Progress) and event.stage == "Reading":
            (folder / "b russian.txt").unlink(missing_ok=True)
    (skipped,) = (event for event in events if isinstance(event, SourceSkipped))
    assert "b russian.txt” is not there" in skipped.reason
    assert whole_text(workspace.corpus("a english")) == writings.ENGLISH * 3


def test_a_file_that_fails_half_way_leaves_nothing_in_the_text(workspace: Workspace, tmp_path: Path) -> None:
    good, bad, last = (tmp_path / name for name in ("a.txt", "b.txt", "c.txt"))
    good.write_text(writings.ENGLISH, encoding="utf-8")
    bad.write_bytes(writings.GERMAN.encode() * 5000 + b"\xff")
    last.write_text(writings.SPANISH, encoding="utf-8")
    encodings = {good: "utf-8", bad: "utf-8", last: "utf-8"}
    corpus, events = made(workspace, paths=[good, bad, last], encodings=encodings, settings=CHARACTERS)
    assert [Path(event.path).name for event in events if isinstance(event, SourceSkipped)] == ["b.txt"]
    assert whole_text(corpus) == writings.ENGLISH + "\n" + writings.SPANISH
    assert corpus.statistics.documents == 2


@pytest.mark.parametrize("characters", [1, 19])
def test_a_text_that_is_too_short_says_how_much_is_needed(workspace: Workspace, characters: int) -> None:
    with pytest.raises(UserError, match=f"it has {characters} characters, and three splits need at least 20"):
        made(workspace, text="x" * characters)
    assert workspace.corpora() == []
    assert not leftovers(workspace)


def test_the_shortest_text_works(workspace: Workspace) -> None:
    corpus, _ = made(workspace, text="x" * 20)
    assert [corpus.statistics.splits[name].characters for name in SPLITS] == [18, 1, 1]
    assert corpus.tokenization(TokenizerSettings(kind="character")).tokenizer.vocabulary == 2


# Names ----------------------------------------------------------------------------------------------------------


def test_names(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "CON.txt"
    path.write_text(writings.ENGLISH, encoding="utf-8")
    corpus, _ = made(workspace, paths=[path], settings=CHARACTERS)
    assert corpus.name == "_CON"
    corpus, _ = made(workspace, paths=[path], name="三国演义", settings=CHARACTERS)
    assert corpus.name == "三国演义"
    for name in ("../escape", "a/b", "nul", "x\ny"):
        with pytest.raises(UserError) as caught:
            made(workspace, paths=[path], name=name)
        assert caught.value.field == "name"
    assert not (workspace.folder / "escape").exists()


def test_a_name_that_is_taken_meanwhile_gets_a_number(workspace: Workspace) -> None:
    steps = pipeline.prepare(workspace, text=writings.ENGLISH, name="tales", settings=CHARACTERS)
    next(steps)
    made(workspace, text=writings.FRENCH, name="tales", settings=CHARACTERS)
    *_, ready = steps
    assert isinstance(ready, CorpusReady)
    assert ready.corpus == "tales 2"
    assert whole_text(workspace.corpus("tales")) == writings.FRENCH


# Interrupted ----------------------------------------------------------------------------------------------------


def test_closing_at_any_moment_leaves_nothing_behind(workspace: Workspace, folder: Path) -> None:
    number_of_events = len(list(pipeline.prepare(workspace, paths=[folder], name="whole")))
    for stop in range(1, number_of_events):
        steps = pipeline.prepare(workspace, paths=[folder])
        for _ in range(stop):
            next(steps)
        steps.close()  # type: ignore[attr-defined]
        assert workspace.corpora() == ["whole"]
        assert not leftovers(workspace)


def test_what_a_killed_process_left_is_swept_away(workspace: Workspace, tmp_path: Path) -> None:
    script = f"""
import os
from pathlib import Path
from lmstudio_app.engine import pipeline
from lmstudio_app.engine.workspace import Workspace
for event in pipeline.prepare(Workspace.open(Path({str(workspace.folder)!r})), text="some words " * 2000):
    if getattr(event, "stage", "") == "Counting":
        os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False, env=_environment()).returncode == 9
    assert leftovers(workspace)
    alive = pipeline.prepare(workspace, text=writings.ENGLISH, settings=CHARACTERS)
    next(alive)
    made(workspace, text=writings.ENGLISH, name="new", settings=CHARACTERS)
    *_, ready = alive
    assert isinstance(ready, CorpusReady), "what a living process builds stays"
    assert not leftovers(workspace)
    old = workspace.folder / "corpora" / f"{atomic.UNFINISHED}1-1"
    old.mkdir()
    building.sweep_abandoned(old.parent)
    assert old.exists(), "it may be somebody's who has only just begun"
    ages_ago = time.time() + 7200
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: ages_ago)
        building.sweep_abandoned(old.parent)
    assert not old.exists()


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param("text", marks=pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /dev/full")),
        "array",
        "record",
    ],
)
def test_a_full_disk_leaves_nothing_behind(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    from lmstudio_app.engine.data import corpus_writer, token_store

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    if moment == "text":
        original = corpus_writer.CorpusWriter.__init__

        def on_a_full_disk(writer: CorpusWriter, *arguments: object, **named: object) -> None:
            original(writer, *arguments, **named)  # type: ignore[arg-type]
            writer._file.close()
            writer._file = Path("/dev/full").open("r+b", buffering=1 << 12)  # type: ignore[assignment]  # noqa: SIM115

        monkeypatch.setattr(corpus_writer.CorpusWriter, "__init__", on_a_full_disk)
    elif moment == "array":
        monkeypatch.setattr(token_store, "_head", full)
    else:
        monkeypatch.setattr(atomic, "write_all", full)
    with pytest.raises(DiskFull) as error:
        made(workspace, text=writings.ENGLISH * 300, settings=CHARACTERS)
    assert workspace.corpora() == []
    assert not leftovers(workspace)
    assert "unfinished" not in str(error.value) and "needs 0 bytes" not in str(error.value)


# Samples --------------------------------------------------------------------------------------------------------


@pytest.fixture
def tiny_sample(monkeypatch: pytest.MonkeyPatch) -> Generated:
    documents = [f"Story {number}.\nThere was a house.\n\n" for number in range(200)]
    bits = [1.5 + number / 7 for number in range(200)]
    written = Generated(documents, bits)
    described = Sample("tiny", "Tiny stories", "For a test.", "en", 1)
    monkeypatch.setattr(samples, "sample", lambda name: described)
    monkeypatch.setattr(samples, "generate", lambda sample: written)
    return written


def test_a_sample_knows_its_exact_entropy(workspace: Workspace, tiny_sample: Generated) -> None:
    corpus, _ = made(workspace, sample="tiny", settings=CHARACTERS)
    assert corpus.name == "Tiny stories"
    assert corpus.statistics.whole_documents
    assert corpus.entropy_bits is not None
    assert corpus.entropy_bits_per_byte is not None
    first = 0
    for name in SPLITS:
        number = corpus.statistics.splits[name].documents
        assert corpus.text(name) == "".join(tiny_sample.documents[first : first + number])
        assert corpus.entropy_bits[name] == pytest.approx(sum(tiny_sample.bits[first : first + number]), rel=1e-12)
        assert corpus.entropy_bits_per_byte[name] == corpus.entropy_bits[name] / len(corpus.text(name))
        first += number
    assert first == 200
    assert not corpus.sources

    other = again(corpus, CorpusSettings(split=SplitSettings(training=0.5, validation=0.25)))
    assert other.entropy_bits is not None
    assert sum(other.entropy_bits.values()) == pytest.approx(sum(tiny_sample.bits))
    assert other.entropy_bits["training"] < corpus.entropy_bits["training"]


def test_the_entropy_is_not_known_of_a_text_that_was_changed(workspace: Workspace, tiny_sample: Generated) -> None:
    tiny_sample.documents[3] += "e\u0301"
    composed = CorpusSettings(cleaning=CleaningSettings(unicode_nfc=True), tokenizer=CHARACTERS.tokenizer)
    assert made(workspace, sample="tiny", settings=composed)[0].entropy_bits is None
    by_position = CorpusSettings(split=SplitSettings(whole_documents=False), tokenizer=CHARACTERS.tokenizer)
    corpus, _ = made(workspace, sample="tiny", settings=by_position)
    assert corpus.entropy_bits is None
    assert again(corpus, CHARACTERS).entropy_bits is not None, "the bits were kept"


# Doing it again -------------------------------------------------------------------------------------------------


def test_another_tokenizer_leaves_the_text_as_it_is(workspace: Workspace, folder: Path) -> None:
    corpus, _ = made(workspace, paths=[folder])
    shape = (corpus.folder / "text" / "training.txt").stat()
    other = again(corpus, CHARACTERS)
    assert other.statistics.vocabulary == other.tokenization().tokenizer.vocabulary != corpus.statistics.vocabulary
    assert other.data_hash == corpus.data_hash
    assert (corpus.folder / "text" / "training.txt").stat().st_ino == shape.st_ino
    assert {path.name for path in (corpus.folder / "tokenizers").iterdir()} == {"bpe-2048", "character-2048"}


def test_another_split_needs_no_sources(workspace: Workspace, folder: Path) -> None:
    path = folder / "a english.txt"
    corpus, _ = made(workspace, paths=[path], settings=CHARACTERS)
    path.unlink()
    other = again(corpus, CorpusSettings(split=SplitSettings(training=0.6, validation=0.2)))
    assert whole_text(other) == writings.ENGLISH * 3
    assert other.statistics.splits["training"].bytes < corpus.statistics.splits["training"].bytes
    assert other.sources == corpus.sources
    assert other.statistics.cleaned == corpus.statistics.cleaned


def test_a_corrected_encoding_reads_the_sources_again(workspace: Workspace, folder: Path) -> None:
    path = folder / "b russian.txt"
    corpus, _ = made(workspace, paths=[folder / "a english.txt", path], encodings={path: "cp1251"}, settings=CHARACTERS)
    assert "Паром" not in whole_text(corpus)
    other = again(corpus, encodings={path: "koi8_u"})
    assert "Паром" in whole_text(other)
    assert [(source.encoding, source.confidence) for source in other.sources] == [("utf-8", 1.0), ("koi8_u", 1.0)]
    assert other.name == corpus.name
    assert not leftovers(workspace)
    with pytest.raises(UserError, match="is not one of the files of"):
        again(corpus, encodings={folder / "sub" / "notes.md": "utf-8"})


def test_other_cleaning_of_pasted_text(workspace: Workspace) -> None:
    text = "line with spaces   \r\nnext\r\n" * 50
    corpus, _ = made(workspace, text=text, settings=CHARACTERS)
    trimmed = CHARACTERS.model_copy(update={"cleaning": CleaningSettings(trailing_spaces=True)})
    assert whole_text(again(corpus, trimmed)) == "line with spaces\nnext\n" * 50
    raw = CHARACTERS.model_copy(update={"cleaning": CleaningSettings(line_ends=False)})
    assert whole_text(again(Corpus.open(corpus.folder), raw)) == text, "what was pasted is kept as it came"


@pytest.mark.parametrize("change", ["vanished", "grew", "same size"])
def test_changed_sources_are_told_and_the_corpus_keeps_its_text(
    workspace: Workspace, folder: Path, change: str
) -> None:
    path = folder / "a english.txt"
    corpus, _ = made(workspace, paths=[path], settings=CHARACTERS)
    text = whole_text(corpus)
    if change == "vanished":
        path.unlink()
    else:
        path.write_text(path.read_text(encoding="utf-8").replace("Anna", "Annabel" if change == "grew" else "Hans"))
    trimmed = CHARACTERS.model_copy(update={"cleaning": CleaningSettings(trailing_spaces=True)})
    with pytest.raises(UserError, match="is not there any more" if change == "vanished" else "has changed since") as e:
        again(corpus, trimmed)
    assert "keeps the text it has" in str(e.value)
    assert whole_text(Corpus.open(corpus.folder)) == text
    assert not leftovers(workspace)


def test_redoing_is_whole_or_not_at_all(workspace: Workspace) -> None:
    corpus, _ = made(workspace, text=writings.ENGLISH * 10, settings=CHARACTERS)
    other = CorpusSettings(split=SplitSettings(training=0.5, validation=0.25))
    number_of_events = len(list(pipeline.redo(made(workspace, text=writings.ENGLISH * 10)[0], other)))
    for stop in range(1, number_of_events):
        steps: Iterator[Event] = pipeline.redo(corpus, other)
        for _ in range(stop):
            next(steps)
        steps.close()  # type: ignore[attr-defined]
        found = Corpus.open(corpus.folder)
        assert found.settings == corpus.settings
        assert found.data_hash == corpus.data_hash
        assert not leftovers(workspace)


# Lightness ------------------------------------------------------------------------------------------------------


def test_preparing_needs_neither_torch_nor_a_window(workspace: Workspace) -> None:
    script = f"""
import sys
import lmstudio_app.engine.pipeline.prepare, lmstudio_app.engine.data.corpus
assert not {{"torch", "tokenizers", "numpy", "charset_normalizer"}} & set(sys.modules), "imported too early"
from pathlib import Path
from lmstudio_app.engine import pipeline
from lmstudio_app.engine.workspace import Workspace
list(pipeline.prepare(Workspace.open(Path({str(workspace.folder)!r})), text="some words " * 200))
assert not {{"torch", "PySide6", "matplotlib"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", script], check=True, env=_environment())
    assert workspace.corpora() == ["Pasted text"]


# Tables ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """Two tables of the same kind, the first with a broken row."""
    place = tmp_path / "tables"
    place.mkdir()
    rows = "".join(f'{n},"A film, number {n}.  ",{"good" if n % 3 else "bad"}\n' for n in range(300))
    (place / "a.csv").write_text("id,review,label\n" + rows + "lonely\n", encoding="utf-8")
    more = [json.dumps({"text": f"Another, {n}.", "label": "good"}) for n in range(100)]
    (place / "b.jsonl").write_text("\n".join(more), encoding="utf-8")
    return place


def test_tables_become_a_typed_corpus(workspace: Workspace, tables: Path) -> None:
    settings = CorpusSettings(cleaning=CleaningSettings(trailing_spaces=True), tokenizer=CHARACTERS.tokenizer)
    corpus, events = made(workspace, paths=[tables], settings=settings)
    assert corpus.kind == "labelled"
    found = list(examples(corpus))
    assert [example.fields["label"] for example in found] == ["good" if n % 3 else "bad" for n in range(300)] + [
        "good"
    ] * 100
    assert found[7].text == "A film, number 7.  "  # only spaces before a line end are trimmed
    assert [example.split for example in found] == sorted((e.split for e in found), key=SPLITS.index)
    assert corpus.statistics.documents == 400
    first, second = corpus.sources
    assert (first.documents, first.bad_rows, list(first.bad_lines)) == (300, 1, [302])
    assert dict(first.mapping) == {"text": "review", "label": "label"}
    assert (second.documents, second.bad_rows) == (100, 0)
    (told,) = [event for event in events if isinstance(event, RowsSkipped)]
    assert (told.rows, told.lines, told.reason) == (1, (302,), "it has 1 cells instead of 3")
    assert told.template.format(**told.values) == told.reason


def test_another_mapping_reads_the_tables_again_and_another_split_keeps_the_fields(
    workspace: Workspace, tables: Path
) -> None:
    corpus, _ = made(workspace, paths=[tables / "a.csv"], settings=CHARACTERS)
    moved = again(corpus, CHARACTERS.model_copy(update={"split": SplitSettings(training=0.5, validation=0.25)}))
    assert [example.fields for example in examples(moved)] == [example.fields for example in examples(corpus)]
    reading = ReadingSettings(mapping="source=id,target=review")
    paired = again(corpus, CHARACTERS.model_copy(update={"reading": reading}))
    assert paired.kind == "paired"
    assert next(iter(examples(paired))).fields == {"source": "0", "target": "A film, number 0.  "}
    assert paired.text("training").startswith("0\nA film, number 0.")
    plain = again(corpus, CHARACTERS.model_copy(update={"reading": ReadingSettings(mapping="text=review")}))
    assert plain.kind == "plain"
    assert not (plain.folder / "fields.jsonl").exists()


def test_tables_of_several_kinds_have_only_their_text_in_common(workspace: Workspace, tables: Path) -> None:
    (tables / "c.txt").write_text("A plain text beside them.\n" * 9, encoding="utf-8")
    corpus, _ = made(workspace, paths=[tables], settings=CHARACTERS)
    assert corpus.kind == "plain"
    assert not (corpus.folder / "fields.jsonl").exists()
    assert len(list(examples(corpus))) == corpus.statistics.documents == 401


def test_a_table_that_fails_half_way_leaves_nothing_of_itself(workspace: Workspace, tables: Path) -> None:
    settings = CHARACTERS.model_copy(update={"reading": ReadingSettings(bad_rows="stop")})
    corpus, events = made(workspace, paths=[tables], settings=settings)
    assert [Path(source.path).name for source in corpus.sources] == ["b.jsonl"]
    assert [example.text for example in examples(corpus)] == [f"Another, {n}." for n in range(100)]
    assert all(example.fields == {"label": "good"} for example in examples(corpus))
    (skipped,) = [event for event in events if isinstance(event, SourceSkipped)]
    assert "Line 302 of" in skipped.reason


def test_a_table_of_bad_rows_alone_says_what_is_wrong(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("nothing\nof this\nis JSON\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"None of the 3 rows .* can be used. The first, on line 1: it is not JSON"):
        made(workspace, paths=[path], settings=CHARACTERS)


def test_lost_fields_are_noticed(workspace: Workspace, tables: Path) -> None:
    corpus, _ = made(workspace, paths=[tables], settings=CHARACTERS)
    rows = (corpus.folder / "fields.jsonl").read_bytes().splitlines(keepends=True)
    (corpus.folder / "fields.jsonl").write_bytes(b"".join(rows[:-1]))
    with pytest.raises(UserError, match="damaged"):
        list(examples(corpus))
