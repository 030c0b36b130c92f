"""Words are separated here as the library separates them: every trusted character, in every company."""

from __future__ import annotations

import json
from typing import Any

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import pre_tokenizers

from lmstudio_app.engine.data.tokenizer import TokenizerSettings, learn
from lmstudio_app.engine.data.word_cache import _WORDS, TRUSTED, WordCache, _doubtful
from tests.engine.data import writings

TEXT = writings.ENGLISH + writings.FRENCH + writings.RUSSIAN + writings.CHINESE + writings.KOREAN
EVERY = [chr(point) for first, last in TRUSTED for point in range(first, last + 1)]
PLAIN = [letter for letter in ["\t", "\n", "\r", *EVERY] if not _doubtful().search(letter)]
LEVEL = pre_tokenizers.ByteLevel(add_prefix_space=False)


def theirs(text: str) -> list[str]:
    return [text[start:end] for _, (start, end) in LEVEL.pre_tokenize_str(text)]


def test_most_letters_of_the_world_are_trusted() -> None:
    assert len(PLAIN) > 40_000
    assert all(not _doubtful().search(letter) for letter in TEXT if letter.isascii() or letter.isalpha())
    for odd in "\x1c\x85\x7f\u2028\ufeff²½Ⅷ①〇\u200b\U0001f9ff":
        assert _doubtful().search(odd), hex(ord(odd))


def test_every_trusted_character_is_in_the_same_class() -> None:
    for letter in PLAIN:
        for text in (f"a{letter}a 1{letter}1 .{letter}. {letter}", f" {letter}{letter}\n{letter} "):
            assert _WORDS.findall(text) == theirs(text), hex(ord(letter))


@given(st.text(alphabet=st.one_of(st.sampled_from("a1'_ .\n\ts漢é，"), st.sampled_from(PLAIN)), max_size=40))
def test_words_are_those_of_the_library(text: str) -> None:
    assert _WORDS.findall(text) == theirs(text)


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
@given(
    text=st.text(alphabet=st.one_of(st.sampled_from("the a1'_ .\n\t漢é"), st.characters(codec="utf-8")), max_size=60)
)
def test_ids_are_those_of_the_library(kind: Any, text: str) -> None:
    tokenizer = made(kind)
    library = tokenizers.Tokenizer.from_str(json.dumps(tokenizer.to_json()))
    assert tokenizer.encode(text).tolist() == library.encode(text).ids


MADE: dict[str, Any] = {}


def made(kind: Any) -> Any:
    if kind not in MADE:
        MADE[kind] = learn(TokenizerSettings(kind=kind, vocabulary=500), [TEXT])
    return MADE[kind]


def test_words_are_cut_once_and_forgotten_when_they_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def cut(words: list[str]) -> list[list[int]]:
        asked.extend(words)
        return [[len(word)] for word in words]

    cache = WordCache(cut)
    first = cache.encode("one two one")
    assert first is not None
    assert first.tolist() == [3, 4, 4]
    assert cache.encode(" two one") is not None
    assert sorted(asked) == [" one", " two", "one"]
    monkeypatch.setattr("lmstudio_app.engine.data.word_cache._MOST_WORDS", 2)
    cache.encode(" two")
    assert asked.count(" two") == 2
    long = cache.encode("x" * 100)
    assert long is not None
    assert long.tolist() == [100]
    assert "x" * 100 not in cache._known
    assert cache.encode("²") is None
