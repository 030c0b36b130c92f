"""Columns that stand one below the other where there is no room beside each other."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.folding_columns import FoldingColumns


@pytest.fixture
def columns(qtbot):
    made = FoldingColumns(700)
    qtbot.addWidget(made)
    made.first, made.second = QWidget(), QWidget()
    made.add(made.first, width=300, height=400)
    made.add(made.second, 1, height=500)
    made.resize(900, 600)
    with qtbot.waitExposed(made):
        made.show()
    return made


def test_side_by_side_while_there_is_room(columns, qtbot):
    assert not columns.folded
    qtbot.waitUntil(lambda: columns.first.height() == 600)
    assert columns.first.width() == 300
    assert columns.second.x() > columns.first.x() + 299
    assert not columns.verticalScrollBar().maximum()


def test_one_below_the_other_in_a_narrow_window(columns, qtbot):
    columns.resize(600, 600)
    qtbot.waitUntil(lambda: columns.second.y() >= 400)
    assert columns.folded
    assert columns.first.width() == columns.second.width() > 500
    assert columns.second.height() >= 500
    columns.reveal(columns.second)
    assert columns.verticalScrollBar().value() > 0
    columns.resize(900, 600)
    qtbot.waitUntil(lambda: not columns.verticalScrollBar().maximum())
    assert columns.first.width() == 300 and columns.second.y() == 0


def test_large_text_needs_more_room(columns, qtbot):
    theme.current().set_scale(1.5)
    try:
        qtbot.waitUntil(lambda: columns.folded)
        qtbot.waitUntil(lambda: columns.first.height() >= 600)
    finally:
        theme.current().set_scale(1.0)
    assert not columns.folded
