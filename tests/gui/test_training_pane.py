"""The Train pane on a real workspace: drafting, training, steering, and the same picture live and from disk."""

from __future__ import annotations

import csv
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, Qt, QTimer
from PySide6.QtWidgets import QAbstractButton, QMessageBox

from lmstudio_app.engine import pipeline, registry
from lmstudio_app.engine.data.corpus import CorpusSettings
from lmstudio_app.engine.data.tokenizer import TokenizerSettings
from lmstudio_app.engine.devices import Device
from lmstudio_app.engine.run import Run
from lmstudio_app.engine.storage.atomic import DiskFull
from lmstudio_app.engine.training import run_config
from lmstudio_app.engine.training.record import Record
from lmstudio_app.gui import theme
from lmstudio_app.gui.panes.training import TrainPane
from lmstudio_app.gui.run_record import CHUNK
from lmstudio_app.gui.session import Session
from tests.gui.trained_runs import make_run
from tests.gui.widgets.test_train_widgets import content

TINY = {
    "gpt": {"layers": 1, "heads": 2, "width": 16, "context": 16, "dropout": 0.0},
    "recurrent": {"cell": "gru", "layers": 1, "width": 16, "context": 16, "dropout": 0.0},
    "ngram": {"order": 3},
}
TRAINING = {"steps": 24, "batch": 4, "validate_every": 8, "sample_every": 8, "sample_length": 12, "checkpoint_every": 8}
TALE = (
    "".join(
        f"The {size} {beast} went to the river, and the river was {size}.\n"
        for size in ("old", "grey", "quick", "small", "proud")
        for beast in ("fox", "hare", "crow", "mole", "toad", "wren")
    )
    * 3
)


@pytest.fixture
def session(qapp, tmp_path) -> Iterator[Session]:
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(tmp_path / "settings"))
    theme.current().set_mode("light")
    made = Session()
    made.open_workspace(tmp_path / "workspace")
    yield made
    made.close()
    made.deleteLater()


@pytest.fixture
def corpus(session) -> str:
    settings = CorpusSettings(tokenizer=TokenizerSettings(kind="character"))
    for _ in pipeline.prepare(session.workspace, text=TALE, name="tale", settings=settings):
        pass
    session.choose_corpus("tale")
    return "tale"


@pytest.fixture
def open_pane(session, qtbot) -> Callable[[], TrainPane]:
    def make() -> TrainPane:
        pane = TrainPane(session)
        qtbot.addWidget(pane)
        pane.resize(1280, 760)
        with qtbot.waitExposed(pane):
            pane.show()
        qtbot.waitUntil(lambda: not pane.record.reading)
        return pane

    return make


def draft_tiny(session: Session, family: str = "gpt", steps: int = 24) -> None:
    training = {**TRAINING, "steps": steps} if family != "ngram" else {}
    session.change_draft(family=family, preset="tiny", model=TINY[family], training=training)


def ended(session: Session) -> bool:
    return session.job is not None and not session.job.active


def shown(pane: TrainPane) -> dict:
    """All that the right side shows."""
    header = pane.view.header
    return content(pane.view) | {
        "header": (header.words(), header._model.words()),
        "levels": pane.view.plot.surface.references,
        "cards": pane.view.rate.isHidden(),
    }


def test_without_a_text_the_settings_are_checked_all_the_same(session, open_pane, qtbot):
    pane = open_pane()
    qtbot.waitUntil(lambda: pane.form.train.text() == "Add a text first")
    assert not pane.form.train.isEnabled()
    session.change_draft(model={"width": 200, "heads": 6})
    qtbot.waitUntil(lambda: pane.form.form.row("model.width").wrong)
    assert pane.view.header.words()[1] == "No run is open"


