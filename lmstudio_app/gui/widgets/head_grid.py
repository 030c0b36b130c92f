"""All heads at once: a grid of small attention pictures, layers down, heads across."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets import color_maps
from lmstudio_app.gui.widgets.announce import announce

_GAP = 3
_SMALLEST, _LARGEST = 8, 64
_PIXELS = 64


class HeadGrid(QWidget):
    """Thumbnails of weights (layers, heads, T, T), painted from cached pictures; one is chosen by mouse or arrow keys.

    Layers and heads count from 0 here and from 1 on screen. Signals: `selected(layer, head)` when a person chose.
    """

    selected = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("All heads: rows are layers, columns are heads"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setProperty("verbatim", True)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self._weights: NDArray[np.floating] = np.zeros((0, 0, 0, 0))
        self._masked = True
        self._colors = ""
        self._chosen = (0, 0)
        self._hovered: tuple[int, int] | None = None
        self._pictures: dict[tuple[int, int], QImage] = {}
        theme.current().changed.connect(self._recolor)

    def set_weights(self, weights: NDArray[np.floating], *, masked: bool = True) -> None:
        """Show `weights` (layers, heads, T, T); the choice stays where it still exists."""
        self._weights, self._masked = weights, masked
        layer, head = self._chosen
        if layer >= self.layers or head >= self.heads:
            self._chosen = (0, 0)
        self._recolor()
        self.updateGeometry()
        self._describe()

    def clear(self) -> None:
        """Show nothing."""
        self.set_weights(np.zeros((0, 0, 0, 0)))

    def set_colors(self, name: str) -> None:
        """Choose a map of `color_maps.MAPS`; empty for the theme's own."""
        self._colors = name
        self._recolor()

    @property
    def layers(self) -> int:
        return int(self._weights.shape[0])

    @property
    def heads(self) -> int:
        return int(self._weights.shape[1])

    @property
    def chosen(self) -> tuple[int, int]:
        """The chosen layer and head, from 0."""
        return self._chosen

    def choose(self, layer: int, head: int) -> None:
        """Choose a head without telling anybody."""
        self._chosen = (layer, head)
        self._describe()
        self.update()

    # Geometry -----------------------------------------------------------------------------------------------------

    def cell_side(self, width: int | None = None) -> int:
        """The side of a thumbnail in pixels as the grid is, or where it is `width` wide and as high as it wants."""
        room = ((self.width() if width is None else width) - self._margin() - 2) // max(1, self.heads)
        if width is None:
            room = min(room, (self.height() - self._header() - 2) // max(1, self.layers))
        return min(max(room - _GAP, _SMALLEST), theme.current().pixels(_LARGEST))

    def box_of(self, layer: int, head: int) -> QRectF:
        """Where a thumbnail is drawn."""
        step = self.cell_side() + _GAP
        return QRectF(self._margin() + head * step, self._header() + layer * step, step - _GAP, step - _GAP)

    def head_at(self, place: QPointF) -> tuple[int, int] | None:
        """The layer and head at a place."""
        step = self.cell_side() + _GAP
        layer, head = int((place.y() - self._header()) // step), int((place.x() - self._margin()) // step)
        return (layer, head) if 0 <= layer < self.layers and 0 <= head < self.heads else None

    def sizeHint(self) -> QSize:
        wide = self._margin() + max(1, self.heads) * (theme.current().pixels(_LARGEST) + _GAP)
        return QSize(wide, self.heightForWidth(wide))

    def minimumSizeHint(self) -> QSize:
        step = _SMALLEST + _GAP
        return QSize(self._margin() + self.heads * step, self._header() + self.layers * step)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._header() + max(1, self.layers) * (self.cell_side(width) + _GAP) + 2

    @staticmethod
    def _margin() -> int:
        return theme.current().pixels(22)

    @staticmethod
    def _header() -> int:
        return theme.current().pixels(18)

    # Painting -----------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if not self.layers:
            return
        self._paint_numbers(painter)
        look = theme.current()
        for layer in range(self.layers):
            for head in range(self.heads):
                box = self.box_of(layer, head)
                if not box.intersects(QRectF(event.rect()).adjusted(-4, -4, 4, 4)):
                    continue
                painter.fillRect(box, look.color("sunken"))
                painter.drawImage(box, self._picture(layer, head))
                edge = "text2" if (layer, head) == self._hovered else "line"
                painter.setPen(QPen(look.color(edge), 1))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(box.adjusted(-0.5, -0.5, 0.5, 0.5))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        chosen = self.box_of(*self._chosen)
        painter.setPen(QPen(look.color("ink"), 2))
        painter.drawRoundedRect(chosen.adjusted(-1, -1, 1, 1), 3, 3)

    def _paint_numbers(self, painter: QPainter) -> None:
        look = theme.current()
        painter.setFont(look.font(theme.HINT))
        painter.setPen(look.color("text3"))
        side = self.cell_side()
        every = max(1, -(-look.pixels(16) // (side + _GAP)))
        for head in range(0, self.heads, every):
            row = QRectF(self.box_of(0, head).left() - 8, 0, side + 16, self._header() - 2)
            painter.drawText(row, int(Qt.AlignmentFlag.AlignCenter), str(head + 1))
        for layer in range(0, self.layers, every):
            row = QRectF(0, self.box_of(layer, 0).top() - 4, self._margin() - 6, side + 8)
            painter.drawText(row, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), str(layer + 1))

    def _picture(self, layer: int, head: int) -> QImage:
        key = (layer, head)
        if key not in self._pictures:
            small = color_maps.shrink(self._weights[layer, head], _PIXELS)
            self._pictures[key] = color_maps.image(small, self._colors, masked=self._masked)
        return self._pictures[key]

    def _recolor(self) -> None:
        self._pictures.clear()
        self.update()

    # Mouse and keys -----------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        found = self.head_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and found is not None:
            self._take(found)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        found = self.head_at(event.position())
        if found != self._hovered:
            self._hovered = found
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = None
        self.update()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            found = self.head_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), self.words(*found) if found else "", self)
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows move the choice, Home and End go to the ends of a layer."""
        layer, head = self._chosen
        key = Qt.Key
        moves = {
            key.Key_Left: (layer, head - 1), key.Key_Right: (layer, head + 1), key.Key_Up: (layer - 1, head),
            key.Key_Down: (layer + 1, head), key.Key_Home: (layer, 0), key.Key_End: (layer, self.heads - 1),
        }  # fmt: skip
        if self.layers and event.key() in moves:
            layer, head = moves[key(event.key())]
            self._take((min(max(layer, 0), self.layers - 1), min(max(head, 0), self.heads - 1)))
            announce(self, self.words(*self._chosen))
        else:
            super().keyPressEvent(event)

    def words(self, layer: int, head: int) -> str:
        """A head's name, counted from 1."""
        return self.tr("Layer {layer}, head {head}").format(layer=layer + 1, head=head + 1)

    def _take(self, found: tuple[int, int]) -> None:
        if found != self._chosen:
            self.choose(*found)
            self.selected.emit(*found)

    def _describe(self) -> None:
        self.setAccessibleDescription(self.words(*self._chosen) if self.layers else self.tr("Nothing yet."))
