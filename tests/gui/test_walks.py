"""Walks through every pane: each control has a name and can be reached by Tab; every word is translated and fits.

A new pane is covered as soon as it stands in `PANES`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QAccessible, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QDialog,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QRadioButton,
    QScrollBar,
    QTableView,
    QTextEdit,
    QWidget,
)

from lmstudio_app.gui import theme
from lmstudio_app.gui.main_window import PANES, MainWindow
from lmstudio_app.gui.session import Session
from lmstudio_app.gui.widgets.text import ElidedText
from tests.gui.pseudo_language import installed
from tests.gui.trained_runs import make_workspace

PAGES = ["start", *(entry.name for entry in PANES)]
WORKSPACES = ["empty", "trained"]
NEEDS_TEXT = {"corpus"}  # an empty workspace shows the start page there
CASES = [(page, kind) for page in PAGES for kind in WORKSPACES if not (kind == "empty" and page in NEEDS_TEXT)]
SETTLE_MILLISECONDS = 400


@pytest.fixture
def show(qtbot, tmp_path: Path) -> Iterator[Callable[[str, str], MainWindow]]:
    made: list[MainWindow] = []

    def open_page(page: str, kind: str, width: int = 1440, height: int = 900) -> MainWindow:
        folder = tmp_path / kind
        if kind == "trained":
            make_workspace(folder)
        session = Session()
        window = MainWindow(session)
        session.setParent(window)
        qtbot.addWidget(window, before_close_func=lambda window: window.session.close())
        made.append(window)
        with qtbot.waitSignal(window.painted):
            window.show()
        window.open_workspace(folder)
        window.resize(width, height)
        if kind == "trained":
            session.choose_corpus("tale")
            session.open_run("reader")
        window.show_pane(page)
        qtbot.wait(SETTLE_MILLISECONDS)
        qtbot.waitUntil(lambda: not session.jobs._started, timeout=30_000)
        qtbot.wait(50)
        return window

    yield open_page


# Names and the way of Tab ---------------------------------------------------------------------------------------


def controls(window: QWidget) -> list[QWidget]:
    """What a person can act on with the keyboard: visible, enabled, and taking the focus by Tab."""
    found = []
    for widget in window.findChildren(QWidget):
        inner = widget.objectName().startswith("qt_") or isinstance(widget, QScrollBar | QHeaderView)
        part = isinstance(widget.parentWidget(), QComboBox) or widget.focusProxy() is not None
        if inner or part or not widget.isVisible() or not widget.isEnabled():
            continue
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
            found.append(widget)
    return found


def name_of(widget: QWidget) -> str:
    interface = QAccessible.queryAccessibleInterface(widget)
    return interface.text(QAccessible.Text.Name).strip() if interface is not None else ""


def tell(widget: QWidget) -> str:
    """A widget in words that help to find it."""
    chain = []
    place: QWidget | None = widget
    while place is not None:
        chain.append(type(place).__name__)
        place = place.parentWidget()
    return f"{name_of(widget) or '(no name)'}: {' < '.join(chain[:6])}"


def tab_walk(window: QWidget) -> list[QWidget]:
    """Who gets the focus as Tab is pressed again and again, until it comes round."""
    visited: list[QWidget] = []
    first = window.focusWidget()
    for _ in range(400):
        target = window.focusWidget() or window
        for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            QApplication.sendEvent(target, QKeyEvent(kind, Qt.Key.Key_Tab, Qt.KeyboardModifier.NoModifier, "\t"))
        now = window.focusWidget()
        assert now is not target or len(visited) < 1, f"Tab does not leave {tell(target)}"
        if now is first or now in visited:
            break
        if now is not None:
            visited.append(now)
    return visited + ([first] if first is not None else [])


def in_group(widget: QWidget) -> bool:
    """Whether the arrow keys lead to it from its chosen neighbour."""
    if not isinstance(widget, QAbstractButton) or not widget.isCheckable() or widget.isChecked():
        return False
    group = widget.group()
    exclusive = group is not None and group.exclusive()
    return exclusive or isinstance(widget, QRadioButton) or widget.autoExclusive()


@pytest.mark.parametrize(("page", "kind"), CASES)
def test_every_control_has_a_name_and_can_be_reached(show, page: str, kind: str):
    window = show(page, kind)
    nameless = [tell(widget) for widget in controls(window) if not name_of(widget)]
    assert not nameless, "controls without a name"
    window.rail.buttons["corpus"].setFocus()
    wanted = {id(widget): widget for widget in controls(window) if not in_group(widget)}
    reached = {id(widget) for widget in tab_walk(window)}
    missed = [tell(widget) for key, widget in wanted.items() if key not in reached]
    assert not missed, "controls that Tab does not reach"


# Words ----------------------------------------------------------------------------------------------------------

BRACKETED = re.compile(r"⟦[^⟦⟧]*⟧")
MEASURES = re.compile(
    r"\b(?:\d[\d,.]*\s*)?(?:[KMGT]?B|[KMG]|s|min|h|d|bpe|BPE|GPT|n-gram|UTF-8|CPU|RAM|Ctrl|Shift|Alt|Enter|Del|F\d+)\b"
)
KEYS = re.compile(r"\b(?:Ctrl|Shift|Alt|Meta)\+\S+|\bF\d+\b|(?:\+|  )\S$")  # a tooltip ends in its key


def verbatim(widget: QWidget) -> bool:
    """Whether it shows data (a file's name, a model's text) rather than words of the window."""
    place: QWidget | None = widget
    while place is not None:
        if place.property("verbatim"):
            return True
        place = place.parentWidget()
    return False


def untranslated(words: str) -> str:
    """The letters of `words` that stand outside every bracket."""
    while BRACKETED.search(words):
        words = BRACKETED.sub(" ", words)
    return re.sub(r"[^\w]|[\d_]", "", MEASURES.sub(" ", KEYS.sub(" ", words)))


def words_of(widget: QWidget) -> Iterator[tuple[str, str]]:
    """What a widget says, as (where, words)."""
    if isinstance(widget, QLabel) and widget.pixmap().isNull():
        yield "text", widget.words() if isinstance(widget, ElidedText) else widget.text()
    if isinstance(widget, QAbstractButton):
        yield "text", widget.text()
    if isinstance(widget, QLineEdit | QPlainTextEdit | QTextEdit):
        yield "placeholder", widget.placeholderText()
    if isinstance(widget, QComboBox):
        yield from (("choice", widget.itemText(place)) for place in range(widget.count()))
    if isinstance(widget, QTableView):
        header = widget.model()
        if header is not None:
            for section in range(header.columnCount()):
                yield "column", str(header.headerData(section, Qt.Orientation.Horizontal) or "")
    yield "tooltip", widget.toolTip()
    yield "accessible name", widget.accessibleName()
    yield "description", widget.accessibleDescription()


def shown(window: QWidget) -> list[QWidget]:
    inner = ("qt_",)
    return [
        widget
        for widget in (window, *window.findChildren(QWidget))
        if widget.isVisible()
        and not widget.objectName().startswith(inner)
        and not isinstance(widget, QAbstractItemView)
    ] + [table for table in window.findChildren(QTableView) if table.isVisible()]


def missed_words(window: QWidget) -> list[str]:
    found = []
    for widget in shown(window):
        if verbatim(widget):
            continue
        for where, words in words_of(widget):
            if letters := untranslated(words):
                found.append(f"{where} “{words}” ({letters}) of {tell(widget)}")
    return found


def cut_off(window: QWidget) -> list[str]:
    """Words that have less room than they need."""
    found = []
    for widget in shown(window):
        if isinstance(widget, QLabel) and "⟦" in widget.text():
            if widget.wordWrap():
                cut = widget.height() + 1 < widget.heightForWidth(widget.width())
            else:
                cut = widget.width() + 2 < widget.sizeHint().width() and not hasattr(widget, "set_words")
        elif isinstance(widget, QAbstractButton) and "⟦" in widget.text():
            needed = (
                widget.minimumSizeHint().expandedTo(widget.sizeHint()) if widget.sizeHint().isValid() else widget.size()
            )
            elides = isinstance(widget, QRadioButton)
            cut = not elides and (widget.width() + 2 < needed.width() or widget.height() + 2 < needed.height())
        else:
            continue
        if cut:
            found.append(f"{tell(widget)} has {widget.size().toTuple()}, needs {widget.sizeHint().toTuple()}")
    return found


@pytest.mark.parametrize(("page", "kind"), CASES)
def test_every_word_is_translated_and_fits(show, page: str, kind: str):
    with installed():
        window = show(page, kind)
        missed, cut = missed_words(window), cut_off(window)
    assert not missed, "words that nobody translated"
    assert not cut, "words that are cut off"


def test_dialogs_are_walked_too(show, qtbot):
    with installed():
        window = show("start", "trained")
        window.show_settings()
        window.pane.paste_text()
        qtbot.wait(SETTLE_MILLISECONDS)
        dialogs = [dialog for dialog in window.findChildren(QDialog) if dialog.isVisible()]
        assert len(dialogs) == 2
        for dialog in dialogs:
            assert not missed_words(dialog) and not cut_off(dialog)
            assert not [tell(widget) for widget in controls(dialog) if not name_of(widget)]
            wanted = {id(widget): widget for widget in controls(dialog) if not in_group(widget)}
            missed = [tell(widget) for key, widget in wanted.items() if key not in map(id, tab_walk(dialog))]
            assert not missed
        for dialog in dialogs:
            dialog.reject()


@pytest.mark.parametrize(("page", "kind"), [case for case in CASES if case[1] == "trained"])
def test_text_at_twice_its_size_still_fits(show, page: str, kind: str):
    theme.current().set_scale(2.0)
    window = show(page, kind)
    tight = [
        tell(widget)
        for widget in shown(window)
        if isinstance(widget, QLabel) and widget.text() and not widget.wordWrap() and not hasattr(widget, "set_words")
        and widget.pixmap().isNull() and widget.height() + 2 < widget.fontMetrics().height()
    ]  # fmt: skip
    assert not tight, "labels lower than their letters"
