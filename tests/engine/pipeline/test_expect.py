"""What a model expects next: the same that generation draws from, shaped as the sampler would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lmstudio_app.engine.data.batches import Batch
from lmstudio_app.engine.events import PromptRead, TokenWritten
from lmstudio_app.engine.generation.settings import SamplingSettings
from lmstudio_app.engine.model import Model
from lmstudio_app.engine.models.ngram import network as ngram
from lmstudio_app.engine.models.ngram.learner import CountingLearner
from lmstudio_app.engine.models.ngram.settings import NgramSettings
from lmstudio_app.engine.pipeline.expect import SHOWN, Expectation, expect
from lmstudio_app.engine.pipeline.generate import generate
from lmstudio_app.engine.run import Run
from tests.engine.pipeline.test_inspect import GPT, TEXT, make_run

MODELS: dict[str, dict[str, Any]] = {
    "gpt": GPT,
    "recurrent": {"cell": "gru", "layers": 1, "width": 16, "context": 16},
    "ngram": {"order": 4},
}


def counted(run: Run, order: int) -> Model:
    """A model of the run's shape that has counted the text of its tokenizer."""
    tokenizer = run.tokenizer()
    learner = CountingLearner(ngram.build(NgramSettings(order=order), tokenizer.vocabulary, seed=1))
    row = tokenizer.encode(TEXT)[None]
    for number in range(1, order + 1):
        learner.step(number, Batch(inputs=row[:, :-1], targets=row[:, 1:]))
    return learner.model


@pytest.mark.parametrize("family", MODELS)
@pytest.mark.parametrize("prompt", ["", "the lazy", "the quick brown fox jumps over"])
def test_it_is_what_each_token_was_drawn_from(tmp_path: Path, family: str, prompt: str) -> None:
    """Also beyond the context of 16 tokens, where the window slides."""
    run, models = make_run(tmp_path / "run", family, MODELS[family])
    model = counted(run, MODELS[family]["order"]) if family == "ngram" else models[1]
    settings = SamplingSettings(length=40, temperature=0.7, top_k=9, top_p=0.9)
    events = list(generate(run, prompt, settings, snapshot=model))
    read = next(event for event in events if isinstance(event, PromptRead))
    written = [event for event in events if isinstance(event, TokenWritten)]
    for place, event in enumerate(written):
        found = expect(run, read.tokens, [token.token for token in written[:place]], model).shaped(settings)
        rows = {text: (before, after) for _, text, before, after in found.rows}
        for text, before, after in event.alternatives:
            np.testing.assert_allclose(rows[text], (before, after), atol=1e-5)


def test_it_counts_what_the_sampler_keeps(tmp_path: Path) -> None:
    logits = np.log(np.array([0.5, 0.25, 0.15, 0.1], dtype=np.float32))
    found = Expectation(logits, [(0, "a"), (1, "b"), (2, "c"), (3, "d")], unknown=None)
    plain = found.shaped(SamplingSettings(temperature=1.0))
    assert (plain.kept, plain.cut) == (4, 0)
    assert plain.entropy_before == pytest.approx(plain.entropy_after)
    assert plain.entropy_before == pytest.approx(1.743, abs=1e-3)
    cut = found.shaped(SamplingSettings(temperature=1.0, top_k=2))
    assert (cut.kept, cut.cut) == (2, 2)
    assert [row[3] for row in cut.rows] == pytest.approx([2 / 3, 1 / 3, 0, 0])
    greedy = found.shaped(SamplingSettings(temperature=0.0))
    assert (greedy.kept, greedy.entropy_after) == (1, 0.0)
    excluded = Expectation(logits, [(0, "a")], unknown=0).shaped(SamplingSettings(temperature=1.0))
    assert (excluded.kept, excluded.rows[0][3]) == (3, 0.0)


def test_the_likeliest_are_named_first(tmp_path: Path) -> None:
    run, _ = make_run(tmp_path / "run", "gpt", GPT)
    rows = expect(run, [1, 2, 3], device="cpu").shaped(SamplingSettings()).rows
    assert len(rows) == SHOWN
    chances = [before for _, _, before, _ in rows]
    assert chances == sorted(chances, reverse=True)


def test_a_token_can_be_named_besides() -> None:
    found = Expectation(np.zeros(30, dtype=np.float32), [(0, "a"), (1, "b")], unknown=None)
    assert [row[:2] for row in found.shaped(SamplingSettings(), (7, "h")).rows] == [(0, "a"), (1, "b"), (7, "h")]
    assert len(found.shaped(SamplingSettings(), (1, "b")).rows) == 2
