"""Streamed text: whole characters, stop texts, stopping, and what is told about each token."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import GenerationEnded, PromptRead, TokenWritten
from lmstudio_app.engine.generation.settings import SamplingSettings
from lmstudio_app.engine.generation.stream import ALTERNATIVES, never, write
from tests.engine.generation.fakes import UNKNOWN, ByteTokenizer, Script

GREEDY = {"temperature": 0.0}


def written(
    model: Script, prompt: str = "", stopping: Callable[[], bool] = never, **settings: object
) -> tuple[PromptRead, list[TokenWritten], GenerationEnded]:
    read, *tokens, ended = write(model, ByteTokenizer(), prompt, SamplingSettings(**settings), stopping)
    assert isinstance(read, PromptRead)
    assert isinstance(ended, GenerationEnded)
    texts = [token for token in tokens if isinstance(token, TokenWritten)]
    assert len(texts) == len(tokens) == ended.tokens
    assert "".join(token.text for token in texts) == ended.text
    return read, texts, ended


def test_writes_to_the_length() -> None:
    _, tokens, ended = written(Script("hello "), length=8, **GREEDY)
    assert (ended.text, ended.tokens, ended.reason) == ("hello he", 8, "length")
    assert [token.text for token in tokens] == list("hello he")
    assert ended.seconds >= 0


def test_reads_the_prompt() -> None:
    model = Script("x")
    read, _, _ = written(model, "abc", length=1)
    assert read.tokens == (97, 98, 99)
    assert read.pieces == ("a", "b", "c")
    assert read.nats == (0.0, 1.0, 2.0)
    assert model.begun_with == [97, 98, 99]


def test_an_empty_prompt() -> None:
    read, _, ended = written(Script("x"), "", length=3, **GREEDY)
    assert read == PromptRead((), (), ())
    assert ended.text == "xxx"


def test_only_whole_characters_are_shown() -> None:
    _, tokens, ended = written(Script("é🦊"), length=6, **GREEDY)
    assert [token.text for token in tokens] == ["", "é", "", "", "", "🦊"]
    assert ended.text == "é🦊"


def test_a_character_left_unfinished_is_left_out() -> None:
    _, tokens, ended = written(Script("aé🦊"), length=5, **GREEDY)
    assert [token.text for token in tokens] == ["a", "", "é", "", ""]
    assert ended.text == "aé"


@pytest.mark.parametrize(
    ("stop", "expected"),
    [
        ("c", "ab"),
        ("cd", "ab"),
        ("abcdef", ""),
        ("a", ""),
        ("fa", "abcde"),
        ("fab", "abcde"),
        ("é", "abcdefabcdef"),
    ],
)
def test_ends_before_the_stop_text(stop: str, expected: str) -> None:
    _, _, ended = written(Script("abcdef"), length=12, stop=stop, **GREEDY)
    assert ended.text == expected
    assert ended.reason == ("stop text" if stop != "é" else "length")


def test_a_false_beginning_of_the_stop_text_is_shown_after_all() -> None:
    # “aab” in “aaab” begins one later than it first seems.
    _, tokens, ended = written(Script("xaaab"), length=9, stop="aab", **GREEDY)
    assert [token.text for token in tokens] == ["x", "a"]
    assert ended.reason == "stop text"


def test_text_held_back_is_shown_at_the_end() -> None:
    _, tokens, ended = written(Script("abcd"), length=3, stop="bcd", **GREEDY)
    assert [token.text for token in tokens] == ["a", "b", "c"]
    assert ended.reason == "length"


def test_nothing_of_the_stop_text_is_ever_shown() -> None:
    shown = ""
    for event in write(Script("go on STOP now"), ByteTokenizer(), "", SamplingSettings(stop="STOP", temperature=0)):
        if isinstance(event, TokenWritten):
            shown += event.text
            assert "S" not in shown
    assert shown == "go on "


class SyllableTokenizer(ByteTokenizer):
    """As the bytes, but shows each byte as two characters, so that a stop text may begin inside a token."""

    def stream(self) -> SyllableTokenizer:  # type: ignore[override]
        return self

    def push(self, token: int) -> str:
        return f"{chr(token)}-"


@pytest.mark.parametrize(
    ("stop", "texts"),
    [("-c", ["a-", "b"]), ("c", ["a-", "b-"]), ("-b-c", ["a"]), ("d-", ["a-", "b-", "c-"]), ("a-b", [])],
)
def test_the_token_in_which_the_stop_text_begins_is_cut(stop: str, texts: list[str]) -> None:
    settings = SamplingSettings(stop=stop, temperature=0, length=20)
    events = list(write(Script("abcd"), SyllableTokenizer(), "", settings))
    assert [event.text for event in events if isinstance(event, TokenWritten)] == texts
    assert isinstance(events[-1], GenerationEnded)
    assert (events[-1].text, events[-1].reason) == ("".join(texts), "stop text")


def test_stops_when_asked() -> None:
    answers = iter([False, False, False, True])
    _, _, ended = written(Script("abcd"), stopping=lambda: next(answers), length=50, stop="cde", **GREEDY)
    assert (ended.text, ended.reason) == ("abc", "stopped")


def test_tells_the_chance_before_and_after_shaping() -> None:
    _, tokens, _ = written(Script("ab", certainty=0.6), length=1, temperature=0.5, top_k=5)
    token = tokens[0]
    assert len(token.alternatives) == ALTERNATIVES
    text, before, after = token.alternatives[0]
    assert text == "a"
    assert before == pytest.approx(0.6, abs=1e-6)
    rest = (0.4 / 256) ** 2
    assert after == pytest.approx(0.36 / (0.36 + 4 * rest), abs=1e-6)
    assert [alternative[2] for alternative in token.alternatives[5:]] == [0.0] * (ALTERNATIVES - 5)
    assert token.probability == pytest.approx(0.6 if token.token == ord("a") else 0.4 / 256, abs=1e-6)


def test_the_unknown_token_is_never_written() -> None:
    class Baffled(Script):
        """Expects nothing but the unknown token."""

        def __init__(self) -> None:
            super().__init__("a")
            self._tokens = np.array([UNKNOWN])

    for temperature in (0.0, 1.0):
        tokens = list(write(Baffled(), AsciiTokenizer(), "", SamplingSettings(temperature=temperature, length=20)))
        assert UNKNOWN not in [event.token for event in tokens if isinstance(event, TokenWritten)]


class AsciiTokenizer(ByteTokenizer):
    """Shows whatever byte comes."""

    def stream(self) -> AsciiTokenizer:  # type: ignore[override]
        return self

    def push(self, token: int) -> str:
        return chr(token)

    def pieces(self, tokens: np.ndarray) -> list[str]:
        return [chr(token) for token in tokens.tolist()]


def test_the_same_seed_writes_the_same_text() -> None:
    def text(seed: int) -> str:
        events = list(write(Script("abc", 0.3), AsciiTokenizer(), "", SamplingSettings(seed=seed, length=60)))
        return "".join(event.text for event in events if isinstance(event, TokenWritten))

    assert text(1) == text(1)
    assert text(1) != text(2)


def test_characters_the_vocabulary_lacks_are_named() -> None:
    with pytest.raises(UserError, match="“☠”") as caught:
        list(write(Script("a"), ByteTokenizer(), "a ☠", SamplingSettings()))
    assert caught.value.field == "prompt"
