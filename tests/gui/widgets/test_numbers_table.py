"""Tables of numbers: sorted, searched and copied, also when they are long."""

from __future__ import annotations

import time

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHeaderView
from pytestqt.qtbot import QtBot

from lmstudio_app.gui.widgets.numbers_table import NumbersTable, Share

COLUMNS = ("Id", "Token", "Share", "Occurrences")
ROWS = [(0, "the", Share(0.5), 1200), (1, "Cat", Share(0.25), 30), (2, "图书馆", Share(0.125), 4), (3, "cats", 0.0, 30)]


@pytest.fixture
def table(qtbot: QtBot) -> NumbersTable:
    made = NumbersTable("Tokens")
    qtbot.addWidget(made)
    made.resize(500, 200)
    made.show_rows(COLUMNS, ROWS)
    return made


def column(table: NumbersTable, place: int = 1) -> list[str]:
    model = table.model()
    return [model.index(row, place).data() for row in range(model.rowCount())]


def test_rows_stand_as_given_until_a_column_is_chosen(table: NumbersTable) -> None:
    assert column(table) == ["the", "Cat", "图书馆", "cats"]
    assert column(table, 2) == ["50.0 %", "25.0 %", "12.5 %", "0.00"]
    table.sortByColumn(3, Qt.SortOrder.AscendingOrder)
    assert column(table) == ["图书馆", "Cat", "cats", "the"]
    table.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    assert column(table) == ["图书馆", "the", "cats", "Cat"]
    table.show_rows(COLUMNS, ROWS[::-1])
    assert column(table) == ["cats", "图书馆", "Cat", "the"]


def test_words_are_searched_in_all_cells_and_stay_for_other_rows(table: NumbersTable) -> None:
    table.search("CAT")
    assert column(table) == ["Cat", "cats"]
    table.sortByColumn(0, Qt.SortOrder.DescendingOrder)
    assert column(table) == ["cats", "Cat"]
    table.search("1,200")
    assert column(table) == ["the"]
    table.search("cat")
    table.show_rows(COLUMNS, [*ROWS, (4, "concat", Share(0), 1)])
    assert column(table) == ["Cat", "cats", "concat"]
    table.search("")
    assert len(column(table)) == 5


def test_selected_rows_are_copied_as_they_stand(qtbot: QtBot, table: NumbersTable) -> None:
    table.sortByColumn(3, Qt.SortOrder.AscendingOrder)
    table.selectRow(0)
    qtbot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "Id\tToken\tShare\tOccurrences\n2\t图书馆\t12.5 %\t4"


def test_headings_stand_over_their_cells_and_no_column_takes_all_room(table: NumbersTable) -> None:
    model, role = table.model(), Qt.ItemDataRole.TextAlignmentRole
    for place in (0, 3):
        assert model.headerData(place, Qt.Orientation.Horizontal, role) == model.index(0, place).data(role)
    assert Qt.AlignmentFlag(model.headerData(1, Qt.Orientation.Horizontal, role)) & Qt.AlignmentFlag.AlignLeft
    table.show_rows(("Id", "Token", "Bytes"), [(1, "x", "E4 BB " * 200)])
    assert table.horizontalHeader().sectionSize(2) <= 230
    assert table.horizontalHeader().sectionResizeMode(1) == QHeaderView.ResizeMode.Stretch


def test_a_large_vocabulary_is_opened_and_searched_in_time(qtbot: QtBot, table: NumbersTable) -> None:
    rows = [(number, f"token {number}", "41 42 43", number * 7) for number in range(65_536)]
    table.show()
    begun = time.process_time()
    table.show_rows(("Id", "Token", "Bytes", "Occurrences"), rows)
    for words in ("t", "to", "token 12", "token 123", ""):
        table.search(words)
    table.sortByColumn(3, Qt.SortOrder.DescendingOrder)
    assert column(table)[0] == "token 65535"
    assert time.process_time() - begun < 5, "hundreds of milliseconds; a proxy that asks for each cell takes far longer"
