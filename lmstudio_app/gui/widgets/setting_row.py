"""One row of a settings form: a label, a field, a line of help, and what is wrong with the value."""

from __future__ import annotations

import html
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QWhatsThis,
    QWidget,
)

from lmstudio_app.engine.settings import Declaration, Problem
from lmstudio_app.gui import theme
from lmstudio_app.gui.translation import declared as in_words
from lmstudio_app.gui.widgets import setting_text
from lmstudio_app.gui.widgets.state import set_state
from lmstudio_app.gui.widgets.still_wheel import still_wheel
from lmstudio_app.gui.widgets.text import Text
from lmstudio_app.gui.widgets.unit_field import UnitField

LABEL_WIDTH = 106


class FormRow(QWidget):
    """A label at the left of any field, with help below; `say_error` puts an error in the place of the help.

    Signals: `choice_taken(int)` when a person clicked one of the values offered by an error.
    """

    choice_taken = Signal(int)

    def __init__(self, title: str, editor: QWidget, hint: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.editor = editor
        self._hint_words = hint
        self._folded = False
        self._said: tuple[str, tuple[str, ...]] = ("", ())
        self._label = Text(title, "body", wrap=True, copyable=False)
        self._label.setBuddy(editor)
        self._hint = Text(hint, "hint", wrap=True, copyable=False)
        self._sign = QLabel()
        self._error = QLabel()
        self._error.setProperty("role", "err")
        self._error.setProperty("verbatim", True)  # a translated sentence with links in it
        self._error.setTextFormat(Qt.TextFormat.RichText)
        self._error.setWordWrap(True)
        self._error.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
        self._error.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        for words in (self._hint, self._error):
            words.setMinimumWidth(40)  # a long word in some language must not widen the whole form
        self._error.linkActivated.connect(lambda link: self.choice_taken.emit(int(link)))
        self._lay(editor)
        self._hint.setVisible(bool(hint))  # before it was laid it would open a window of its own
        theme.current().changed.connect(self._redress)
        self._redress()

    def _lay(self, editor: QWidget) -> None:
        editor.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._trouble = QWidget()
        trouble = QHBoxLayout(self._trouble)
        trouble.setContentsMargins(0, 0, 0, 0)
        trouble.setSpacing(6)
        trouble.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignTop)
        trouble.addWidget(self._error, 1)
        self._trouble.hide()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(3)
        self._grid.addWidget(self._label, 0, 0)
        self._grid.addWidget(editor, 0, 1)
        self._grid.addWidget(self._trouble, 1, 0, 1, 2)
        self._grid.addWidget(self._hint, 2, 0, 1, 2)
        self._grid.setColumnStretch(1, 1)

    def add_action(self, button: QWidget) -> None:
        """Put a button at the right of the field."""
        for line, widget in ((1, self._trouble), (2, self._hint)):
            self._grid.removeWidget(widget)
            self._grid.addWidget(widget, line, 0, 1, 3)
        self._grid.addWidget(button, 0, 2)

    def set_hint(self, hint: str) -> None:
        """Show another line of help."""
        self._hint_words = hint
        self._hint.setText(hint)
        self._hint.setVisible(bool(hint) and self._trouble.isHidden() and not self._folded)
        if self._trouble.isHidden():
            self.editor.setAccessibleDescription(hint)

    def say_error(self, sentence: str, offers: tuple[str, ...] = ()) -> None:
        """Show what is wrong (nothing when `sentence` is empty), with values to click on."""
        wrong = bool(sentence)
        unbroken = [html.escape(words).replace(" ", "&nbsp;") for words in offers]
        color = theme.current().color("link").name()  # a label keeps the colour of the palette it was written under
        links = " ".join(f'<a href="{i}" style="color: {color}">{words}</a>' for i, words in enumerate(unbroken))
        self._said = (sentence, offers)
        self._error.setText(f"{html.escape(sentence)} {links}".strip())
        self._error.setAccessibleName(sentence)
        self._error.setFocusPolicy(Qt.FocusPolicy.TabFocus if offers else Qt.FocusPolicy.NoFocus)
        self._trouble.setVisible(wrong)
        self._hint.setVisible(bool(self._hint_words) and not wrong and not self._folded)
        self.editor.setAccessibleDescription(sentence or self._hint_words)
        set_state(self.editor, "invalid", wrong)

    def fold(self) -> None:
        """Take no more room than label and field need; the help becomes a tooltip."""
        self.setToolTip(self._hint_words)
        self._folded = True
        self._hint.hide()
        self._redress()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """F1 shows the help at the field, also where it is folded away or an error stands in its place."""
        if event.key() == Qt.Key.Key_F1 and not event.modifiers() and self._hint_words:
            below = self.editor.mapToGlobal(self.editor.rect().bottomLeft())
            QWhatsThis.showText(below, self._hint_words, self.editor)
        else:
            super().keyPressEvent(event)

    @property
    def wrong(self) -> bool:
        """Whether an error is shown."""
        return not self._trouble.isHidden()

    def error_text(self) -> str:
        """The error that is shown, without its links."""
        return self._error.accessibleName() if self.wrong else ""

    def _redress(self) -> None:
        look = theme.current()
        self._grid.setColumnMinimumWidth(0, 0 if self._folded else look.pixels(LABEL_WIDTH))
        self._label.setMaximumWidth(look.pixels(LABEL_WIDTH))
        if self._said[0]:
            self.say_error(*self._said)
        self._sign.setPixmap(look.pixmap("error", "err", 14, self.devicePixelRatioF()))


