"""One choice of a few, side by side: Log | Linear."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QHBoxLayout, QSizePolicy, QWidget

from lmstudio_app.gui import theme

_RADIUS = 6.0


class Segmented(QWidget):
    """A row of joined buttons of which exactly one is pressed; arrow keys move the choice.

    Signals: `changed(value)` when a person chose.
    """

    changed = Signal(str)

    def __init__(
        self, choices: Sequence[tuple[str, str]], name: str, parent: QWidget | None = None, *, compact: bool = False
    ) -> None:
        """`choices` are (value, words); `name` is what a screen reader calls the row."""
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._group = QButtonGroup(self)
        self._segments: dict[str, _Segment] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for place, (value, words) in enumerate(choices):
            segment = _Segment(words, place == 0, place == len(choices) - 1, compact, self)
            segment.setAccessibleDescription(name)
            self._group.addButton(segment)
            self._segments[value] = segment
            row.addWidget(segment)
        self._value = choices[0][0]
        self._segments[self._value].setChecked(True)
        self._group.buttonClicked.connect(self._chosen)
        theme.current().changed.connect(self.updateGeometry)

    @property
    def value(self) -> str:
        """The chosen value."""
        return self._value

    def step(self, forward: bool) -> None:
        """Choose the next (or the previous) choice, as an arrow key does."""
        values = [value for value, segment in self._segments.items() if not segment.isHidden()]
        place = values.index(self._value) + (1 if forward else -1)
        if 0 <= place < len(values):
            self._segments[values[place]].setFocus(Qt.FocusReason.TabFocusReason)
            self._segments[values[place]].click()

    def set_value(self, value: str) -> None:
        """Choose `value` without telling anybody."""
        self._value = value
        self._segments[value].setChecked(True)
        self._take_tab()

    def _take_tab(self) -> None:
        """Tab comes to the pressed button alone; Qt would still come to the one pressed first, even a hidden one."""
        for value, segment in self._segments.items():
            pressed = value == self._value
            segment.setFocusPolicy(Qt.FocusPolicy.StrongFocus if pressed else Qt.FocusPolicy.ClickFocus)

    def offer(self, value: str, on: bool) -> None:
        """Whether a choice is there."""
        self._segments[value].setVisible(on)
        shown = [segment for segment in self._segments.values() if not segment.isHidden()]
        for place, segment in enumerate(shown):
            segment.set_ends(place == 0, place == len(shown) - 1)

    def _chosen(self) -> None:
        value = next(value for value, segment in self._segments.items() if segment.isChecked())
        if value != self._value:
            self._value = value
            self._take_tab()
            self.changed.emit(value)


class _Segment(QAbstractButton):
    """One of the joined buttons."""

    def __init__(self, words: str, first: bool, last: bool, compact: bool, row: Segmented) -> None:
        super().__init__(row)
        self._row = row
        self._first, self._last, self._compact = first, last, compact
        self.setText(words)
        self.setAccessibleName(words)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def set_ends(self, first: bool, last: bool) -> None:
        """Say whether it stands first, and last, in its row."""
        self._first, self._last = first, last
        self.update()

    def sizeHint(self) -> QSize:
        look = theme.current()
        metrics = QFontMetrics(look.font(theme.LABEL, 600))
        height = look.pixels(24 if self._compact else 26)
        return QSize(metrics.horizontalAdvance(self.text()) + look.pixels(16 if self._compact else 20), height)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key
        if event.key() in (key.Key_Left, key.Key_Up, key.Key_Right, key.Key_Down):
            self._row.step(event.key() in (key.Key_Right, key.Key_Down))
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5 if self._last else 0.5, -0.5)
        shape = _rounded(box, self._first, self._last)
        fill = "ink" if self.isChecked() else "hover" if self.underMouse() and self.isEnabled() else "surface"
        edge = look.color("ink" if self.isChecked() else "line2")
        painter.setPen(QPen(edge, 1))
        painter.setBrush(look.color(fill))
        painter.drawPath(shape)
        painter.setFont(look.font(theme.LABEL, 600 if self.isChecked() else 500))
        painter.setPen(look.color("onink" if self.isChecked() else "text" if self.isEnabled() else "text3"))
        painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter), self.text())


def _rounded(box: QRectF, left: bool, right: bool) -> QPainterPath:
    """A rectangle with round corners at the chosen ends."""
    path = QPainterPath()
    path.setFillRule(Qt.FillRule.WindingFill)
    path.addRoundedRect(box, _RADIUS, _RADIUS)
    if not left:
        path.addRect(QRectF(box.left(), box.top(), _RADIUS, box.height()))
    if not right:
        path.addRect(QRectF(box.right() - _RADIUS, box.top(), _RADIUS, box.height()))
    return path.simplified()
