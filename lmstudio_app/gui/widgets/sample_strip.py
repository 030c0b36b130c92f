"""What a model writes as it learns: one sample after another, side by side, the newest at the right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFontMetricsF,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPen,
    QResizeEvent,
    QTextOption,
)
from PySide6.QtWidgets import QAbstractItemView, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets import number_text

Index = QModelIndex | QPersistentModelIndex
_SHOWN_CHARACTERS = 1200


@dataclass(frozen=True)
class Sample:
    """Text written at `step`; `bits_per_byte` is the validation loss then, None where it was not measured."""

    step: int
    text: str
    bits_per_byte: float | None = None
    best: bool = False


class _Samples(QAbstractListModel):
    """The samples as rows."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.samples: list[Sample] = []

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.samples)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        sample = self.samples[index.row()]
        if role == Qt.ItemDataRole.UserRole:
            return sample
        if role == Qt.ItemDataRole.DisplayRole:
            return sample.text
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ", ".join(part for part in (*heading(sample, self.is_newest(index.row())), sample.text) if part)
        return None

    def is_newest(self, row: int) -> bool:
        return row == len(self.samples) - 1 and len(self.samples) > 1

    def show(self, samples: Sequence[Sample]) -> None:
        """Append what is new and change what is known better; lay everything anew where the steps differ."""
        known = len(self.samples)
        if not known or [sample.step for sample in samples[:known]] != [sample.step for sample in self.samples]:
            self.beginResetModel()
            self.samples = list(samples)
            self.endResetModel()
            return
        changed = [row for row in range(known) if samples[row] != self.samples[row]]
        self.samples = list(samples[:known])
        if len(samples) > known:
            self.beginInsertRows(QModelIndex(), known, len(samples) - 1)
            self.samples = list(samples)
            self.endInsertRows()
            changed.append(known - 1)  # it is no longer the newest
        for row in changed:
            self.dataChanged.emit(self.index(row), self.index(row))


def heading(sample: Sample, newest: bool) -> tuple[str, str, str]:
    """What stands over a sample: its step, what is special about it, the loss then."""
    from PySide6.QtCore import QCoreApplication

    step = QCoreApplication.translate("SampleStrip", "step {step}").format(step=number_text.whole(sample.step))
    words = []
    if sample.best:
        words.append(QCoreApplication.translate("SampleStrip", "best"))
    if newest:
        words.append(QCoreApplication.translate("SampleStrip", "newest"))
    loss = ""
    if sample.bits_per_byte is not None:
        loss = QCoreApplication.translate("SampleStrip", "{loss} bits/byte").format(
            loss=number_text.loss(sample.bits_per_byte)
        )
    return step, " · ".join(words), loss


class SampleStrip(QListView):
    """Samples side by side, at least 220 pixels each; a view at its end follows the newest.

    Signals: `sample_activated(step)` on click or Enter. Ctrl+C copies the chosen sample.
    """

    sample_activated = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = _Samples(self)
        self.setModel(self._model)
        self.setItemDelegate(_SampleDelegate(self))
        self.setAccessibleName(self.tr("What the model writes as it learns"))
        self.setProperty("verbatim", True)
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(False)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setMinimumHeight(96)
        self.clicked.connect(self._activate)
        theme.current().changed.connect(self._relay)

    def show_samples(self, samples: Sequence[Sample]) -> None:
        """Show these, oldest first."""
        bar = self.horizontalScrollBar()
        at_end = bar.value() >= bar.maximum() - 4
        self._model.show(samples)
        if at_end:
            self._to_end()
        self.viewport().update()

    def samples(self) -> list[Sample]:
        """Those that are shown."""
        return list(self._model.samples)

    def item_size(self) -> QSize:
        """The room of one sample: a quarter of the strip, or more where that is too narrow to read."""
        look = theme.current()
        count = max(1, min(4, self.viewport().width() // look.pixels(220)))
        return QSize(self.viewport().width() // count, self.viewport().height())

    def is_newest(self, index: Index) -> bool:
        """Whether the sample is the last of several."""
        return self._model.is_newest(index.row())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        index = self.currentIndex()
        if event.matches(QKeySequence.StandardKey.Copy) and index.isValid():
            QGuiApplication.clipboard().setText(self._model.samples[index.row()].text)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and index.isValid():
            self._activate(index)
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        bar = self.horizontalScrollBar()
        at_end = bar.maximum() > 0 and bar.value() >= bar.maximum() - 4
        super().resizeEvent(event)
        self._relay()
        if at_end:
            self._to_end()

    def _activate(self, index: Index) -> None:
        self.sample_activated.emit(self._model.samples[index.row()].step)

    def _to_end(self) -> None:
        last = self._model.index(self._model.rowCount() - 1, 0)
        if last.isValid():
            self.executeDelayedItemsLayout()
            self.scrollTo(last)

    def _relay(self) -> None:
        self.scheduleDelayedItemsLayout()
        self.viewport().update()


class _SampleDelegate(QStyledItemDelegate):
    """Paints one sample: a heading, then its text in the typewriter font."""

    def __init__(self, strip: SampleStrip) -> None:
        super().__init__(strip)
        self._strip = strip

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return self._strip.item_size()

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        look = theme.current()
        sample: Sample = index.data(Qt.ItemDataRole.UserRole)
        newest = self._strip.is_newest(index)
        painter.save()
        area = QRectF(option.rect)
        state = option.state
        fill = "sunken" if newest else "surface"
        if state & QStyle.StateFlag.State_Selected:
            fill = "sel"
        elif state & QStyle.StateFlag.State_MouseOver:
            fill = "hover"
        painter.fillRect(area, look.color(fill))
        painter.setPen(QPen(look.color("line"), 1))
        painter.drawLine(area.topRight(), area.bottomRight())
        inner = area.adjusted(10, 8, -10, -4)
        height = look.pixels(18)
        self._paint_heading(painter, QRectF(inner.left(), inner.top(), inner.width(), height), sample, newest)
        painter.setFont(look.font(theme.LABEL, mono=True))
        painter.setPen(look.color("text"))
        words = QTextOption(Qt.AlignmentFlag.AlignLeft)
        words.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        body = inner.adjusted(0, height + 2, 0, 0)
        line = QFontMetricsF(painter.font()).lineSpacing()
        body.setHeight(max(line, body.height() // line * line))
        painter.setClipRect(body)
        painter.drawText(body, sample.text[:_SHOWN_CHARACTERS], words)
        painter.restore()

    @staticmethod
    def _paint_heading(painter: QPainter, row: QRectF, sample: Sample, newest: bool) -> None:
        look = theme.current()
        step, special, loss = heading(sample, newest)
        left = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        right = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        painter.setFont(look.font(theme.HINT, 600))
        painter.setPen(look.color("text"))
        painter.drawText(row, left, step)
        used = QFontMetricsF(painter.font()).horizontalAdvance(step) + 6
        painter.setFont(look.font(theme.HINT))
        painter.setPen(look.color("text2"))
        metrics = QFontMetricsF(painter.font())
        room = row.width() - used - metrics.horizontalAdvance(loss) - 8
        special = metrics.elidedText(special, Qt.TextElideMode.ElideRight, room)
        painter.drawText(row.adjusted(used, 0, 0, 0), left, special)
        painter.drawText(row, right, loss)