class SettingRow(FormRow):
    """The row of one declared setting.

    Signals: `edited()` when a person changed the value.
    """

    edited = Signal()

    def __init__(self, declaration: Declaration, parent: QWidget | None = None) -> None:
        self.declaration = declaration
        self._problem: Problem | None = None
        title, unit = in_words(declaration.title), in_words(declaration.unit)
        super().__init__(title, self._make_editor(declaration, unit), in_words(declaration.help), parent)
        self.editor.setAccessibleName(f"{title}, {unit}" if unit else title)
        self.editor.setAccessibleDescription(self._hint_words)
        self.choice_taken.connect(self._take)
        self.set_value(declaration.default)

    def _make_editor(self, declaration: Declaration, unit: str) -> QWidget:
        """A list, a box to tick or a field, as the kind of setting wants."""
        if declaration.kind == "choice":
            box = QComboBox()
            for value, words in declaration.choices:
                box.addItem(in_words(words), value)
            box.setMinimumContentsLength(6)
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            still_wheel(box).activated.connect(self._edited)
            return box
        if declaration.kind == "boolean":
            tick = QCheckBox()
            tick.toggled.connect(lambda on: tick.setText(self.tr("On") if on else self.tr("Off")))
            tick.setText(self.tr("Off"))
            tick.clicked.connect(self._edited)
            return tick
        field = UnitField(unit)
        field.textEdited.connect(self._edited)
        return field

    def value(self) -> Any:
        """What the field says: a value, or the text that could not be read as one."""
        editor = self.editor
        if isinstance(editor, QComboBox):
            return editor.currentData()
        if isinstance(editor, QCheckBox):
            return editor.isChecked()
        assert isinstance(editor, QLineEdit)
        return setting_text.read(self.declaration, editor.text())

    def set_value(self, value: Any) -> None:
        """Show a value without telling anybody. What was typed stays as it was typed when it means the same."""
        editor = self.editor
        if isinstance(editor, QComboBox):
            editor.setCurrentIndex(max(0, editor.findData(value)))
        elif isinstance(editor, QCheckBox):
            editor.setChecked(bool(value))
        elif isinstance(editor, QLineEdit) and (not editor.text() or self.value() != value):
            editor.setText(setting_text.written(self.declaration, value))

    def set_unit(self, unit: str) -> None:
        """Show another unit, or a remark in its place."""
        if isinstance(self.editor, UnitField):
            self.editor.set_unit(unit)

    def show_problem(self, problem: Problem | None) -> None:
        """Show what is wrong with the value, or that nothing is."""
        self._problem = problem
        if problem is None:
            self.say_error("")
            return
        offers = tuple(
            self.tr("Use {value}").format(value=self._choice_words(choice)) for choice in problem.choices[:4]
        )
        self.say_error(in_words(problem.sentence, **problem.values), offers)

    def _choice_words(self, choice: object) -> str:
        titles = dict(self.declaration.choices)
        return in_words(titles[choice]) if choice in titles else setting_text.written(self.declaration, choice)

    def _take(self, place: int) -> None:
        if self._problem is not None and place < len(self._problem.choices):
            self.set_value(self._problem.choices[place])
            self._edited()

    def _edited(self, *_: object) -> None:
        self.edited.emit()
