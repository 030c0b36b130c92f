"""Two parts side by side, or one above the other where that is too narrow."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QWidget

from lmstudio_app.gui import theme


class TwoParts(QWidget):
    """`first` beside `second` as long as it has `least` pixels (before enlarging) of its own, else above it."""

    def __init__(self, first: QWidget, second: QWidget, least: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._first, self._second, self._least = first, second, least
        self._line = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._line.setContentsMargins(0, 0, 0, 0)
        self._line.setSpacing(8)
        self._line.addWidget(first, 1)
        self._line.addWidget(second, 0, Qt.AlignmentFlag.AlignVCenter)

    @property
    def narrow(self) -> bool:
        """Whether one stands above the other."""
        return self._line.direction() == QBoxLayout.Direction.TopToBottom

    def minimumSizeHint(self) -> QSize:
        wide = max(part.minimumSizeHint().width() for part in (self._first, self._second))
        return QSize(wide, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:
            self._fit()
        return super().event(event)

    def _fit(self) -> None:
        wanted = theme.current().pixels(self._least) + self._line.spacing() + self._second.sizeHint().width()
        direction = QBoxLayout.Direction
        self._line.setDirection(direction.LeftToRight if wanted <= self.width() else direction.TopToBottom)
