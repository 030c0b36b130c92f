"""The ring around whatever has the keyboard focus: 2 px, 2 px outside, in every window."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractItemView, QAbstractScrollArea, QApplication, QWidget

from lmstudio_app.gui import theme

OUTSIDE = 4
"""Pixels from the control's edge to the outer edge of the ring: a gap of 2 and a line of 2."""

KEYBOARD = (
    Qt.FocusReason.TabFocusReason,
    Qt.FocusReason.BacktabFocusReason,
    Qt.FocusReason.ShortcutFocusReason,
    Qt.FocusReason.OtherFocusReason,
)
_GEOMETRY = (QEvent.Type.Move, QEvent.Type.Resize, QEvent.Type.Show, QEvent.Type.Hide)


class FocusRing(QObject):
    """Draws the ring for a whole application, as soon as the keyboard is used to move the focus."""

    def __init__(self, application: QApplication) -> None:
        super().__init__(application)
        self._overlay: _Overlay | None = None
        self._watched: list[QWidget] = []
        self._keyboard = False
        application.installEventFilter(self)
        application.focusChanged.connect(self._moved)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind == QEvent.Type.KeyPress:
            self._keyboard = True
        elif kind == QEvent.Type.MouseButtonPress:
            self._keyboard = False
            self._drop()
        elif kind in _GEOMETRY and watched in self._watched:
            self._lay()
        return False

    def _moved(self, old: QWidget | None, new: QWidget | None) -> None:
        self._drop()
        if new is None or not self._keyboard or new.property("paintsFocus"):
            return
        self._watched = []
        widget: QWidget | None = new
        while widget is not None:
            self._watched.append(widget)
            widget = None if widget.isWindow() else widget.parentWidget()
        self._overlay = _Overlay(new.window())
        self._lay()

    def _lay(self) -> None:
        if self._overlay is None or not self._watched:
            return
        target, window = self._watched[0], self._watched[-1]
        shown = target.visibleRegion().boundingRect()
        if not target.isVisible() or shown.isEmpty():
            self._overlay.hide()
            return
        place = QRect(target.mapTo(window, QPoint(0, 0)), target.size())
        inside = isinstance(target, QAbstractScrollArea | QAbstractItemView) or shown.size() != target.size()
        margin = 0 if inside else OUTSIDE
        self._overlay.setGeometry(place.adjusted(-margin, -margin, margin, margin).intersected(window.rect()))
        self._overlay.raise_()
        self._overlay.show()

    def _drop(self) -> None:
        self._watched = []
        if self._overlay is not None:
            self._overlay.hide()
            self._overlay.deleteLater()
            self._overlay = None


class _Overlay(QWidget):
    """The ring itself, above everything and deaf to the mouse."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.current().color("focus"), 2))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 8, 8)
        painter.end()
