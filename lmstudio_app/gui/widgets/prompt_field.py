"""A field for a text of several lines, written in the font of model text, with a remark in its corner."""

from __future__ import annotations

from PySide6.QtCore import QMimeData, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QPlainTextEdit, QSizePolicy, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.document_text import copied, raw
from lmstudio_app.gui.widgets.state import set_state
from lmstudio_app.gui.widgets.text import Text


class PromptField(QPlainTextEdit):
    """An editor as high as `lines` lines; longer texts scroll. Tab goes on to the next control.

    Signals: `submitted()` on Ctrl+Enter.
    """

    submitted = Signal()

    def __init__(self, name: str, lines: int = 2, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines = lines
        self.setAccessibleName(name)
        self.setProperty("verbatim", True)
        self.setProperty("mono", True)
        self.setTabChangesFocus(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._remark = Text("", "hint", copyable=False, parent=self)
        self._remark.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        theme.current().changed.connect(self._lay)
        self._lay()

    def set_text(self, text: str) -> None:
        """Show another text; it can be undone like typing."""
        cursor = self.textCursor()
        cursor.select(cursor.SelectionType.Document)
        cursor.insertText(text)

    def text(self) -> str:
        """What stands in the field, a line's end as `\\n`."""
        return raw(self.document())

    def set_remark(self, words: str) -> None:
        """Show a few words in the corner, such as how many tokens the text has."""
        self._remark.setText(words)
        self.setAccessibleDescription(words)
        self._lay()

    def remark(self) -> str:
        """The words in the corner."""
        return self._remark.text()

    def set_invalid(self, invalid: bool) -> None:
        """Give the field the red edge of an error, or take it away."""
        set_state(self, "invalid", invalid)

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), self._height())

    def minimumSizeHint(self) -> QSize:
        return QSize(theme.current().pixels(160), self._height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_remark()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if (
            event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            and event.modifiers() & Qt.KeyboardModifier.ControlModifier
        ):
            self.submitted.emit()
        else:
            super().keyPressEvent(event)

    def createMimeDataFromSelection(self) -> QMimeData:
        return copied(self.textCursor())

    def _height(self) -> int:
        look = theme.current()
        line = QFontMetricsF(look.font(theme.BODY, mono=True)).lineSpacing()
        return round(self._lines * line + 2 * look.pixels(4) + 2 * self.document().documentMargin() + 6)

    def _lay(self) -> None:
        self._remark.adjustSize()
        wide = self._remark.width() + 12 if self._remark.text() else 0
        self.setViewportMargins(0, 0, wide, 0)
        self.updateGeometry()
        self._place_remark()

    def _place_remark(self) -> None:
        bar = self.verticalScrollBar()
        right = self.width() - 9 - (bar.width() if bar.isVisible() else 0)
        self._remark.move(right - self._remark.width(), theme.current().pixels(7))
