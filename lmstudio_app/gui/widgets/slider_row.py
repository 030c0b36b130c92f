"""A setting that can be dragged as well as typed: a slider and a field of one value."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSizePolicy, QSlider, QWidget

from lmstudio_app.engine.settings import Declaration
from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.setting_row import SettingRow
from lmstudio_app.gui.widgets.still_wheel import still_wheel

STEPS = 200


@dataclass(frozen=True)
class Scale:
    """Which value each place of a slider means: `value(share)` for 0 ≤ share ≤ 1, and `share(value)` back."""

    value: Callable[[float], float]
    share: Callable[[float], float]


def even(low: float, high: float, digits: int) -> Scale:
    """Equal steps from `low` to `high`, rounded to `digits` after the point."""
    return Scale(lambda share: round(low + share * (high - low), digits), lambda value: (value - low) / (high - low))


def fine_below(high: float, digits: int) -> Scale:
    """From 0 to `high`, finer near 0: the place is the square root of the value."""
    return Scale(lambda share: round(high * share * share, digits), lambda value: math.sqrt(max(0.0, value) / high))


def counts_then_all(most: int) -> Scale:
    """From 1 to `most` in equal ratios, and 0, which means all of them, at the right end."""
    last = math.log(max(2, most))
    return Scale(
        lambda share: 0.0 if share >= 1 else float(min(most, round(math.exp(share * last)))),
        lambda value: 1.0 if value <= 0 or value >= most else math.log(value) / last,
    )


class SliderRow(SettingRow):
    """The row of one declared number, with a slider between its name and its field."""

    def __init__(self, declaration: Declaration, scale: Scale, parent: QWidget | None = None) -> None:
        self._scale = scale
        self._slider: QSlider | None = None
        super().__init__(declaration, parent)
        slider = still_wheel(QSlider(Qt.Orientation.Horizontal))
        slider.setRange(0, STEPS)
        slider.setPageStep(STEPS // 10)
        slider.setMinimumWidth(64)
        slider.setAccessibleName(self.editor.accessibleName())
        slider.setAccessibleDescription(self.tr("Slider: the same value as the field beside it"))
        slider.actionTriggered.connect(self._go_on)
        slider.valueChanged.connect(self._slid)
        self._slider = slider
        self._grid.addWidget(slider, 0, 1)
        self._grid.addWidget(self.editor, 0, 2)
        for part in (self._trouble, self._hint):
            self._grid.addWidget(part, self._grid.getItemPosition(self._grid.indexOf(part))[0], 0, 1, 3)  # type: ignore[index]
        self.editor.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        QWidget.setTabOrder(slider, self.editor)
        self.edited.connect(self._follow)
        self._redress()
        self._follow()

    def set_scale(self, scale: Scale) -> None:
        """Let the slider mean other values."""
        self._scale = scale
        self._follow()

    @property
    def slider(self) -> QSlider:
        """The slider."""
        assert self._slider is not None
        return self._slider

    def set_value(self, value: object) -> None:
        super().set_value(value)
        self._follow()

    def _go_on(self) -> None:
        """A key or the wheel goes on to the next value where several places mean the same one."""
        slider, present = self.slider, self.value()
        place = slider.sliderPosition()
        way = place - slider.value()
        if slider.isSliderDown() or not way:
            return
        same = (present, self._scale.value(slider.value() / STEPS))
        while 0 < place < STEPS and self._scale.value(place / STEPS) in same:
            place += 1 if way > 0 else -1
        slider.setSliderPosition(place)

    def _slid(self, place: int) -> None:
        value = self._scale.value(place / STEPS)
        super().set_value(int(value) if self.declaration.kind == "integer" else value)
        self.edited.emit()

    def _follow(self) -> None:
        """Put the slider where the field is, without telling anybody."""
        value = self.value()
        if self._slider is None or isinstance(value, str):
            return
        if self._scale.value(self._slider.value() / STEPS) == value:
            return  # several places may mean this value: the slider stays where it was put
        share = min(max(self._scale.share(float(value)), 0.0), 1.0)
        if round(share * STEPS) != self._slider.value():
            self._slider.blockSignals(True)
            self._slider.setValue(round(share * STEPS))
            self._slider.blockSignals(False)

    def _redress(self) -> None:
        super()._redress()
        look = theme.current()
        if getattr(self, "_slider", None) is not None:
            self._grid.setColumnMinimumWidth(0, look.pixels(84))
            self._label.setMaximumWidth(look.pixels(140))
            self.editor.setFixedWidth(look.pixels(72))
