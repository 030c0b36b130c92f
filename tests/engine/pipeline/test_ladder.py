"""The ladder climbs every rung on one text; how well each does, a benchmark says."""

from __future__ import annotations

from pathlib import Path

import pytest

from lmstudio_app.engine import pipeline, registry
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import LadderDone, Progress, RungMeasured
from lmstudio_app.engine.pipeline.ladder import RUNGS, Rung
from tests.engine.training.worlds import story


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    (tmp_path / "text.txt").write_text(story(4000), encoding="utf-8")
    return tmp_path


def test_every_family_stands_on_the_ladder_in_order() -> None:
    known = registry.families()
    trained = [rung for rung in RUNGS if not rung.parts]
    families = [known[rung.family] for rung in trained]
    assert {family.name for family in families} == set(known)
    assert [family.rung for family in families] == sorted(family.rung for family in families)
    for place, rung in enumerate(RUNGS):
        assert set(rung.parts) <= {before.title for before in RUNGS[:place]}
    for rung, family in zip(trained, families, strict=True):
        chosen = family.chosen("small", rung.style)
        family.settings(**(chosen["model"] | dict(rung.model)))
    assert len({rung.title for rung in RUNGS}) == len(RUNGS)


def test_counting_learns_once_and_a_gradient_within_each_budget(own_folder: Path) -> None:
    small = {"context": 16, "width": 16, "layers": 1}
    rungs = (
        Rung("counts", "ngram", {"order": 3}),
        Rung("LSTM", "recurrent", {"cell": "lstm", **small}, {"learning_rate": 1e-2}),
        Rung("Fast", "gpt", {"heads": 2, **small}, style="fast"),
        Rung("both", "blend", parts=("counts", "Fast")),
    )
    events = list(pipeline.ladder(path=own_folder / "text.txt", budgets=(0.05, 0.3), rungs=rungs))
    measured = [event for event in events if isinstance(event, RungMeasured)]
    assert [(event.title, event.seconds) for event in measured] == [
        ("counts", 0.05), ("LSTM", 0.05), ("LSTM", 0.3), ("Fast", 0.05), ("Fast", 0.3),
        ("both", 0.05), ("both", 0.3),
    ]  # fmt: skip
    assert all(0 < event.bits_per_byte < 8 for event in measured)
    assert measured[2].steps > measured[1].steps >= 1
    assert measured[-1].bits_per_byte <= max(measured[0].bits_per_byte, measured[4].bits_per_byte)
    assert measured[-1].used >= measured[4].used
    assert isinstance(events[-1], LadderDone)
    assert events[-1].floor is None
    assert any(isinstance(event, Progress) and event.stage == "Climbing" for event in events)
    assert not list((own_folder / "temporary").glob("lmstudio-app-*"))


def test_the_bundled_stories_have_a_floor() -> None:
    *_, measured, done = pipeline.ladder(budgets=(1,), rungs=(Rung("Unigram", "ngram", {"order": 1}),))
    assert isinstance(measured, RungMeasured)
    assert isinstance(done, LadderDone)
    assert done.floor is not None
    assert 0.1 < done.floor < measured.bits_per_byte


def test_leaving_early_leaves_nothing_behind(own_folder: Path) -> None:
    climbing = pipeline.ladder(path=own_folder / "text.txt", budgets=(60,), rungs=RUNGS[-2:-1])
    for event in climbing:
        if isinstance(event, Progress) and event.stage == "Climbing":
            break
    climbing.close()
    assert not list((own_folder / "temporary").glob("lmstudio-app-*"))


@pytest.mark.parametrize("budgets", [(), (0.0,), (-1.0,), (1e9,), (float("nan"),)])
def test_budgets_out_of_reason_are_refused(budgets: tuple[float, ...]) -> None:
    with pytest.raises(UserError, match="A budget is more than 0"):
        list(pipeline.ladder(budgets=budgets))
