"""Text as the model sees it: tokens in a row, coloured one by one or by how little they were expected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFont,
    QFontMetricsF,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QTextLayout,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QMenu, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets import token_painting
from lmstudio_app.gui.widgets.announce import announce
from lmstudio_app.gui.widgets.text_zoom import TextZoom
from lmstudio_app.gui.widgets.token_lines import TokenLines
from lmstudio_app.gui.widgets.token_painting import MARGIN
from lmstudio_app.gui.widgets.token_text import label

Tint = Literal["tokens", "surprise", "parts", "none"]


class TokenStrip(QAbstractScrollArea):
    """A scrolling text of tokens. Only visible lines are laid out and painted, so 100,000 tokens are as quick as ten.

    Tint "tokens" gives neighbours different colours and shows spaces; "surprise" tints by `chances`, "parts" by which
    of the `parts` of a blend gave most of a token; prompt tokens are pale. Selecting takes whole tokens; copying gives
    the text they stand for.

    Signals: `current_changed(index or -1)`, `token_activated(index)` on click and Enter.
    """

    current_changed = Signal(int)
    token_activated = Signal(int)

    def __init__(self, name: str, parent: QWidget | None = None, *, tint: Tint = "tokens") -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setProperty("verbatim", True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.tint: Tint = tint
        self.texts: list[str] = []
        self.chances: list[float | None] = []
        self.parts: list[Sequence[float]] = []
        self.prompt_tokens = 0
        self.writing = False
        self.current = -1
        self._anchor = -1
        self._pressed = False
        self._zoom = TextZoom()
        self._layouts: dict[int, QTextLayout] = {}
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(33)
        self._later.timeout.connect(self._settle)
        self._dragged_to = QPointF()
        self._scroller = QTimer(self)
        self._scroller.setInterval(50)
        self._scroller.timeout.connect(self._select_on)
        theme.current().changed.connect(self._relay)
        self.lines = self._new_lines()

    # What is shown ------------------------------------------------------------------------------------------------

    def set_tokens(
        self, texts: Sequence[str], chances: Sequence[float | None] | None = None, *, prompt_tokens: int = 0
    ) -> None:
        """Show these tokens; the first `prompt_tokens` are a prompt. `chances` are probabilities or None."""
        self.texts = list(texts)
        self.chances = list(chances) if chances is not None else [None] * len(self.texts)
        self.parts = [()] * len(self.texts)
        self.prompt_tokens = prompt_tokens
        self._anchor = -1
        self._set_current(-1)
        self._relay()
        self.verticalScrollBar().setValue(0)

    def append(
        self,
        texts: Sequence[str],
        chances: Sequence[float | None] | None = None,
        parts: Sequence[Sequence[float]] | None = None,
    ) -> None:
        """Add tokens at the end, with what each part of a blend gave; a view that shows the end goes on showing it."""
        line = len(self.lines) - 1
        self.texts.extend(texts)
        self.chances.extend(chances if chances is not None else [None] * len(texts))
        self.parts.extend(parts if parts is not None else [()] * len(texts))
        self.lines.append(texts)
        for number in range(max(0, line - 1), len(self.lines)):
            self._layouts.pop(number, None)
        if not self._later.isActive():
            self._later.start()

    def clear(self) -> None:
        """Show nothing."""
        self.set_tokens([])

    def set_tint(self, tint: Tint) -> None:
        """Choose what the colours mean."""
        if (tint == "tokens") != (self.tint == "tokens"):
            self.tint = tint
            self._relay()
        self.tint = tint
        self.viewport().update()

    def set_writing(self, writing: bool) -> None:
        """Show a cursor at the end while text is being written."""
        self.writing = writing
        self.viewport().update()

    def text(self) -> str:
        """The text that the tokens stand for."""
        return "".join(self.texts)

    def selected_text(self) -> str:
        """The text of the selected tokens."""
        low, high = self.selection()
        return "".join(self.texts[low:high])

    def selection(self) -> tuple[int, int]:
        """The selected tokens, from the first up to, but not including, the second."""
        if self._anchor < 0 or self.current < 0:
            return 0, 0
        return min(self._anchor, self.current), max(self._anchor, self.current) + 1

    def select_all(self) -> None:
        """Select every token."""
        if self.texts:
            self._anchor = 0
            self._set_current(len(self.texts) - 1)
            self.viewport().update()

    def copy(self) -> None:
        """Put the selected text (or all of it) on the clipboard; nothing where there is none."""
        if text := self.selected_text() or self.text():
            QGuiApplication.clipboard().setText(text)

    def zoom(self, steps: int) -> None:
        """Enlarge the text by steps; 0 returns to the normal size."""
        self._zoom.go(steps)
        self._relay()

    def sizeHint(self) -> QSize:
        return QSize(480, 200)

    # Layout -------------------------------------------------------------------------------------------------------

    def text_font(self) -> QFont:
        """The font of the tokens."""
        return self._zoom.font(theme.BODY)

    def line_height(self) -> float:
        """The distance between lines."""
        return round(self.text_font().pixelSize() * 1.72)

    def layout_of(self, line: int) -> QTextLayout:
        """A line of text, shaped as a whole, so that marks combine across tokens and Chinese stands right."""
        if line not in self._layouts:
            if len(self._layouts) > 400:
                self._layouts.clear()
            self._layouts[line] = token_painting.shape(self, line)
        return self._layouts[line]

    def token_at(self, place: QPointF) -> int:
        """The token at a place of the viewport, or −1."""
        number = int((place.y() + self.verticalScrollBar().value() - MARGIN) // self.line_height())
        if not 0 <= number < len(self.lines) or not self.texts:
            return -1
        for token, box in token_painting.boxes(self, number):
            if box.left() <= place.x() < max(box.right(), box.left() + 3):
                return token
        return -1

    def box_of(self, token: int) -> QRectF:
        """Where a token starts, in the viewport."""
        number = self.lines.line_of(token)
        top = MARGIN + number * self.line_height() - self.verticalScrollBar().value()
        for found, box in token_painting.boxes(self, number):
            if found == token:
                return box.translated(0, top)
        return QRectF()

    def _new_lines(self) -> TokenLines:
        metrics = QFontMetricsF(self.text_font())
        width = max(40.0, self.viewport().width() - 2 * MARGIN)
        return TokenLines(metrics.horizontalAdvance, width, spaces=self.tint == "tokens")

    def _relay(self) -> None:
        self._layouts.clear()
        self.lines = self._new_lines()
        self.lines.append(self.texts)
        self._settle()

    def _settle(self) -> None:
        """Fit the scroll bar to the lines, stay at the end if there, and paint."""
        bar = self.verticalScrollBar()
        at_end = bar.maximum() > 0 and bar.value() >= bar.maximum() - self.line_height()
        height = len(self.lines) * self.line_height() + 2 * MARGIN
        page = self.viewport().height()
        was_empty = bar.maximum() == 0
        bar.setPageStep(page)
        bar.setSingleStep(int(self.line_height()))
        bar.setRange(0, max(0, int(height - page)))
        if at_end or (was_empty and self.writing):
            bar.setValue(bar.maximum())
        self.setAccessibleDescription(self.tr("{count} tokens.").format(count=f"{len(self.texts):,}"))
        self.viewport().update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._relay()

    # Painting -----------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        token_painting.paint(self, painter, event.rect())

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        self.viewport().update()

    # Mouse and keys -----------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        token = self.token_at(event.position())
        extend = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier) and self.current >= 0
        self._pressed = token >= 0
        self._anchor = (self._anchor if self._anchor >= 0 else self.current) if extend else -1
        self._set_current(token)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton and self._pressed:
            self._dragged_to = event.position()
            self._select_on()

    def _select_on(self) -> None:
        """Select up to where the mouse was dragged; above and below the text it scrolls on by itself."""
        place, bar, page = self._dragged_to, self.verticalScrollBar(), self.viewport().height()
        if 0 <= place.y() < page:
            self._scroller.stop()
            token = self.token_at(place)
        else:
            bar.setValue(bar.value() + (bar.singleStep() if place.y() > 0 else -bar.singleStep()))
            inside = min(max(place.y(), 0), page - 1) + bar.value() - MARGIN
            token = self._nearest(int(inside // self.line_height()), place.x())
            if not self._scroller.isActive():
                self._scroller.start()
        if token >= 0 and token != self.current:
            self._anchor = self._anchor if self._anchor >= 0 else self.current
            self._set_current(token)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._scroller.stop()
        if event.button() == Qt.MouseButton.LeftButton and self._pressed:
            self._pressed = False
            if self._anchor < 0 and self.current >= 0:
                self.token_activated.emit(self.current)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            if turns := self._zoom.turns(event):
                self.zoom(turns)
            return
        super().wheelEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(self.tr("Copy"), self.copy)
        menu.addAction(self.tr("Select all"), self.select_all)
        menu.popup(event.globalPos() if event.globalPos() != QPoint() else self.mapToGlobal(self.rect().center()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows move, with Shift they select; Enter opens; Ctrl+A selects all, Ctrl+C copies."""
        key = Qt.Key
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        elif event.matches(QKeySequence.StandardKey.SelectAll):
            self.select_all()
        elif event.key() in (key.Key_Return, key.Key_Enter) and self.current >= 0:
            self.token_activated.emit(self.current)
        elif self.texts and (target := self._target(event)) is not None:
            if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                self._anchor = self._anchor if self._anchor >= 0 else max(self.current, 0)
            else:
                self._anchor = -1
            self._set_current(min(max(target, 0), len(self.texts) - 1))
            self.show_token(self.current)
            announce(self, label(self.texts[self.current]))
        else:
            super().keyPressEvent(event)

    def _target(self, event: QKeyEvent) -> int | None:
        key, control = Qt.Key, bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if event.key() in (key.Key_Left, key.Key_Right) and not control:
            step = 1 if event.key() == key.Key_Right else -1
            return self.current + step if self.current >= 0 else 0
        if event.key() in (key.Key_Up, key.Key_Down):
            return self._above(1 if event.key() == key.Key_Down else -1)
        if event.key() in (key.Key_PageUp, key.Key_PageDown):
            page = max(1, int(self.viewport().height() // self.line_height()) - 1)
            return self._above(page if event.key() == key.Key_PageDown else -page)
        if event.key() in (key.Key_Home, key.Key_End):
            if control:
                return 0 if event.key() == key.Key_Home else len(self.texts) - 1
            here = self.lines.line(self.lines.line_of(max(self.current, 0)))
            return here[0].token if event.key() == key.Key_Home else here[-1].token
        return None

    def _above(self, lines: int) -> int:
        """The token `lines` further down at about the same place in its line."""
        if self.current < 0:
            return 0
        here = self.lines.last_line_of(self.current) if lines > 0 else self.lines.line_of(self.current)
        return self._nearest(here + lines, self.box_of(self.current).center().x())

    def _nearest(self, line: int, x: float) -> int:
        """The token of a line (or of the first or last one) that is nearest to `x`."""
        found = token_painting.boxes(self, min(max(line, 0), len(self.lines) - 1))
        return min(found, key=lambda item: abs(item[1].center().x() - x))[0] if found else self.current

    def show_token(self, token: int) -> None:
        """Scroll so that a token is visible."""
        height, bar = self.line_height(), self.verticalScrollBar()
        top = MARGIN + self.lines.line_of(token) * height
        if top - MARGIN < bar.value():
            bar.setValue(int(top - MARGIN))
        elif top + height + MARGIN > bar.value() + self.viewport().height():
            bar.setValue(int(top + height + MARGIN - self.viewport().height()))

    def go_to(self, token: int) -> None:
        """Mark a token (−1: none) and scroll to it."""
        self._anchor = -1
        self._set_current(token if 0 <= token < len(self.texts) else -1)
        if self.current >= 0:
            self.show_token(self.current)

    def _set_current(self, token: int) -> None:
        if token != self.current:
            self.current = token
            self.current_changed.emit(token)
        self.viewport().update()
