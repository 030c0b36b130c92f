"""The form made from the real declarations: edits, errors at the field, values that work, families."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QWhatsThis

from lmstudio_app.engine.registry import families
from lmstudio_app.engine.settings import SettingsError, declarations, read
from lmstudio_app.engine.training.settings import ExecutionSettings, TrainingSettings, training_settings
from lmstudio_app.gui.widgets import setting_text
from lmstudio_app.gui.widgets.config_form import ConfigForm, Section
from tests.gui.widgets.conftest import colors

FAMILIES = sorted(families())


def sections(name: str) -> list[Section]:
    family = families()[name]
    return [
        Section("Model", "model", declarations(family.settings)),
        Section("Training", "training", declarations(training_settings(family.learning))),
        Section("Execution", "execution", declarations(ExecutionSettings)),
    ]


def checked(form: ConfigForm, name: str = "gpt") -> None:
    """Answers the form as a pane does."""
    family = families()[name]
    groups = {"model": family.settings, "training": training_settings(family.learning), "execution": ExecutionSettings}
    problems = []
    for prefix, group in groups.items():
        values = {k.partition(".")[2]: v for k, v in form.values().items() if k.startswith(prefix + ".")}
        try:
            read(group, values, prefix)
        except SettingsError as error:
            problems += error.problems
    assert form.set_problems(problems) == []


@pytest.fixture
def form(shown) -> ConfigForm:
    made = shown(ConfigForm(), 300, 900)
    made.show_sections(sections("gpt"))
    made.changed.connect(lambda values: checked(made))
    return made


def type_into(form: ConfigForm, path: str, text: str, qtbot) -> QLineEdit:
    field = form.row(path).editor
    assert isinstance(field, QLineEdit)
    field.clear()
    qtbot.keyClicks(field, text)
    return field


@pytest.mark.parametrize("name", FAMILIES)
def test_every_setting_of_every_family_has_a_row_with_words(name, shown):
    form = shown(ConfigForm())
    form.show_sections(sections(name))
    wanted = [d.path for section in sections(name) for d in section.full()]
    assert list(form.rows()) == wanted
    for path, row in form.rows().items():
        assert row.editor.accessibleName(), path
        assert row.editor.accessibleDescription(), path
        assert row.editor.focusPolicy() & Qt.FocusPolicy.TabFocus
        assert row.value() == row.declaration.default
    checked(form, name)
    assert not any(row.wrong for row in form.rows().values())


def test_an_edit_gives_new_values(form, qtbot):
    seen = []
    form.changed.connect(seen.append)
    type_into(form, "training.steps", "5,000", qtbot)
    assert seen[-1]["training.steps"] == 5000
    assert form.row("training.steps").editor.text() == "5,000"
    box = form.row("execution.device").editor
    assert isinstance(box, QComboBox)
    box.setCurrentIndex(box.findData("cpu"))
    box.activated.emit(box.currentIndex())
    assert seen[-1]["execution.device"] == "cpu"
    tick = form.row("model.tied").editor
    assert isinstance(tick, QCheckBox)
    tick.click()
    assert seen[-1]["model.tied"] is False


def test_a_width_that_does_not_divide_offers_widths_that_do(form, qtbot):
    type_into(form, "model.heads", "6", qtbot)
    type_into(form, "model.width", "200", qtbot)
    row = form.row("model.width")
    assert row.error_text() == "Must divide evenly by 6 heads."
    assert row.editor.property("invalid") is True
    assert row.editor.accessibleDescription() == row.error_text()
    assert "Use&nbsp;198" in row._error.text()
    assert colors(form).get("#b3261e", 0) > 100
    row._error.linkActivated.emit("0")
    assert form.values()["model.width"] == 198
    assert not row.wrong
    assert row.editor.accessibleDescription() == "How many numbers describe one token inside the model."


def test_f1_shows_the_help_of_the_focused_field(form, qtbot, monkeypatch):
    told = []
    monkeypatch.setattr(QWhatsThis, "showText", lambda place, words, widget: told.append((words, widget)))
    for path in ("model.width", "training.seed"):
        row = form.row(path)
        qtbot.keyClick(row.editor, Qt.Key.Key_F1)
        assert told[-1] == (row.declaration.help, row.editor)


def test_what_was_typed_stays(form, qtbot):
    field = type_into(form, "training.batch", "sixteen", qtbot)
    assert field.text() == "sixteen"
    assert form.row("training.batch").error_text() == "Must be a whole number, not “sixteen”."
    form.set_values({"training.learning_rate": 6e-4})
    assert field.text() == "sixteen"
    type_into(form, "training.learning_rate", "1e-3", qtbot)
    form.set_values({"training.learning_rate": 0.001})
    assert form.row("training.learning_rate").editor.text() == "1e-3"


def test_advanced_settings_are_folded_until_one_is_wrong(form, qtbot):
    row = form.row("training.weight_decay")
    assert not row.isVisible()
    row.editor.setText("11")
    form._edited()
    assert row.isVisible()
    assert "between 0 and 10" in row.error_text()


def test_values_come_back_as_they_went(form):
    values = {
        path: (row.declaration.choices[-1][0] if row.declaration.choices else row.declaration.default)
        for path, row in form.rows().items()
    } | {"training.steps": 12_345, "model.dropout": 0.25, "training.sample_prompt": "ROMEO:"}
    form.set_values(values)
    assert form.values() == values


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("1,000", 1000),
        ("1 000", 1000),
        ("1_000", 1000),
        ("2.000", 2000),
        ("1.234.567", 1234567),
        ("1\u00a0000", 1000),
        ("1\u202f000\u202f000", 1000000),
        ("1’000", 1000),
        ("0,001", 0.001),
        ("inf", "inf"),
        ("9" * 400, "9" * 400),
        ("1e3", 1000),
        (" 12 ", 12),
        ("5.0", 5),
        ("2.5", 2.5),
        ("x", "x"),
    ],
)
def test_whole_numbers_are_read_kindly(typed, value):
    declared = next(d for d in declarations(TrainingSettings) if d.name == "steps")
    assert setting_text.read(declared, typed) == value


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("1e-3", 0.001),
        ("0,5", 0.5),
        ("0,001", 0.001),
        ("2,500", 2.5),
        (".25", 0.25),
        ("1,000.5", 1000.5),
        ("1,000,000", 1e6),
        ("", ""),
        ("nan", "nan"),
    ],
)
def test_numbers_are_read_kindly(typed, value):
    declared = next(d for d in declarations(TrainingSettings) if d.name == "learning_rate")
    assert setting_text.read(declared, typed) == value


def test_units_stand_in_the_field_and_make_way(form):
    field = form.row("model.width").editor
    assert field.unit == "numbers per token"
    assert field._fits
    field.setText("1" * 40)
    assert not field._fits
