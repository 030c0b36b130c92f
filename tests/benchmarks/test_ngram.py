"""Speed of counting and scoring against plain dictionaries, and the loss both reach.

Both run alternating in one process; medians are compared, and the losses must agree. Run by hand:
`LMSTUDIO_APP_TEST_DATA=… pytest tests/benchmarks/test_ngram.py -m benchmark -s`.
"""

from __future__ import annotations

import math
import os
import statistics
import time
import tracemalloc
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lmstudio_app.engine.data.batches import WholeSplit
from lmstudio_app.engine.data.samples import generate, samples
from lmstudio_app.engine.models.ngram.learner import CountingLearner
from lmstudio_app.engine.models.ngram.levels import estimated_discounts
from lmstudio_app.engine.models.ngram.network import NgramModel, build
from lmstudio_app.engine.models.ngram.settings import NgramSettings

ROUNDS = 3
MEBIBYTE = 1 << 20

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(900)]


def text() -> str:
    """tiny Shakespeare where it is at hand, else the first bundled corpus."""
    file = Path(os.environ.get("LMSTUDIO_APP_TEST_DATA", "")) / "tinyshakespeare.txt"
    if file.is_file():
        return file.read_text(encoding="utf-8")
    return "".join(generate(samples()[0]).documents)


class Tokens:
    """The first 90 % of the text to train on and the last 10 % to score."""

    def __init__(self, kind: str) -> None:
        whole = text()
        training, held_out = whole[: len(whole) * 9 // 10], whole[len(whole) * 9 // 10 :]
        if kind == "characters":
            ids = {character: number for number, character in enumerate(sorted(set(whole)))}
            self.vocabulary = len(ids)
            self.training = np.array([ids[character] for character in training])
            self.held_out = np.array([ids[character] for character in held_out])
        else:
            from tokenizers import Tokenizer, models, pre_tokenizers, trainers

            tokenizer = Tokenizer(models.BPE())
            tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
            trainer = trainers.BpeTrainer(
                vocab_size=2048, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
            )
            tokenizer.train_from_iterator([training], trainer)
            self.vocabulary = tokenizer.get_vocab_size()
            self.training = np.array(tokenizer.encode(training).ids)
            self.held_out = np.array(tokenizer.encode(held_out).ids)
        self.held_out_bytes = len(held_out.encode())


def train(tokens: Tokens, order: int) -> NgramModel:
    learner = CountingLearner(build(NgramSettings(order=order), tokens.vocabulary, seed=1))
    split = WholeSplit(tokens.training, tokens.held_out)
    for step in range(1, order + 1):
        learner.step(step, split.at(step))
    return learner.model


class Dictionaries:
    """The same model the usual way: one dictionary of tuples for each order."""

    def __init__(self, tokens: NDArray[np.int64], order: int, vocabulary: int) -> None:
        self.order, self.vocabulary = order, vocabulary
        text = tokens.tolist()
        ngrams = [Counter(zip(*(text[i:] for i in range(length)), strict=False)) for length in range(1, order + 1)]
        self.counts: list[dict[tuple[int, ...], int]] = []
        for length in range(1, order):
            preceding: Counter[tuple[int, ...]] = Counter(ngram[1:] for ngram in ngrams[length])
            preceding[tuple(text[:length])] += 1  # the start of the text precedes it
            self.counts.append(preceding)
        self.counts.append(ngrams[-1])
        self.discounts = [(0.0, *estimated_discounts(np.array(list(counts.values())))) for counts in self.counts]
        self.contexts: list[dict[tuple[int, ...], list[float]]] = []
        for counts, discounts in zip(self.counts, self.discounts, strict=True):
            totals: dict[tuple[int, ...], list[float]] = defaultdict(lambda: [0, 0.0])
            for ngram, count in counts.items():
                total = totals[ngram[:-1]]
                total[0] += count
                total[1] += discounts[min(count, 3)]
            self.contexts.append(totals)

    def nats(self, tokens: NDArray[np.int64]) -> float:
        text, total = tokens.tolist(), 0.0
        for place in range(len(text)):
            chance = 1 / self.vocabulary
            for length in range(min(self.order, place + 1)):
                ngram = tuple(text[place - length : place + 1])
                context = self.contexts[length].get(ngram[:-1])
                if context is None:
                    break
                count = self.counts[length].get(ngram, 0)
                chance = (count - self.discounts[length][min(count, 3)] + context[1] * chance) / context[0]
            total -= math.log(chance)
        return total


@pytest.mark.parametrize(("kind", "order"), [("characters", 5), ("characters", 6), ("BPE 2048", 5)])
def test_counting_and_scoring_against_dictionaries(kind: str, order: int) -> None:
    tokens = Tokens(kind)
    times: dict[str, list[float]] = {"train": [], "score": [], "plain train": [], "plain score": []}
    for _ in range(ROUNDS):
        began = time.perf_counter()
        model = train(tokens, order)
        trained = time.perf_counter()
        nats = float(model.score(tokens.held_out).sum())
        scored = time.perf_counter()
        plain = Dictionaries(tokens.training, order, tokens.vocabulary)
        plain_trained = time.perf_counter()
        plain_nats = plain.nats(tokens.held_out)
        times["train"].append(trained - began)
        times["score"].append(scored - trained)
        times["plain train"].append(plain_trained - scored)
        times["plain score"].append(time.perf_counter() - plain_trained)
    assert nats == pytest.approx(plain_nats, rel=1e-9)
    median = {name: statistics.median(values) for name, values in times.items()}
    count = len(tokens.held_out)
    print(
        f"\n{kind}, order {order}: {nats / count:.4f} nats/token, "
        f"{nats / math.log(2) / tokens.held_out_bytes:.4f} bits/byte on the last 10 %"
        f"\n  training {len(tokens.training):,} tokens: {median['train']:.2f} s, dictionaries "
        f"{median['plain train']:.2f} s, {median['plain train'] / median['train']:.1f} × as fast"
        f"\n  scoring: {count / median['score']:,.0f} tokens/s, dictionaries "
        f"{count / median['plain score']:,.0f}, {median['plain score'] / median['score']:.1f} × as fast"
    )


def test_memory_and_decoding() -> None:
    tokens = Tokens("BPE 2048")
    tracemalloc.start()  # numpy tells it of every array
    model = train(tokens, 5)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    saved = sum(array.nbytes for array in model.weights().values())
    decoding = model.begin(tokens.held_out[:10])
    began = time.perf_counter()
    for token in tokens.held_out[10:1010].tolist():
        assert decoding.logits.shape == (tokens.vocabulary,)
        decoding.advance(token)
    seconds = time.perf_counter() - began
    print(
        f"\norder 5 on {len(tokens.training):,} BPE tokens: peak {peak / MEBIBYTE:.0f} MiB, "
        f"{saved / MEBIBYTE:.1f} MiB of counts saved; decoding {1000 / seconds:,.0f} tokens/s"
    )
