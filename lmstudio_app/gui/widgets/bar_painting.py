"""Draws the rows of a list of bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.ticks import plain_ticks

if TYPE_CHECKING:
    from lmstudio_app.gui.widgets.bar_list import Bar, BarList

_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)


def paint(view: BarList, painter: QPainter) -> None:
    """Everything that is visible."""
    look, scroll = theme.current(), view.verticalScrollBar().value()
    wide, height, head = float(view.viewport().width()), view.row_height(), view.head_height()
    painter.fillRect(view.viewport().rect(), look.color("surface"))
    start, end, edges = view.columns()
    bottom = head + len(view.bars) * height - scroll
    if view.axis and view.bars:
        _paint_axis(view, painter, start, end, bottom)
    first = max(0, int((scroll - head) // height))
    last = min(len(view.bars), int((scroll + view.viewport().height() - head) // height) + 1)
    for row in range(first, last):
        area = QRectF(0, head + row * height - scroll, wide, height)
        if row in (view.current, view.hovered):
            painter.fillRect(area, look.color("sel" if row == view.current else "hover"))
        _paint_bar(view, painter, view.bars[row], area, (start, end))
        _paint_names(view, painter, view.bars[row], area, start)
        _paint_figures(painter, view.bars[row], area, edges)
    cut = next((row for row, bar in enumerate(view.bars) if bar.cut), None)
    if cut:
        _paint_cut(view, painter, head + cut * height - scroll, edges)
    if view.headings:
        _paint_headings(view, painter, edges)


def _paint_bar(view: BarList, painter: QPainter, bar: Bar, area: QRectF, ends: tuple[float, float]) -> None:
    look = theme.current()
    start, end = ends
    thick = look.pixels(11 if view.axis else 9)
    top = area.center().y() - thick / 2
    if bar.cut:
        box = QRectF(start + 0.5, top + 0.5, max(6.0, (end - start) * (bar.mark or bar.share) / view.full), thick - 1)
        hatch(painter, box)
        return
    length = (end - start) * min(1.0, bar.share / view.full)
    painter.fillRect(QRectF(start, top, max(1.5 if bar.share else 0.0, length), thick), look.run_color(0))
    if bar.mark is not None:
        x = start + (end - start) * min(1.0, bar.mark / view.full)
        painter.fillRect(QRectF(x - 1, top - 3, 2, thick + 6), look.color("text"))


def hatch(painter: QPainter, box: QRectF) -> None:
    """A box with slanting lines: it was there, and was taken away."""
    painter.save()
    painter.setClipRect(box)
    painter.setPen(QPen(theme.current().color("line2"), 1))
    x = box.left() - box.height()
    while x < box.right():
        painter.drawLine(QPointF(x, box.bottom()), QPointF(x + box.height(), box.top()))
        x += 5
    painter.restore()
    painter.setPen(QPen(theme.current().color("line2"), 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(box)


def _paint_names(view: BarList, painter: QPainter, bar: Bar, area: QRectF, start: float) -> None:
    look = theme.current()
    margin, gap = look.pixels(12), look.pixels(8)
    painter.setFont(look.font(theme.LABEL, 600 if bar.strong else 400, mono=True))
    painter.setPen(look.color("text3" if bar.cut else "text"))
    metrics = QFontMetricsF(painter.font())
    note = QFontMetricsF(look.font(theme.HINT)).horizontalAdvance(bar.note) + 6 if bar.note else 0.0
    room = QRectF(margin, area.top(), start - gap - margin, area.height())
    name = metrics.elidedText(bar.label, Qt.TextElideMode.ElideRight, max(room.width() - note, 16) + 1)
    painter.drawText(room, _RIGHT if view.names_right else _LEFT, name)
    if bar.note:
        painter.setFont(look.font(theme.HINT))
        painter.setPen(look.color("text3"))
        painter.drawText(room.adjusted(metrics.horizontalAdvance(name) + 6, 0, 0, 0), _LEFT, bar.note)


def _paint_figures(painter: QPainter, bar: Bar, area: QRectF, edges: list[float]) -> None:
    look = theme.current()
    painter.setFont(look.font(theme.LABEL, 600 if bar.strong else 400))
    painter.setPen(look.color("text3" if bar.cut else "text"))
    for edge, figure in zip(edges, bar.figures, strict=False):
        painter.drawText(QRectF(0, area.top(), edge, area.height()), _RIGHT, figure)


def _paint_headings(view: BarList, painter: QPainter, edges: list[float]) -> None:
    look = theme.current()
    head = QRectF(0, 0, view.viewport().width(), view.head_height())
    painter.fillRect(head, look.color("surface"))
    painter.setFont(look.font(theme.HINT))
    painter.setPen(look.color("text3"))
    for edge, words in zip(edges, view.headings, strict=False):
        painter.drawText(QRectF(0, 0, edge, head.height()), _RIGHT, words)


def _paint_cut(view: BarList, painter: QPainter, y: float, edges: list[float]) -> None:
    look = theme.current()
    colour: QColor = look.run_color(1)
    painter.setPen(QPen(colour, 1.2, Qt.PenStyle.DashLine))
    painter.drawLine(QLineF(look.pixels(12), y, view.viewport().width() - look.pixels(12), y))
    if not view.cut_words:
        return
    painter.setFont(look.font(theme.HINT, 600))
    wide = QFontMetricsF(painter.font()).horizontalAdvance(view.cut_words) + 12
    edge = min(edges, default=float(view.viewport().width())) - look.pixels(46)
    box = QRectF(edge - wide, y + 3, wide, look.pixels(16))
    painter.fillRect(box, look.color("surface"))
    painter.setPen(colour if look.dark else look.color("text"))
    painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), view.cut_words)


def _paint_axis(view: BarList, painter: QPainter, start: float, end: float, bottom: float) -> None:
    look = theme.current()
    painter.setFont(look.font(theme.HINT))
    ticks = plain_ticks(0, 100 * view.full, 4)
    for tick in ticks:
        x = start + (end - start) * tick / 100 / view.full
        painter.setPen(QPen(look.color("grid"), 1))
        painter.drawLine(QPointF(x, 0), QPointF(x, bottom))
        words = QCoreApplication.translate("BarList", "{percent} %").format(percent=f"{tick:g}")
        painter.setPen(look.color("text3"))
        box = QRectF(x - 40, bottom + 3, 80, look.pixels(16))
        painter.drawText(box, int(Qt.AlignmentFlag.AlignHCenter), words if tick == ticks[-1] else f"{tick:g}")
