"""The machine is measured with every family and preset, can be stopped anywhere, and nothing is left behind."""

from __future__ import annotations

import math
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from lmstudio_app.engine import pipeline, registry
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import BenchDone, BenchMeasured, Noted, Progress
from lmstudio_app.engine.study import bench as study

STORY = "".join(f"The fox met {number} hares and {number + 2} owls by the river.\n" for number in range(1500))
SMALL = {"tiny": {"width": 16, "context": 64}, "small": {"width": 24, "context": 64}, "medium": {"width": 32}}


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders go; presets and products so small that nobody waits for them."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(study, "FEWEST_BLOCKS", 1)
    monkeypatch.setattr(study, "SIDES", {"cpu": 32})
    monkeypatch.setattr(study, "PRODUCT_SECONDS", 0.0)
    monkeypatch.setattr("lmstudio_app.engine.training.loop.READ_SECONDS", 0.0)
    small = {
        name: replace(one, presets=SMALL) if one.learning == "gradient" else one
        for name, one in registry.families().items()
    }
    monkeypatch.setattr(registry, "_families", small)
    return folder


def test_every_family_and_preset_is_measured(place: Path):
    events = list(pipeline.bench(seconds=0, text=STORY))
    assert not [event for event in events if isinstance(event, Noted)]
    assert isinstance(events[-1], BenchDone)
    measured = [event for event in events if isinstance(event, BenchMeasured)]
    found = [(one.what, one.family, one.preset) for one in measured]
    for family in registry.families().values():
        learning = "training" if family.learning == "gradient" else "counting"
        for preset in SMALL:
            counts = {found.count((what, family.name, preset)) for what in (learning, "writing", "first token")}
            assert counts == {1}
    assert [one.tokenizer for one in measured if one.what == "import"] == ["character", "bpe"]
    assert all(math.isfinite(one.value) and one.value > 0 and one.unit for one in measured)
    products = {one.threads for one in measured if one.what == "matrix product"}
    for one in measured:
        if one.what == "training":
            assert one.threads in products
            assert one.gflops is not None
            assert one.share is not None
            assert min(one.gflops, one.share) > 0
    told = [event for event in events if isinstance(event, Progress)]
    assert (told[-1].done, told[0].done) == (told[-1].total, 0)
    assert not list(place.glob("lmstudio-app-*"))


def test_it_can_be_restricted():
    events = list(pipeline.bench(families=["gpt"], presets=["small"], seconds=0, text=STORY))
    found = [event for event in events if isinstance(event, BenchMeasured)]
    assert [one.what for one in found] == ["training", "writing", "first token", "matrix product"]
    assert {(one.family, one.preset) for one in found[:3]} == {("gpt", "small")}


def test_it_leaves_nothing_behind_wherever_it_is_stopped(place: Path):
    total = sum(1 for _ in pipeline.bench(families=["gpt"], presets=["tiny"], seconds=0, text=STORY))
    for stop in range(1, total):
        events = pipeline.bench(families=["gpt"], presets=["tiny"], seconds=0, text=STORY)
        for _ in range(stop):
            next(events)
        events.close()
        assert not list(place.glob("lmstudio-app-*")), stop


def test_what_does_not_fit_is_noted_and_the_rest_measured(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("lmstudio_app.engine.devices.memory_bytes", lambda: 1)
    events = list(pipeline.bench(presets=["tiny"], families=["gpt", "ngram"], seconds=0, text=STORY))
    assert [event.values["family"] for event in events if isinstance(event, Noted)] == ["gpt"]
    assert "counting" in [event.what for event in events if isinstance(event, BenchMeasured)]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"families": ["tower"]}, "family"), ({"presets": ["huge"]}, "preset"), ({"seconds": -1.0}, "seconds")],
)
def test_a_mistake_is_told_by_its_field(wrong: dict[str, object], field: str):
    with pytest.raises(UserError) as caught:
        next(pipeline.bench(**wrong))  # type: ignore[arg-type]
    assert caught.value.field == field
