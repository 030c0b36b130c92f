"""One large picture of attention weights: cells, tokens along both edges, a crosshair, a colour bar."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets import color_maps, heatmap_painting
from lmstudio_app.gui.widgets.announce import announce
from lmstudio_app.gui.widgets.text_zoom import NOTCH
from lmstudio_app.gui.widgets.token_text import label

Cell = tuple[int, int]
_CLOSEST = 6.0


class Heatmap(QWidget):
    """Weights from each token (row) to each token (column), rows and columns counted from 0 here, from 1 on screen.

    The wheel zooms, dragging pans, A shows all; arrow keys move the marked cell.

    Signals: `cell_changed(row, column)` when the mouse or a key marks another cell, (-1, -1) when none is marked.
    """

    cell_changed = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Attention weights"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setProperty("verbatim", True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(220, 200)
        self.weights: NDArray[np.floating] = np.zeros((0, 0))
        self.tokens: list[str] = []
        self.masked = True
        self.colors = ""
        self.maximum = 1.0
        self._scale_to_largest = False
        self._pinned: Cell | None = None
        self._hovered: Cell | None = None
        self._top = self._left = 0.0
        self._span = 1.0
        self._dragged: tuple[QPointF, float, float] | None = None
        self._image: tuple[object, QImage] | None = None
        self._longest: float | None = None
        theme.current().changed.connect(self._recolor)

    # What is shown ------------------------------------------------------------------------------------------------

    def set_weights(self, weights: NDArray[np.floating], tokens: Sequence[str], *, masked: bool = True) -> None:
        """Show `weights` (T, T) between `tokens` (T). With `masked`, what lies right of the diagonal is hatched.

        The marked cell and the zoom stay when the tokens are the same.
        """
        same = list(tokens) == self.tokens
        self.weights, self.tokens, self.masked = weights, list(tokens), masked
        self._measure_maximum()
        self._image = None
        self._longest = None
        if not same:
            self._pinned = self._hovered = None
            self._show_all()
        self._describe()
        self.update()

    def clear(self) -> None:
        """Show nothing."""
        self.set_weights(np.zeros((0, 0)), [])

    def set_colors(self, name: str) -> None:
        """Choose a map of `color_maps.MAPS`; empty for the theme's own."""
        self.colors = name
        self._recolor()

    def set_scale_to_largest(self, on: bool) -> None:
        """Let the full colour stand for the largest weight instead of 1."""
        self._scale_to_largest = on
        self._measure_maximum()
        self._recolor()

    @property
    def cell(self) -> Cell | None:
        """The marked cell: the one under the mouse, else the one that was clicked or reached by keys."""
        return self._hovered or self._pinned

    def mark(self, cell: Cell | None) -> None:
        """Mark a cell, or none."""
        self._pinned = cell
        self._hovered = None
        self._tell()

    def text_at(self, cell: Cell) -> str:
        """A cell in words."""
        row, column = cell
        words = self.tr("from {from_token}, token {from_place}, to {to_token}, token {to_place}, {weight}")
        return words.format(
            from_token=label(self.tokens[row]), from_place=row + 1, to_token=label(self.tokens[column]),
            to_place=column + 1, weight=f"{float(self.weights[row, column]):.3f}",
        )  # fmt: skip

    def readout(self, cell: Cell) -> list[tuple[str, str, str]]:
        """What is said beside a marked cell: lines of a word, a token and a figure, the weight last."""
        return heatmap_painting.readout(self, cell)

    def scale_words(self) -> str:
        """What the colours stand for."""
        return self.tr("weight")

    def sizeHint(self) -> QSize:
        return QSize(560, 520)

    # Geometry -----------------------------------------------------------------------------------------------------

    def grid(self) -> QRectF:
        """Where the cells are: a square between the token labels, the colour bar to its right."""
        look = theme.current()
        longest = self._longest_label()
        left = min(longest, look.pixels(96)) + 14
        top = min(longest, look.pixels(96)) * 0.87 + look.pixels(14)
        right = look.pixels(56)
        side = max(1.0, min(self.width() - left - right, self.height() - top - 10))
        if len(self.tokens) and side > len(self.tokens) == self._span:
            side = side // len(self.tokens) * len(self.tokens)  # whole pixels per cell, so that all are equal
        slack = max(0.0, self.width() - left - right - side)
        return QRectF(round(left + slack / 2), round(top), side, side)

    def _longest_label(self) -> float:
        if self._longest is None:
            metrics = QFontMetricsF(theme.current().font(theme.HINT, mono=True))
            self._longest = max((metrics.horizontalAdvance(label(token)) for token in set(self.tokens)), default=0.0)
        return self._longest

    def cell_size(self) -> float:
        """The side of a cell in pixels."""
        return self.grid().width() / max(1.0, self._span)

    def visible_cells(self) -> tuple[float, float, float]:
        """What is visible, in cells: first row, first column, how many of each."""
        return self._top, self._left, self._span

    def box_of(self, cell: Cell) -> QRectF:
        """Where a cell is drawn."""
        grid, size = self.grid(), self.cell_size()
        return QRectF(
            grid.left() + (cell[1] - self._left) * size, grid.top() + (cell[0] - self._top) * size, size, size
        )

    def cell_at(self, place: QPointF) -> Cell | None:
        """The cell at a place, unless it is masked or there is none."""
        grid = self.grid()
        if not self.tokens or not grid.contains(place):
            return None
        row = int(self._top + (place.y() - grid.top()) / self.cell_size())
        column = int(self._left + (place.x() - grid.left()) / self.cell_size())
        if row >= len(self.tokens) or column >= len(self.tokens) or (self.masked and column > row):
            return None
        return row, column

    def _show_all(self) -> None:
        self._top = self._left = 0.0
        self._span = float(max(1, len(self.tokens)))

    def _zoom(self, factor: float, around: QPointF) -> None:
        grid = self.grid()
        span = min(max(self._span * factor, min(_CLOSEST, len(self.tokens))), float(len(self.tokens)))
        across = (around.x() - grid.left()) / grid.width()
        down = (around.y() - grid.top()) / grid.height()
        self._go(self._top + down * (self._span - span), self._left + across * (self._span - span), span)

    def _go(self, top: float, left: float, span: float) -> None:
        room = len(self.tokens) - span
        self._top, self._left, self._span = min(max(top, 0.0), room), min(max(left, 0.0), room), span
        self.update()

    # Painting -----------------------------------------------------------------------------------------------------

    def picture(self) -> tuple[QImage, float]:
        """The weights as pixels, and how many cells one pixel stands for."""
        step = max(1, math.ceil(1.0 / max(1e-6, self.cell_size() * self.devicePixelRatioF()) - 1e-6))
        key = (step, self.colors, self.maximum)
        if self._image is None or self._image[0] != key:
            values = color_maps.shrink(self.weights, -(-len(self.tokens) // step))
            self._image = (key, color_maps.image(values, self.colors, self.maximum, masked=self.masked))
        return self._image[1], float(step)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self.tokens:
            heatmap_painting.paint(self, painter)

    def _recolor(self) -> None:
        self._image = None
        self._longest = None
        self.update()

    def _measure_maximum(self) -> None:
        known = self.weights[np.isfinite(self.weights)] if self._scale_to_largest else np.zeros(0)
        largest = float(known.max()) if known.size else 1.0
        self.maximum = largest if largest > 0 else 1.0

    # Mouse and keys -----------------------------------------------------------------------------------------------

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._dragged is not None and event.buttons() & Qt.MouseButton.LeftButton:
            start, top, left = self._dragged
            moved = (event.position() - start) / self.cell_size()
            self._go(top - moved.y(), left - moved.x(), self._span)
        self._hover(self.cell_at(event.position()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.tokens:
            self._dragged = (event.position(), self._top, self._left)
            if (cell := self.cell_at(event.position())) is not None:
                self._pinned = cell
                self._tell()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._dragged = None

    def leaveEvent(self, event: QEvent) -> None:
        self._hover(None)

    def wheelEvent(self, event: QWheelEvent) -> None:
        turns = event.angleDelta().y()
        if self.tokens and turns:
            self._zoom(0.85 ** (turns / NOTCH), event.position())
            self._hover(self.cell_at(event.position()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows, Home and End move the marked cell; + and − zoom; A shows all."""
        key, ends = Qt.Key, len(self.tokens) - 1
        row, column = self._pinned or (0, 0)
        far = 10 if event.modifiers() & Qt.KeyboardModifier.ControlModifier else 1
        moves = {
            key.Key_Left: (row, column - far), key.Key_Right: (row, column + far), key.Key_Up: (row - far, column),
            key.Key_Down: (row + far, column), key.Key_Home: (row, 0), key.Key_End: (row, row if self.masked else ends),
        }  # fmt: skip
        if self.tokens and event.key() in moves:
            if self._pinned is None:
                self._move_to(self.cell or (0, 0))
            else:
                self._move_to(moves[key(event.key())])
        elif self.tokens and event.key() in (key.Key_Plus, key.Key_Equal, key.Key_Minus):
            middle = self.box_of(self._pinned).center() if self._pinned else self.grid().center()
            self._zoom(1 / 0.75 if event.key() == key.Key_Minus else 0.75, middle)
        elif event.key() == key.Key_A and not event.modifiers():
            self._show_all()
            self.update()
        elif event.key() == key.Key_Escape and self._pinned is not None:
            self.mark(None)
        else:
            super().keyPressEvent(event)

    def _move_to(self, cell: Cell) -> None:
        last = len(self.tokens) - 1
        row = min(max(cell[0], 0), last)
        column = min(max(cell[1], 0), row if self.masked else last)
        self._pinned, self._hovered = (row, column), None
        top = min(max(self._top, row + 1 - self._span), float(row))
        left = min(max(self._left, column + 1 - self._span), float(column))
        self._go(top, left, self._span)
        self._tell()
        announce(self, self.text_at((row, column)))

    def _hover(self, cell: Cell | None) -> None:
        if cell != self._hovered:
            self._hovered = cell
            self._tell()

    def _tell(self) -> None:
        self.cell_changed.emit(*(self.cell or (-1, -1)))
        self._describe()
        self.update()

    def _describe(self) -> None:
        words = self.tr("{count} tokens.").format(count=len(self.tokens)) if self.tokens else self.tr("Nothing yet.")
        self.setAccessibleDescription(self.text_at(self.cell) if self.cell else words)
