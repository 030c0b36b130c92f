"""The switches of cleaning: what is rarely wanted shows itself when it would find something, or on request."""

from __future__ import annotations

from pytestqt.qtbot import QtBot

from lmstudio_app.engine.data.cleaning import CleaningSettings
from lmstudio_app.engine.settings import declarations
from lmstudio_app.gui.widgets.cleaning_switches import CleaningSwitches


def shown(switches: CleaningSwitches) -> set[str]:
    return {name for name in CleaningSettings.model_fields if switches.box(name).isVisibleTo(switches)}


def test_rare_switches_are_folded_until_they_are_of_use(qtbot: QtBot) -> None:
    switches = CleaningSwitches(declarations(CleaningSettings))
    qtbot.addWidget(switches)
    usual = {"line_ends", "trailing_spaces", "quotes", "lower_case"}
    assert shown(switches) == usual
    switches.show_counts({"gutenberg": "2 found", "half_width": "0 found"}, ["gutenberg"])
    assert shown(switches) == usual | {"gutenberg"}
    switches.show_values({"personal_data": True})
    assert shown(switches) == usual | {"gutenberg", "personal_data"}
    switches.more.click()
    assert shown(switches) == set(CleaningSettings.model_fields)
    switches.more.click()
    assert shown(switches) == usual | {"gutenberg", "personal_data"}
