"""The ring around whatever has the keyboard focus: 2 px, 2 px outside, in every window."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QWidget
from shiboken6 import isValid

from lmstudio_app.gui import theme

OUTSIDE = 4
"""Pixels from the control's edge to the outer edge of the ring: a gap of 2 and a line of 2."""

_GEOMETRY = (QEvent.Type.Move, QEvent.Type.Resize, QEvent.Type.Show, QEvent.Type.Hide)


class FocusRing(QObject):
    """Draws the ring in all windows of the application, as long as `parent` lives.

    A click moves the focus without a ring; a widget with the property `paintsFocus` draws its own.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._overlay: _Overlay | None = None
        self._ringed: QWidget | None = None
        self._watched: list[QWidget] = []
        application = QApplication.instance()
        if isinstance(application, QApplication):
            application.focusChanged.connect(self._moved)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in _GEOMETRY:
            self._lay()
        return False

    def _moved(self, old: QWidget | None, new: QWidget | None) -> None:
        by_mouse = QApplication.mouseButtons() != Qt.MouseButton.NoButton
        returned = new is not None and new is self._ringed  # compared only: it may have gone
        self._drop()
        # A window that opens or comes back gives the focus to somebody: nobody moved it there.
        if new is None or by_mouse or new.property("paintsFocus") or (old is None and not returned):
            return
        self._ringed = new
        widget: QWidget | None = new
        while widget is not None:
            self._watched.append(widget)
            widget.installEventFilter(self)
            widget = None if widget.isWindow() else widget.parentWidget()
        self._overlay = _Overlay(new.window())
        self._lay()

    def _lay(self) -> None:
        if self._overlay is None or not all(map(isValid, (self._overlay, *self._watched))):
            return
        target, window = self._watched[0], self._watched[-1]
        shown = target.visibleRegion().boundingRect()
        if not target.isVisible() or shown.isEmpty():
            self._overlay.hide()
            return
        place = QRect(target.mapTo(window, QPoint(0, 0)), target.size())
        inside = isinstance(target, QAbstractScrollArea) or shown.size() != target.size()
        margin = 0 if inside else OUTSIDE
        ring = place.adjusted(-margin, -margin, margin, margin).intersected(window.rect())
        for widget in self._watched[1:]:
            if isinstance(widget, QAbstractScrollArea):  # what scrolls out of it takes its ring along
                port = widget.viewport()
                ring = ring.intersected(QRect(port.mapTo(window, QPoint(0, 0)), port.size()))
        self._overlay.setGeometry(ring)
        self._overlay.raise_()
        self._overlay.show()

    def _drop(self) -> None:
        for widget in self._watched:
            if isValid(widget):
                widget.removeEventFilter(self)
        self._watched = []
        if self._overlay is not None and isValid(self._overlay):
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