def test_drafting(session, corpus, open_pane, qtbot):
    pane = open_pane()
    form = pane.form
    qtbot.waitUntil(form.train.isEnabled)
    assert form.corpus.currentData() == "tale"
    assert form.form.values()["model.layers"] == 4
    assert form.form.values()["training.sample_prompt"].startswith("The old fox")
    field = form.form.row("model.width").editor
    field.clear()
    qtbot.keyClicks(field, "130")
    assert session.draft.model == {"width": 130}
    qtbot.waitUntil(lambda: form.train.text() == "Fix 1 field to train")
    assert "At width" in form._basis.text()
    form.form.row("model.width")._error.linkActivated.emit("0")
    qtbot.waitUntil(form.train.isEnabled)
    assert session.draft.model == {}  # 128 is what the preset says
    assert form._parameters.figure() != "–"
    assert form.form.row("training.steps").editor.unit.endswith("passes")
    form.preset.setCurrentIndex(form.preset.findData("tiny"))
    form.preset.activated.emit(form.preset.currentIndex())
    assert form.form.values()["model.layers"] == 2
    form.family.setCurrentIndex(form.family.findData("ngram"))
    form.family.activated.emit(form.family.currentIndex())
    assert "model.order" in form.form.rows()
    assert "execution.device" not in form.form.rows()
    qtbot.waitUntil(form.train.isEnabled)


def test_a_family_takes_no_settings_along_that_it_has_no_rows_for(session, corpus, open_pane, qtbot):
    pane = open_pane()
    form = pane.form
    session.change_draft(training={"steps": 500}, execution={"device": "cpu", "threads": 999})
    pane.next_run.check()
    assert form.train.text() == "Fix 1 field to train"
    form.family_chosen.emit("ngram")
    pane.next_run.check()
    assert form.train.isEnabled()
    form.form.row("model.order").set_value(4)
    form.form._edited()
    assert session.draft.model == {"order": 4}
    form.family_chosen.emit("gpt")
    pane.next_run.check()
    assert session.draft.training == {}
    assert session.draft.execution == {"device": "cpu", "threads": 999}
    assert form.form.row("execution.threads").wrong  # and there is a row to mend it in


def test_a_training_too_large_for_the_device_is_told_at_its_field(session, corpus, open_pane, qtbot):
    pane = open_pane()
    pane.next_run.check()
    memory = pane.next_run.config.training_bytes(30, 4)
    session.devices = (Device("cpu", "Abacus", memory),)
    session.change_draft(training={"batch": 64})
    qtbot.waitUntil(lambda: pane.form.train.text() == "Fix 1 field to train")
    assert pane.form.form.row("execution.micro_batch").wrong
    pane.form.form.row("execution.micro_batch")._error.linkActivated.emit("0")
    qtbot.waitUntil(pane.form.train.isEnabled)
    assert session.draft.training["batch"] == 64
    assert session.draft.execution["micro_batch"] <= 4


def test_a_style_sets_model_and_training_and_keeps_what_it_does_not_set(session, corpus, open_pane, qtbot):
    pane = open_pane()
    session.change_draft(family="gpt", preset="small", training={"steps": 77, "learning_rate": 0.5}, model={"heads": 2})
    form = pane.form
    assert [form.style_box.itemData(place) for place in range(form.style_box.count())] == ["", "gpt-2", "llama", "fast"]
    form.style_chosen.emit("fast")
    pane.next_run.check()
    config = pane.next_run.config
    assert config.training.optimizer == "muon"
    assert config.training.steps == 77
    assert config.training.learning_rate == registry.family("gpt").styles["fast"].training["learning_rate"]
    assert config.model.activation == "squared_relu"
    assert config.model.heads == 4
    assert form.form.row("model.activation").value() == "squared_relu"
    session.choose_family("recurrent")
    assert session.draft.style == ""
    assert not form._style_row.isVisibleTo(form)


def test_what_is_wrong_where_there_is_no_row_is_said_above_the_button(session, corpus, open_pane, qtbot):
    pane = open_pane()
    session.change_draft(family="ngram", training={"no such setting": 5})
    pane.next_run.check()
    assert not pane.form.train.isEnabled()
    assert pane.form._rest.text().startswith("There is no such setting.") and pane.form._rest.isVisible()
    session.choose_family("ngram")
    pane.next_run.check()
    assert pane.form.train.isEnabled() and not pane.form._rest.isVisible()


