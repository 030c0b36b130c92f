"""Which model: a run, and which of its checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QIcon, QPainter, QPaintEvent, QPixmap, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QStyle, QStyleOptionComboBox, QStylePainter, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.still_wheel import still_wheel

ICON_GAP = 8
"""Pixels between the icon of a list and its words, and after them."""


@dataclass(frozen=True)
class RunChoice:
    """A run to choose: its name, its model in words, its colour, and why it cannot be chosen (empty: it can)."""

    name: str
    model: str
    color: int | None = None
    lacking: str = ""


class ModelChooser(QWidget):
    """Two lists side by side; a run that cannot be chosen is pale and says why.

    Signals: `run_chosen(str)` a run's name, `version_chosen(str)` the key of one of its versions.
    """

    run_chosen = Signal(str)
    version_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None, *, flat: bool = False) -> None:
        """A `flat` one stands in the head of a card, without frames."""
        super().__init__(parent)
        self._choices: list[RunChoice] = []
        self.runs = still_wheel(_Box(snug=flat, weight=600))
        self.versions = still_wheel(_Box(snug=flat))
        self.runs.setAccessibleName(self.tr("Model: run"))
        self.versions.setAccessibleName(self.tr("Model: checkpoint"))
        self.runs.setPlaceholderText(self.tr("Choose a model"))
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(6)
        policy = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        for box, look in ((self.runs, "true"), (self.versions, "quiet")):
            box.setProperty("verbatim", True)
            box.setProperty("flat", look if flat else "false")
            box.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
            box.setSizeAdjustPolicy(policy)
            box.setMinimumContentsLength(10)
            box.setMinimumWidth(theme.current().pixels(112))
            line.addWidget(box)
        if flat:
            line.addStretch(1)
        else:
            line.setStretch(0, 5)
            line.setStretch(1, 3)
        self.runs.activated.connect(lambda place: self.run_chosen.emit(self.runs.itemData(place)))
        self.versions.activated.connect(lambda place: self.version_chosen.emit(self.versions.itemData(place)))
        theme.current().changed.connect(self._tint)

    def show_runs(self, choices: Sequence[RunChoice], chosen: str) -> None:
        """Offer these runs, `chosen` (a name, or empty) being the present one."""
        if list(choices) != self._choices:  # an open list is left alone while nothing in it is another
            self._choices = list(choices)
            self._fill()
        self.runs.setCurrentIndex(self.runs.findData(chosen) if chosen else -1)

    def _fill(self) -> None:
        model = QStandardItemModel(self.runs)
        for choice in self._choices:
            item = QStandardItem(f"{choice.name}  ·  {choice.model}" if choice.model else choice.name)
            item.setData(choice.name, Qt.ItemDataRole.UserRole)
            item.setEnabled(not choice.lacking)
            item.setToolTip(choice.lacking)
            model.appendRow(item)
        self.runs.setModel(model)
        self._tint()

    def show_versions(self, versions: Sequence[tuple[str, str]], chosen: str) -> None:
        """Offer these versions of the chosen run as (key, words)."""
        if list(versions) != [
            (self.versions.itemData(n), self.versions.itemText(n)) for n in range(self.versions.count())
        ]:
            self.versions.clear()
            for key, words in versions:
                self.versions.addItem(words, key)
        self.versions.setCurrentIndex(self.versions.findData(chosen))
        self.versions.setVisible(bool(versions))

    def _tint(self) -> None:
        for place, choice in enumerate(self._choices):
            self.runs.setItemIcon(place, _disc(choice.color))


class _Box(QComboBox):
    """A list that, where it has no frame, is as wide as what is chosen; it says "…" where that does not fit."""

    def __init__(self, *, snug: bool, weight: int = 400) -> None:
        super().__init__()
        self._snug, self._weight = snug, weight
        self.currentTextChanged.connect(self.updateGeometry)
        self.currentTextChanged.connect(self.setToolTip)
        theme.current().changed.connect(self.updateGeometry)

    def sizeHint(self) -> QSize:
        if not self._snug:
            return super().sizeHint()
        look = theme.current()
        words = QFontMetrics(look.font(theme.BODY, self._weight)).horizontalAdvance(self.currentText())
        return QSize(
            words + look.pixels(84 if self.count() and self.itemIcon(0).availableSizes() else 58),
            super().sizeHint().height(),
        )

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.currentIndex() < 0:
            super().paintEvent(event)
            return
        option, controls = QStyleOptionComboBox(), QStyle.ComplexControl.CC_ComboBox
        self.initStyleOption(option)
        field = self.style().subControlRect(controls, option, QStyle.SubControl.SC_ComboBoxEditField, self)
        icon = option.iconSize.width() + ICON_GAP if not option.currentIcon.isNull() else 0
        room = field.width() - icon
        option.currentText = self.fontMetrics().elidedText(option.currentText, Qt.TextElideMode.ElideRight, room)
        painter = QStylePainter(self)
        painter.drawComplexControl(controls, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.end()


def _disc(color: int | None) -> QIcon:
    look = theme.current()
    side = look.pixels(10)
    pixmap = QPixmap(side * 2, side * 2)
    pixmap.setDevicePixelRatio(2)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(look.run_color(color) if color is not None else look.color("text3"))
    painter.drawEllipse(QRectF(1, 1, side - 2, side - 2))
    painter.end()
    return QIcon(pixmap)
