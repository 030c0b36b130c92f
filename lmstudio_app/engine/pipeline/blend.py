"""Make a run of finished runs: their models as they are, and shares that `train` then fits in one step."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import CheckpointRead
from lmstudio_app.engine.model import State
from lmstudio_app.engine.pipeline.draft import next_run_name
from lmstudio_app.engine.pipeline.opening import open_model
from lmstudio_app.engine.storage.names import check_name
from lmstudio_app.engine.training import checkpoint
from lmstudio_app.engine.training.checkpoint import Progress
from lmstudio_app.engine.training.record import CHECKPOINTS
from lmstudio_app.engine.training.run_config import from_mapping
from lmstudio_app.engine.training.settings import TrainingSettings

if TYPE_CHECKING:
    from lmstudio_app.engine.events import Event
    from lmstudio_app.engine.run import Run, RunConfig
    from lmstudio_app.engine.workspace import Workspace

FAMILY = "blend"


def blend(
    workspace: Workspace,
    runs: Sequence[str],
    *,
    name: str | None = None,
    checkpoint: str | int = "best",
    held_out: float | None = None,
) -> Run:
    """A new run that blends `runs`, two or more with one tokenizer, on the corpus of the first. It keeps copies of
    their models at step 0, each with an equal share, so that it needs none of the runs any more; `train` fits the
    shares on the share `held_out` of the training text; by default on what the runs have held out themselves.

    Raises `UserError` naming the run that does not fit, `SettingsError` for a share out of its bounds.
    """
    opened = [workspace.run(one) for one in runs]
    _check(opened)
    first = opened[0]
    found: list[tuple[dict[str, Any], dict[str, Any]]] = [_member(run, first, checkpoint) for run in opened]
    model: dict[str, Any] = {"members": [settings for settings, _ in found]}
    if held_out is None:
        held_out = _held_out(opened)
    config = from_mapping(
        {
            "name": check_name(name) if name else next_run_name(workspace),
            "corpus": first.config.corpus,
            "corpus_hash": first.config.corpus_hash,
            "family": FAMILY,
            "tokenizer": first.config.tokenizer.model_dump(),
            "model": model if held_out is None else model | {"held_out": held_out},
            "training": {"seed": first.config.training.seed, "sample_prompt": first.config.training.sample_prompt},
        }
    )
    return _made(workspace, config, first, [weights for _, weights in found])


def shares(run: Run) -> list[tuple[str, float]]:
    """The runs that the blend `run` is made of, each with its share; empty before they are fitted."""
    settings: Any = run.config.model
    rows = [row for row in run.each_row() if "share_1" in row]
    if not rows:
        return []
    return [(member.run, float(rows[-1][f"share_{place}"])) for place, member in enumerate(settings.members, 1)]


def _check(runs: Sequence[Run]) -> None:
    if len({run.name for run in runs}) < max(2, len(runs)):
        raise UserError("A blend is made of two or more different runs. Name them.", field="runs")
    pieces = _pieces(runs[0])
    for run in runs:
        if run.config.described.composed:
            raise UserError(
                "“{name}” is a blend itself. Name the runs that it is made of.", field="runs", name=run.name
            )
        if _pieces(run) != pieces:
            raise UserError(
                "“{name}” and “{first}” have different tokenizers, so their probabilities cannot be mixed. Blend runs "
                "with one tokenizer.",
                field="runs",
                name=run.name,
                first=runs[0].name,
            )


def _held_out(runs: Sequence[Run]) -> float | None:
    """What every run that learned by gradient has left out; None where one of them has seen all."""
    shares = [run.config.training.held_out for run in runs if isinstance(run.config.training, TrainingSettings)]
    return min(shares, default=0.0) or None


def _pieces(run: Run) -> list[str]:
    tokenizer = run.tokenizer()
    return list(tokenizer.pieces(np.arange(tokenizer.vocabulary)))


def _member(run: Run, first: Run, which: str | int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The member that `run` becomes, and its weights."""
    read: list[Event] = []
    model = open_model(run, which, "cpu", read.append)
    step = next(event.step for event in read if isinstance(event, CheckpointRead))
    same = run.config.corpus_hash == first.config.corpus_hash
    settings = run.config.model.model_dump()
    named = {"run": run.name, "step": step, "family": run.config.family, "model": settings, "same_text": same}
    return named, model.weights()


def _made(workspace: Workspace, config: RunConfig, first: Run, weights: Sequence[dict[str, Any]]) -> Run:
    """The run's folder with everything in it, or none."""
    packed = importlib.import_module(config.described.network).packed
    run = workspace.new_run(config)
    try:
        run.keep_tokenizer(first.tokenizer())
        equal = np.full(len(weights), 1 / len(weights))
        checkpoint.save(run.folder / CHECKPOINTS, State(packed(weights, equal)), Progress())
    except BaseException:
        workspace.take_back(run)
        raise
    return run
