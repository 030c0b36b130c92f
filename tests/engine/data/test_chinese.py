"""Chinese: words that jieba finds, cut by the library alone, and characters turned into their other form."""

from __future__ import annotations

import itertools
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jieba
import opencc
import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

from lmstudio_app.engine import pipeline
from lmstudio_app.engine.data import chinese
from lmstudio_app.engine.data.cleaning import CleaningSettings, clean
from lmstudio_app.engine.data.corpus import CorpusSettings
from lmstudio_app.engine.data.documents import whole_texts
from lmstudio_app.engine.data.samples import generate, sample
from lmstudio_app.engine.data.tokenizer import Tokenizer, TokenizerSettings, learn
from lmstudio_app.engine.data.tokenizers import chinese_word, word
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.settings import SettingsError
from lmstudio_app.engine.workspace import Workspace

# Written for this test: news, dialogue, description, with names, numbers and other scripts between.
PROSE = (
    "小明今天去北京大学图书馆看书，他觉得人工智能非常有意思。\n"
    "天气预报说明天下午有大雨，请大家出门的时候带上雨伞。\n"
    "我们公司在2026年推出了新产品，市场反应很好，销售额增长了百分之二十。\n"
    "妈妈在厨房里做饭，爸爸在客厅里看电视，妹妹在房间里写作业。\n"
    "他用Python写了一个小程序，可以自动整理文件。\n"
    "春天来了，花园里的花都开了，蝴蝶在花丛中飞来飞去。\n"
    "老师说学习语言最重要的是多听多说多读多写。\n"
    "火车站离这里不远，走路大约十五分钟就能到。\n"
) * 8


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "workspace")


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return learn(TokenizerSettings(kind="word", chinese_words=True), [PROSE])


