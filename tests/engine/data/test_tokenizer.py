"""Tokenizers: what goes in comes out, the library agrees, and no file can bring the program down."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

from lmstudio_app.engine.data.tokenizer import Tokenizer, TokenizerSettings, learn
from lmstudio_app.engine.data.tokenizers import bpe
from lmstudio_app.engine.errors import UserError
from tests.engine.data import writings

TEXT = writings.ENGLISH + writings.FRENCH + writings.RUSSIAN + writings.CHINESE + "\tzero\0 😀 👨‍👩‍👧\r\n"
AWKWARD = "It's\n\n 　we'll  \t\0\x85\u2028 end\r\n12345 !?…漢字，仮名。かな、e\u0301 😀👨‍👩‍👧 \u200b\ufeff  \n"
ANY_TEXT = st.text(max_size=80)
SPACED = st.text(alphabet="a1'!é漢，。 \n\t\x1c\u3000s", max_size=60)

BPE = learn(TokenizerSettings(vocabulary=500), [TEXT])
CHARACTER = learn(TokenizerSettings(kind="character"), [TEXT])
BOTH = pytest.mark.parametrize("tokenizer", [BPE, CHARACTER], ids=["bpe", "character"])


@given(ANY_TEXT)
def test_byte_pairs_write_any_text(text: str) -> None:
    assert BPE.decode(BPE.encode(text)) == text
    assert BPE.missing(text) == []


@given(st.text(alphabet=sorted(set(TEXT)), max_size=80))
def test_characters_write_any_text_they_know(text: str) -> None:
    assert CHARACTER.decode(CHARACTER.encode(text)) == text


@BOTH
def test_the_library_gives_the_same_ids(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path / "tokenizer.json")
    library = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert library.get_vocab_size() == tokenizer.vocabulary
    for text in (TEXT, AWKWARD, "", "\n", "<unk>", "\0"):
        assert library.encode(text).ids == tokenizer.encode(text).tolist()
    assert library.decode(library.encode(TEXT).ids) == TEXT


@BOTH
def test_saving_and_loading_changes_nothing(tokenizer: Tokenizer, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    tokenizer.save(path)
    loaded = Tokenizer.load(path)
    assert loaded.to_json() == tokenizer.to_json()
    assert (loaded.kind, loaded.vocabulary, loaded.unknown) == (tokenizer.kind, tokenizer.vocabulary, tokenizer.unknown)
    assert loaded.encode(AWKWARD).tolist() == tokenizer.encode(AWKWARD).tolist()
    assert loaded.byte_lengths.tolist() == tokenizer.byte_lengths.tolist()


@given(SPACED)
def test_characters_and_the_library_agree_on_white_space(text: str) -> None:
    library = tokenizers.Tokenizer.from_str(json.dumps(CHARACTER.to_json()))
    assert library.encode(text).ids == CHARACTER.encode(text).tolist()


def test_a_tokenizer_is_learned_the_same_every_time() -> None:
    pieces = TEXT.splitlines(keepends=True)
    for wanted in (TokenizerSettings(vocabulary=500), TokenizerSettings(kind="character", vocabulary=256)):
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


@BOTH
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


@BOTH
def test_half_a_character_is_refused(tokenizer: Tokenizer) -> None:
    with pytest.raises(UserError, match=r"half a character \(U\+D83D\) at place 3"):
        tokenizer.encode("abc\ud83d")


def test_nothing_is_encoded_to_nothing() -> None:
    assert BPE.encode("").shape == (0,)
    assert CHARACTER.encode("").dtype == np.int64


# Long texts -----------------------------------------------------------------------------------------------------


@given(text=SPACED, cuts=st.lists(st.integers(0, 60), max_size=5), part=st.integers(1, 8), batch=st.integers(1, 4))
@settings(max_examples=300)
def test_a_text_in_parts_gives_the_ids_of_the_whole(text: str, cuts: list[int], part: int, batch: int) -> None:
    library = tokenizers.Tokenizer.from_str(json.dumps(BPE.to_json()))
    edges = [0, *sorted(cuts), len(text)]
    pieces = [text[first:last] for first, last in itertools.pairwise(edges)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bpe, "_PART", part)
        patch.setattr(bpe, "_BATCH", batch)
        ids = [token for part_ids in BPE.encode_pieces(pieces) for token in part_ids.tolist()]
    assert ids == library.encode(text).ids


@pytest.mark.parametrize("source", ["ENGLISH", "CHINESE", "FRENCH", "KOREAN"])
def test_long_real_text_in_parts_gives_the_ids_of_the_whole(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = getattr(writings, source) * 30
    library = tokenizers.Tokenizer.from_str(json.dumps(BPE.to_json()))
    monkeypatch.setattr(bpe, "_PART", 1000)
    monkeypatch.setattr(bpe, "_BATCH", 100)
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
        changed(BPE, "normalizer", value={"type": "Lowercase"}),
        changed(BPE, "normalizer", value={"type": "Replace", "pattern": {"Regex": "(("}, "content": ""}),
        changed(BPE, "pre_tokenizer", value=None),
        changed(BPE, "added_tokens", value=[{"id": 500}]),
        changed(CHARACTER, "model", "vocab", value={"<unk>": 0, "ab": 1}),
        changed(CHARACTER, "model", "vocab", value={"<unk>": 0, "a": 2}),
        changed(CHARACTER, "model", "vocab", value={"a": 0}),
        changed(CHARACTER, "model", "vocab", value={"<unk>": 0, "\ud800": 1}),
        changed(CHARACTER, "model", "unk_token", value="x"),
        changed(CHARACTER, "pre_tokenizer", "pattern", value={"Regex": "("}),
    ],
)  # fmt: skip
def test_a_crafted_file_is_refused(content: str | bytes, tmp_path: Path) -> None:
    load_error(tmp_path / "tokenizer.json", content)


@BOTH
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
