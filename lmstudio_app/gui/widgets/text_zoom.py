"""How far one text is enlarged, whatever the size of all other text."""

from __future__ import annotations

from PySide6.QtGui import QFont, QWheelEvent

from lmstudio_app.gui import theme

ZOOMS = (0.7, 0.85, 1.0, 1.2, 1.45, 1.75, 2.1, 2.6)
NOTCH = 120
"""What a wheel turns by at a time; a touchpad sends small parts of it."""


class TextZoom:
    """A step of `ZOOMS`."""

    def __init__(self) -> None:
        self._step = ZOOMS.index(1.0)
        self._turned = 0

    def go(self, steps: int) -> None:
        """Enlarge by steps; 0 returns to the normal size."""
        wanted = self._step + steps if steps else ZOOMS.index(1.0)
        self._step = min(max(wanted, 0), len(ZOOMS) - 1)

    def font(self, size: int) -> QFont:
        """The font of model text at `size`, enlarged."""
        font = theme.current().font(size, mono=True)
        font.setPixelSize(max(6, round(font.pixelSize() * ZOOMS[self._step])))
        return font

    def turns(self, event: QWheelEvent) -> int:
        """How many whole notches the wheel has come forward with this event; what is left over counts with the next."""
        self._turned += event.angleDelta().y()
        notches = int(self._turned / NOTCH)
        self._turned -= notches * NOTCH
        return notches