def test_no_run_folder_is_opened_while_somebody_types(session, corpus, open_pane, qtbot, monkeypatch):
    make_run(session.workspace, "run 007", "gpt", day=1)
    session.list_runs()
    qtbot.waitUntil(lambda: len(session.runs) == 1)
    pane = open_pane()
    monkeypatch.setattr(Run, "open", lambda folder: pytest.fail(f"{folder} was read"))
    draft_tiny(session)
    pane.next_run.check()
    assert pane.form.train.isEnabled()
    assert session.configuration().name == "run 008"


def test_the_yardsticks_are_drawn_before_the_first_run(session, corpus, open_pane, qtbot):
    pane = open_pane()
    qtbot.waitUntil(lambda: len(pane.view.plot.surface.references) == 2)
    assert [level.title for level in pane.view.plot.surface.references] == ["uniform guess", "token counts (unigram)"]


@pytest.mark.parametrize("family", sorted(TINY))
def test_a_pane_fed_live_shows_what_one_opened_afterwards_shows(session, corpus, open_pane, qtbot, family):
    live = open_pane()
    draft_tiny(session, family)
    qtbot.waitUntil(live.form.train.isEnabled)
    gone = []
    live.go.connect(gone.append)
    live.form.train.click()
    qtbot.waitUntil(lambda: ended(session), timeout=60_000)
    qtbot.waitUntil(lambda: not live.record.reading)
    assert session.job.failure is None
    assert gone == ["train"]
    later = open_pane()
    qtbot.waitUntil(lambda: not live.record.reading)
    assert shown(live) == shown(later)
    state, name, progress = later.view.header.words()
    assert (state, name) == ("Finished", session.run.name)
    assert progress == ("3 / 3 steps" if family == "ngram" else "24 / 24 steps")
    assert later.view.last_step() == session.run.config.plan.steps
    assert len(later.view.samples.samples()) == (1 if family == "ngram" else 3)
    assert later.view.rate.isHidden() == (family == "ngram")
    assert later.crumbs() == ["tale", name]


def test_pause_checkpoint_stop_and_resume(session, corpus, open_pane, qtbot):
    pane = open_pane()
    draft_tiny(session, steps=1_000_000)
    qtbot.waitUntil(pane.form.train.isEnabled)
    pane.form.train.click()
    header = pane.view.header
    qtbot.waitUntil(lambda: header.words()[0] == "Training", timeout=60_000)
    header.pause.click()
    qtbot.waitUntil(lambda: header.words()[0] == "Paused", timeout=20_000)
    assert header.resume.isVisible()
    assert not header.pause.isVisible()
    header.resume.click()
    qtbot.waitUntil(lambda: header.words()[0] == "Training", timeout=20_000)
    qtbot.waitUntil(lambda: pane.view.last_step() > 0, timeout=20_000)  # it may have been paused before its first step
    assert pane.form.train.text() in ("Train", "Train next…")
    header.checkpoint.click()
    header.stop.click()
    qtbot.waitUntil(lambda: ended(session), timeout=20_000)
    qtbot.waitUntil(lambda: header.words()[0] == "Stopped")
    qtbot.waitUntil(lambda: not pane.record.reading, timeout=20_000)
    stopped_at = pane.view.last_step()
    assert 0 < stopped_at < 1_000_000
    assert header.resume.isVisible()
    header.resume.click()
    qtbot.waitUntil(lambda: pane.view.last_step() > stopped_at, timeout=30_000)
    session.stop()
    qtbot.waitUntil(lambda: ended(session), timeout=20_000)
    later = open_pane()
    qtbot.waitUntil(lambda: not pane.record.reading)
    assert shown(pane) == shown(later)


