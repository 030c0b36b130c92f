"""A question with a few answers, in a window of its own that blocks nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget

Role = QMessageBox.ButtonRole


class Answer(NamedTuple):
    """One button: its words and what it does (nothing: it only puts the question away)."""

    words: str
    act: Callable[[], object] | None = None
    loses: bool = False
    """Whether something ends or goes by it."""


def ask(
    parent: QWidget, title: str, question: str, remark: str, answers: Sequence[Answer], *, usual: int = 0
) -> QMessageBox:
    """Ask; the answer's `act()` is called when it is pressed. `usual` is the place of the one that Enter presses."""
    box = QMessageBox(parent)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setWindowTitle(title)
    box.setText(question)
    box.setInformativeText(remark)
    buttons = []
    for answer in answers:
        role = Role.RejectRole if answer.act is None else Role.DestructiveRole if answer.loses else Role.AcceptRole
        button = box.addButton(answer.words, role)
        if answer.act is not None:
            button.clicked.connect(lambda checked=False, act=answer.act: act())
        buttons.append(button)
    box.setDefaultButton(buttons[usual])
    box.open()
    return box
