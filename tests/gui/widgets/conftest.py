"""Widgets are tested as they are: shown offscreen, drawn into pictures, driven by keys."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, QSettings, Qt
from PySide6.QtGui import QImage, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget

from lmstudio_app.gui import theme


@pytest.fixture(autouse=True)
def look(qapp, tmp_path):
    """The light theme at normal size, its preferences kept away from those of the person who runs the tests."""
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(tmp_path))
    shown = theme.current()
    shown.set_scale(1.0)
    shown.set_mode("light")
    yield shown
    shown.set_scale(1.0)
    shown.set_mode("light")


@pytest.fixture
def shown(qtbot) -> Callable[..., QWidget]:
    """Shows a widget at a size and waits for it."""

    def show(widget: QWidget, width: int = 640, height: int = 360) -> QWidget:
        qtbot.addWidget(widget)
        widget.resize(width, height)
        with qtbot.waitExposed(widget):
            widget.show()
        return widget

    return show


def parts(widget: QWidget) -> list[QWidget]:
    """The visible parts of a widget, once they are laid, checked to lie inside it and to cover no other."""
    for _ in range(3):  # a part that is laid may ask the whole to be laid again
        QApplication.processEvents()
    direct = Qt.FindChildOption.FindDirectChildrenOnly
    found = [part for part in widget.findChildren(QWidget, options=direct) if part.isVisible()]
    for part in found:
        assert widget.rect().contains(part.geometry()), part
        assert not any(part.geometry().intersects(other.geometry()) for other in found if other is not part), part
    return found


def picture(widget: QWidget) -> QImage:
    """What the widget looks like now, in true colours whatever the depth of the screen."""
    image = QImage(widget.size(), QImage.Format.Format_ARGB32)
    image.fill(0)
    QWidget.render(widget, image, QPoint())  # a graphics view has a render of its own
    return image


def colors(widget: QWidget) -> dict[str, int]:
    """How many pixels of each colour the widget shows."""
    image = picture(widget)
    found: dict[str, int] = {}
    for y in range(image.height()):
        for x in range(image.width()):
            name = image.pixelColor(x, y).name()
            found[name] = found.get(name, 0) + 1
    return found


def hover(widget: QWidget, place: QPoint | QPointF, buttons: Qt.MouseButton = Qt.MouseButton.NoButton) -> None:
    """Move the mouse over a place of the widget, wherever the screen's own mouse is."""
    at = QPointF(place)
    far = widget.mapToGlobal(at)
    nothing = Qt.MouseButton.NoButton
    event = QMouseEvent(QEvent.Type.MouseMove, at, far, nothing, buttons, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(widget, event)


def wheel(
    widget: QWidget, turned: int, keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier, *, across: int = 0
) -> bool:
    """Turn the wheel over the middle of a widget, forward by `turned` (a notch is 120); whether the widget took it."""
    place = QPointF(widget.rect().center())
    event = QWheelEvent(
        place, widget.mapToGlobal(place), QPoint(), QPoint(across, turned), Qt.MouseButton.NoButton, keys,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(widget, event)
    return event.isAccepted()
