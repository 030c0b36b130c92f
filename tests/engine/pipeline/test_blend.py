"""Finished runs blended into a new one, which then stands on its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from lmstudio_app.engine import pipeline
from lmstudio_app.engine.data.corpus import CorpusSettings
from lmstudio_app.engine.data.tokenizer import TokenizerSettings
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import Evaluated, PromptRead, TokenWritten
from lmstudio_app.engine.generation.settings import SamplingSettings
from lmstudio_app.engine.pipeline import readiness
from lmstudio_app.engine.run import Run
from lmstudio_app.engine.workspace import Workspace
from tests.engine.training.worlds import model_bytes, small_run, small_workspace, story, untimed


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = small_workspace(tmp_path_factory.mktemp("workspace"))
    for family, name in (("ngram", "counts"), ("gpt", "attends"), ("recurrent", "listens")):
        list(pipeline.train(small_run(workspace, family, name)))
    settings = CorpusSettings(tokenizer=TokenizerSettings(kind="byte"))
    list(pipeline.prepare(workspace, text=story(), name="bytes", settings=settings))
    foreign = pipeline.draft(workspace, corpus="bytes", family="ngram", name="foreign")
    list(pipeline.train(workspace.new_run(foreign)))
    return workspace


@pytest.fixture
def workspace(made: Workspace, tmp_path: Path) -> Workspace:
    shutil.copytree(made.folder, tmp_path / "workspace")
    return Workspace.open(tmp_path / "workspace")


def nats_per_token(run: Run) -> float:
    return next(event for event in pipeline.evaluate(run, device="cpu") if isinstance(event, Evaluated)).nats_per_token


def test_a_blend_is_a_run_like_any_other(workspace: Workspace) -> None:
    run = pipeline.blend(workspace, ["counts", "attends"], name="both")
    assert pipeline.shares(run) == []
    list(pipeline.train(run))
    run = workspace.run("both")
    assert run.state == "finished"
    (first, one), (second, other) = pipeline.shares(run)
    assert (first, second) == ("counts", "attends")
    assert one + other == pytest.approx(1)
    summary = run.summary()
    assert (summary.family, summary.outline, summary.steps) == ("blend", "counts + attends", 1)
    assert summary.parameters == workspace.run("attends").summary().parameters > 0
    losses = [row["validation_loss"] for row in untimed(run) if "validation_loss" in row]
    assert len(losses) == 2  # with equal shares, then with fitted ones
    own = [workspace.run(name).model().score(np.arange(20) % 7) for name in ("counts", "attends")]
    mixed = one * np.exp(-own[0]) + other * np.exp(-own[1])
    np.testing.assert_allclose(np.exp(-run.model().score(np.arange(20) % 7)), mixed, rtol=1e-6)
    assert nats_per_token(run) < max(nats_per_token(workspace.run(name)) for name in ("counts", "attends"))


def test_writing_says_which_run_gave_each_token(workspace: Workspace) -> None:
    run = pipeline.blend(workspace, ["counts", "attends", "listens"])
    list(pipeline.train(run))
    events = list(pipeline.generate(run, "the fox", SamplingSettings(length=12, seed=3), device="cpu"))
    read = next(event for event in events if isinstance(event, PromptRead))
    assert read.parts == ("counts", "attends", "listens")
    written = [event for event in events if isinstance(event, TokenWritten)]
    assert len(written) == 12
    for token in written:
        assert len(token.parts) == 3
        assert sum(token.parts) == pytest.approx(1)
        assert min(token.parts) >= 0
    alone = list(pipeline.generate(workspace.run("attends"), "the fox", SamplingSettings(length=2), device="cpu"))
    assert all(event.parts == () for event in alone if isinstance(event, PromptRead | TokenWritten))


def test_it_needs_its_runs_no_more_and_repeats_bit_for_bit(workspace: Workspace) -> None:
    first, second = (pipeline.blend(workspace, ["counts", "listens"], name=name) for name in ("one", "two"))
    list(pipeline.train(first))
    for name in ("counts", "listens", "attends"):
        shutil.rmtree(workspace.run(name).folder)
    list(pipeline.train(second))
    assert untimed(first) == untimed(second)
    assert model_bytes(first) == model_bytes(second)
    assert [one.step for one in first.checkpoints()] == [0, 1]


def test_what_the_runs_held_out_is_what_the_shares_are_fitted_on(workspace: Workspace) -> None:
    config = small_run(workspace, "gpt", "modest", held_out=0.2).config
    tokens = workspace.corpus("tales").tokenization(config.tokenizer)
    whole = tokens.store.split("training")
    seen = readiness.batches(config, tokens)
    most = max(int(seen.at(step).targets.size) for step in range(1, 3))
    assert most == 4 * 16
    assert list(pipeline.train(workspace.run("modest")))
    beginning = "".join(map(chr, whole[: len(whole) - round(0.2 * len(whole))] + 32))
    for step in range(1, 200):
        for inputs in seen.at(step).inputs:
            assert "".join(map(chr, inputs + 32)) in beginning
    run = pipeline.blend(workspace, ["counts", "modest"])
    assert run.config.model.model_dump()["held_out"] == 0.2
    assert pipeline.blend(workspace, ["counts", "attends", "modest"]).config.model.model_dump()["held_out"] == 0.1
    assert pipeline.blend(workspace, ["counts", "modest"], held_out=0.05).config.model.model_dump()["held_out"] == 0.05


def test_what_cannot_be_blended_is_refused_and_leaves_nothing(workspace: Workspace) -> None:
    small_run(workspace, "gpt", "untrained")
    both = pipeline.blend(workspace, ["counts", "attends"], name="both")
    list(pipeline.train(both))
    before = workspace.run_names()
    for names, words in (
        ([], "two or more different runs"),
        (["counts"], "two or more different runs"),
        (["counts", "counts"], "two or more different runs"),
        (["counts", "nobody"], "There is no run “nobody”"),
        (["counts", "untrained"], "no saved model"),
        (["counts", "foreign"], "different tokenizers"),
        (["counts", "both"], "is a blend itself"),
    ):
        with pytest.raises(UserError, match=words):
            pipeline.blend(workspace, names)
    with pytest.raises(UserError, match="held_out"):
        pipeline.blend(workspace, ["counts", "attends"], held_out=0.9)
    with pytest.raises(UserError, match="no checkpoint at step 77"):
        pipeline.blend(workspace, ["counts", "attends"], checkpoint=77)
    assert workspace.run_names() == before


def test_a_blend_cannot_be_drafted(workspace: Workspace) -> None:
    run = pipeline.blend(workspace, ["counts", "attends"])
    with pytest.raises(UserError, match="made of finished runs"):
        pipeline.draft(workspace, corpus="tales", family="blend")
    with pytest.raises(UserError, match="made of finished runs"):
        pipeline.draft_from_file(run.folder / "run.toml", workspace)


def test_one_that_lost_its_models_says_so(workspace: Workspace) -> None:
    run = pipeline.blend(workspace, ["counts", "attends"])
    shutil.rmtree(run.folder / "checkpoints")
    with pytest.raises(UserError, match="has lost the models"):
        list(pipeline.train(run))
    assert run.state == "failed"
