"""The session on real workspaces with tiny real models."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from lmstudio_app.engine.data.splits import SplitSettings
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import CorpusReady, Progress, RunEnded, StepDone
from lmstudio_app.engine.settings import SettingsError
from lmstudio_app.gui.draft import Draft
from lmstudio_app.gui.preparation import Preparation
from lmstudio_app.gui.session import Session
from lmstudio_app.gui.training_job import wait_for
from tests.gui.trained_runs import MODELS, TALE, make_corpus, make_run, make_workspace

TRAINING = {"steps": 12, "batch": 2, "validate_every": 4, "sample_every": 0, "checkpoint_every": 4}
ENDLESS = {**TRAINING, "steps": 1_000_000}


@pytest.fixture
def corpus(session: Session) -> str:
    make_corpus(session.workspace)
    session.choose_corpus("tale")
    return "tale"


def draft(session: Session, family: str = "gpt", training: dict[str, Any] | None = None) -> None:
    session.change_draft(
        family=family, model=MODELS[family], training={} if family == "ngram" else training or TRAINING,
        tokenizer={"kind": "character"}, execution={"device": "cpu"},
    )  # fmt: skip


def finish(session: Session, qtbot) -> None:
    qtbot.waitUntil(lambda: not session.busy, timeout=60_000)


def begin_endless(session: Session, qtbot) -> str:
    draft(session, training=ENDLESS)
    name = session.start_training()
    qtbot.waitUntil(lambda: session.job.step > 3, timeout=60_000)
    return name


# Drafts ---------------------------------------------------------------------------------------------------------


def test_a_draft_knows_what_differs_from_the_defaults():
    assert Draft().values() == {}
    assert Draft(model={"layers": 2}, training={"steps": 5}).values() == {
        "model": {"layers": 2},
        "training": {"steps": 5},
    }


def test_a_change_of_the_draft_is_told(session, qtbot):
    with qtbot.waitSignal(session.draft_changed):
        session.change_draft(family="recurrent")
    assert session.draft.family == "recurrent"


def test_a_wrong_setting_is_named_and_no_run_is_made(session, corpus):
    draft(session)
    session.change_draft(model={**MODELS["gpt"], "width": 25})
    with pytest.raises(SettingsError) as caught:
        session.start_training()
    assert caught.value.problems[0].field == "model.width"
    assert session.workspace.runs() == [] and not session.busy


# Training -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["gpt", "recurrent", "ngram"])
def test_a_run_is_trained_to_its_end_and_told(session, corpus, qtbot, family):
    told: list[Any] = []
    states: list[str] = []
    session.events_arrived.connect(told.extend)
    session.job_changed.connect(lambda: states.append(session.job.state))
    draft(session, family)
    name = session.start_training()
    assert session.run is not None and session.run.name == name
    finish(session, qtbot)
    assert isinstance(told[-1], RunEnded)
    assert session.job.outcome == "finished" and session.job.failure is None
    assert session.job.step == session.job.steps == session.run.config.plan.steps
    assert states[0] == "starting" and states[-1] == "ended"
    rows = [dict(event.row) for event in told if isinstance(event, StepDone)]
    assert [row["step"] for row in rows] == list(range(1, session.job.steps + 1))
    assert session.job.saved_step == session.job.steps and not session.job.lost
    qtbot.waitUntil(lambda: [run.state for run in session.runs] == ["finished"])


def test_time_left_is_judged_from_the_latest_rows(session, corpus, qtbot):
    begin_endless(session, qtbot)
    assert session.job.seconds_left is not None and session.job.seconds_left > 10
    session.stop()
    finish(session, qtbot)
    assert session.job.seconds_left is None


def test_pausing_waits_and_resuming_goes_on(session, corpus, qtbot):
    begin_endless(session, qtbot)
    session.pause()
    assert session.job.state == "pausing"
    qtbot.waitUntil(lambda: session.job.state == "paused")
    step = session.job.step
    qtbot.wait(150)
    assert session.job.step == step and session.busy
    session.resume()
    qtbot.waitUntil(lambda: session.job.state == "training" and session.job.step > step)
    session.stop()
    finish(session, qtbot)


def test_stopping_keeps_a_checkpoint_and_the_run_goes_on_from_there(session, corpus, qtbot):
    name = begin_endless(session, qtbot)
    session.stop()
    assert session.job.state == "stopping"
    finish(session, qtbot)
    assert session.job.outcome == "stopped"
    step = session.job.step
    assert session.workspace.run(name).checkpoints()[-1].step == step
    session.resume_run(name, "cpu")
    qtbot.waitUntil(lambda: session.job.active and session.job.step > step, timeout=60_000)
    session.stop()
    finish(session, qtbot)


def test_a_checkpoint_is_saved_when_asked_for(session, corpus, qtbot):
    draft(session, training={**ENDLESS, "checkpoint_every": 0})
    name = session.start_training()
    qtbot.waitUntil(lambda: session.job.step > 3, timeout=60_000)
    assert session.workspace.run(name).checkpoints() == []
    session.checkpoint()
    qtbot.waitUntil(lambda: len(session.workspace.run(name).checkpoints()) == 1)
    session.stop()
    finish(session, qtbot)


def test_runs_wait_for_the_one_that_trains(session, corpus, qtbot):
    first = begin_endless(session, qtbot)
    draft(session)
    second = session.start_training()
    third = session.start_training()
    assert session.queued == [second, third]
    assert session.run.name == first  # what is looked at stays
    session.trainings.ask(lambda job: job.stop())  # as if it had come to its end
    qtbot.waitUntil(lambda: [run.state for run in session.runs].count("finished") == 2, timeout=60_000)
    assert session.queued == []


def test_stopping_holds_the_queue_until_somebody_starts_again(session, corpus, qtbot):
    begin_endless(session, qtbot)
    draft(session)
    second = session.start_training()
    session.stop()
    finish(session, qtbot)
    qtbot.wait(100)
    assert session.queued == [second] and not session.busy
    session.resume_run(second)
    qtbot.waitUntil(lambda: session.job.run == second and session.job.outcome == "finished", timeout=60_000)


def test_a_run_may_go_first(session, corpus, qtbot):
    first = begin_endless(session, qtbot)
    draft(session)
    second = session.start_training(first=True)
    assert session.run.name == second
    qtbot.waitUntil(lambda: session.job.run == second and session.job.outcome == "finished", timeout=60_000)
    assert session.workspace.run(first).state == "stopped"


def test_a_waiting_run_can_be_taken_out_of_the_queue(session, corpus, qtbot):
    begin_endless(session, qtbot)
    draft(session)
    second = session.start_training()
    session.unqueue(second)
    assert session.queued == []
    session.stop()
    finish(session, qtbot)
    assert session.workspace.run(second).state == "queued"


def test_a_training_that_fails_is_told_and_the_next_one_starts(session, corpus, qtbot):
    draft(session)
    broken = session.workspace.new_run(session.configuration())
    session.workspace.corpus("tale").text_path("training").unlink()
    with qtbot.waitSignal(session.failed, timeout=30_000) as told:
        session.resume_run(broken.name)
    assert isinstance(told.args[0], UserError)
    finish(session, qtbot)
    assert session.job.outcome == "failed" and session.job.failure is not None


def test_a_run_that_is_gone_when_its_turn_comes_is_told(session, corpus, qtbot):
    begin_endless(session, qtbot)
    draft(session)
    waiting = session.start_training()
    session.workspace.delete_run(waiting)  # as another window may
    with qtbot.waitSignal(session.failed, timeout=30_000) as told:
        session.trainings.ask(lambda job: job.stop())
    assert waiting in str(told.args[0])
    assert not session.busy and session.queued == []
    with pytest.raises(UserError, match="no run “nobody”"):
        session.resume_run("nobody")


def test_what_is_started_while_others_wait_comes_first_and_is_shown(session, corpus, qtbot):
    first = begin_endless(session, qtbot)
    draft(session)
    waiting = session.start_training()
    session.stop()
    finish(session, qtbot)
    session.open_run(waiting)
    session.resume_run(first)
    assert session.job.run == first and session.run.name == first
    assert session.queued == [waiting]
    assert session.trainings.outcome(first) == ""  # it trains again
    session.stop()
    finish(session, qtbot)
    assert session.trainings.outcome(first) == "stopped"


def test_a_waiting_run_keeps_its_place_under_another_name(session, corpus, qtbot):
    endless = begin_endless(session, qtbot)
    draft(session)
    second, third = session.start_training(), session.start_training()
    with pytest.raises(UserError, match="taken"):
        session.rename_run(second, third)
    assert session.queued == [second, third]
    session.rename_run(second, "better")
    assert session.queued == ["better", third]
    session.delete_run(third)
    assert session.queued == ["better"]
    session.trainings.ask(lambda job: job.stop())
    qtbot.waitUntil(lambda: session.job.run == "better" and session.job.outcome == "finished", timeout=60_000)
    assert session.trainings.outcome(endless) == "stopped"  # the next one has long taken its place


def test_a_text_stays_as_it_is_from_the_moment_a_run_wants_it(session, corpus, qtbot):
    draft(session, training=ENDLESS)
    name = session.start_training()
    with pytest.raises(UserError, match=f"while “{name}” learns from it"):  # the list of runs is not read yet
        session.redo("tale", split=SplitSettings(training=0.8))
    session.stop()
    finish(session, qtbot)
    assert session.learning_from("tale") == []


def test_no_run_begins_on_a_text_that_is_being_changed(session, corpus, qtbot):
    draft(session)
    stopped = session.workspace.new_run(session.configuration()).name
    session.redo("tale", split=SplitSettings(training=0.8))
    for start in (session.start_training, lambda: session.resume_run(stopped)):
        with pytest.raises(UserError, match="“tale” is being changed"):
            start()
    assert not session.busy and len(session.workspace.runs()) == 1
    qtbot.waitUntil(lambda: session.preparing is None, timeout=30_000)
    session.start_training()
    finish(session, qtbot)
    assert session.job.outcome == "finished"


def test_a_copy_of_the_model_in_training_is_handed_out(session, corpus, qtbot):
    begin_endless(session, qtbot)
    assert wait_for(session.job.snapshot(), lambda: False).vocabulary > 10
    session.pause()
    qtbot.waitUntil(lambda: session.job.state == "paused")
    assert wait_for(session.job.snapshot(), lambda: False) is not None
    assert wait_for(Future(), lambda: True) is None  # nobody waits for ever
    session.stop()
    finish(session, qtbot)
    assert wait_for(session.job.snapshot(), lambda: False) is None  # the checkpoint is as new


# Runs -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def trained(session: Session, tmp_path: Path, qtbot) -> Session:
    make_workspace(tmp_path / "trained")
    session.open_workspace(tmp_path / "trained")
    qtbot.waitUntil(lambda: len(session.runs) == 3)
    return session


def test_runs_are_renamed_deleted_and_put_back(trained, qtbot):
    trained.open_run("reader")
    trained.rename_run("reader", "scholar")
    assert trained.run.name == "scholar"
    trained.delete_run("scholar")
    assert trained.run is None
    qtbot.waitUntil(lambda: len(trained.runs) == 2)
    trained.undo_delete()
    qtbot.waitUntil(lambda: "scholar" in [run.name for run in trained.runs])
    trained.undo_delete()  # nothing is left to undo


def test_an_undo_that_failed_can_be_tried_again(trained, monkeypatch):
    trained.delete_run("reader")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", lambda path, target: (_ for _ in ()).throw(OSError(errno.EACCES, "no")))
        with pytest.raises(UserError, match="permission"):
            trained.undo_delete()
    trained.undo_delete()
    assert trained.workspace.run("reader").name == "reader"


def test_a_run_in_training_keeps_its_name_and_place(session, corpus, qtbot):
    name = begin_endless(session, qtbot)
    for change in (lambda: session.rename_run(name, "other"), lambda: session.delete_run(name)):
        with pytest.raises(UserError, match="is training"):
            change()
    session.stop()
    finish(session, qtbot)


def test_a_run_keeps_its_colour_when_newer_ones_come(trained):
    assert [trained.run_color(name) for name in ("waiter", "listener", "reader")] == [0, 1, 2]
    assert trained.run_color("not yet listed") == 3


def test_what_a_model_offers(trained):
    assert trained.offers() == frozenset()
    trained.open_run("reader")
    assert trained.offers() == {"decoding", "attention"}
    trained.open_run("listener")
    assert trained.offers() == {"decoding"}
    make_run(trained.workspace, "counter", "ngram", day=4)
    trained.open_run("counter")
    assert trained.offers() == {"decoding", "transitions"}


# Corpora --------------------------------------------------------------------------------------------------------


def test_a_text_becomes_the_drafts_corpus(session, qtbot):
    with qtbot.waitSignal(session.prepared, timeout=30_000) as ready:
        session.prepare(text=TALE, name="tale")
    assert ready.args == ["tale"]
    assert session.draft.corpus == "tale"
    qtbot.waitUntil(lambda: session.preparing is None)


def test_a_text_that_cannot_be_read_is_told(session, qtbot, tmp_path):
    with qtbot.waitSignal(session.failed, timeout=30_000) as told:
        session.prepare(paths=[tmp_path / "missing.txt"])
    assert "missing.txt" in str(told.args[0])
    qtbot.waitUntil(lambda: session.preparing is None)
    assert session.workspace.corpora() == []


def test_a_corpus_in_preparation_can_be_given_up(session, qtbot):
    session.prepare(sample="stories")
    qtbot.waitUntil(lambda: session.preparing is not None and session.preparing.stage != "", timeout=30_000)
    session.stop_preparing()
    qtbot.waitUntil(lambda: session.preparing is None, timeout=30_000)
    assert session.workspace.corpora() == []


def test_a_text_with_another_name_is_followed_everywhere(session, corpus, qtbot):
    begin_endless(session, qtbot)
    make_corpus(session.workspace, "other")
    draft(session)
    session.change_draft(corpus="other", name="waits")
    waiting = session.start_training()
    session.open_run(waiting)
    session.workspace.rename_corpus("other", "another")
    with qtbot.waitSignal(session.run_changed):
        session.follow_corpus("other", "another")
    assert session.draft.corpus == "another" and session.run.config.corpus == "another"
    assert session.learning_from("another") == [waiting]
    qtbot.waitUntil(lambda: {run.corpus for run in session.runs} == {"tale", "another"})
    session.stop()
    finish(session, qtbot)


def test_when_the_drafted_text_goes_another_one_is_drafted(session, corpus):
    make_corpus(session.workspace, "other")
    binned = session.workspace.delete_corpus("tale")
    session.follow_corpus("tale", "")
    assert session.draft.corpus == "other"
    session.workspace.delete_corpus("other")
    session.follow_corpus("other", "")
    assert session.draft.corpus == ""
    session.workspace.restore_corpus(binned)
    session.follow_corpus("", "")
    assert session.draft.corpus == "tale"


# Workspaces -----------------------------------------------------------------------------------------------------


class Slow:
    """A preparation that is ready when it is told to."""

    def __init__(self, session: Session, qtbot) -> None:
        self.finish = threading.Event()
        self.over = threading.Event()
        session.preparations.start(Preparation(self._steps, {"name": "slow"}))
        qtbot.waitUntil(lambda: session.preparing is not None and session.preparing.stage == "Reading")

    def _steps(self) -> Iterator[Any]:
        try:
            yield Progress("Reading", 1, 2, "bytes")
            self.finish.wait()
            yield CorpusReady("slow", "")
        finally:
            self.over.set()


def test_a_refused_folder_and_the_same_one_change_nothing(session, corpus, tmp_path, qtbot):
    slow = Slow(session, qtbot)
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(UserError, match="is a file"):
        session.open_workspace(tmp_path / "file")
    session.change_draft(name="mine")
    session.open_workspace(tmp_path / "workspace")
    assert session.draft.name == "mine"
    with qtbot.waitSignal(session.prepared):
        slow.finish.set()


def test_a_text_in_the_making_does_not_follow_into_another_workspace(session, tmp_path, qtbot):
    slow = Slow(session, qtbot)
    told: list[object] = []
    session.prepared.connect(told.append)
    session.failed.connect(told.append)
    session.open_workspace(tmp_path / "other")
    assert session.preparing is None
    slow.finish.set()
    qtbot.waitUntil(lambda: not session.jobs._started)
    assert slow.over.is_set() and told == [] and session.draft.corpus == ""


def test_another_workspace_starts_empty(trained, tmp_path, qtbot):
    trained.open_run("reader")
    trained.choose_corpus("tale")
    with qtbot.waitSignals([trained.workspace_changed, trained.run_changed, trained.draft_changed]):
        trained.open_workspace(tmp_path / "other")
    assert trained.run is None and trained.draft.corpus == ""
    qtbot.waitUntil(lambda: trained.runs == ())


def test_a_workspace_is_not_changed_under_a_training(session, corpus, qtbot, tmp_path):
    begin_endless(session, qtbot)
    with pytest.raises(UserError, match="Stop it"):
        session.open_workspace(tmp_path / "other")
    session.stop()
    finish(session, qtbot)


def test_a_second_window_is_told_who_holds_the_layout(session, qapp):
    other = Session()
    other.open_workspace(session.workspace.folder)
    assert other.claim_refused is not None and "a window" in str(other.claim_refused)
    session.close()
    other.open_workspace(session.workspace.folder)
    assert other.claim_refused is None
    other.close()
    other.deleteLater()


def test_without_a_workspace_it_says_so(qapp):
    made = Session()
    assert not made.opened
    with pytest.raises(UserError, match="No workspace is open"):
        _ = made.workspace
    made.close()
    made.deleteLater()


def test_warming_up_finds_the_devices(session, qtbot):
    ready: list[str] = []
    with qtbot.waitSignal(session.devices_changed, timeout=60_000):
        session.warm_up(lambda: ready.append("engine"))
    assert ready == ["engine"]
    assert session.devices[0].kind == "cpu"
    assert session.device_trouble["cpu"] == ""
    assert session.chosen_device() is not None
    session.prefer_device("cpu")
    assert session.chosen_device().kind == "cpu"
    assert session.draft.execution == {"device": "cpu"}


def test_a_device_that_is_gone_is_not_preferred_any_more(session, qtbot):
    session.prefer_device("abacus")
    with qtbot.waitSignal(session.devices_changed, timeout=60_000):
        session.warm_up(lambda: None)
    assert session.preferred_device == "auto" and session.draft.execution == {"device": "auto"}


def test_closing_stops_the_training_with_a_checkpoint(session, corpus, qtbot):
    name = begin_endless(session, qtbot)
    session.close()
    assert not session.busy
    assert session.workspace.run(name).state == "stopped"
    assert session.workspace.run(name).checkpoints()


def test_a_workspace_with_texts_drafts_the_newest(session: Session, tmp_path: Path) -> None:
    from lmstudio_app.engine import pipeline

    for name in ("older", "newer"):
        list(pipeline.prepare(session.workspace, text="A short text, line after line.\n" * 60, name=name))
    again = Session()
    again.open_workspace(session.workspace.folder)
    assert again.draft.corpus == "newer"
    again.close()
    again.deleteLater()
