"""Tokenizers with names, from here and from elsewhere; compared, searched, and their merges played."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

from lmstudio_app.engine import pipeline
from lmstudio_app.engine.data.corpus import Corpus, CorpusSettings
from lmstudio_app.engine.data.merging import Merging, play_merges
from lmstudio_app.engine.data.saved_tokenizers import saved_record
from lmstudio_app.engine.data.splits import SplitSettings
from lmstudio_app.engine.data.tokenizer import Tokenizer, TokenizerSettings, learn
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import CorpusReady, TokenizerMeasured, TokenizerReady
from lmstudio_app.engine.workspace import Workspace
from tests.engine.data import writings

TEXT = writings.ENGLISH * 3 + writings.CHINESE
AWKWARD = "It's\n\n 　we'll  \t\0\x85\u2028 end\r\n12345 !?…漢字，仮名。 😀👨‍👩‍👧 \ufeff  \nthe<|endoftext|>the\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "workspace")


@pytest.fixture
def corpus(workspace: Workspace) -> Corpus:
    settings = CorpusSettings(tokenizer=TokenizerSettings(kind="character"))
    *_, ready = pipeline.prepare(workspace, text=TEXT, name="tales", settings=settings)
    assert isinstance(ready, CorpusReady)
    return workspace.corpus(ready.corpus)


def saved(workspace: Workspace, corpus: Corpus, name: str, **settings: Any) -> TokenizerReady:
    *_, ready = pipeline.train_tokenizer(workspace, corpus, TokenizerSettings(**settings), name)
    assert isinstance(ready, TokenizerReady)
    return ready


def gpt_like(pattern: str | None = None) -> tokenizers.Tokenizer:
    """A tokenizer as other programs write it: GPT-2's, or with a pattern of its own before the bytes."""
    made = tokenizers.Tokenizer(models.BPE())
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=pattern is None)
    split = pre_tokenizers.Split(tokenizers.Regex(pattern), "isolated") if pattern else None
    made.pre_tokenizer = pre_tokenizers.Sequence([split, level]) if split else level
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["<|endoftext|>"],
        show_progress=False,
    )  # fmt: skip
    made.train_from_iterator([TEXT], trainer)
    made.post_processor = processors.ByteLevel(trim_offsets=False)
    return made


GPT_4 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


# Under names ----------------------------------------------------------------------------------------------------


def test_a_saved_tokenizer_cuts_several_corpora(workspace: Workspace, corpus: Corpus) -> None:
    ready = saved(workspace, corpus, "mine", vocabulary=300, special_tokens="<eos>")
    assert (ready.name, ready.kind, ready.vocabulary) == ("mine", "bpe", 301 - 1)
    assert saved_record(workspace.folder, "mine").corpus == "tales"
    wanted = CorpusSettings(tokenizer=TokenizerSettings(kind="saved", saved="mine"))
    list(pipeline.prepare(workspace, text="Another text, another day.\n" * 40, name="other", settings=wanted))
    other = workspace.corpus("other")
    assert other.statistics.vocabulary == 300
    cut = other.tokenization().tokenizer
    assert cut.to_json() == workspace.tokenizer("mine").to_json()
    assert cut.decode(other.tokenization().store.split("training")) == other.text("training")


def test_a_name_that_is_taken_gets_a_number(workspace: Workspace, corpus: Corpus) -> None:
    assert saved(workspace, corpus, "mine", kind="byte").name == "mine"
    assert saved(workspace, corpus, "mine", kind="byte").name == "mine 2"
    assert workspace.tokenizers() == ["mine", "mine 2"]


def test_a_corpus_keeps_its_copy_and_takes_another_of_that_name(workspace: Workspace, corpus: Corpus) -> None:
    saved(workspace, corpus, "mine", vocabulary=300)
    wanted = TokenizerSettings(kind="saved", saved="mine")
    first = corpus.tokenization(wanted)
    workspace.delete_tokenizer("mine")
    assert corpus.tokenization(wanted).store.folder == first.store.folder, "it keeps its own copy"
    with pytest.raises(UserError, match="There is no saved tokenizer “mine”"):
        workspace.tokenizer("mine")
    saved(workspace, corpus, "mine", vocabulary=280)
    assert corpus.tokenization(wanted).tokenizer.vocabulary == 280


