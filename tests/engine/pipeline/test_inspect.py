"""Inspecting a run: from its saved checkpoints or from a snapshot, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lmstudio_app.engine.data.tokenizer import TokenizerSettings, learn
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.model import Model, State
from lmstudio_app.engine.pipeline.inspect import inspect
from lmstudio_app.engine.run import Run
from lmstudio_app.engine.task import task
from lmstudio_app.engine.training import checkpoint, run_config

TEXT = "the quick brown fox jumps over the lazy dog"


def make_run(folder: Path, family: str, model: dict[str, Any]) -> tuple[Run, dict[int, Model]]:
    """A run with two checkpoints, the first the best, and its models by step."""
    config = run_config.from_mapping(
        {
            "name": folder.name,
            "corpus": "letters",
            "family": family,
            "tokenizer": {"kind": "character"},
            "model": model,
            "training": {"sample_every": 0} if family == "gpt" else {},
        }
    )
    run = Run.create(folder, config)
    tokenizer = learn(TokenizerSettings(kind="character"), [TEXT])
    tokenizer.save(folder / "tokenizer.json")
    models = {}
    for step, loss in ((1, 2.0), (2, 3.0)):
        models[step] = task("language-modelling").build(config.described, config.model, tokenizer.vocabulary, seed=step)
        progress = checkpoint.Progress(step=step, validation_loss=loss, validation_bits_per_byte=loss)
        checkpoint.save(folder / "checkpoints", State(models[step].weights()), progress)
    return run, models


GPT = {"layers": 2, "heads": 2, "width": 16, "context": 16}


def test_it_reads_the_best_checkpoint_or_the_one_asked_for(tmp_path: Path) -> None:
    run, models = make_run(tmp_path / "first", "gpt", GPT)
    best = inspect(run, "the lazy fox", device="cpu")
    assert "".join(best.tokens) == "the lazy fox"
    assert best.attention.shape == (2, 2, 12, 12)
    for which, step in (("best", 1), ("last", 2), ("1", 1), (2, 2)):
        trace = inspect(run, "the lazy fox", checkpoint=which, device="cpu")
        expected = inspect(run, "the lazy fox", models[step])
        np.testing.assert_array_equal(trace.attention, expected.attention)
    assert not np.array_equal(best.attention, inspect(run, "the lazy fox", checkpoint="last", device="cpu").attention)


def test_a_long_text_is_cut_to_its_end(tmp_path: Path) -> None:
    run, _ = make_run(tmp_path / "first", "gpt", GPT)
    trace = inspect(run, TEXT, device="cpu")
    assert "".join(trace.tokens) == TEXT[-16:]
    assert trace.cut == len(TEXT) - 16


def test_missing_characters_and_unknown_checkpoints_are_refused(tmp_path: Path) -> None:
    run, _ = make_run(tmp_path / "first", "gpt", GPT)
    with pytest.raises(UserError, match="“Z”"):
        inspect(run, "foZ", device="cpu")
    with pytest.raises(UserError, match="checkpoint"):
        inspect(run, "fox", checkpoint="newest", device="cpu")
    with pytest.raises(UserError, match="step 7"):
        inspect(run, "fox", checkpoint=7, device="cpu")


def test_a_family_without_attention_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    run, _ = make_run(tmp_path / "first", "recurrent", {"layers": 1, "width": 8})
    (run.folder / "tokenizer.json").unlink()
    with pytest.raises(UserError, match=r"no attention to show. Families with attention: Transformer \(GPT\)\."):
        inspect(run, "fox", device="cpu")
