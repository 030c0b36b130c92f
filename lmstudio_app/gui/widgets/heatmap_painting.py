"""Draws a heatmap: hatching, cells, token labels, crosshair, readout and colour bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets import color_maps
from lmstudio_app.gui.widgets.number_text import power, whole
from lmstudio_app.gui.widgets.token_text import label

if TYPE_CHECKING:
    from lmstudio_app.gui.widgets.heatmap import Heatmap

_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_LEAN = -60.0


def paint(view: Heatmap, painter: QPainter) -> None:
    """The whole picture."""
    grid = view.grid()
    painter.fillRect(grid, theme.current().color("surface"))
    if view.masked:
        _paint_hatching(view, painter, grid)
    _paint_cells(view, painter, grid)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    _paint_tokens(view, painter, grid)
    _paint_color_bar(view, painter, grid)
    if view.cell is not None:
        _paint_crosshair(view, painter, grid, view.cell)


def _paint_hatching(view: Heatmap, painter: QPainter, grid: QRectF) -> None:
    look = theme.current()
    painter.save()
    painter.setClipRect(grid)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(look.color("line"), 1))
    gap = 8.0
    start = grid.left() - grid.height()
    while start < grid.right():
        painter.drawLine(QPointF(start, grid.bottom()), QPointF(start + grid.height(), grid.top()))
        start += gap
    painter.restore()
    words = QCoreApplication.translate("Heatmap", "later tokens are masked")
    span = view.visible_cells()[2]
    if span < len(view.tokens) or grid.width() < look.pixels(260):
        return
    painter.setFont(look.font(theme.HINT))
    width = QFontMetricsF(painter.font()).horizontalAdvance(words) + 14
    area = QRectF(grid.right() - width - 0.08 * grid.width(), grid.top() + 0.38 * grid.height(), width, look.pixels(18))
    painter.fillRect(area, look.color("surface"))
    painter.setPen(look.color("text2"))
    painter.drawText(area, int(Qt.AlignmentFlag.AlignCenter), words)


def _paint_cells(view: Heatmap, painter: QPainter, grid: QRectF) -> None:
    picture, step = view.picture()
    top, left, span = view.visible_cells()
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
    painter.drawImage(grid, picture, QRectF(left / step, top / step, span / step, span / step))
    painter.restore()
    painter.setPen(QPen(theme.current().color("line2"), 1))
    painter.drawLine(grid.topLeft() + QPointF(-0.5, 0), grid.bottomLeft() + QPointF(-0.5, 0))
    painter.drawLine(grid.bottomLeft() + QPointF(0, 0.5), grid.bottomRight() + QPointF(0, 0.5))


def _paint_tokens(view: Heatmap, painter: QPainter, grid: QRectF) -> None:
    look = theme.current()
    size = view.cell_size()
    every = max(1, int(-(-look.pixels(13) // max(size, 0.01))))
    row, column = view.cell or (-1, -1)
    top, left, span = view.visible_cells()
    for place in range(int(top), min(len(view.tokens), int(top + span) + 1)):
        if place % every == 0 and place != row and abs(place - row) * size >= look.pixels(12):
            _write_row(view, painter, grid, place, False)
    for place in range(int(left), min(len(view.tokens), int(left + span) + 1)):
        if place % every == 0 and place != column and abs(place - column) * size >= look.pixels(12):
            _write_column(view, painter, grid, place, False)
    if row >= 0:
        _write_row(view, painter, grid, row, True)
        _write_column(view, painter, grid, column, True)


def _write_row(view: Heatmap, painter: QPainter, grid: QRectF, place: int, strong: bool) -> None:
    look = theme.current()
    middle = view.box_of((place, 0)).center().y()
    if not grid.top() <= middle <= grid.bottom():
        return
    height = look.pixels(14)
    row = QRectF(0, middle - height / 2, grid.left() - 6, height)
    painter.setFont(look.font(theme.HINT, 700 if strong else 400, mono=True))
    painter.setPen(look.color("text" if strong else "text2"))
    words = QFontMetricsF(painter.font()).elidedText(
        label(view.tokens[place]), Qt.TextElideMode.ElideLeft, row.width() + 1
    )
    painter.drawText(row, _RIGHT, words)


def _write_column(view: Heatmap, painter: QPainter, grid: QRectF, place: int, strong: bool) -> None:
    look = theme.current()
    middle = view.box_of((0, place)).center().x()
    if not grid.left() <= middle <= grid.right():
        return
    height = look.pixels(14)
    painter.save()
    painter.translate(middle + 3, grid.top() - 5)
    painter.rotate(_LEAN)
    painter.setFont(look.font(theme.HINT, 700 if strong else 400, mono=True))
    painter.setPen(look.color("text" if strong else "text2"))
    room = (grid.top() - 8) / 0.87
    words = QFontMetricsF(painter.font()).elidedText(label(view.tokens[place]), Qt.TextElideMode.ElideRight, room)
    painter.drawText(QRectF(0, -height / 2, room + 4, height), _LEFT, words)
    painter.restore()


def _paint_color_bar(view: Heatmap, painter: QPainter, grid: QRectF) -> None:
    look = theme.current()
    height = min(look.pixels(246), 0.6 * grid.height())
    bar = QRectF(grid.right() + look.pixels(14), grid.bottom() - height, look.pixels(10), height)
    colors = color_maps.table(color_maps.chosen(view.colors))
    rows = max(1, int(height))
    for line in range(rows):
        color = QColor.fromRgba(int(colors[int(255 * (1 - (line + 0.5) / rows))]))
        painter.fillRect(QRectF(bar.left(), bar.top() + line, bar.width(), 1.5), color)
    painter.setPen(QPen(look.color("line2"), 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(bar)
    painter.setFont(look.font(theme.HINT))
    painter.setPen(look.color("text3"))
    row_height = look.pixels(14)
    for part in range(5):
        value = view.maximum * part / 4
        y = bar.bottom() - height * part / 4
        row = QRectF(bar.right() + 6, y - row_height / 2, look.pixels(40), row_height)
        painter.drawText(row, _LEFT, f"{value:.3g}")
    words = view.scale_words()
    wide = QFontMetricsF(painter.font()).horizontalAdvance(words) + 2
    left = min(bar.left() - look.pixels(8), view.width() - wide)
    painter.drawText(QRectF(left, bar.top() - look.pixels(24), wide, look.pixels(14)), _LEFT, words)


def _paint_crosshair(view: Heatmap, painter: QPainter, grid: QRectF, cell: tuple[int, int]) -> None:
    look = theme.current()
    box = view.box_of(cell)
    if not grid.intersects(box):
        return
    painter.save()
    painter.setClipRect(grid.adjusted(-2, -2, 2, 2))
    painter.setPen(QPen(look.color("text2"), 1))
    for x in {round(box.left()) + 0.5, round(box.right()) + 0.5}:
        painter.drawLine(QPointF(x, grid.top()), QPointF(x, box.top()))
    for y in {round(box.top()) + 0.5, round(box.bottom()) + 0.5}:
        painter.drawLine(QPointF(grid.left(), y), QPointF(box.left(), y))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(look.color("text"), 2))
    painter.drawRect(box if box.width() >= 6 else QRectF(box.center() - QPointF(3, 3), box.center() + QPointF(3, 3)))
    painter.restore()
    _paint_readout(view, painter, grid, cell, box)


def _paint_readout(view: Heatmap, painter: QPainter, grid: QRectF, cell: tuple[int, int], box: QRectF) -> None:
    look = theme.current()
    rows = view.readout(cell)
    mono, text = QFontMetricsF(look.font(theme.LABEL, 600, mono=True)), QFontMetricsF(look.font(theme.LABEL))
    first = max(text.horizontalAdvance(row[0]) for row in rows) + look.pixels(12)
    second = max(mono.horizontalAdvance(row[1]) for row in rows)
    third = max(text.horizontalAdvance(row[2]) for row in rows)
    height = look.pixels(20)
    width = max(look.pixels(180), first + second + third + look.pixels(28)) + 24
    frame = QRectF(box.right() + look.pixels(70), box.top() - look.pixels(90), width, 3 * height + 20)
    frame.moveLeft(max(4.0, min(frame.left(), view.width() - width - 4)))
    frame.moveTop(max(4.0, min(frame.top(), view.height() - frame.height() - 4)))
    if frame.adjusted(-6, -6, 6, 6).intersects(box):
        below = box.bottom() + look.pixels(16)
        fits = below + frame.height() < view.height() - 4
        frame.moveTop(below if fits else max(4.0, box.top() - look.pixels(16) - frame.height()))
    corner = QPointF(max(frame.left(), min(box.center().x(), frame.right())), frame.center().y())
    painter.setPen(QPen(look.color("text2"), 1))
    painter.drawLine(QPointF(box.right(), box.top()) if corner.x() > box.right() else box.center(), corner)
    painter.setPen(QPen(look.color("line2"), 1))
    painter.setBrush(look.color("surface"))
    painter.drawRoundedRect(frame.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
    line = QRectF(frame.left() + 12, frame.top() + 8, width - 24, height)
    for number, (name, token, value) in enumerate(rows):
        if number == 2:
            painter.setPen(QPen(look.color("line"), 1))
            painter.drawLine(line.topLeft() + QPointF(0, 1), line.topRight() + QPointF(0, 1))
            line.translate(0, 4)
        painter.setFont(look.font(theme.LABEL))
        painter.setPen(look.color("text2"))
        painter.drawText(line, _LEFT, name)
        painter.setFont(look.font(theme.LABEL, 600, mono=True))
        painter.setPen(look.color("text"))
        painter.drawText(line.adjusted(first, 0, 0, 0), _LEFT, token)
        painter.setFont(look.font(theme.TITLE if number == 2 else theme.LABEL, 600 if number == 2 else 400))
        painter.setPen(look.color("text" if number == 2 else "text3"))
        painter.drawText(line, _RIGHT, value)
        line.translate(0, height)


def readout(view: Heatmap, cell: tuple[int, int]) -> list[tuple[str, str, str]]:
    """Who looks, at whom, and by how much."""
    row, column = cell
    place = QCoreApplication.translate("Heatmap", "token {place}")
    weight = float(view.weights[row, column])
    return [
        (QCoreApplication.translate("Heatmap", "from"), label(view.tokens[row]), place.format(place=whole(row + 1))),
        (
            QCoreApplication.translate("Heatmap", "to"),
            label(view.tokens[column]),
            place.format(place=whole(column + 1)),
        ),
        (
            QCoreApplication.translate("Heatmap", "attention"),
            "",
            figure(weight),
        ),
    ]


def figure(weight: float) -> str:
    """A share between 0 and 1, a small one as a power of ten."""
    return f"{weight:.3f}" if weight >= 5e-4 or not weight else power(weight)
