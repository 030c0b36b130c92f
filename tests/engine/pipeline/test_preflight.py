"""Two real steps before a training, and the size that suits a machine, with small models on a small corpus."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from lmstudio_app.engine import devices, pipeline, registry
from lmstudio_app.engine.data.batches import Batch
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import Event, Progress, TrialDone
from lmstudio_app.engine.model import Likelihood, State
from lmstudio_app.engine.pipeline import readiness
from lmstudio_app.engine.run import RunConfig
from lmstudio_app.engine.settings import SettingsError
from lmstudio_app.engine.study import sizes, trial
from lmstudio_app.engine.study.sizes import Machine
from lmstudio_app.engine.training.control import Control
from lmstudio_app.engine.workspace import Workspace
from tests.engine.training.worlds import MODELS, TRAINING, small_workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return small_workspace(tmp_path_factory.mktemp("workspace"))


def config(
    workspace: Workspace, family: str = "gpt", model: dict[str, Any] | None = None, **training: Any
) -> RunConfig:
    values = {"model": model or MODELS[family], "execution": {"device": "cpu", "threads": 1}}
    values["training"] = training if family == "ngram" else TRAINING | training
    return pipeline.draft(workspace, corpus="tales", family=family, values=values)


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_steps_tell_pace_memory_and_end_and_leave_nothing(workspace: Workspace) -> None:
    import torch

    before, chance = files(workspace.folder), torch.get_rng_state()
    *told, done = list(pipeline.preflight(workspace, config(workspace, model={**MODELS["gpt"], "width": 256})))
    assert told
    assert all(isinstance(event, Progress) for event in told)
    assert isinstance(done, TrialDone)
    assert done.steps == 12
    assert done.tokens_per_second == pytest.approx(4 * 16 / done.step_seconds)
    validations = 4  # at steps 0, 4, 8 and 12
    checkpoints = done.seconds - 12 * done.step_seconds - validations * done.validation_seconds
    assert checkpoints == pytest.approx((12 / 5 + 1) * done.checkpoint_seconds, abs=1e-9)
    weights = 4 * registry.family("gpt").parameters(config(workspace, model={"width": 256}).model, 40)
    assert weights < done.memory_bytes < 60 * weights
    assert done.estimated_bytes > 0
    assert done.sentence == ""
    assert files(workspace.folder) == before
    assert torch.equal(torch.get_rng_state(), chance)


def test_a_loss_that_is_no_number_is_told(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    class Bursting:
        """A learner whose second counted step is lost."""

        def __init__(self) -> None:
            self._steps: list[int] = []

        def step(self, number: int, batch: Batch) -> None:
            self._steps.append(number)

        def measured(self) -> list[dict[str, float]]:
            steps, self._steps = self._steps, []
            return [{"step": n, "training_loss": float("nan") if n == 3 else 1.0, "gradient_norm": 1.0} for n in steps]

        def check(self, batch: Batch) -> Likelihood:
            return Likelihood(1.0, batch.targets.size)

        def state(self) -> State:
            return State({})

    drafted = config(workspace)
    made = workspace.corpus("tales").made_tokenization(drafted.tokenizer)
    assert made is not None
    learner: Any = Bursting
    found = trial.steps(learner, readiness.batches(drafted, made), devices.cpu_device())
    assert not found.finite
    story = sys.modules["lmstudio_app.engine.pipeline.preflight"]
    monkeypatch.setattr(story, "_in_a_process", lambda *asked: _answering(asdict(found)))
    done = list(pipeline.preflight(workspace, drafted))[-1]
    assert isinstance(done, TrialDone)
    assert "lower learning rate" in done.sentence


def _answering(found: dict[str, Any]) -> Iterator[Event]:
    return found
    yield


def test_counting_is_measured_too(workspace: Workspace) -> None:
    done = list(pipeline.preflight(workspace, config(workspace, "ngram")))[-1]
    assert isinstance(done, TrialDone)
    assert (done.steps, done.share, done.estimated_bytes) == (3, 1.0, 0)
    assert done.seconds >= 3 * done.step_seconds > 0


def test_what_memory_cannot_hold_is_refused_before_anything_runs(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError) as refused:
        list(pipeline.preflight(workspace, config(workspace, model={**MODELS["gpt"], "layers": 64, "width": 8192})))
    assert refused.value.problems[0].field in ("model.width", "execution.micro_batch")
    monkeypatch.setattr(devices, "memory_free_bytes", lambda device: 1000)
    with pytest.raises(UserError, match="free"):
        list(pipeline.preflight(workspace, config(workspace)))


def test_it_ends_at_once_when_asked(workspace: Workspace) -> None:
    control = Control()
    told = pipeline.preflight(workspace, config(workspace), control)
    assert isinstance(next(told), Progress)
    control.stop()
    assert list(told) == []


FAST, SLOW = Machine(1e12, 16 * 10**9), Machine(2e10, 16 * 10**9)


@pytest.mark.parametrize("family", ["gpt", "recurrent", "causal_cnn"])
def test_the_size_follows_speed_and_memory(workspace: Workspace, family: str) -> None:
    drafted = pipeline.draft(workspace, corpus="tales", family=family)

    def fitted(machine: Machine) -> tuple[RunConfig, float]:
        return pipeline.fit_machine(workspace, drafted, machine)

    def parameters(found: RunConfig) -> int:
        return found.described.parameters(found.model, 40)

    (fast, seconds), (slow, slow_seconds), (narrow, _) = map(fitted, (FAST, SLOW, Machine(1e12, 10**8)))
    assert parameters(fast) > parameters(slow)
    assert parameters(fast) > parameters(narrow)
    assert max(seconds, slow_seconds) <= 600
    assert min(seconds, slow_seconds) > 300, "the next size is a little larger, not much"
    assert narrow.training_bytes(40) <= 10**8 / 2
    assert fitted(FAST)[0].model == fast.model
    assert fast.training == drafted.training


def test_the_ladder_goes_through_the_presets_and_grows() -> None:
    for family in registry.families().values():
        if family.learning == "gradient":
            models = [family.settings(**size) for size in sizes.ladder(family)]
            counts = [family.parameters(model, 1000) for model in models]
            assert counts == sorted(counts), family.name
            assert all(preset in sizes.ladder(family) for preset in family.presets.values())


def test_what_a_person_set_and_the_style_stay(workspace: Workspace) -> None:
    drafted = pipeline.draft(workspace, corpus="tales", style="llama", values={"model": {"context": 32, "heads": 4}})
    found: Any = pipeline.fit_machine(workspace, drafted, FAST, style="llama", kept=("context", "heads"))[0].model
    assert (found.context, found.heads, found.key_value_heads, found.activation) == (32, 4, 2, "swiglu")


def test_a_family_that_counts_has_no_size(workspace: Workspace) -> None:
    with pytest.raises(UserError, match="counting"):
        pipeline.fit_machine(workspace, config(workspace, "ngram"), FAST)
