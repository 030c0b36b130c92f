"""A plot with a cursor that snaps to steps, moved by mouse or keys and read aloud."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent

from lmstudio_app.gui.widgets import plot_overlay
from lmstudio_app.gui.widgets.announce import announce
from lmstudio_app.gui.widgets.plot_canvas import PlotCanvas


class PlotSurface(PlotCanvas):
    """A plot whose cursor snaps to the recorded steps.

    Signals: those of `PlotCanvas`, `cursor_moved(step or None)` when a person moved the cursor, `fit_pressed()` when
    one asked to see everything.
    """

    cursor_moved = Signal(object)
    fit_pressed = Signal()

    def snap(self, x: float) -> float | None:
        """The step of the point nearest to `x` along the axis."""
        best: tuple[float, float] | None = None
        for curve in self.curves.values():
            index = curve.series.nearest(x, by_seconds=self.by_seconds)
            if index is not None:
                distance = abs(curve.positions(self.by_seconds)[index] - x)
                if best is None or distance < best[0]:
                    best = (distance, float(curve.series.steps[index]))
        return best[1] if best else None

    def move_cursor(self, step: float | None) -> None:
        """Put the cursor on a step as a person would: tell the linked plots, and say what is there."""
        if step == self.cursor_step:
            return
        self.set_cursor(step)
        self.cursor_moved.emit(step)

    def best_step(self) -> float | None:
        """The step of the lowest value of a line that marks it."""
        for curve in self.curves.values():
            index = curve.series.best() if curve.look.best else None
            if index is not None:
                return float(curve.series.steps[index])
        return None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        if event.buttons() == Qt.MouseButton.NoButton:
            inside = self.plot_area().contains(event.position())
            x = self._view.mapSceneToView(event.position()).x()
            self.move_cursor(self.snap(x) if inside else None)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        if not self.hasFocus():
            self.move_cursor(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and Right step, Page Up and Down leap, Home and End go to the ends, B to the best, A shows all."""
        key = Qt.Key
        moves = {key.Key_Left: -1, key.Key_Right: 1, key.Key_PageUp: -50, key.Key_PageDown: 50}
        plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if plain and event.key() in moves:
            self._go(self._neighbour(moves[key(event.key())]))
        elif plain and event.key() in (key.Key_Home, key.Key_End):
            self._go(self._end(event.key() == key.Key_End))
        elif plain and event.key() == key.Key_B:
            self._go(self.best_step())
        elif plain and event.key() == key.Key_A:
            self.fit()
            self.fit_pressed.emit()
        elif plain and event.key() == key.Key_Escape and self.cursor_step is not None:
            self.move_cursor(None)
        else:
            event.ignore()

    def _go(self, step: float | None) -> None:
        if step is not None:
            self.move_cursor(step)
            announce(self, plot_overlay.words_at(self, step))

    def _end(self, last: bool) -> float | None:
        """The last (or the first) step of any line."""
        held = [curve.series.steps for curve in self.curves.values() if len(curve.series)]
        ends = [float(steps[-1 if last else 0]) for steps in held]
        return (max(ends) if last else min(ends)) if ends else None

    def _neighbour(self, moves: int) -> float | None:
        if self.cursor_step is None:
            return self._end(moves < 0)
        here = self.cursor_step
        for _ in range(abs(moves)):
            steps = [curve.series.beside(here, moves > 0) for curve in self.curves.values()]
            known = [step for step in steps if step is not None]
            if not known:
                break
            here = min(known) if moves > 0 else max(known)
        return here

    def summary(self) -> str:
        """The lines in words, for people who do not see them."""
        return " ".join(
            words for curve in self.curves.values() if (words := plot_overlay.summary_of(curve, self.digits))
        ) or self.tr("No points yet.")
