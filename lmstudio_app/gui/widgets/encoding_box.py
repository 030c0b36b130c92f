"""Encodings to choose from."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPaintEvent
from PySide6.QtWidgets import QComboBox, QStyle, QStyleOptionComboBox, QStylePainter, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.still_wheel import still_wheel


class EncodingBox(QComboBox):
    """A list of encodings; a pale note beside the chosen one says how sure it is.

    Signals: `chosen(encoding)` when a person took another one.
    """

    chosen = Signal(str)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._note = ""
        self._short: dict[str, str] = {}
        self.setAccessibleName(name)
        self.setMaxVisibleItems(18)
        still_wheel(self).activated.connect(lambda place: self.chosen.emit(self.itemData(place)))

    def show_encodings(self, encodings: Sequence[tuple[str, str, str]]) -> None:
        """Offer these: (encoding, words, words for little room)."""
        self.clear()
        self._short = {value: short for value, _, short in encodings}
        for value, words, _ in encodings:
            self.addItem(words, value)
        metrics = self.view().fontMetrics()
        widest = max((metrics.horizontalAdvance(words) for _, words, _ in encodings), default=0)
        self.view().setMinimumWidth(widest + theme.current().pixels(36))

    def show_chosen(self, encoding: str, note: str = "") -> None:
        """Show `encoding` as the chosen one, without telling anybody."""
        self._note = note
        self.setCurrentIndex(self.findData(encoding))
        self.setAccessibleDescription(note)
        self.updateGeometry()
        self.update()

    def encoding(self) -> str:
        """The chosen one; empty for none."""
        return str(self.currentData() or "")

    def note(self) -> str:
        """What is said beside it."""
        return self._note

    def sizeHint(self) -> QSize:
        look = theme.current()
        words = QFontMetrics(look.font(theme.LABEL)).horizontalAdvance(self._words())
        note = QFontMetrics(look.font(theme.HINT)).horizontalAdvance(self._note) if self._note else 0
        return QSize(words + note + look.pixels(52), super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        return QSize(theme.current().pixels(96), super().sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme.current()
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        option.currentText = ""
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        area = QRect(look.pixels(10), 0, self.width() - look.pixels(38), self.height())
        painter.setFont(look.font(theme.LABEL))
        painter.setPen(look.color("text" if self.isEnabled() else "text3"))
        words = painter.fontMetrics().elidedText(self._words(), Qt.TextElideMode.ElideRight, area.width())
        painter.drawText(area, int(Qt.AlignmentFlag.AlignVCenter), words)
        taken = painter.fontMetrics().horizontalAdvance(words) + look.pixels(8)
        painter.setFont(look.font(theme.HINT))
        painter.setPen(look.color("text3"))
        if painter.fontMetrics().horizontalAdvance(self._note) <= area.width() - taken:
            painter.drawText(area.adjusted(taken, 0, 0, 0), int(Qt.AlignmentFlag.AlignVCenter), self._note)
        painter.end()

    def _words(self) -> str:
        return self._short.get(self.encoding(), self.currentText()) or self.placeholderText()
