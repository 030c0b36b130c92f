"""The yardsticks of a corpus, against counting by hand."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path

import pytest

from lmstudio_app.engine import pipeline
from lmstudio_app.engine.data.corpus import Corpus, CorpusSettings
from lmstudio_app.engine.data.tokenizer import TokenizerSettings
from lmstudio_app.engine.study.baselines import FILE, baselines
from lmstudio_app.engine.workspace import Workspace
from tests.engine.data import writings

# The last tenth has characters that the training text lacks: each costs its token and then 8 bits a byte.
TEXT = writings.ENGLISH * 9 + writings.RUSSIAN


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    workspace = Workspace.open(tmp_path)
    settings = CorpusSettings(tokenizer=TokenizerSettings(kind="character"))
    list(pipeline.prepare(workspace, text=TEXT, settings=settings))
    return workspace.corpus("Pasted text")


@pytest.mark.parametrize("kind", ["character", "bpe"])
def test_guessing_costs_what_it_costs_by_hand(corpus: Corpus, kind: str) -> None:
    tokenization = corpus.tokenization(TokenizerSettings.model_validate({"kind": kind, "vocabulary": 300}))
    store, vocabulary = tokenization.store, tokenization.tokenizer.vocabulary
    training, validation = Counter(store.split("training").tolist()), store.split("validation").tolist()
    text = corpus.text("validation")
    unknown = "".join(c for c in text if c in tokenization.tokenizer.missing(text))
    assert (kind == "bpe") == (not unknown)
    spelled = 8 * len(unknown.encode())
    total = sum(training.values()) + vocabulary
    unigram = sum(-math.log2((training[token] + 1) / total) for token in validation) + spelled
    uniform = len(validation) * math.log2(vocabulary) + spelled
    found = baselines(tokenization)
    assert found.unigram == pytest.approx(unigram / len(text.encode()), rel=1e-12)
    assert found.uniform == pytest.approx(uniform / len(text.encode()), rel=1e-12)


def test_they_are_kept_beside_the_tokens(corpus: Corpus) -> None:
    tokenization = corpus.tokenization()
    path = tokenization.folder / FILE
    assert path.exists(), "preparing counts them"
    counted = baselines(tokenization)
    path.unlink()
    assert baselines(tokenization) == counted
    path.write_text(json.dumps({"uniform": 1, "unigram": 2, "corpus_hash": corpus.data_hash}), encoding="utf-8")
    assert baselines(tokenization).unigram == 2
    for damaged in ("", "{}", '{"uniform": NaN, "unigram": 2, "corpus_hash": "x"}', "[" * 100_000, '{"uniform": "x"}'):
        path.write_text(damaged, encoding="utf-8")
        assert baselines(tokenization) == counted
    path.write_text(json.dumps({"uniform": 1, "unigram": 2, "corpus_hash": "another text"}), encoding="utf-8")
    assert baselines(tokenization) == counted


def test_frequencies_beat_guessing_on_ordinary_text(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path)
    list(pipeline.prepare(workspace, text=writings.ENGLISH * 20))
    found = baselines(workspace.corpus("Pasted text").tokenization())
    assert 0 < found.unigram < found.uniform