def without(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    monkeypatch.setattr(chinese.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, package, None)
    for each in (chinese._converter, chinese._initialised):
        each.cache_clear()


# Words ----------------------------------------------------------------------------------------------------------


def spans(words: Iterator[str]) -> set[tuple[int, int]]:
    ends = list(itertools.accumulate((len(each) for each in words), initial=0))
    return set(itertools.pairwise(ends))


def test_words_are_those_that_jieba_finds(tokenizer: Tokenizer) -> None:
    jieba.setLogLevel(60)
    found = {(start, end) for start, end in tokenizer.offsets(PROSE).tolist()}
    expected = spans(
        itertools.chain.from_iterable(
            jieba.cut(run) if chinese.is_han(run) else [run]
            for run in tokenizer.words(PROSE)  # type: ignore[attr-defined]
        )
    )
    recall, precision = len(found & expected) / len(expected), len(found & expected) / len(found)
    assert recall > 0.97 and precision > 0.97
    pieces = tokenizer.pieces(tokenizer.encode("天气预报说大家去北京大学图书馆，"))
    assert pieces == ["天气预报", "说", "大家", "去", "北京大学图书馆", "，"]


def test_a_text_of_the_bundled_stories_is_cut_as_jieba_does() -> None:
    text = "".join(generate(sample("stories-chinese")).documents)[:40_000]
    settings = TokenizerSettings(kind="word", chinese_words=True, vocabulary=16_000)
    made = learn(settings, [text])
    assert isinstance(made, chinese_word.ChineseWordTokenizer)
    found = {(start, end) for start, end in made.offsets(text).tolist()}
    words = (jieba.cut(run) if chinese.is_han(run) else [run] for run in made.words(text))
    expected = spans(itertools.chain.from_iterable(words))
    assert len(found & expected) / len(expected) > 0.95


def test_the_library_alone_gives_the_same_ids(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path / "tokenizer.json")
    library = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    again = Tokenizer.load(tmp_path / "tokenizer.json")
    for line in [*PROSE.splitlines(), "没见过的𠮷字 and English words", "", " 空 格 ", "ΑΒΓ 北京"]:
        assert library.encode(line).ids == tokenizer.encode(line).tolist() == again.encode(line).tolist()
    assert again.to_json() == tokenizer.to_json()
    assert "jieba" not in json.dumps(tokenizer.to_json())


def test_known_text_comes_back_and_the_unseen_is_unknown(tokenizer: Tokenizer) -> None:
    assert tokenizer.decode(tokenizer.encode(PROSE)) == PROSE
    assert tokenizer.missing("北京的𠮷祥 wow") == ["𠮷祥", "w"] or "𠮷祥" in tokenizer.missing("北京的𠮷祥 wow")
    assert tokenizer.byte_lengths[0] == 0


@given(st.text(alphabet=sorted(set(PROSE)), max_size=60))
def test_any_text_of_known_characters_comes_back(text: str) -> None:
    made = learn(TokenizerSettings(kind="word", chinese_words=True, minimum_count=1), [PROSE])
    assert made.decode(made.encode(text)) == text


def test_rare_words_are_spelled_in_shorter_ones(tokenizer: Tokenizer) -> None:
    assert "".join(tokenizer.pieces(tokenizer.encode("书房雨花"))) == "书房雨花"
    assert tokenizer.missing("书房雨花") == []


def test_ids_follow_frequency_and_the_vocabulary_is_kept() -> None:
    made = learn(
        TokenizerSettings(kind="word", chinese_words=True, vocabulary=256, special_tokens="<eos>"), [PROSE * 3]
    )
    assert made.vocabulary <= 256
    assert made.spelling(made.vocabulary - 1) == b"<eos>"
    assert made.encode("<eos>").tolist() == [made.vocabulary - 1]
    probabilities = [score for _, score in made.to_json()["model"]["vocab"]]
    assert all(-1e6 < score <= 0 for score in probabilities)
    assert math.exp(max(probabilities)) < 1


def test_learning_from_nothing_and_from_no_chinese() -> None:
    settings = TokenizerSettings(kind="word", chinese_words=True)
    assert learn(settings, [""]).vocabulary == 1
    made = learn(settings, ["the cat saw the cat\n" * 5])
    assert made.pieces(made.encode("the cat saw")) == ["the", " cat", " saw"]


@pytest.mark.parametrize(
    "change",
    [
        lambda model: model["vocab"].__setitem__(0, ["x", -1.0]),
        lambda model: model["vocab"].__setitem__(2, model["vocab"][1]),
        lambda model: model["vocab"].__setitem__(1, ["", -1.0]),
        lambda model: model["vocab"].__setitem__(1, ["天", 1.0]),
        lambda model: model["vocab"].__setitem__(1, ["天", float("nan")]),
        lambda model: model.__setitem__("unk_id", 5),
        lambda model: model.__setitem__("vocab", []),
    ],
)
def test_a_file_that_was_tampered_with_is_refused(tokenizer: Tokenizer, tmp_path: Path, change: Any) -> None:
    described = json.loads(json.dumps(tokenizer.to_json()))
    change(described["model"])
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(described), encoding="utf-8")
    with pytest.raises(UserError):
        Tokenizer.load(path)


def test_the_switch_makes_another_folder_and_leaves_the_others() -> None:
    plain, chosen = TokenizerSettings(kind="word"), TokenizerSettings(kind="word", chinese_words=True)
    assert plain.folder_name == "word-2048" != chosen.folder_name
    assert TokenizerSettings(kind="bpe", chinese_words=True).folder_name == "bpe-2048"
    assert isinstance(learn(plain, [PROSE]), word.WordTokenizer)


@pytest.mark.parametrize("copies", [1, 200])  # in this process, and in one of its own
def test_a_corpus_is_cut_into_chinese_words(workspace: Workspace, copies: int) -> None:
    settings = CorpusSettings(tokenizer=TokenizerSettings(kind="word", chinese_words=True))
    list(pipeline.prepare(workspace, text=PROSE * copies, settings=settings, name="prose"))
    made = workspace.corpus("prose").tokenization().tokenizer
    assert "人工智能".encode() in {made.spelling(token) for token in range(made.vocabulary)}


