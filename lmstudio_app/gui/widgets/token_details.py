"""One token of a written text, looked at closely: how likely it was, and what else the model had in mind."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.bar_list import Bar, BarList
from lmstudio_app.gui.widgets.button import IconButton
from lmstudio_app.gui.widgets.card import row, strip
from lmstudio_app.gui.widgets.text import ElidedText, Text

_ROWS = 12


class TokenDetails(QFrame):
    """A frame that pops up beside a token and goes away on Esc or a click elsewhere."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setProperty("class", "card")
        self._title = Text("", "card-title", copyable=False)
        self._facts = ElidedText("", "label")
        self._close = IconButton(self.tr("Close"), "close", shortcut="Esc", size=14)
        self._close.clicked.connect(self.hide)
        self.list = BarList(self.tr("What the model expected here"))
        self.list.set_headings((self.tr("model"), self.tr("sampler")))
        self._words = Text("", "label", wrap=True)
        self._foot = Text(
            self.tr("Model: what it expected. Sampler: after temperature, top-k and top-p."), "hint", wrap=True
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 1, 1, 1)
        column.setSpacing(0)
        head = strip("head")
        line = row(self._title, self._facts, self._close)
        line.setContentsMargins(12, 6, 6, 6)
        line.setStretch(1, 1)
        head.setLayout(line)
        column.addWidget(head)
        column.addWidget(self.list)
        inner = QVBoxLayout()
        inner.setContentsMargins(12, 6, 12, 10)
        inner.addWidget(self._words)
        inner.addWidget(self._foot)
        column.addLayout(inner)

    def show_token(self, title: str, facts: str, bars: Sequence[Bar], words: str, beside: QRect) -> None:
        """Show a token beside the rectangle `beside` (global): its number, its figures, the alternatives, and
        `words` below them."""
        self._title.setText(title)
        self._facts.set_words(facts)
        self._words.setText(words)
        self._words.setVisible(bool(words))
        self.list.setVisible(bool(bars))
        self._foot.setVisible(bool(bars))
        self.list.set_bars(bars)
        self.setAccessibleName(f"{title}: {facts}")
        look = theme.current()
        rows = min(len(bars), _ROWS + 1)
        self.list.setFixedHeight(self.list.height_of(rows))
        self.setFixedWidth(look.pixels(348))
        self.adjustSize()
        self.move(self._place(beside))
        self.show()
        self.list.set_current(next((number for number, bar in enumerate(bars) if bar.strong), -1))
        (self.list if bars else self._close).setFocus(Qt.FocusReason.PopupFocusReason)

    def title(self) -> str:
        """The heading that is shown."""
        return self._title.text()

    def words(self) -> str:
        """What is said below the alternatives."""
        return self._words.text()

    def facts(self) -> str:
        """The figures that are shown."""
        return self._facts.words()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.hide()
        else:
            super().keyPressEvent(event)

    def _place(self, beside: QRect) -> QPoint:
        """Below the token, or above it where there is no room; never beyond the screen."""
        room = self.screen().availableGeometry()
        left = min(max(room.left(), beside.left() - 12), room.right() - self.width())
        below = beside.bottom() + 6
        if below + self.height() > room.bottom():
            below = max(room.top(), beside.top() - 6 - self.height())
        return QPoint(left, below)
