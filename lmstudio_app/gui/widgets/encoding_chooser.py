"""A few readings of one place of a text; a person picks the encoding in which it reads right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QButtonGroup, QRadioButton, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.button import Button
from lmstudio_app.gui.widgets.card import strip
from lmstudio_app.gui.widgets.encoding_box import EncodingBox
from lmstudio_app.gui.widgets.radio_mark import paint_radio
from lmstudio_app.gui.widgets.text import ElidedText, Text
from lmstudio_app.gui.widgets.wrapping_row import WrappingRow

_LINES = 3


class Reading(NamedTuple):
    """An encoding by name and in words, and an excerpt as it reads in it."""

    encoding: str
    title: str
    excerpt: str


class EncodingChooser(QWidget):
    """Readings one below the other, the first one picked.

    Signals: `chosen(encoding)`, `other_wanted(encoding)` to see how the text reads in one more, `given_up()`.
    """

    chosen = Signal(str)
    other_wanted = Signal(str)
    given_up = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = Text(self.tr("In which of these does the text read right?"), "strong", wrap=True, copyable=False)
        self._path = ElidedText("", "hint", verbatim=True)
        self._why = Text("", "label", wrap=True)
        self._group = QButtonGroup(self)
        self._rows: list[_ReadingRow] = []
        self.other = EncodingBox(self.tr("Another encoding"))
        self.other.chosen.connect(self.other_wanted)
        self.use = Button(self.tr("Use this encoding"), "check", "primary")
        self.use.clicked.connect(lambda: self.chosen.emit(self.encoding()))
        self.leave = Button("")
        self.leave.clicked.connect(self.given_up)
        self._build()

    def show_readings(self, path: str, readings: Sequence[Reading], why: str, leave: str) -> None:
        """Show the readings of the file at `path`; `why` says what is doubtful, `leave` how to do without it."""
        self._path.set_words(path)
        self._why.setText(why)
        self.leave.set_words(leave)
        for shown in self._rows:
            self._group.removeButton(shown)
            shown.hide()
            shown.deleteLater()
        self._rows = []
        for reading in readings:
            self._add(reading)
        if self._rows:
            self._rows[0].setChecked(True)
        self.other.show_chosen("")
        self.use.setEnabled(bool(self._rows))

    def add_reading(self, reading: Reading) -> None:
        """Show one more reading, and pick it."""
        known = next((shown for shown in self._rows if shown.reading.encoding == reading.encoding), None)
        (known or self._add(reading)).setChecked(True)
        self.use.setEnabled(True)

    def encoding(self) -> str:
        """The picked one; empty while there is none."""
        return next((shown.reading.encoding for shown in self._rows if shown.isChecked()), "")

    def readings(self) -> list[Reading]:
        """What is shown."""
        return [shown.reading for shown in self._rows]

    def pick(self, encoding: str) -> None:
        """Pick one of the readings."""
        for shown in self._rows:
            if shown.reading.encoding == encoding:
                shown.setChecked(True)

    def _add(self, reading: Reading) -> _ReadingRow:
        made = _ReadingRow(reading)
        self._group.addButton(made)
        self._list.addWidget(made)
        if self._rows:
            QWidget.setTabOrder(self._rows[-1], made)
        QWidget.setTabOrder(made, self.other)
        self._rows.append(made)
        return made

    def _build(self) -> None:
        page = QWidget()
        page.setProperty("scrolled", True)
        column = QVBoxLayout(page)
        column.setContentsMargins(12, 12, 12, 12)
        column.setSpacing(6)
        for widget in (self._title, self._path, self._why):
            column.addWidget(widget)
        box = strip("box")
        self._list = QVBoxLayout(box)
        self._list.setContentsMargins(1, 1, 1, 1)
        self._list.setSpacing(0)
        column.addSpacing(2)
        column.addWidget(box)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(page)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll, 1)
        self.other.setPlaceholderText(self.tr("Another encoding…"))
        below = WrappingRow(spacing=8)
        below.setContentsMargins(12, 8, 12, 4)
        below.addWidget(self.other)
        below.add_gap()
        below.addWidget(self.leave)
        below.addWidget(self.use)
        outer.addWidget(strip("rule"))
        outer.addLayout(below)


class _ReadingRow(QRadioButton):
    """One reading: a radio button, the encoding and a few lines of the text."""

    def __init__(self, reading: Reading) -> None:
        super().__init__(reading.title)
        self.reading = reading
        self.setProperty("verbatim", True)
        self.setAccessibleName(reading.title)
        self.setAccessibleDescription(reading.excerpt)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._lines = [line for line in reading.excerpt.splitlines() if line.strip()][:_LINES] or [""]
        theme.current().changed.connect(self.updateGeometry)

    def hitButton(self, place: object) -> bool:
        return True  # the whole row is the button, not only what the style draws

    def sizeHint(self) -> QSize:
        look = theme.current()
        return QSize(look.pixels(240), look.pixels(38 + 18 * len(self._lines)))

    def minimumSizeHint(self) -> QSize:
        return QSize(theme.current().pixels(140), self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.isChecked() or self.underMouse():
            painter.fillRect(self.rect(), look.color("sel" if self.isChecked() else "hover"))
        paint_radio(painter, look.pixels(18), look.pixels(18), checked=self.isChecked())
        left = look.pixels(36)
        line = QRect(left, look.pixels(8), self.width() - left - look.pixels(10), look.pixels(20))
        painter.setFont(look.font(theme.LABEL, 600))
        painter.setPen(look.color("text"))
        painter.drawText(line, int(Qt.AlignmentFlag.AlignVCenter), self.text())
        painter.setFont(look.font(theme.LABEL, mono=True))
        for number, words in enumerate(self._lines):
            below = line.translated(0, look.pixels(20 + 18 * number))
            shown = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, below.width())
            painter.drawText(below, int(Qt.AlignmentFlag.AlignVCenter), shown)
        painter.end()
