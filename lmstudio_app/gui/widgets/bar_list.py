"""Shares of a whole, one in a row: a name, a bar, figures. Chances of tokens, or how a head shares out its look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QGuiApplication, QKeyEvent, QKeySequence, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QSizePolicy, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets import bar_painting
from lmstudio_app.gui.widgets.announce import announce

ROW = 23
_SCREEN_READER_ROWS = _FEWEST = 3


@dataclass(frozen=True)
class Bar:
    """One row. `share` is the length of its bar, `mark` where a tick stands on it; a `cut` one is hatched and pale.

    `figures` stand in columns at the right; `note` is a small remark behind the name.
    """

    label: str
    share: float
    figures: tuple[str, ...] = ()
    note: str = ""
    mark: float | None = None
    strong: bool = False
    cut: bool = False


class BarList(QAbstractScrollArea):
    """Rows of bars that can be walked through with the arrow keys; copying gives tab-separated text.

    Signals: `activated(row)` on click and Enter, `current_changed(row)` when a key or the mouse marks another row.
    """

    activated = Signal(int)
    current_changed = Signal(int)

    def __init__(
        self, name: str, parent: QWidget | None = None, *, axis: bool = False, names_right: bool = False
    ) -> None:
        """With `axis` there are percent ticks below the rows; with `names_right` the names end where the bars begin."""
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setProperty("verbatim", True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.viewport().setMouseTracking(True)
        self.axis = axis
        self.names_right = names_right
        self.bars: list[Bar] = []
        self.headings: tuple[str, ...] = ()
        self.full = 1.0
        self.cut_words = ""
        self.current = -1
        self.hovered = -1
        theme.current().changed.connect(self._lay)

    # What is shown ------------------------------------------------------------------------------------------------

    def set_bars(self, bars: Sequence[Bar], *, full: float | None = None, cut_words: str = "") -> None:
        """Show these rows. A bar as long as the room stands for `full` (None: the longest). `cut_words` are written on
        the line above the first row that is cut."""
        self.bars = list(bars)
        longest = max((max(bar.share, bar.mark or 0.0) for bar in self.bars), default=1.0)
        self.full = max(full if full is not None else longest, 1e-9)
        self.cut_words = cut_words
        self.current = min(self.current, len(self.bars) - 1)
        self._lay()

    def set_headings(self, headings: Sequence[str]) -> None:
        """Name the columns of figures."""
        self.headings = tuple(headings)
        self._lay()

    def set_current(self, row: int) -> None:
        """Mark a row (−1: none) and scroll to it, without telling anybody."""
        self.current = row
        if row >= 0:
            self._reveal(row)
        self.viewport().update()

    def words(self, row: int) -> str:
        """A row in words."""
        bar = self.bars[row]
        return ", ".join(part for part in (bar.label, bar.note, *bar.figures) if part)

    # Geometry -----------------------------------------------------------------------------------------------------

    def row_height(self) -> int:
        """The distance between rows."""
        return theme.current().pixels(ROW)

    def head_height(self) -> int:
        """The room of the headings."""
        return theme.current().pixels(20) if self.headings else theme.current().pixels(4)

    def foot_height(self) -> int:
        """The room of the ticks."""
        return theme.current().pixels(22 if self.axis else 4)

    def row_at(self, place: QPointF) -> int:
        """The row at a place of the viewport, or −1."""
        row = int((place.y() + self.verticalScrollBar().value() - self.head_height()) // self.row_height())
        return row if 0 <= row < len(self.bars) else -1

    def columns(self) -> tuple[float, float, list[float]]:
        """Where the bars begin and end, and the right edges of the figures."""
        look, wide = theme.current(), float(self.viewport().width())
        margin = look.pixels(12)
        names = QFontMetricsF(look.font(theme.LABEL, 600, mono=True))
        notes = QFontMetricsF(look.font(theme.HINT))
        longest = max(
            (
                names.horizontalAdvance(bar.label) + (notes.horizontalAdvance(bar.note) + 6 if bar.note else 0)
                for bar in self.bars
            ),
            default=0.0,
        )
        figures = QFontMetricsF(look.font(theme.LABEL, 600))
        count = max((len(bar.figures) for bar in self.bars), default=0)
        edges: list[float] = []
        edge = wide - margin
        for column in reversed(range(count)):
            edges.insert(0, edge)
            texts = [bar.figures[column] for bar in self.bars if column < len(bar.figures)]
            texts += self.headings[column : column + 1]
            edge -= max((figures.horizontalAdvance(text) for text in texts), default=0.0) + look.pixels(12)
        start = margin + min(max(longest, look.pixels(48)), 0.42 * wide) + look.pixels(8)
        return start, max(edge, start + look.pixels(24)), edges

    def height_of(self, rows: int) -> int:
        """The height that shows so many rows."""
        return self.head_height() + rows * self.row_height() + self.foot_height()

    def sizeHint(self) -> QSize:
        """A few rows: it takes what room there is, and asks for none that others need."""
        return QSize(theme.current().pixels(300), self.height_of(_FEWEST))

    def minimumSizeHint(self) -> QSize:
        return QSize(theme.current().pixels(160), self.height_of(_FEWEST))

    def _lay(self) -> None:
        bar, page = self.verticalScrollBar(), self.viewport().height()
        bar.setPageStep(page)
        bar.setSingleStep(self.row_height())
        bar.setRange(0, max(0, self.height_of(len(self.bars)) - page))
        shown = (self.words(row) for row in range(min(_SCREEN_READER_ROWS, len(self.bars))))
        self.setAccessibleDescription("; ".join(shown) or self.tr("Nothing yet."))
        self.updateGeometry()
        self.viewport().update()

    # Painting, mouse and keys -------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        bar_painting.paint(self, painter)

    def resizeEvent(self, event: object) -> None:
        self._lay()

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        self.viewport().update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hover(self.row_at(event.position()))

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Leave:
            self._hover(-1)
        return super().viewportEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        row = self.row_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and row >= 0:
            self._mark(row)
            self.activated.emit(row)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows, Home and End mark a row; Enter opens it."""
        key, last = Qt.Key, len(self.bars) - 1
        moves = {
            key.Key_Up: max(self.current - 1, 0),
            key.Key_Down: min(self.current + 1, last),
            key.Key_Home: 0,
            key.Key_End: last,
        }
        if event.matches(QKeySequence.StandardKey.Copy):
            if self.bars:
                rows = ("\t".join((bar.label, bar.note, *bar.figures)) for bar in self.bars)
                QGuiApplication.clipboard().setText("\n".join(rows))
        elif self.bars and event.key() in moves:
            self._mark(moves[key(event.key())])
            announce(self, self.words(self.current))
        elif event.key() in (key.Key_Return, key.Key_Enter) and not event.modifiers() and 0 <= self.current <= last:
            self.activated.emit(self.current)
        else:
            super().keyPressEvent(event)

    def _mark(self, row: int) -> None:
        self.set_current(row)
        self.current_changed.emit(row)

    def _reveal(self, row: int) -> None:
        top, bar = self.head_height() + row * self.row_height(), self.verticalScrollBar()
        if top < bar.value():
            bar.setValue(top)
        elif top + self.row_height() > bar.value() + self.viewport().height():
            bar.setValue(top + self.row_height() - self.viewport().height())

    def _hover(self, row: int) -> None:
        if row != self.hovered:
            self.hovered = row
            self.viewport().update()
