"""Speed of cutting text into tokens: byte pairs against the library's own batches, characters against a dictionary.

Both run alternating in one process; medians are compared, and the ids must be equal. Run by hand:
`LMSTUDIO_APP_TEST_DATA=… pytest tests/benchmarks/test_tokenizing.py -m benchmark -s`.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lmstudio_app.engine.data.samples import generate, samples
from lmstudio_app.engine.data.tokenizer import Tokenizer, TokenizerSettings, learn

ROUNDS = 5
COPIES = 8

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(900)]


def text() -> str:
    """tiny Shakespeare where it is at hand, and the bundled stories."""
    file = Path(os.environ.get("LMSTUDIO_APP_TEST_DATA", "")) / "tinyshakespeare.txt"
    known = file.read_text(encoding="utf-8") if file.is_file() else ""
    return known + "".join(generate(samples()[0]).documents)


def alternating(ways: dict[str, Callable[[], Any]], size: int) -> dict[str, float]:
    """The median rate of each way, in MB/s."""
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            begun = time.perf_counter()
            way()
            rates[name].append(size / 1e6 / (time.perf_counter() - begun))
    return {name: statistics.median(found) for name, found in rates.items()}


def fresh(kind: Any, whole: str) -> Callable[[], Tokenizer]:
    """A tokenizer that has seen no text yet, so that nothing is remembered."""
    learned = learn(TokenizerSettings(kind=kind, vocabulary=8192), [whole])
    return lambda: type(learned)(learned.to_json()["model"], learned.surface)  # type: ignore[call-arg]


def test_byte_pairs_against_the_library() -> None:
    once = text()
    whole = once * COPIES
    make, size = fresh("bpe", once), len(whole.encode("utf-8"))
    lines, library = whole.splitlines(keepends=True), make()._library  # type: ignore[attr-defined]
    ours = make().encode(whole).tolist()
    assert ours == library.encode(whole, add_special_tokens=False).ids
    rates = alternating(
        {
            "ours": lambda: make().encode(whole),
            "encode_batch of lines": lambda: library.encode_batch(lines, add_special_tokens=False),
            "encode_batch of texts": lambda: library.encode_batch([once] * COPIES, add_special_tokens=False),
        },
        size,
    )
    for name, rate in rates.items():
        print(f"\n{name}: {rate:.1f} MB/s", end="")
    best = max(rates["encode_batch of lines"], rates["encode_batch of texts"])
    print(f"\nratio to the better one: {rates['ours'] / best:.2f}")
    assert rates["ours"] > best


def test_characters_against_a_dictionary() -> None:
    whole = text() * 2
    tokenizer = learn(TokenizerSettings(kind="character"), [whole])
    ids = {tokenizer.spelling(number).decode(): number for number in range(tokenizer.vocabulary)}
    assert tokenizer.encode(whole[:5000]).tolist() == [ids[letter] for letter in whole[:5000]]
    rates = alternating(
        {
            "by table": lambda: tokenizer.encode(whole),
            "dictionary loop": lambda: np.array([ids.get(letter, 0) for letter in whole]),
        },
        len(whole.encode("utf-8")),
    )
    ours, loop = rates["by table"], rates["dictionary loop"]
    print(f"\n{ours:.0f} against {loop:.0f} MB/s, {ours / loop:.1f} times")
    assert ours > 5 * loop