def test_a_second_run_may_queue_or_take_the_place_of_the_first(session, corpus, open_pane, qtbot):
    pane = open_pane()
    draft_tiny(session, steps=1_000_000)
    qtbot.waitUntil(pane.form.train.isEnabled)
    pane.form.train.click()
    qtbot.waitUntil(lambda: pane.view.header.words()[0] == "Training", timeout=60_000)
    first = session.job.run
    qtbot.waitUntil(lambda: pane.form.train.text() == "Train next…")
    answer(pane, "Queue behind it", qtbot)
    assert len(session.queued) == 1
    second = session.queued[0]
    session.open_run(second)
    qtbot.waitUntil(lambda: pane.view.header.words()[0] == "Queued")
    session.open_run(first)
    qtbot.waitUntil(lambda: pane.view.header.words()[0] == "Training")
    answer(pane, "Cancel", qtbot)
    answer(pane, "Stop it first", qtbot)
    qtbot.waitUntil(lambda: session.job.run not in (first, second) and session.job.state == "training", timeout=60_000)
    assert session.queued == [second]
    assert session.run.name == session.job.run
    session.trainings.remove(second)
    session.stop()
    qtbot.waitUntil(lambda: ended(session), timeout=20_000)


def answer(pane: TrainPane, words: str, qtbot) -> None:
    pane.form.train.click()
    box = next(b for b in pane.findChildren(QMessageBox) if b.isVisible())
    button: QAbstractButton = next(b for b in box.buttons() if b.text() == words)
    button.click()
    qtbot.waitUntil(lambda: not any(b.isVisible() for b in pane.findChildren(QMessageBox)))


def test_the_loss_is_exported(session, corpus, open_pane, qtbot, tmp_path: Path):
    pane = open_pane()
    draft_tiny(session)
    qtbot.waitUntil(pane.form.train.isEnabled)
    pane.form.train.click()
    qtbot.waitUntil(lambda: ended(session), timeout=60_000)
    asked = []
    pane.view.plot.export.menu().aboutToShow.connect(lambda: asked.append(pane.view.plot.export.menu().close()))
    qtbot.keyClick(pane.view.plot.surface, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: bool(asked))
    told = []
    pane.said.connect(lambda words, kind: told.append(kind))
    for kind in ("png", "svg", "csv", "docx"):
        pane.export(tmp_path / f"loss.{kind}")
    qtbot.waitUntil(lambda: len(told) == 4, timeout=30_000)
    assert sorted(told) == ["err", "ok", "ok", "ok"]
    with (tmp_path / "loss.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert sum(bool(row["training_bits_per_byte"]) for row in rows) == 24
    assert sum(bool(row["validation_bits_per_byte"]) for row in rows) == 4
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "loss.svg").read_text(encoding="utf-8")


def test_time_is_told_only_from_a_timed_run_of_the_same_shape(session, corpus, open_pane, qtbot):
    from lmstudio_app.engine.devices import cpu_device

    session.devices = (cpu_device(),)
    pane = open_pane()
    draft_tiny(session)
    qtbot.waitUntil(pane.form.train.isEnabled)
    assert pane.form._time.figure() == "–"
    pane.form.train.click()
    qtbot.waitUntil(lambda: ended(session), timeout=60_000)
    qtbot.waitUntil(lambda: pane.form._time.figure().startswith("≈ "))
    assert session.run.name in pane.form._basis.text()
    draft_tiny(session)
    session.change_draft(model={**TINY["gpt"], "width": 32})
    pane.next_run.check()
    assert pane.form._time.figure() == "–"


def long_record(run: Run, rows: int) -> None:
    """Rows as a long training leaves them."""
    with (run.folder / "metrics.jsonl").open("w", encoding="utf-8") as file:
        for step in range(1, rows + 1):
            file.write(f'{{"step": {step}, "training_bits_per_byte": 2.5, "seconds": {step}}}\n')


def test_a_long_record_is_shown_piece_by_piece(session, corpus, open_pane, qtbot, monkeypatch):
    long_record(make_run(session.workspace, "long", "gpt", day=1), 3 * CHUNK + 1)
    pane = open_pane()
    shown_between: list[tuple[int, int]] = []
    take, ticks = pane.view.take, []
    monkeypatch.setattr(pane.view, "take", lambda rows: (shown_between.append((len(rows), len(ticks))), take(rows)))
    timer = QTimer(pane)
    timer.timeout.connect(lambda: ticks.append(1))
    timer.start(0)
    session.open_run("long")
    qtbot.waitUntil(lambda: not pane.record.reading)
    timer.stop()
    pieces = [(rows, tick) for rows, tick in shown_between if rows]
    assert [rows for rows, _ in pieces] == [CHUNK, CHUNK, CHUNK, 1]
    assert len({tick for _, tick in pieces}) == 4  # other timers had their turn between any two
    assert pane.view.last_step() == 3 * CHUNK + 1