def test_without_jieba_the_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, workspace: Workspace) -> None:
    without(monkeypatch, "jieba")
    settings = CorpusSettings(tokenizer=TokenizerSettings(kind="word", chinese_words=True))
    with pytest.raises(UserError, match="pip install jieba") as caught:
        list(pipeline.prepare(workspace, text=PROSE, settings=settings, name="prose"))
    assert caught.value.field == "tokenizer.chinese_words"
    assert workspace.corpora() == []
    chinese._initialised.cache_clear()


def test_nothing_is_kept_where_others_could_put_something(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(chinese.tempfile, "tempdir", str(tmp_path))
    chinese._initialised.cache_clear()
    (tmp_path / "jieba.cache").write_bytes(b"what somebody else left")
    assert list(chinese.words("天气预报")) == ["天气预报"]
    assert [path.name for path in tmp_path.iterdir()] == ["jieba.cache"]


# Characters -----------------------------------------------------------------------------------------------------

TRADITIONAL = "漢字在電腦裡的處理，並不簡單。後天見面，頭髮很長。\n"
SIMPLIFIED = "汉字在电脑里的处理，并不简单。后天见面，头发很长。\n"


def test_characters_become_the_other_form() -> None:
    text, counts = clean(TRADITIONAL, CleaningSettings(simplified=True, line_ends=False))
    assert text == SIMPLIFIED
    assert counts == {"simplified": sum(a != b for a, b in zip(TRADITIONAL, SIMPLIFIED, strict=True))}
    text, counts = clean(SIMPLIFIED, CleaningSettings(traditional=True, line_ends=False))
    assert text == opencc.OpenCC("s2t").convert(SIMPLIFIED)  # type: ignore[no-untyped-call]
    assert "後天" in text and "頭髮" in text and counts["traditional"] > 8


@pytest.mark.parametrize("text", ["", "no Chinese at all é\x00", SIMPLIFIED])
def test_what_needs_no_change_has_none(text: str) -> None:
    assert clean(text, CleaningSettings(simplified=True, line_ends=False)) == (text, {"simplified": 0})


@given(st.lists(st.sampled_from([*TRADITIONAL, *"ab \n", "後天", "頭髮", "乾燥"]), max_size=40).map("".join))
def test_a_text_may_be_converted_line_by_line(text: str) -> None:
    whole = clean(text, CleaningSettings(simplified=True))[0]
    assert "".join(clean(line, CleaningSettings(simplified=True))[0] for line in text.splitlines(True)) == whole


def test_one_form_or_the_other() -> None:
    with pytest.raises(SettingsError, match="simplified or traditional, not both"):
        from lmstudio_app.engine.settings import read

        read(CleaningSettings, {"simplified": True, "traditional": True})


def test_a_corpus_is_made_simplified_and_says_so(workspace: Workspace) -> None:
    settings = CorpusSettings(cleaning=CleaningSettings(simplified=True))
    list(pipeline.prepare(workspace, text=TRADITIONAL * 50, settings=settings, name="made"))
    corpus = workspace.corpus("made")
    assert "".join(whole_texts(corpus)).startswith(SIMPLIFIED.strip())
    assert corpus.statistics.cleaned["simplified"] > 50
    assert pipeline.count_cleanable(corpus)["traditional"] > 50


def test_without_opencc_the_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, workspace: Workspace) -> None:
    list(pipeline.prepare(workspace, text=TRADITIONAL * 50, name="plain"))
    without(monkeypatch, "opencc")
    assert not {"simplified", "traditional"} & set(pipeline.count_cleanable(workspace.corpus("plain")))
    with pytest.raises(UserError, match="pip install opencc"):
        settings = CorpusSettings(cleaning=CleaningSettings(simplified=True))
        list(pipeline.prepare(workspace, text=TRADITIONAL * 50, settings=settings, name="made"))
    assert workspace.corpora() == ["plain"]
    chinese._converter.cache_clear()
