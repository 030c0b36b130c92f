"""Tokenizers: what goes in comes out, the library agrees, and no file can bring the program down."""

from __future__ import annotations

import itertools
import json
import os
import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

from lmstudio_app.engine.data import library_tokenizer
from lmstudio_app.engine.data.tokenizer import Tokenizer, TokenizerSettings, learn
from lmstudio_app.engine.errors import UserError
from tests.engine.data import writings

TEXT = writings.ENGLISH + writings.FRENCH + writings.RUSSIAN + writings.CHINESE + "\tzero\0 😀 👨‍👩‍👧\r\n"
AWKWARD = "It's\n\n 　we'll  \t\0\x85\u2028 end\r\n12345 !?…漢字，仮名。かな、e\u0301 😀👨‍👩‍👧 \u200b\ufeff  \n"
ANY_TEXT = st.text(max_size=80)
SPACED = st.one_of(
    st.text(alphabet="a1'!é漢，。 \n\t\x1c\u3000s", max_size=60),
    st.lists(
        st.sampled_from(["<eos>", "<eos2>", "[SEP]", "<eos", " ", "ÀB", "# ##a", "İ", "\n", "漢，字"]), max_size=12
    ).map("".join),
)

KINDS = ("character", "byte", "word", "bpe", "wordpiece", "unigram")
MADE = {kind: learn(TokenizerSettings(kind=kind, vocabulary=500, minimum_count=1), [TEXT]) for kind in KINDS}
PLAINER = {
    kind: learn(
        TokenizerSettings(
            kind=kind,
            vocabulary=600,
            minimum_count=1,
            lower_case=True,
            strip_accents=True,
            special_tokens="<eos>, [SEP] <eos2>",
        ),
        [TEXT],
    )
    for kind in KINDS
}
BPE, CHARACTER = MADE["bpe"], MADE["character"]
ALL = pytest.mark.parametrize(
    "tokenizer", [*MADE.values(), *PLAINER.values()], ids=[*KINDS, *(f"plainer {kind}" for kind in KINDS)]
)
PLAIN = pytest.mark.parametrize("tokenizer", MADE.values(), ids=KINDS)
EVERY_TEXT = pytest.mark.parametrize("kind", ["byte", "bpe", "unigram"])


@EVERY_TEXT
@given(text=ANY_TEXT)
def test_kinds_over_bytes_write_any_text(kind: str, text: str) -> None:
    tokenizer = MADE[kind]
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.missing(text) == []


@given(st.text(alphabet=sorted(set(TEXT)), max_size=80))
def test_characters_write_any_text_they_know(text: str) -> None:
    assert CHARACTER.decode(CHARACTER.encode(text)) == text


@ALL
def test_the_library_gives_the_same_ids(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path / "tokenizer.json")
    library = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert library.get_vocab_size() == tokenizer.vocabulary
    for text in (TEXT, AWKWARD, "", "\n", "<unk>", "\0", "a<eos>B[SEP]É<eos2><EOS> # ## #a ##a Ǆ ΣΑΣ İ"):
        assert library.encode(text).ids == tokenizer.encode(text).tolist()


@PLAIN
def test_the_library_writes_the_same_text(tokenizer: Tokenizer) -> None:
    library = tokenizers.Tokenizer.from_str(json.dumps(tokenizer.to_json()))
    known = "".join(word for word in re.findall(r"\s*\S+", TEXT) if not tokenizer.missing(word))
    assert len(known) > 100
    assert library.decode(library.encode(known).ids) == known == tokenizer.decode(tokenizer.encode(known))


@ALL
@settings(max_examples=40)
@given(text=SPACED)
def test_the_library_agrees_on_any_text(tokenizer: Tokenizer, text: str) -> None:
    library = tokenizers.Tokenizer.from_str(json.dumps(tokenizer.to_json()))
    assert library.encode(text).ids == tokenizer.encode(text).tolist()