def test_a_saved_tokenizer_that_is_not_there_is_told(workspace: Workspace, corpus: Corpus) -> None:
    wanted = corpus.settings.model_copy(update={"tokenizer": TokenizerSettings(kind="saved", saved="nothing")})
    with pytest.raises(UserError, match="There is no saved tokenizer “nothing”"):
        list(pipeline.redo(corpus, wanted))
    assert Corpus.open(corpus.folder).settings.tokenizer.kind == "character"


def test_closing_leaves_nothing_behind(workspace: Workspace, corpus: Corpus) -> None:
    steps = iter(pipeline.train_tokenizer(workspace, corpus, TokenizerSettings(), "mine"))
    next(steps)
    steps.close()  # type: ignore[attr-defined]
    assert workspace.tokenizers() == []
    assert list((workspace.folder / "tokenizers").iterdir()) == []


# From elsewhere -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pattern", [None, GPT_4], ids=["gpt-2", "gpt-4"])
def test_a_tokenizer_of_another_program_gives_its_ids_here(
    workspace: Workspace, tmp_path: Path, pattern: str | None
) -> None:
    theirs = gpt_like(pattern)
    theirs.save(str(tmp_path / "theirs.json"))
    *_, ready = pipeline.import_tokenizer(workspace, tmp_path / "theirs.json")
    assert isinstance(ready, TokenizerReady)
    ours = workspace.tokenizer(ready.name)
    assert (ready.name, ours.kind, ours.vocabulary) == ("theirs", "imported", 400)
    for text in (TEXT, AWKWARD, "", " ", TEXT * 40):
        assert ours.encode(text).tolist() == theirs.encode(text, add_special_tokens=False).ids
        assert ours.decode(ours.encode(text)) == text
        assert int(ours.byte_lengths[ours.encode(text)].sum()) == len(text.encode())
    wanted = CorpusSettings(tokenizer=TokenizerSettings(kind="saved", saved="theirs"))
    list(pipeline.prepare(workspace, text=TEXT, name="cut", settings=wanted))
    assert workspace.corpus("cut").statistics.splits["training"].unknown_bytes == 0


def test_one_that_composes_letters_counts_the_text_as_it_reads_it(workspace: Workspace, tmp_path: Path) -> None:
    theirs = gpt_like(GPT_4)
    theirs.normalizer = normalizers.NFC()
    theirs.save(str(tmp_path / "theirs.json"))
    list(pipeline.import_tokenizer(workspace, tmp_path / "theirs.json"))
    wanted = CorpusSettings(tokenizer=TokenizerSettings(kind="saved", saved="theirs"))
    list(pipeline.prepare(workspace, text="Cafe\u0301 naive\u0308.\n" * 60, name="cut", settings=wanted))
    corpus = workspace.corpus("cut")
    assert all(split.unknown_bytes == 0 for split in corpus.statistics.splits.values())
    cut = corpus.tokenization()
    assert cut.tokenizer.decode(cut.store.split("test")).startswith(("Café", "afé", "fé", "é", " na", "na"))
    assert cut.store.bytes("test") == len(cut.tokenizer.decode(cut.store.split("test")).encode())


def wrong(made: tokenizers.Tokenizer, **changes: Any) -> str:
    return json.dumps(json.loads(made.to_str()) | changes)


