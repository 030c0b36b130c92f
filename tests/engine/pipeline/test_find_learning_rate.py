"""Finding a learning rate with real small models on a small corpus."""

from __future__ import annotations

import csv
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from lmstudio_app.engine import pipeline
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import Event, Progress, RateSuggested, RateTried
from lmstudio_app.engine.run import RunConfig
from lmstudio_app.engine.training.control import Control
from lmstudio_app.engine.workspace import Workspace
from tests.engine.training.worlds import MODELS, TRAINING, small_workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return small_workspace(tmp_path_factory.mktemp("workspace"))


def config(workspace: Workspace, family: str = "gpt", **training: Any) -> RunConfig:
    values = {"model": MODELS[family], "execution": {"device": "cpu", "threads": 1}}
    values["training"] = training if family == "ngram" else TRAINING | training
    return pipeline.draft(workspace, corpus="tales", family=family, values=values)


def found(events: list[Event]) -> RateSuggested:
    assert isinstance(events[-1], RateSuggested)
    return events[-1]


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("family", ["gpt", "recurrent"])
def test_a_small_model_gets_a_rate_that_trains_it(workspace: Workspace, family: str) -> None:
    events = list(pipeline.find_learning_rate(workspace, config(workspace, family)))
    steps = [event for event in events if isinstance(event, RateTried)]
    assert [event.step for event in steps] == list(range(1, len(steps) + 1))
    assert all(before.learning_rate < after.learning_rate for before, after in pairwise(steps))
    rate = found(events).learning_rate
    assert rate is not None
    assert 1e-4 < rate < 0.5


def test_the_same_seed_gives_the_same_and_another_seed_other_losses(workspace: Workspace) -> None:
    first, again, other = (
        list(pipeline.find_learning_rate(workspace, config(workspace, seed=seed), steps=30)) for seed in (5, 5, 6)
    )
    assert first == again
    assert first[:5] != other[:5]


def test_the_first_steps_are_those_of_a_training_at_such_a_rate(workspace: Workspace) -> None:
    """The rate of step 1 is next to nothing, so that its loss is that of the untrained model, as in a run."""
    run = workspace.new_run(config(workspace, seed=3, steps=1))
    list(pipeline.train(run))
    row = next(row for row in run.rows() if "training_loss" in row)
    first = next(iter(pipeline.find_learning_rate(workspace, config(workspace, seed=3))))
    assert isinstance(first, RateTried)
    assert first.loss == row["training_bits_per_byte"]


def test_nothing_is_written_and_the_global_generator_stays(workspace: Workspace) -> None:
    import torch

    before, threads = files(workspace.folder), torch.get_num_threads()
    state = torch.get_rng_state()
    list(pipeline.find_learning_rate(workspace, config(workspace), steps=20))
    assert torch.equal(torch.get_rng_state(), state)
    unfinished = pipeline.find_learning_rate(workspace, config(workspace), steps=20)
    next(unfinished)
    unfinished.close()
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    assert files(workspace.folder) == before


def test_a_stop_ends_it(workspace: Workspace) -> None:
    control, events = Control(), []
    for event in pipeline.find_learning_rate(workspace, config(workspace), control):
        events.append(event)
        if len(events) == 4:
            control.stop()
    assert [type(event) for event in events] == [RateTried] * 4
    with pytest.raises(UserError):
        control.snapshot().result()


def test_tokens_that_the_corpus_lacks_are_made_first(workspace: Workspace) -> None:
    values = {"model": MODELS["gpt"], "training": TRAINING, "tokenizer": {"kind": "byte"}}
    bytewise = pipeline.draft(workspace, corpus="tales", values=values)
    events = list(pipeline.find_learning_rate(workspace, bytewise, steps=20))
    assert isinstance(events[0], Progress)
    found(events)


@pytest.mark.parametrize("optimizer", ["sgd", "muon", "lion"])
def test_other_optimizers_and_a_micro_batch_are_tried_too(workspace: Workspace, optimizer: str) -> None:
    chosen = config(workspace, optimizer=optimizer, weight_average=0.9, divergence="skip", schedule="plateau")
    assert len(list(pipeline.find_learning_rate(workspace, chosen, steps=20))) > 10


def test_a_family_that_counts_has_nothing_to_find(workspace: Workspace) -> None:
    with pytest.raises(UserError, match="counting") as refused:
        list(pipeline.find_learning_rate(workspace, config(workspace, "ngram")))
    assert refused.value.field == "family"


@pytest.mark.parametrize("steps", [0, 19, 10_001])
def test_too_few_or_too_many_steps_are_refused(workspace: Workspace, steps: int) -> None:
    with pytest.raises(UserError, match=f"{steps}"):
        list(pipeline.find_learning_rate(workspace, config(workspace), steps=steps))


def test_what_was_tried_is_saved_as_picture_and_table(workspace: Workspace, tmp_path: Path) -> None:
    events = list(pipeline.find_learning_rate(workspace, config(workspace), steps=25))
    tried = [event for event in events if isinstance(event, RateTried)]
    for ending, head in ((".png", b"\x89PNG"), (".svg", b"<?xml")):
        path = tmp_path / f"rates{ending}"
        pipeline.save_learning_rates(tried, found(events), path, title="tales")
        assert path.read_bytes().startswith(head)
    pipeline.save_learning_rates([], None, tmp_path / "empty.png")
    pipeline.save_learning_rates(tried, None, tmp_path / "rates.csv")
    with (tmp_path / "rates.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["smoothed_loss"]) for row in rows] == [event.smoothed_loss for event in tried]
    with pytest.raises(UserError, match=r"\.csv"):
        pipeline.save_learning_rates(tried, None, tmp_path / "rates.txt")
