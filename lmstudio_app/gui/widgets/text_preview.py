"""The beginning of a text as it is written: numbered lines, to be read, copied and enlarged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from PySide6.QtCore import QEvent, QMimeData, QRect, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetrics,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextOption,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QTextEdit, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.document_text import copied
from lmstudio_app.gui.widgets.text_zoom import TextZoom


class ShownLine(NamedTuple):
    """A line of changes: "same", "removed" or "added" with its number and its changed letters, or a "note"."""

    kind: Literal["same", "removed", "added", "note"]
    number: int
    text: str
    marks: tuple[tuple[int, int], ...] = ()


_LINE_ENDS = {0x0D: "␍", 0x2028: "␤", 0x2029: "¶"}
"""Signs for what would end a line inside a line of changes."""
_LINE_HEIGHT = 130  # percent
_LEAST_DIGITS = 3


class TextPreview(QTextEdit):
    """Text that cannot be changed, with line numbers. Ctrl and the wheel, or Ctrl and Up or Down, change its size."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._zoom = TextZoom()
        self._text: str | None = ""
        self._changes: tuple[ShownLine, ...] = ()
        self.setReadOnly(True)
        self.setAcceptRichText(False)
        self.setProperty("flat", True)
        self.setProperty("verbatim", True)
        self.setAccessibleName(name)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTabChangesFocus(True)
        self.setAcceptDrops(False)  # what is dropped here is for the pane
        self.setUndoRedoEnabled(False)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._numbers = _LineNumbers(self)
        self.verticalScrollBar().valueChanged.connect(self._numbers.update)
        theme.current().changed.connect(self._dress)
        theme.current().changed.connect(self._recolor)
        self._dress()

    def show_text(self, text: str) -> None:
        """Show another text, from its start."""
        if text == self._text:
            return
        self._text, self._changes = text, ()
        self.clear()
        writing = QTextCursor(self.document())
        line = QTextBlockFormat()
        line.setLineHeight(_LINE_HEIGHT, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
        writing.beginEditBlock()
        writing.setBlockFormat(line)  # and so have the lines that follow
        writing.insertText(text)
        writing.endEditBlock()
        self.moveCursor(QTextCursor.MoveOperation.Start)
        self._lay()

    def show_changes(self, lines: Sequence[ShownLine]) -> None:
        """Show lines that are kept, removed or added, with numbers of their own."""
        if self._text is None and tuple(lines) == self._changes:
            return
        self._text, self._changes = None, tuple(lines)
        self.clear()
        writing = QTextCursor(self.document())
        writing.beginEditBlock()
        for place, line in enumerate(self._changes):
            paper, marker = _colors(line.kind)
            block = QTextBlockFormat()
            block.setLineHeight(_LINE_HEIGHT, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
            if paper is not None:
                block.setBackground(paper)
            if place:
                writing.insertBlock(block, QTextCharFormat())
            else:
                writing.setBlockFormat(block)
            plain, marked = QTextCharFormat(), QTextCharFormat()
            if line.kind == "note":
                plain.setForeground(theme.current().color("text3"))
            if marker is not None:
                marked.setBackground(marker)
            done, text = 0, line.text.translate(_LINE_ENDS)
            for start, end in line.marks:
                writing.insertText(text[done:start], plain)
                writing.insertText(text[start:end], marked)
                done = end
            writing.insertText(text[done:], plain)
        writing.endEditBlock()
        self.moveCursor(QTextCursor.MoveOperation.Start)
        self._lay()

    def _recolor(self) -> None:
        """Changes carry the colours of the theme in which they were written."""
        if self._text is None:
            lines, self._changes = self._changes, ()
            self.show_changes(lines)

    def zoom(self, steps: int) -> None:
        """Enlarge the text by steps; 0 returns to the normal size."""
        self._zoom.go(steps)
        self._dress()

    def text_font(self) -> QFont:
        """The font of the text."""
        return self._zoom.font(theme.LABEL)

    def numbers_width(self) -> int:
        """The room that line numbers take at the left."""
        last = max((line.number for line in self._changes), default=self.document().blockCount())
        digits = max(_LEAST_DIGITS, len(str(last)) + (2 if self._changes else 0))
        return QFontMetrics(self.text_font()).horizontalAdvance("0") * digits + theme.current().pixels(18)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            if turns := self._zoom.turns(event):
                self.zoom(turns)
        else:
            super().wheelEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}
        if event.modifiers() == Qt.KeyboardModifier.ControlModifier and event.key() in steps:
            self.zoom(steps[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)

    def createMimeDataFromSelection(self) -> QMimeData:
        return copied(self.textCursor())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._dress()  # a style sheet gives the document its own font again

    def paint_numbers(self, painter: QPainter, area: QRect) -> None:
        """Paint the numbers of the lines that touch `area`."""
        look, font, layout = theme.current(), self.text_font(), self.document().documentLayout()
        painter.fillRect(area, look.color("surface"))
        painter.setFont(font)
        painter.setPen(look.color("text3"))
        scroll = self.verticalScrollBar().value()
        block = self.cursorForPosition(self.viewport().rect().topLeft()).block()
        height = QFontMetrics(font).height()
        inside = self.viewport().geometry().top() - self._numbers.geometry().top()
        while block.isValid():
            layout.blockBoundingRect(block)  # has it laid out, where it was not yet
            lines = block.layout()
            first = lines.lineAt(0).rect() if lines.lineCount() else QRectF(0, 0, 0, height)
            bottom = lines.position().y() + first.bottom() - scroll + inside
            if bottom - height > area.bottom():
                return
            place = QRectF(0, bottom - height, self._numbers.width() - look.pixels(10), height)
            painter.drawText(place, int(Qt.AlignmentFlag.AlignRight), self._number(block.blockNumber()))
            block = block.next()

    def _number(self, block: int) -> str:
        """What stands beside a line."""
        if self._text is not None or block >= len(self._changes):
            return str(block + 1)
        line = self._changes[block]
        signs = {"removed": " −", "added": " +", "note": ""}
        return f"{line.number}{signs.get(line.kind, '  ')}" if line.kind != "note" else ""

    def _dress(self) -> None:
        font = self.text_font()
        if self.document().defaultFont() != font:
            self.document().setDefaultFont(font)
        self._lay()

    def _lay(self) -> None:
        wide = self.numbers_width()
        self.setViewportMargins(wide, 0, 0, 0)
        inside = self.contentsRect()
        self._numbers.setGeometry(QRect(inside.left(), inside.top(), wide, inside.height()))
        self._numbers.update()


def _colors(kind: str) -> tuple[QColor | None, QColor | None]:
    """The paper of a line of that kind, and that of its changed letters."""
    look = theme.current()
    names = {"removed": ("err_bg", "err"), "added": ("ok_bg", "ok"), "note": ("sunken", "")}
    if kind not in names:
        return None, None
    paper, marker = names[kind]
    if not marker:
        return look.color(paper), None
    strong = QColor(look.color(marker))
    strong.setAlphaF(0.28)
    return look.color(paper), strong


class _LineNumbers(QWidget):
    """The strip at the left of the text."""

    def __init__(self, text: TextPreview) -> None:
        super().__init__(text)
        self._text = text

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self._text.paint_numbers(painter, event.rect())
        painter.end()
