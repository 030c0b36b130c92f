"""Every setting at its bounds: the training takes its first steps, or is refused with a sentence; it never breaks.

A device with little memory stands for the largest that there is, so that what is too large for it is refused quickly.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest

from lmstudio_app.engine import pipeline, registry
from lmstudio_app.engine.devices import Device
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import RunEnded, StepDone
from lmstudio_app.engine.pipeline import readiness
from lmstudio_app.engine.registry import Family
from lmstudio_app.engine.settings import Declaration, declarations
from lmstudio_app.engine.training.control import Control
from lmstudio_app.engine.training.settings import ExecutionSettings, training_settings
from lmstudio_app.engine.workspace import Workspace
from tests.engine.training.worlds import MODELS, TRAINING, small_workspace

MEMORY = 60_000_000


def extremes(declared: Declaration) -> Iterator[Any]:
    """The values at the bounds of a setting, and all its choices."""
    if declared.kind == "choice":
        yield from (value for value, _ in declared.choices)
    elif declared.kind == "boolean":
        yield from (False, True)
    elif declared.kind in ("integer", "number"):
        whole = declared.kind == "integer"
        low = declared.minimum if declared.minimum is not None else declared.above
        high = declared.maximum if declared.maximum is not None else declared.below
        assert low is not None and high is not None
        if declared.minimum is None:
            low = low + 1 if whole else max(low, 0.0) + 1e-9
        if declared.maximum is None:
            high = high - 1 if whole else math.nextafter(high, -math.inf)
        yield from ((int(low), int(high)) if whole else (float(low), float(high)))


def cases() -> Iterator[Any]:
    for family in registry.families().values():
        groups = {"model": family.settings, "training": training_settings(family.learning)}
        if family.learning == "gradient":
            groups["execution"] = ExecutionSettings
        for group, kind in groups.items():
            if group != "model" and family.name not in ("gpt", "ngram"):
                continue  # one family of each way of learning speaks for the training
            for declared in declarations(kind, group):
                for value in extremes(declared):
                    yield pytest.param(family, declared.path, value, id=f"{family.name}-{declared.path}={value}")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return small_workspace(tmp_path_factory.mktemp("extremes"))


@pytest.mark.parametrize(("family", "path", "value"), list(cases()))
def test_it_trains_or_is_refused_with_a_sentence(
    workspace: Workspace, family: Family, path: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lmstudio_app.engine.devices.memory_bytes", lambda: MEMORY)
    group, _, name = path.partition(".")
    values: dict[str, dict[str, Any]] = {"model": dict(MODELS[family.name]), "training": {}}
    if family.learning == "gradient":
        values |= {"training": TRAINING | {"sample_every": 0}, "execution": {"device": "cpu"}}
    values[group] = {**values.get(group, {}), name: value}
    try:
        config = pipeline.draft(workspace, corpus="tales", family=family.name, values=values)
        readiness.check_memory(config, 64, Device("cpu", "Abacus", MEMORY))
    except UserError as refusal:
        assert str(refusal)[-1] in ".!?", refusal
        return
    run, control = workspace.new_run(config), Control()
    losses: list[float | None] = []
    try:
        for event in pipeline.train(run, control):
            if isinstance(event, StepDone):
                losses.append(event.row["training_loss"])
                if len(losses) >= 2:
                    control.stop()
            if isinstance(event, RunEnded):
                assert all(loss is not None for loss in losses)
    except UserError as refusal:
        assert str(refusal)[-1] in ".!?", refusal
    finally:
        workspace.delete_run(run.name)
