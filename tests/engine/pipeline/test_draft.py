"""Drafting a run: what only shows beside the tokens and the machine is told before anything is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lmstudio_app.engine import pipeline
from lmstudio_app.engine.data.corpus import CorpusSettings
from lmstudio_app.engine.data.tokenizer import TokenizerSettings
from lmstudio_app.engine.devices import Device
from lmstudio_app.engine.pipeline import readiness
from lmstudio_app.engine.settings import SettingsError
from lmstudio_app.engine.storage import atomic
from lmstudio_app.engine.workspace import Workspace
from tests.engine.training.worlds import small_run, small_workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return small_workspace(tmp_path / "workspace")


def fields(error: SettingsError) -> list[str]:
    return [problem.field for problem in error.problems]


def test_settings_are_checked_beside_the_tokens(workspace: Workspace) -> None:
    values: dict[str, Any] = {"model": {"context": 5000}, "training": {"sample_prompt": "Ünknown"}}
    with pytest.raises(SettingsError) as refused:
        pipeline.draft(workspace, corpus="tales", values=values)
    assert fields(refused.value) == ["training.sample_prompt", "model.context"]
    prompt, context = refused.value.problems
    assert "“Ü”" in str(prompt)
    assert "too few for a context of 5000" in str(context)
    (longest,) = context.choices
    assert pipeline.draft(workspace, corpus="tales", values={"model": {"context": longest}})
    with pytest.raises(SettingsError):
        pipeline.draft(workspace, corpus="tales", values={"model": {"context": int(str(longest)) + 1}})


def test_a_run_file_is_checked_in_the_same_way(workspace: Workspace, tmp_path: Path) -> None:
    stored = small_run(workspace).config.to_mapping()
    stored["training"]["sample_prompt"] = "☃"
    atomic.write_toml(tmp_path / "run.toml", stored)
    with pytest.raises(SettingsError, match=r"training\.sample_prompt.*“☃”"):
        pipeline.draft_from_file(tmp_path / "run.toml", workspace)


def test_the_prompt_of_itself_ends_before_what_the_vocabulary_lacks(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path / "workspace")
    rare = "".join(chr(0x4E00 + number) for number in range(300))
    text = "Ab" + rare + "\n" + "Abba baab, abba baab.\n" * 300
    settings = CorpusSettings(tokenizer=TokenizerSettings(kind="character", vocabulary=256))
    for _ in pipeline.prepare(workspace, text=text, name="odd", settings=settings):
        pass
    assert len(workspace.corpus("odd").tokenization().tokenizer.missing(rare)) > 0
    prompt = pipeline.draft(workspace, corpus="odd").training.sample_prompt
    assert prompt.startswith("Ab")
    assert workspace.corpus("odd").tokenization().tokenizer.missing(prompt) == []


def test_a_training_larger_than_the_memory_is_refused(workspace: Workspace) -> None:
    config = small_run(workspace).config
    needed, one = config.training_bytes(40), config.training_bytes(40, 1)
    readiness.check_memory(config, 40, Device("cpu", "Abacus", needed))
    with pytest.raises(
        SettingsError, match=r"execution\.micro_batch: .*Abacus has.*Compute (1|2) windows at once or less"
    ) as refused:
        readiness.check_memory(config, 40, Device("cpu", "Abacus", needed - 1))
    assert refused.value.choices[0] in (1, 2)
    with pytest.raises(SettingsError, match=r"model\.width: .*Make the model smaller"):
        readiness.check_memory(config, 40, Device("cpu", "Abacus", one - 1))
    readiness.check_memory(small_run(workspace, "ngram", "counts").config, 40, Device("cpu", "Abacus", 1))


def test_training_refuses_what_does_not_fit_into_the_memory(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = small_run(workspace)
    monkeypatch.setattr("lmstudio_app.engine.devices.memory_bytes", lambda: 1000)
    with pytest.raises(SettingsError, match="of memory"):
        list(pipeline.train(run))
    assert run.state == "failed"
    assert run.execution is None