def bert_like() -> tokenizers.Tokenizer:
    made = tokenizers.Tokenizer(models.WordPiece({"[UNK]": 0, "a": 1}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return made


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (wrong(bert_like()), "it is no byte-level BPE"),
        (wrong(gpt_like(), normalizer={"type": "Lowercase"}), "it changes a text before it cuts it"),
        (wrong(gpt_like(), model=json.loads(gpt_like().to_str())["model"] | {"dropout": 0.1}),
         "differently every time"),
        (wrong(gpt_like(), pre_tokenizer=None), "it is no byte-level BPE"),
        (wrong(gpt_like(), decoder=None), "it is no byte-level BPE"),
        (wrong(gpt_like(), added_tokens=[{"id": 1 << 40, "content": "<a>"}]), "it is damaged"),
        (wrong(gpt_like(), added_tokens=[{"id": 5, "content": "<a>", "lstrip": True, "rstrip": False}]),
         "drops spaces"),
        (wrong(gpt_like(), pre_tokenizer={"type": "Sequence", "pretokenizers": [
            {"type": "WhitespaceSplit"}, {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True,
                                          "use_regex": True}]}), "drops spaces"),
        (wrong(gpt_like(), pre_tokenizer={"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True,
                                          "use_regex": True}), "did not succeed"),
        (wrong(gpt_like(), model={"type": "BPE", "vocab": {"a": 0}, "merges": []}), "it is damaged"),
        (wrong(gpt_like(), model={"type": "BPE", "vocab": [], "merges": []}), "it is damaged"),
        (wrong(gpt_like(), pre_tokenizer={"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": "(("}, "behavior": "Isolated", "invert": False},
            {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}]}),
         "did not succeed"),
        ("{}", "is damaged"), ("[1]", "is damaged"), ("nonsense", "is damaged"), ("", "is damaged"),
        ('{"model": {"type": []}}', "is damaged"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_told(workspace: Workspace, tmp_path: Path, content: str, reason: str) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=reason):
        list(pipeline.import_tokenizer(workspace, path, "theirs"))
    assert workspace.tokenizers() == []


def test_only_where_it_may_be_foreign_a_foreign_one_is_read(tmp_path: Path) -> None:
    gpt_like().save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(UserError, match="was not made by this program"):
        Tokenizer.load(tmp_path / "tokenizer.json")


# Compared, searched, played ---------------------------------------------------------------------------------------


def test_several_are_measured_on_the_same_text(workspace: Workspace, corpus: Corpus) -> None:
    saved(workspace, corpus, "mine", kind="word", minimum_count=1, vocabulary=5000)
    names = ["mine", "character", "byte", "bpe-300"]
    chosen = [(name, pipeline.chosen_tokenizer(workspace, name)) for name in names]
    events = pipeline.compare_tokenizers(corpus, chosen)
    found = {one.name: one for one in events if isinstance(one, TokenizerMeasured)}
    assert list(found) == names
    whole = "".join(corpus.text(split) for split in ("training", "validation", "test"))
    size = len(whole.encode())
    for name, one in found.items():
        assert one.bytes_per_token == pytest.approx(size / one.tokens), name
    assert found["byte"].tokens == size
    assert found["byte"].used == len(set(whole.encode()))
    assert found["character"].tokens == len(whole)
    assert found["mine"].unknown_share > 0, "words of validation and test that training lacks"
    assert found["byte"].unknown_share == 0
    assert found["bpe-300"].tokens < found["byte"].tokens
    assert found["mine"].tokens_per_word == pytest.approx(found["mine"].tokens / found["byte"].tokens
                                                          * found["byte"].tokens_per_word)  # fmt: skip


