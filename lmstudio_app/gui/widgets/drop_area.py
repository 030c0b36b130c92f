"""Where text files are dropped: a dashed frame with an icon, a sentence and buttons."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QFrame, QLabel, QVBoxLayout, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.state import set_state
from lmstudio_app.gui.widgets.text import Text
from lmstudio_app.gui.widgets.wrapping_row import WrappingRow


class DropArea(QFrame):
    """A frame that takes files and folders. Put buttons for those who cannot drag into `buttons`.

    Signals: `dropped(list)` the paths, as `pathlib.Path`; `text_dropped(str)` text dragged out of another program.
    """

    dropped = Signal(list)
    text_dropped = Signal(str)

    def __init__(self, words: str, hint: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("class", "drop")
        self.setAcceptDrops(True)
        self._sign = QLabel()
        self._sign.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._words = Text(words, "strong", wrap=True, copyable=False)
        self._hint = Text(hint, "hint", wrap=True, copyable=False)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 14)
        column.setSpacing(6)
        column.addStretch(1)
        for widget in (self._sign, self._words, self._hint):
            if isinstance(widget, Text):
                widget.setAlignment(Qt.AlignmentFlag.AlignCenter)
            column.addWidget(widget)
        column.addSpacing(4)
        self.buttons = WrappingRow(centred=True)
        column.addLayout(self.buttons)
        column.addStretch(1)
        theme.current().changed.connect(self._tint)
        self._tint()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _paths(event.mimeData()) or _words(event.mimeData()):
            event.acceptProposedAction()
            self._show_over(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._show_over(False)

    def dropEvent(self, event: QDropEvent) -> None:
        self._show_over(False)
        paths, words = _paths(event.mimeData()), _words(event.mimeData())
        if paths or words:
            event.acceptProposedAction()
        if paths:
            self.dropped.emit(paths)
        elif words:
            self.text_dropped.emit(words)

    def _show_over(self, over: bool) -> None:
        set_state(self, "over", over)

    def _tint(self) -> None:
        self._sign.setPixmap(theme.current().pixmap("download", "text", 24, self.devicePixelRatioF()))


def _paths(dragged: QMimeData) -> list[Path]:
    return [Path(url.toLocalFile()) for url in dragged.urls() if url.isLocalFile()]


def _words(dragged: QMimeData) -> str:
    """Dragged text; none where it is only the address of a link."""
    return "" if dragged.hasUrls() else dragged.text()