def test_reports_are_kept_when_another_record_is_still_being_read(session, corpus, open_pane, qtbot, monkeypatch):
    """A long record that nobody wants any more ends after the one that is shown."""
    make_run(session.workspace, "long", "gpt", day=1)
    gate, each_row = threading.Event(), Run.each_row

    def held(run: Run):
        if run.name == "long":
            gate.wait(20)
        return each_row(run)

    monkeypatch.setattr(Run, "each_row", held)
    pane = open_pane()
    draft_tiny(session, steps=1_000_000)
    name = session.start_training()
    try:
        qtbot.waitUntil(lambda: pane.view.last_step() > 3, timeout=60_000)
        session.open_run("long")
        assert pane.record.reading
        session.open_run(name)
        qtbot.waitUntil(lambda: not pane.record.reading, timeout=20_000)
        step = session.job.step
        qtbot.waitUntil(lambda: pane.view.last_step() > step, timeout=20_000)
    finally:
        gate.set()
    session.stop()
    qtbot.waitUntil(lambda: ended(session), timeout=20_000)
    steps = pane.view.plot.surface.curves["training"].series.steps
    assert [int(step) for step in steps] == list(range(1, len(steps) + 1))


def test_the_reason_of_a_pause_is_said_with_what_to_do(session, corpus, open_pane, qtbot, monkeypatch):
    full, rows = [False], Record.rows

    def append(record: Record, values):
        if full[0]:
            raise DiskFull(record._folder, 1000)
        return rows(record, values)

    monkeypatch.setattr(Record, "rows", append)
    pane = open_pane()
    draft_tiny(session, steps=1_000_000)
    session.start_training()
    qtbot.waitUntil(lambda: session.job.step > 2, timeout=60_000)
    full[0] = True
    qtbot.waitUntil(lambda: session.job.state == "paused", timeout=20_000)
    assert pane.banner.words() == session.job.reason != ""
    full[0] = False
    pane.banner._action.click()
    qtbot.waitUntil(lambda: session.job.state == "training", timeout=20_000)
    assert pane.banner.words() == ""
    session.stop()
    qtbot.waitUntil(lambda: ended(session), timeout=20_000)


def test_an_old_run_is_compared_with_its_own_text_only(session, corpus, open_pane, qtbot):
    run = make_run(session.workspace, "old", "gpt", day=1)
    text = session.workspace.corpus("tale")
    levels = pipeline.yardsticks_of(run)
    assert set(levels) == {"uniform", "unigram"}
    bpe = run_config.from_mapping({**run.config.to_mapping(), "tokenizer": {"kind": "bpe", "vocabulary": 300}})
    assert pipeline.yardsticks_of(Run(run.folder, bpe)) == {}
    assert not (text.folder / "tokenizers" / bpe.tokenizer.folder_name).exists()  # nothing is learnt to draw a line
    known = run_config.from_mapping({**run.config.to_mapping(), "corpus_hash": text.data_hash})
    assert pipeline.yardsticks_of(Run(run.folder, known)) == levels
    split = text.settings.split.model_copy(update={"training": 0.6})
    for _ in pipeline.redo(text, text.settings.model_copy(update={"split": split})):
        pass
    assert pipeline.yardsticks_of(Run(run.folder, known)) == {}


def test_levels_come_with_the_first_step_where_the_tokens_are_new(session, corpus, open_pane, qtbot):
    pane = open_pane()
    draft_tiny(session)
    session.change_draft(tokenizer={"kind": "bpe", "vocabulary": 300})
    session.start_training()
    qtbot.waitUntil(lambda: ended(session), timeout=60_000)
    qtbot.waitUntil(lambda: len(pane.view.plot.surface.references) == 2)