def test_a_large_text_is_sampled_without_repeating(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = CorpusSettings(
        tokenizer=TokenizerSettings(kind="byte"), split=SplitSettings(training=0.1, validation=0.1)
    )
    list(pipeline.prepare(workspace, text=TEXT * 4, name="small training", settings=settings))
    corpus = workspace.corpus("small training")
    monkeypatch.setitem(pipeline.compare_tokenizers.__globals__, "MEASURED_BYTES", 2000)
    *_, measured = pipeline.compare_tokenizers(corpus, [("byte", TokenizerSettings(kind="byte"))])
    assert isinstance(measured, TokenizerMeasured)
    assert 0 < measured.tokens <= corpus.statistics.splits["training"].bytes


def test_a_saved_one_is_compared_by_its_settings(workspace: Workspace, corpus: Corpus) -> None:
    saved(workspace, corpus, "mine", vocabulary=300)
    wanted = TokenizerSettings(kind="saved", saved="mine")
    *_, measured = pipeline.compare_tokenizers(corpus, [("", wanted)])
    assert isinstance(measured, TokenizerMeasured)
    assert measured.vocabulary == 300


@pytest.mark.parametrize("words", ["nothing", "saved", "bpe-12", "bpe-x", ""])
def test_a_tokenizer_that_nobody_knows_is_told(workspace: Workspace, words: str) -> None:
    with pytest.raises(UserError):
        pipeline.chosen_tokenizer(workspace, words)


def test_the_vocabulary_is_searched() -> None:
    tokenizer = learn(TokenizerSettings(vocabulary=600), [TEXT])
    found = pipeline.search_vocabulary(tokenizer, "TH")
    assert found
    assert all(b"th" in tokenizer.spelling(token).lower() for token in found)
    others = set(range(tokenizer.vocabulary)) - set(found)
    assert not any(b"th" in tokenizer.spelling(token).lower() for token in others)
    lengths = [len(tokenizer.spelling(token)) for token in found]
    assert lengths == sorted(lengths)


MERGED = learn(TokenizerSettings(vocabulary=400), [TEXT])
PARTLY: dict[int, tokenizers.Tokenizer] = {}


def library_with(merges: int) -> tokenizers.Tokenizer:
    """The library with the first merges alone."""
    if merges not in PARTLY:
        described = MERGED.to_json()
        described["model"] = described["model"] | {"merges": described["model"]["merges"][:merges]}
        PARTLY[merges] = tokenizers.Tokenizer.from_str(json.dumps(described))
    return PARTLY[merges]


@given(text=st.one_of(st.text(max_size=30), st.text(alphabet="the an,\n", max_size=40)), merges=st.integers(0, 144))
def test_merges_are_played_as_the_library_makes_them(text: str, merges: int) -> None:
    played = Merging(MERGED, text).pieces(merges)
    expected = [MERGED.spelling(token) for token in library_with(merges).encode(text).ids]
    assert played == expected


def test_only_merges_that_change_something_are_steps() -> None:
    played = play_merges(MERGED, "the other there")
    assert played is not None
    steps = played.changes()
    assert steps == sorted(set(steps))
    for before, after in zip([0, *steps], steps, strict=False):
        assert played.pieces(after) != played.pieces(before)
        assert played.pieces(after - 1) == played.pieces(before)
    assert played.pieces(len(played.merges)) == played.pieces(steps[-1])


def test_special_tokens_are_never_merged() -> None:
    tokenizer = learn(TokenizerSettings(vocabulary=400, special_tokens="<eos>", lower_case=True), [TEXT])
    played = play_merges(tokenizer, "The<eos>the")
    assert played is not None
    assert played.pieces(0) == [b"t", b"h", b"e", b"<eos>", b"t", b"h", b"e"]
    spelled = [tokenizer.spelling(token) for token in tokenizer.encode("The<eos>the")]
    assert played.pieces(len(played.merges)) == spelled


def test_what_does_not_merge_is_not_played() -> None:
    assert play_merges(learn(TokenizerSettings(kind="character"), [TEXT]), "the") is None


def test_tokens_say_after_which_merge_they_were_there() -> None:
    shown = pipeline.show_tokens(MERGED, "the 漢")
    assert "".join(one.piece for one in shown) == "the 漢"
    for one in shown:
        assert one.merge == (one.token - 255 if one.token > 255 else 0)
    unigram = learn(TokenizerSettings(kind="unigram"), [TEXT])
    assert {one.merge for one in pipeline.show_tokens(unigram, "the")} == {None}


def test_figures_are_those_of_the_corpus_also_where_a_split_cuts_a_word(workspace: Workspace) -> None:
    settings = CorpusSettings(tokenizer=TokenizerSettings(kind="bpe", vocabulary=400))
    text = "".join(f"wordrun{n % 97}" for n in range(4000))  # nowhere a place at which a token must end
    list(pipeline.prepare(workspace, text=text, settings=settings, name="run"))
    corpus = workspace.corpus("run")
    *_, measured = pipeline.compare_tokenizers(corpus, [("own", corpus.tokenization().tokenizer)])
    assert measured.tokens == sum(corpus.statistics.tokens.values())
