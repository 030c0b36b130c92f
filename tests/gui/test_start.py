"""The start page: three actions from an empty workspace to a training."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QApplication

from lmstudio_app.engine.data.samples import Sample, samples
from lmstudio_app.engine.training.status import Status, write_status
from lmstudio_app.gui import recorded_example as example_file
from lmstudio_app.gui import theme
from lmstudio_app.gui.ladder import rungs
from lmstudio_app.gui.panes.start import StartPane
from lmstudio_app.gui.recorded_example import recorded_example
from lmstudio_app.gui.widgets.example_card import ExampleCard, chosen_samples
from lmstudio_app.gui.widgets.example_plot import Example, ExamplePlot, smoothed
from lmstudio_app.gui.widgets.paste_dialog import PasteDialog
from tests.gui.trained_runs import TALE, make_corpus, make_run
from tests.gui.widgets.conftest import picture

RECORDED = {
    "title": "a Transformer on stories",
    "rows": [[0, None, 4.1], [10, 3.0, None], [20, 2.0, 2.2], [30, 1.5, None], [40, 1.4, 1.6]],
    "uniform": 4.2,
    "unigram": 3.3,
    "entropy": 1.1,
    "samples": [[10 * step, f"text {step}\nsecond line"] for step in range(9)],
}


@pytest.fixture
def pane(session, qtbot) -> StartPane:
    made = StartPane(session)
    qtbot.addWidget(made)
    made.resize(1300, 800)
    with qtbot.waitExposed(made):
        made.show()
    qtbot.waitUntil(lambda: "run" in vars(made) and "example" in vars(made))
    return made


def drop(pane: StartPane, mime: QMimeData) -> None:
    event = QDropEvent(
        QPointF(20, 20), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    pane.text.drop.dropEvent(event)


def facts(pane: StartPane) -> list[str]:
    return [value.text() for value, _ in pane.run._facts]


def figures(pane: StartPane) -> list[str]:
    return [figure.text() for _, figure, _ in pane.run._figures]


def ready(pane: StartPane, qtbot) -> None:
    qtbot.waitUntil(lambda: bool(pane.session.draft.corpus) and pane.session.preparing is None, timeout=30_000)


def test_before_there_is_a_text_it_tells_the_defaults_and_cannot_train(pane):
    assert facts(pane)[0] == "none chosen yet"
    assert facts(pane)[1] == "BPE, 2,048 tokens"
    assert facts(pane)[3] == "90 % training, 5 % validation, 5 % test"
    assert not pane.run.train.isEnabled() and pane.run.train.text() == "Choose a text first"
    assert figures(pane) == ["–", "–", "–"]


def test_drop_train_watch(pane, qtbot, tmp_path):
    path = tmp_path / "tale.txt"
    path.write_text(TALE * 20, encoding="utf-8")
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    drop(pane, mime)
    ready(pane, qtbot)
    assert facts(pane)[0].startswith("tale, ")
    assert pane.session.draft.preset == "tiny"  # a short text
    assert "UTF-8" in pane.text._note.text() and "The old fox" in pane.text._preview.text()
    config = pane.session.configuration()
    corpus = pane.session.workspace.corpus("tale")
    parameters = config.described.parameters(config.model, corpus.statistics.vocabulary)
    assert pane.run._rungs["gpt"]._figures[1].startswith(f"{parameters / 1e3:.3g}")
    pane.session.change_draft(training={"steps": 5, "batch": 2}, execution={"device": "cpu"})
    with qtbot.waitSignal(pane.go) as wanted:
        pane.primary_action()
    assert wanted.args == ["train"]
    qtbot.waitUntil(lambda: not pane.session.busy, timeout=30_000)
    assert pane.session.job.outcome == "finished"
    qtbot.waitUntil(lambda: pane.run._rungs["gpt"]._figures[0] != "–")  # the ladder knows the score


def test_text_can_be_dropped_pasted_and_chosen(pane, qtbot, tmp_path, monkeypatch):
    mime = QMimeData()
    mime.setText(TALE)
    drop(pane, mime)
    ready(pane, qtbot)
    assert pane.session.draft.corpus == "Pasted text"
    QApplication.clipboard().setText(TALE)
    pane.text.paste.click()
    dialog = pane.findChild(PasteDialog)
    assert dialog.text.toPlainText() == TALE
    dialog.name.setText("from the clipboard")
    dialog._add.click()
    qtbot.waitUntil(lambda: pane.session.draft.corpus == "from the clipboard", timeout=30_000)
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "one.md").write_text(TALE, encoding="utf-8")
    monkeypatch.setattr("PySide6.QtWidgets.QFileDialog.getExistingDirectory", lambda *words: str(folder))
    pane.text.choose_folder.click()
    qtbot.waitUntil(lambda: pane.session.draft.corpus == "texts", timeout=30_000)
    monkeypatch.setattr("PySide6.QtWidgets.QFileDialog.getOpenFileNames", lambda *words: ([str(folder / "one.md")], ""))
    pane.text.choose_files.click()
    qtbot.waitUntil(lambda: pane.session.draft.corpus == "one", timeout=30_000)
    monkeypatch.setattr("PySide6.QtWidgets.QFileDialog.getOpenFileNames", lambda *words: ([], ""))
    pane.text.choose_files.click()
    assert pane.session.preparing is None  # nothing was chosen


def test_a_dialog_without_text_cannot_add(qtbot):
    QApplication.clipboard().setText("")
    dialog = PasteDialog()
    qtbot.addWidget(dialog)
    assert not dialog._add.isEnabled()
    dialog.text.setPlainText("a")
    assert dialog._add.isEnabled()


def test_the_bundled_samples_are_offered(pane):
    assert [row.text() for row in pane.text._rows.values()] == [sample.title for sample in samples()]
    sizes = [row._figures[0] for row in pane.text._rows.values()]
    assert all(size.endswith("B") for size in sizes)


def test_a_sample_is_made_once(pane, qtbot, monkeypatch):
    asked: list[str] = []
    monkeypatch.setattr(pane, "add_sample", asked.append)
    name = samples()[0].name
    pane.text._rows[name].click()
    assert asked == [name]
    make_corpus(pane.session.workspace, "stories made before")
    corpus = pane.session.workspace.corpus("stories made before")
    replace(corpus.record, sample=name).write(corpus.folder)
    pane.text._rows[name].click()
    assert asked == [name] and pane.session.draft.corpus == "stories made before"


def test_the_ladder_changes_the_model(pane, qtbot):
    make_corpus(pane.session.workspace)
    make_run(pane.session.workspace, "counted", "ngram", day=1)
    pane.session.list_runs()
    pane.session.choose_corpus("tale")
    keys = list(pane.run._rungs)
    assert keys[0] == "ngram" and keys[-1] == "gpt"
    assert [pane.run._rungs[key].text() for key in keys[1:4]] == [rung.title for rung in list(rungs())[1:4]]
    pane.run._rungs["ngram"].click()
    assert pane.session.draft.family == "ngram"
    assert facts(pane)[4].startswith("after 5 passes")
    assert figures(pane)[0] == "–"
    lstm = next(rung for rung in rungs() if rung.title == "LSTM")
    pane.run._rungs[lstm.key].click()
    assert pane.session.draft.model == {"cell": "lstm"}
    assert facts(pane)[2].startswith("LSTM")
    assert pane.run._rungs[lstm.key].isChecked()
    pane.session.change_draft(model={})
    assert pane.run._rungs[lstm.key].isChecked()  # it is what the family takes by itself


def test_a_wrong_draft_is_told_and_sends_to_the_settings(pane):
    make_corpus(pane.session.workspace)
    pane.session.change_draft(corpus="tale", model={"width": 7})
    assert "model.width" in pane.run.problem()
    assert not pane.run.train.isEnabled() and pane.run.train.text() == "Change settings first"
    pane.session.change_draft(model={})
    assert pane.run.problem() == "" and pane.run.train.isEnabled()
    pane.session.change_draft(corpus="gone")
    assert "no corpus “gone”" in pane.run.problem()
    assert pane.run.train.text() == "Choose a text first"


def test_without_a_text_a_wrong_setting_is_no_matter(pane):
    usual = facts(pane)
    pane.session.change_draft(model={"width": "abc"})
    assert facts(pane) == usual


def test_while_it_is_hidden_it_leaves_the_draft_alone(pane, qtbot):
    make_corpus(pane.session.workspace)
    told = []
    pane.said.connect(lambda words, kind: told.append(words))
    pane.hide()
    pane.session.change_draft(corpus="tale", preset="medium", model={"width": 7})
    pane.session.change_draft(corpus="gone", model={})
    pane.session.prepare(text=TALE, name="another")
    qtbot.waitUntil(lambda: pane.session.draft.corpus == "another", timeout=30_000)
    assert pane.session.draft.preset == "medium"
    assert told == [] and pane.run.problem() == ""
    assert facts(pane)[0] == "none chosen yet"
    pane.show()
    assert facts(pane)[0].startswith("another, ")


def test_a_text_added_here_leaves_chosen_settings_alone(pane, qtbot):
    pane.session.change_draft(preset="small", model={"layers": 3})
    pane.add_text(TALE, "another")
    qtbot.waitUntil(lambda: pane.session.draft.corpus == "another", timeout=30_000)
    assert pane.session.draft.preset == "small"


def test_a_rung_that_counts_takes_no_training_settings_along(pane):
    make_corpus(pane.session.workspace)
    pane.session.change_draft(corpus="tale", training={"steps": 500}, execution={"device": "cpu", "threads": 999})
    assert pane.run.problem() != ""
    pane.run._rungs["ngram"].click()
    assert pane.run.problem() == "" and pane.run.train.isEnabled()
    assert pane.session.draft.training == {}
    assert pane.session.draft.execution["device"] == "cpu"


def test_the_ladder_knows_scores_by_the_settings_of_the_runs(pane, qtbot):
    make_corpus(pane.session.workspace)
    run = make_run(pane.session.workspace, "listener", "recurrent", day=1)
    write_status(run.folder, Status(state="finished", step=20, best_bits_per_byte=1.5))
    pane.session.choose_corpus("tale")
    pane.session.list_runs()
    qtbot.waitUntil(lambda: pane.run._rungs["recurrent.lstm"]._figures[0] == "1.50")
    assert pane.run._rungs["recurrent.gru"]._figures[0] == "–"


def test_settings_first_goes_to_the_form(pane, qtbot):
    with qtbot.waitSignal(pane.go) as wanted:
        pane.run.settings_wanted.emit()
    assert wanted.args == ["train"]


def test_devices_are_named_and_their_trouble_too(pane, qtbot):
    from lmstudio_app.engine.devices import Device

    pane.session.devices = (Device("cpu", "A processor", 8_000_000_000), Device("cuda:0", "A card", 4_000_000_000))
    pane.session.device_trouble = {"cpu": "", "cuda:0": "no kernel image"}
    pane.session.devices_changed.emit()
    words = [pane._devices.itemAt(place).widget().words() for place in range(pane._devices.count())]
    assert words == ["A processor, 8.0 GB: tested just now", "A card: does not work (no kernel image)"]


def test_cards_stand_under_each_other_where_there_is_no_room(pane, qtbot):
    pane.resize(1300, 800)
    qtbot.waitUntil(lambda: pane.run.x() > pane.text.x())
    assert pane.example.y() == pane.run.y()
    pane.resize(820, 700)
    qtbot.waitUntil(lambda: pane.example.y() > pane.run.y())
    assert pane.run.x() > pane.text.x()
    pane.resize(500, 700)
    qtbot.waitUntil(lambda: pane.run.y() > pane.text.y())
    theme.current().set_scale(1.5)


# The example ----------------------------------------------------------------------------------------------------


def test_the_recorded_example_is_drawn(qtbot):
    plot = ExamplePlot(Example.from_json(RECORDED))
    qtbot.addWidget(plot)
    plot.resize(400, 240)
    image = picture(plot)
    seen = {image.pixelColor(x, y).name() for x in range(image.width()) for y in range(image.height())}
    assert {theme.LIGHT.runs[0].lower(), theme.LIGHT.runs[1].lower()} <= seen
    assert "4.10 down to 1.60 bits per byte in 40 steps" in plot.accessibleDescription()


def test_smoothing_begins_where_the_points_do_and_follows_them():
    points = [(step, 4.0 if step < 5 else 2.0) for step in range(50)]
    found = smoothed(points)
    assert found[0] == (0, 4.0) and found[5][1] > 3 and abs(found[-1][1] - 2) < 1e-3


def test_few_of_its_texts_are_shown(qtbot):
    example = Example.from_json(RECORDED)
    assert [step for step, _ in chosen_samples(example)] == [0, 10, 30, 80]
    card = ExampleCard(example)
    qtbot.addWidget(card)
    assert any(label.text() == "step 80" for label in card.findChildren(type(card.title)))


def test_an_example_may_lack_levels():
    example = Example.from_json({**RECORDED, "uniform": None, "entropy": None, "samples": []})
    assert example.entropy is None and example.last_step == 40


@pytest.mark.parametrize("content", ["", "[1]", '{"title": "x"}', '{"title": "x", "rows": [], "samples": []}', "{"])
def test_a_broken_or_missing_example_hides_the_curve(tmp_path: Path, monkeypatch, qtbot, content: str):
    monkeypatch.setattr(example_file, "resources_folder", lambda: tmp_path)
    assert recorded_example() is None
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "broken.json").write_text(content, encoding="utf-8")
    assert recorded_example() is None
    card = ExampleCard(None)
    qtbot.addWidget(card)
    assert card.findChild(ExamplePlot) is None
    (tmp_path / "examples" / "sound.json").write_text(json.dumps(RECORDED), encoding="utf-8")
    assert recorded_example() == Example.from_json(RECORDED)


def test_samples_describe_themselves():
    assert all(isinstance(sample, Sample) and sample.approximate_bytes > 300_000 for sample in samples())