@pytest.mark.skipif("LMSTUDIO_APP_TEST_DATA" not in os.environ, reason="LMSTUDIO_APP_TEST_DATA names no folder")
@pytest.mark.parametrize("kind", KINDS)
def test_ten_thousand_lines_of_a_real_text_have_the_ids_of_the_library(kind: Any, tmp_path: Path) -> None:
    text = (Path(os.environ["LMSTUDIO_APP_TEST_DATA"]) / "tinyshakespeare.txt").read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    learn(TokenizerSettings(kind=kind), lines[:20_000]).save(tmp_path / "tokenizer.json")
    ours = Tokenizer.load(tmp_path / "tokenizer.json")
    library = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    for line in lines[-10_000:]:
        assert ours.encode(line).tolist() == library.encode(line).ids


@ALL
def test_saving_and_loading_changes_nothing(tokenizer: Tokenizer, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    tokenizer.save(path)
    loaded = Tokenizer.load(path)
    assert loaded.to_json() == tokenizer.to_json()
    assert (loaded.kind, loaded.vocabulary, loaded.unknown) == (tokenizer.kind, tokenizer.vocabulary, tokenizer.unknown)
    assert loaded.encode(AWKWARD).tolist() == tokenizer.encode(AWKWARD).tolist()
    assert loaded.byte_lengths.tolist() == tokenizer.byte_lengths.tolist()


def test_a_tokenizer_is_learned_the_same_every_time() -> None:
    pieces = TEXT.splitlines(keepends=True)
    for kind in KINDS:
        wanted = TokenizerSettings(kind=kind, vocabulary=300)
        first, again = learn(wanted, pieces), learn(wanted, iter(pieces))
        assert first.to_json() == again.to_json()


def test_the_vocabulary_is_what_was_learned() -> None:
    assert BPE.vocabulary == 500
    assert learn(TokenizerSettings(vocabulary=256), [TEXT]).vocabulary == 256
    small = learn(TokenizerSettings(vocabulary=65_536), ["aaa bbb aaa"])
    assert 256 < small.vocabulary < 270, "no pair occurs twice any more"
    assert CHARACTER.vocabulary == len(set(TEXT)) + 1


def test_rare_characters_become_unknown() -> None:
    many = "".join(chr(0x4E00 + number) * (400 - number) for number in range(400))
    tokenizer = learn(TokenizerSettings(kind="character", vocabulary=256), [many])
    assert tokenizer.vocabulary == 256
    assert tokenizer.unknown == 0
    assert tokenizer.missing("一" + chr(0x4E00 + 399) * 2 + "x一") == [chr(0x4E00 + 399), "x"]
    ids = tokenizer.encode("一x")
    assert ids.tolist() == [1, 0]
    assert tokenizer.decode(ids) == "一\ufffd"
    assert tokenizer.byte_lengths[0] == 0
    assert tokenizer.byte_lengths[1] == 3


@pytest.mark.parametrize(
    "tokenizer", [CHARACTER, BPE, MADE["byte"], MADE["unigram"]], ids=["character", "bpe", "byte", "unigram"]
)
@given(text=st.text(alphabet=sorted(set(TEXT)), max_size=40))
def test_pieces_offsets_and_bytes_fit_the_text(tokenizer: Tokenizer, text: str) -> None:
    ids = tokenizer.encode(text)
    pieces = tokenizer.pieces(ids)
    assert len(pieces) == len(ids)
    assert "".join(pieces) == text
    assert int(tokenizer.byte_lengths[ids].sum()) == len(text.encode())
    offsets = tokenizer.offsets(text)
    assert offsets.shape == (len(ids), 2)
    if len(ids):
        assert offsets[0, 0] == 0
        assert offsets[-1, 1] == len(text)
        assert (np.diff(offsets[:, 0]) >= 0).all()


def test_a_stream_shows_only_whole_characters() -> None:
    stream = BPE.stream()
    raw = "né😀".encode()
    single = {BPE.byte_lengths[token] == 1 and BPE._tokens[token]: token for token in range(BPE.vocabulary)}
    shown = [stream.push(single[bytes([byte])]) for byte in raw]
    assert shown == ["n", "", "é", "", "", "", "😀"]
    assert stream.flush() == ""
    assert BPE.pieces([single[b"\xc3"]]) == ["\ufffd"]
    assert BPE.pieces([single[b"\xc3"], single[b"n"]]) == ["", "\ufffdn"]
    assert BPE.decode([single[b"\xff"]]) == "\ufffd"


@ALL
def test_half_a_character_is_refused(tokenizer: Tokenizer) -> None:
    with pytest.raises(UserError, match=r"half a character \(U\+D83D\) at place 3"):
        tokenizer.encode("abc\ud83d")


def test_nothing_is_encoded_to_nothing() -> None:
    assert BPE.encode("").shape == (0,)
    assert CHARACTER.encode("").dtype == np.int64


# Long texts -----------------------------------------------------------------------------------------------------


@ALL
@given(text=SPACED, cuts=st.lists(st.integers(0, 60), max_size=5), part=st.integers(1, 8), batch=st.integers(1, 4))
@settings(max_examples=50)
def test_a_text_in_parts_gives_the_ids_of_the_whole(
    tokenizer: Tokenizer, text: str, cuts: list[int], part: int, batch: int
) -> None:
    library = tokenizers.Tokenizer.from_str(json.dumps(tokenizer.to_json()))
    edges = [0, *sorted(cuts), len(text)]
    pieces = [text[first:last] for first, last in itertools.pairwise(edges)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library_tokenizer, "_PART", part)
        patch.setattr(library_tokenizer, "_BATCH", batch)
        ids = [token for part_ids in tokenizer.encode_pieces(pieces) for token in part_ids.tolist()]
    assert ids == library.encode(text).ids


@pytest.mark.parametrize("source", ["ENGLISH", "CHINESE", "FRENCH", "KOREAN"])
def test_long_real_text_in_parts_gives_the_ids_of_the_whole(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = getattr(writings, source) * 30
    library = tokenizers.Tokenizer.from_str(json.dumps(BPE.to_json()))
    monkeypatch.setattr(library_tokenizer, "_PART", 1000)
    monkeypatch.setattr(library_tokenizer, "_BATCH", 100)
    parts = list(BPE.encode_pieces([text]))
    assert len(parts) > 5
    assert np.concatenate(parts).tolist() == library.encode(text).ids


@pytest.mark.parametrize("run", ["a", "ab", "漢", "\n", " ", "!?", "e\u0301"])
def test_endless_words_take_no_endless_time(run: str) -> None:
    text = run * 200_000 + "\n" + writings.ENGLISH
    tokenizer = learn(TokenizerSettings(vocabulary=300), [text])
    assert tokenizer.decode(tokenizer.encode(text)) == text


# Damaged files --------------------------------------------------------------------------------------------------


def load_error(path: Path, content: str | bytes) -> UserError:
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    with pytest.raises(UserError) as caught:
        Tokenizer.load(path)
    assert path.name in str(caught.value)
    return caught.value


def changed(tokenizer: Tokenizer, *keys: Any, value: Any) -> str:
    described = json.loads(json.dumps(tokenizer.to_json()))
    place = described
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    return json.dumps(described)


@pytest.mark.parametrize(
    "content",
    [
        "", "{", "[]", "null", "{}", '{"model": null}', '{"model": {"type": "Unigram"}}', "[" * 100_000,
        b"\xff\xfe\x00",
        changed(BPE, "model", "vocab", value={}),
        changed(BPE, "model", "vocab", value=[]),
        changed(BPE, "model", "vocab", "zzz", value=501),
        changed(BPE, "model", "vocab", "!", value=-1),
        changed(BPE, "model", "vocab", "!", value=True),
        changed(BPE, "model", "vocab", "!", value="0"),
        changed(BPE, "model", "vocab", "!", value=1.0),
        changed(BPE, "model", "vocab", "汉", value=500),
        changed(BPE, "model", "merges", value=[["!", "never"]]),
        changed(BPE, "model", "merges", value=[["!"]]),
        changed(BPE, "model", "merges", value=[[1, 2]]),
        changed(BPE, "model", "merges", value=None),
        changed(BPE, "model", "byte_fallback", value=True),
        changed(BPE, "model", "unk_token", value="nothing"),
        changed(BPE, "normalizer", value={"type": "Strip", "strip_left": True, "strip_right": True}),
        changed(BPE, "normalizer", value={"type": "Replace", "pattern": {"Regex": "(("}, "content": ""}),
        changed(BPE, "pre_tokenizer", value=None),
        changed(BPE, "added_tokens", value=[{"id": 500}]),
        changed(CHARACTER, "model", "vocab", value={"<unk>": 0, "ab": 1}),
        changed(CHARACTER, "model", "vocab", value={"<unk>": 0, "a": 2}),
        changed(CHARACTER, "model", "vocab", value={"a": 0}),
        changed(CHARACTER, "model", "vocab", value={"<unk>": 0, "\ud800": 1}),
        changed(CHARACTER, "model", "unk_token", value="x"),
        changed(CHARACTER, "pre_tokenizer", "pattern", value={"Regex": "("}),
        changed(MADE["word"], "model", "vocab", value={"a": 0}),
        changed(MADE["wordpiece"], "model", "vocab", value={"[UNK]": 0, "##": 1}),
        changed(MADE["wordpiece"], "model", "max_input_chars_per_word", value=-1),
        changed(MADE["unigram"], "model", "vocab", value=[["a", -1.0]]),
        changed(MADE["unigram"], "model", "vocab", 3, value=["a", 1.0]),
        changed(MADE["unigram"], "model", "vocab", 3, value=["a"]),
        changed(MADE["unigram"], "model", "unk_id", value=10_000),
        changed(MADE["byte"], "model", "merges", value=[["a", "b"]]),
        changed(PLAINER["bpe"], "added_tokens", 0, "id", value=7),
        changed(PLAINER["bpe"], "added_tokens", 0, "lstrip", value=True),
        changed(PLAINER["bpe"], "added_tokens", 0, "content", value=" "),
        changed(PLAINER["bpe"], "normalizer", value={"type": "Precompiled", "precompiled_charsmap": "AAAA"}),
    ],
)  # fmt: skip
def test_a_crafted_file_is_refused(content: str | bytes, tmp_path: Path) -> None:
    load_error(tmp_path / "tokenizer.json", content)


@PLAIN
def test_no_damage_brings_the_program_down(tokenizer: Tokenizer, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    tokenizer.save(path)
    raw = path.read_bytes()
    chance = random.Random(4)
    for _ in range(150):
        mutated = bytearray(raw)
        for _ in range(chance.randrange(1, 4)):
            place = chance.randrange(len(mutated))
            mutated[place : place + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
        path.write_bytes(bytes(mutated))
        try:
            loaded = Tokenizer.load(path)
        except UserError:
            continue
        assert loaded.decode(loaded.encode("plain text")) is not None


def test_a_missing_or_huge_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is missing"):
        Tokenizer.load(tmp_path / "tokenizer.json")
    path = tmp_path / "huge.json"
    with path.open("wb") as file:
        file.truncate(1 << 27)
    with pytest.raises(UserError, match="is damaged"):
        Tokenizer.load(path)


def test_a_file_is_read_again_only_when_it_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    learn(TokenizerSettings(kind="character"), ["abc"]).save(path)
    first = Tokenizer.load(path)
    assert Tokenizer.load(path) is first
    learn(TokenizerSettings(kind="character"), ["abcd"]).save(path)
    assert Tokenizer.load(path).vocabulary == first.vocabulary + 1
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(UserError, match="damaged"):
        Tokenizer.load(path)
    path.unlink()
    with pytest.raises(UserError, match="missing"):
        Tokenizer.load(path)


# What is plainer, special, rare -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["byte", "bpe", "unigram"])
def test_a_plainer_text_is_what_scores_count(kind: str) -> None:
    tokenizer = PLAINER[kind]
    text = "École<eos>NAÏVE<EOS>"
    assert tokenizer.seen(text) == "ecole<eos>naive<eos>"
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == tokenizer.seen(text)
    assert int(tokenizer.byte_lengths[ids].sum()) == len(tokenizer.seen(text).encode())


@pytest.mark.parametrize("kind", KINDS)
def test_a_special_token_is_one_token_wherever_it_stands(kind: str) -> None:
    tokenizer = PLAINER[kind]
    first = tokenizer.vocabulary - 3
    assert [tokenizer.spelling(first + place) for place in range(3)] == [b"<eos>", b"[SEP]", b"<eos2>"]
    ids = tokenizer.encode("the<eos><eos2>[SEP]").tolist()
    assert ids[-3:] == [first, first + 2, first + 1]


@pytest.mark.parametrize("words", ["eos", "< eos>", "<eos", "<unk>", "[UNK]", "a,b"])
def test_what_cannot_be_a_special_token_is_told(words: str) -> None:
    with pytest.raises(ValueError, match="cannot be a special token"):
        TokenizerSettings(special_tokens=words)


def test_rare_words_become_unknown_and_are_named() -> None:
    tokenizer = learn(TokenizerSettings(kind="word", minimum_count=2), ["the cat and the dog and the bird"])
    assert tokenizer.vocabulary == 3
    assert tokenizer.missing("the cat and the bird, cat") == ["the", "cat", "bird", ","]
    assert tokenizer.decode(tokenizer.encode(" the cat")) == " the\ufffd"


def test_pieces_are_the_longest_that_fit() -> None:
    tokenizer = learn(TokenizerSettings(kind="wordpiece", vocabulary=256), ["unwanted running wanted run " * 50])
    ids = tokenizer.encode(" unwanted xenon run").tolist()
    assert b"".join(tokenizer.spelling(token) for token in ids[:1]).startswith(b" un")
    assert tokenizer.missing(" unwanted xenon") == ["xenon"], "a word with a strange letter is unknown as a whole"


def test_settings_that_matter_have_folders_of_their_own() -> None:
    several = [
        TokenizerSettings(), TokenizerSettings(lower_case=True), TokenizerSettings(strip_accents=True),
        TokenizerSettings(special_tokens="<eos>"), TokenizerSettings(kind="word"),
        TokenizerSettings(kind="word", minimum_count=5), TokenizerSettings(kind="byte"),
        TokenizerSettings(kind="saved", saved="a"), TokenizerSettings(kind="saved", saved="b"),
    ]  # fmt: skip
    assert len({one.folder_name for one in several}) == len(several)
    assert TokenizerSettings().folder_name == "bpe-2048"
    assert TokenizerSettings(minimum_count=9).folder_name == "bpe-2048", "it matters for words alone"
    assert TokenizerSettings(kind="byte", vocabulary=300).folder_name == "byte"


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_there_must_be_room_for_every_byte(kind: Any) -> None:
    with pytest.raises(ValueError, match="Must be at least 257"):
        TokenizerSettings(kind=kind, vocabulary=256, special_tokens="<eos>")
    made = learn(TokenizerSettings(kind=kind, vocabulary=257, special_tokens="<eos>"), [TEXT])
    assert made.vocabulary == 257


@pytest.mark.parametrize("kind", ["bpe", "unigram", "wordpiece", "word", "character"])
def test_special_tokens_are_not_learned_as_text(kind: Any) -> None:
    wanted = TokenizerSettings(kind=kind, vocabulary=300, minimum_count=1, special_tokens="<eos>")
    made = learn(wanted, ["some words<eos>more words<eos>" * 50])
    spellings = [made.spelling(token) for token in range(made.vocabulary - 1)]
    assert not any(b"eo" in spelling for spelling in spellings)


@pytest.mark.parametrize("word", ["<好，b>", "<a\x1cb>"])
def test_no_text_is_cut_inside_a_special_token(word: str) -> None:
    with pytest.raises(ValueError, match="cannot be a special token"):
        TokenizerSettings(special_tokens=word)
