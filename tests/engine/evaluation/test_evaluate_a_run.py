"""Scoring and writing with real runs: a prepared corpus, a trained n-gram, splits and other texts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lmstudio_app.engine import pipeline
from lmstudio_app.engine.data.corpus import CorpusSettings
from lmstudio_app.engine.data.tokenizer import TokenizerSettings
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import Evaluated, Event, GenerationEnded, Progress, PromptRead, TokenWritten
from lmstudio_app.engine.generation.settings import SamplingSettings
from lmstudio_app.engine.run import Run
from lmstudio_app.engine.workspace import Workspace

SENTENCES = [
    "The miller of {} has {} geese.\n",
    "Who in {} would count {} stars?\n",
    "{} is a quiet place with {} houses – ça va.\n",
]
PLACES = ["Fernhill", "Aldwick", "Ostmere", "Brill", "Quarrow"]
TEXT = "".join(SENTENCES[n % 3].format(PLACES[n * 3 % 5], 3 + n * 7 % 40) for n in range(400))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    opened = Workspace.open(tmp_path_factory.mktemp("workspace"))
    for kind, vocabulary in (("character", 300), ("bpe", 300)):
        settings = CorpusSettings(tokenizer=TokenizerSettings(kind=kind, vocabulary=vocabulary))
        list(pipeline.prepare(opened, text=TEXT, name=kind, settings=settings))
        list(pipeline.train(opened.new_run(pipeline.draft(opened, corpus=kind, family="ngram", name=kind))))
    return opened


@pytest.fixture(params=["character", "bpe"])
def run(request: pytest.FixtureRequest, workspace: Workspace) -> Run:
    return workspace.run(request.param)


def last(events: Iterator[Event]) -> Evaluated:
    *progress, result = events
    assert isinstance(result, Evaluated)
    counts = [event.done for event in progress if isinstance(event, Progress)]
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (0, result.tokens)
    return result


@pytest.mark.parametrize("split", ["training", "validation", "test"])
def test_scores_a_split(run: Run, workspace: Workspace, split: str) -> None:
    result = last(pipeline.evaluate(run, split))
    text = workspace.corpus(run.config.corpus).text(split)
    tokens = run.tokenizer().encode(text)
    nats = run.model().score(tokens).sum()
    assert (result.tokens, result.bytes) == (len(tokens), len(text.encode()))
    assert result.nats_per_token == pytest.approx(nats / len(tokens))
    assert result.perplexity == pytest.approx(math.exp(nats / len(tokens)))
    assert result.bits_per_byte == pytest.approx(nats / math.log(2) / len(text.encode()))
    assert result.method == "each token scored once, given up to 4 tokens before it"


def test_a_markov_chain_has_a_finite_score_and_says_how(workspace: Workspace) -> None:
    values = {"model": {"order": 4, "smoothing": "none", "floor": "0.001"}}
    run = workspace.new_run(pipeline.draft(workspace, corpus="character", family="ngram", name="chain", values=values))
    list(pipeline.train(run))
    opened = workspace.run("chain")
    assert (opened.config.model.smoothing, opened.config.model.floor) == ("none", 0.001)
    result = last(pipeline.evaluate(opened, text="Fernhill zznn qq"))
    assert math.isfinite(result.bits_per_byte)
    assert result.method == (
        "each token scored once, given up to 3 tokens before it, a uniform guess mixed in with a share of 0.001"
    )
    *_, written = pipeline.generate(opened, "qui", SamplingSettings(length=200, seed=3))
    assert len(written.text) == 200
    text = workspace.corpus("character").text("training")
    whole = "qui" + written.text
    assert all(whole[place : place + 4] in text for place in range(len(whole) - 3))


def test_training_and_scoring_tell_the_same_loss(run: Run, workspace: Workspace) -> None:
    rows = [row for row in run.rows() if row.get("validation_bits_per_byte") is not None]
    assert rows[-1]["step"] == 5
    text = workspace.corpus(run.config.corpus).text("validation")
    tokens = run.tokenizer().encode(text)
    # Training leaves out the split's first token, which has nothing before it.
    bits = run.model("last").score(tokens)[1:].sum() / math.log(2)
    left_out = run.tokenizer().byte_lengths[tokens[0]]
    assert rows[-1]["validation_bits_per_byte"] == pytest.approx(bits / (len(text.encode()) - left_out))


def test_a_text_is_scored_as_the_same_text_in_a_file(run: Run, tmp_path: Path) -> None:
    text = "The miller of Brill has 5 geese.\r\nça va\r\n"
    file = tmp_path / "text.txt"
    file.write_bytes(text.encode("cp1252"))
    result = last(pipeline.evaluate(run, text_file=file, encoding="cp1252"))
    assert result == last(pipeline.evaluate(run, text=text))
    assert result.bytes == len(text.encode()) - 2  # line ends as in the corpus


def test_unknown_characters_cost_their_bytes(workspace: Workspace) -> None:
    run = workspace.run("character")
    known, strange = "The miller of Brill has 5 geese.\n", "The miller of Brill has 5 🦆🦆🦆.\n"
    result = last(pipeline.evaluate(run, text=strange))
    tokens = run.tokenizer().encode(strange)
    assert np.count_nonzero(tokens == run.tokenizer().unknown) == 3
    bits = run.model().score(tokens).sum() / math.log(2) + 8 * 3 * 4
    assert result.bits_per_byte == pytest.approx(bits / len(strange.encode()))
    assert result.bits_per_byte > last(pipeline.evaluate(run, text=known)).bits_per_byte


def test_any_checkpoint_can_be_scored(run: Run) -> None:
    steps = [saved.step for saved in run.checkpoints()]
    for checkpoint in ("best", "last", steps[-1], str(steps[-1])):
        assert last(pipeline.evaluate(run, checkpoint=checkpoint)).tokens > 0
    with pytest.raises(UserError, match="no checkpoint at step 77"):
        list(pipeline.evaluate(run, checkpoint=77))
    with pytest.raises(UserError, match="Choose best, last, or a step") as caught:
        list(pipeline.evaluate(run, checkpoint="newest"))
    assert caught.value.field == "checkpoint"


def test_mistakes_get_a_sentence(run: Run, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no split “holdout”"):
        list(pipeline.evaluate(run, "holdout"))
    with pytest.raises(UserError, match=r"missing\.txt"):
        list(pipeline.evaluate(run, text_file=tmp_path / "missing.txt"))
    with pytest.raises(UserError, match="nothing to score"):
        list(pipeline.evaluate(run, text=""))
    with pytest.raises(UserError, match="half a character"):
        list(pipeline.evaluate(run, text="\ud800"))


def test_a_corpus_that_is_gone_or_changed_is_named(run: Run) -> None:
    gone = Run(run.folder, replace(run.config, corpus="gone"))
    with pytest.raises(UserError, match=r"“gone” of the run .* is not in the workspace"):
        list(pipeline.evaluate(gone))
    assert last(pipeline.evaluate(gone, text="Brill\r\n")).bytes == 6
    changed = Run(run.folder, replace(run.config, corpus_hash="0" * 64))
    with pytest.raises(UserError, match="has changed since the run"):
        list(pipeline.evaluate(changed))


def test_writes_from_a_run(run: Run) -> None:
    read, *written, ended = pipeline.generate(run, "The miller", SamplingSettings(length=60, seed=2))
    assert isinstance(read, PromptRead)
    assert "".join(read.pieces) == "The miller"
    assert isinstance(ended, GenerationEnded)
    tokens = [event for event in written if isinstance(event, TokenWritten)]
    assert "".join(token.text for token in tokens) == ended.text
    assert (len(tokens), ended.reason) == (60, "length")
    assert "\ufffd" not in ended.text
    again = list(pipeline.generate(run, "The miller", SamplingSettings(length=60, seed=2)))[-1]
    assert isinstance(again, GenerationEnded)
    assert again.text == ended.text


def test_writes_to_the_end_of_a_line(run: Run) -> None:
    *_, ended = pipeline.generate(run, "The miller", SamplingSettings(length=500, stop="\n", temperature=0.5))
    assert isinstance(ended, GenerationEnded)
    assert ended.reason == "stop text"
    assert "\n" not in ended.text


def test_writes_with_a_snapshot(run: Run, workspace: Workspace) -> None:
    untrained = workspace.new_run(run.config)
    (untrained.folder / "tokenizer.json").write_bytes((run.folder / "tokenizer.json").read_bytes())
    *_, ended = pipeline.generate(untrained, "", SamplingSettings(length=5), snapshot=run.model())
    assert isinstance(ended, GenerationEnded)
    assert ended.tokens == 5
    with pytest.raises(UserError, match="no saved model yet"):
        list(pipeline.generate(untrained, "", SamplingSettings(length=5)))


def test_an_unknown_character_in_the_prompt_is_named(workspace: Workspace) -> None:
    with pytest.raises(UserError, match="“🦆”"):
        list(pipeline.generate(workspace.run("character"), "a 🦆", SamplingSettings()))
    list(pipeline.generate(workspace.run("bpe"), "a 🦆", SamplingSettings(length=1)))
