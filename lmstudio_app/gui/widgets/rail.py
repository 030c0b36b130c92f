"""The rail at the left: one button for each pane, settings at its foot."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QShowEvent
from PySide6.QtWidgets import QFrame, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.state import set_state

WIDTH = 72


class RailButton(QToolButton):
    """An icon over a word. A dot says that something goes on in its pane; `lacking` why it has nothing to show."""

    def __init__(self, name: str, words: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = name
        self._shortcut = ""
        self._dot: str | None = None
        self._dot_words = ""
        self._lacking = ""
        self.setText(words)
        self.setAccessibleName(words)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.toggled.connect(self._tint)
        theme.current().changed.connect(self._tint)
        self.set_lacking("")

    def set_dot(self, token: str | None, words: str = "") -> None:
        """Show a dot in the colour of a token ("training", "warn"), said aloud as `words`; None takes it away."""
        self._dot, self._dot_words = token, words
        self._describe()
        self.update()

    def set_shortcut(self, keys: str) -> None:
        """Name the keys that press it, in the tooltip."""
        self._shortcut = keys
        self.set_lacking(self._lacking)

    def set_lacking(self, reason: str) -> None:
        """Grey the button and say why; it can still be pressed, and the pane explains. Empty: nothing is lacking."""
        self._lacking = reason
        self.setToolTip(f"{reason or self.text()}  {self._shortcut}".rstrip())
        self._describe()
        set_state(self, "lacking", bool(reason))
        self._tint()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._dot is None:
            return
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(look.run_color(0) if self._dot == "training" else look.color(self._dot))
        side = look.pixels(5)
        painter.drawEllipse(QRectF(self.width() / 2 + look.pixels(8), look.pixels(6), side, side))
        painter.end()

    def _describe(self) -> None:
        self.setAccessibleDescription(self._dot_words or self._lacking)

    def _tint(self) -> None:
        look = theme.current()
        token = "text" if self.isChecked() else "text3" if self._lacking else "text2"
        self.setIcon(look.icon(self.name, token, 18))
        self.setIconSize(QSize(look.pixels(18), look.pixels(18)))


class Rail(QFrame):
    """The buttons, one of them checked.

    Signals: `chosen(str)` the name of the pane whose button was pressed; `settings_wanted()`.
    """

    chosen = Signal(str)
    settings_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("class", "rail")
        self.setAccessibleName(self.tr("Panes"))
        self.buttons: dict[str, RailButton] = {}
        self._mark = QLabel()
        self._mark.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(7, 12, 6, 8)
        self._column.setSpacing(4)
        self._column.addWidget(self._mark)
        self._column.addSpacing(8)
        self._column.addStretch(1)
        self.settings = RailButton("settings", self.tr("Settings"))
        self.settings.clicked.connect(self.settings_wanted)
        self._column.addWidget(self.settings)
        self._lay_mark()
        theme.current().changed.connect(self._lay)
        theme.current().changed.connect(self._lay_mark)

    def add(self, name: str, words: str) -> RailButton:
        """Add the button of the pane `name` below the others."""
        button = RailButton(name, words)
        button.setCheckable(True)
        button.clicked.connect(lambda: self.chosen.emit(name))
        self.buttons[name] = button
        self._column.insertWidget(self._column.count() - 2, button)
        self.setTabOrder(button, self.settings)
        return button

    def check(self, name: str) -> None:
        """Show that the pane `name` is open."""
        # An exclusive group would take all but one button out of the tab order.
        for button in self.buttons.values():
            button.setChecked(button.name == name)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        pen = QPen(theme.current().color("ink"))  # filling a rectangle would first make hundreds of gradients' names
        pen.setWidth(3)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        painter.setPen(pen)
        for button in self.buttons.values():
            if button.isChecked():
                place = button.geometry().adjusted(0, 8, 0, -8)
                painter.drawLine(1, place.top(), 1, place.top() + place.height())
        painter.end()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._lay()

    def _lay_mark(self) -> None:
        look = theme.current()
        self._mark.setPixmap(look.pixmap("mark", "text", 26, self.devicePixelRatioF()))

    def _lay(self) -> None:
        look = theme.current()
        widest = max((button.sizeHint().width() for button in (*self.buttons.values(), self.settings)), default=0)
        self.setFixedWidth(max(look.pixels(WIDTH), widest + 14))
        for button in (*self.buttons.values(), self.settings):
            button.setFixedHeight(look.pixels(52))
