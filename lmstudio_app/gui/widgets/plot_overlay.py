"""What a plot writes over its lines, worked out from its numbers: labels, marks, cursor box and words for the ear."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets import number_text
from lmstudio_app.gui.widgets.plot_curve import Curve
from lmstudio_app.gui.widgets.plot_labels import (
    Label,
    Reading,
    gutter_width,
    paint_best,
    paint_gutter,
    paint_readout,
    readout_size,
)

if TYPE_CHECKING:
    from lmstudio_app.gui.widgets.plot_canvas import PlotCanvas


def wanted_gutter(plot: PlotCanvas) -> float:
    """How wide the gutter for the labels should be: enough for all of them, at most a third of the plot."""
    wide = gutter_width(_labels(plot))
    return min(max(wide, theme.current().pixels(64)) + 20, 0.34 * float(plot.viewport().width()))


def paint(plot: PlotCanvas, painter: QPainter) -> None:
    """Everything over the lines, in pixels of the plot."""
    area = plot.plot_area()
    painter.save()
    painter.setClipRect(area.adjusted(-6, -6, 6, 6))
    for curve in plot.curves.values():
        if not plot.compact:
            _paint_points(plot, painter, curve)
    painter.restore()
    if plot.cursor_step is not None:
        _paint_cursor(plot, painter, area)
    if plot.compact:
        _paint_level_words(plot, painter, area)
        return
    for curve in plot.curves.values():
        if curve.look.best and plot.cursor_step is None:
            _paint_best(plot, painter, area, curve)
    gutter = QRectF(area.right() + 12, area.top(), plot.viewport().width() - area.right() - 16, area.height())
    paint_gutter(painter, gutter, _labels(plot))
    _paint_unit(plot, painter, area)
    if plot.cursor_step is not None:
        _paint_box(plot, painter, area, plot.cursor_step)


def _labels(plot: PlotCanvas) -> list[Label]:
    area, look = plot.plot_area(), theme.current()
    labels = []
    for reference in plot.references:
        point = plot.place(0.0, reference.value)
        if point is not None and area.top() - 1 <= point.y() <= area.bottom() + 1:
            labels.append(Label(reference.title, plot.number(reference.value), point.y(), look.color("text2")))
    for curve in plot.curves.values():
        index = curve.series.last()
        if index is None:
            continue
        value = float(curve.shown()[index])
        point = plot.place(float(curve.positions(plot.by_seconds)[index]), value)
        if point is None:
            continue
        at = min(max(point.y(), area.top()), area.bottom())
        inside = area.adjusted(-1, -1, 1, 1).contains(point)
        readable = curve.label_color()
        swatch = curve.color() if readable != curve.color() else None
        end = point if inside else None
        labels.append(Label(curve.title, plot.number(value), at, readable, True, end, swatch))
    return labels


def _paint_points(plot: PlotCanvas, painter: QPainter, curve: Curve) -> None:
    look, area = theme.current(), plot.plot_area()
    (low, high), _ = plot.getViewBox().viewRange()
    if curve.look.points:
        painter.setPen(QPen(curve.color(), 1.4))
        painter.setBrush(look.color("surface"))
        for x, value in curve.marks(low, high, int(area.width() / 8), plot.by_seconds):
            point = plot.place(x, value)
            if point is not None:
                painter.drawEllipse(point, 2.6, 2.6)
    index = curve.series.last()
    if index is None or curve.look.points:
        return
    point = plot.place(float(curve.positions(plot.by_seconds)[index]), float(curve.shown()[index]))
    if point is not None:
        painter.setPen(QPen(look.color("surface"), 1.5))
        painter.setBrush(curve.color())
        painter.drawEllipse(point, 4.5, 4.5)


def _paint_best(plot: PlotCanvas, painter: QPainter, area: QRectF, curve: Curve) -> None:
    """Mark the best value once later ones are worse; until then the newest point says it all."""
    best, last = curve.series.best(), curve.series.last()
    if best is None or best == last:
        return
    step, value = float(curve.series.steps[best]), float(curve.series.values[best])
    point = plot.place(float(curve.positions(plot.by_seconds)[best]), value)
    if point is None or not area.contains(point):
        return
    title = QCoreApplication.translate("Plot", "best {value}").format(value=plot.number(value))
    if plot.kept_step == step:
        detail = QCoreApplication.translate("Plot", "step {step} · checkpoint kept")
    else:
        detail = QCoreApplication.translate("Plot", "step {step}")
    paint_best(painter, area, point, (title, detail.format(step=number_text.whole(step))), curve.color())


def _paint_unit(plot: PlotCanvas, painter: QPainter, area: QRectF) -> None:
    look = theme.current()
    painter.setFont(look.font(theme.HINT))
    painter.setPen(look.color("text3"))
    words = QCoreApplication.translate("Plot", "time") if plot.by_seconds else plot.unit_words
    row = QRectF(area.right() + look.pixels(26), area.bottom() + 5, look.pixels(120), look.pixels(16))
    painter.drawText(row, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), words)


def _paint_level_words(plot: PlotCanvas, painter: QPainter, area: QRectF) -> None:
    """In a small plot a level is named on its own line, at the right."""
    look = theme.current()
    painter.setFont(look.font(theme.HINT))
    for reference in plot.references:
        point = plot.place(0.0, reference.value)
        if point is None:
            continue
        width = painter.fontMetrics().horizontalAdvance(reference.title) + 4
        above = point.y() - look.pixels(15) > area.top()
        top = point.y() - look.pixels(15) if above else point.y() + 2
        row = QRectF(area.right() - width, top, width, look.pixels(14))
        painter.fillRect(row, look.color("surface"))
        painter.setPen(look.color("text2"))
        painter.drawText(row, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), reference.title)


def _paint_cursor(plot: PlotCanvas, painter: QPainter, area: QRectF) -> None:
    assert plot.cursor_step is not None
    look = theme.current()
    x = plot.getViewBox().mapViewToScene(QPointF(plot.x_of(plot.cursor_step), 0)).x()
    if not area.left() - 1 <= x <= area.right() + 1:
        return
    line = look.color("line2" if plot.compact else "ref")
    painter.setPen(QPen(line, 1.5))
    painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
    for curve in plot.curves.values():
        index = curve.series.at_or_before(plot.cursor_step)
        if index is None or curve.series.steps[index] != plot.cursor_step:
            continue
        point = plot.place(float(curve.positions(plot.by_seconds)[index]), float(curve.series.values[index]))
        if point is not None and area.contains(point):
            painter.setPen(QPen(look.color("surface"), 1.5))
            painter.setBrush(curve.color())
            radius = 3.2 if plot.compact else 4.5
            painter.drawEllipse(point, radius, radius)


def readings(plot: PlotCanvas, step: float) -> list[Reading]:
    """What each line says at `step`, exactly as recorded; an older value says which step it is from."""
    found = []
    for curve in plot.curves.values():
        index = curve.series.at_or_before(step)
        if index is None:
            continue
        at = float(curve.series.steps[index])
        remark = ""
        if at != step:
            remark = QCoreApplication.translate("Plot", "at {step}").format(step=number_text.whole(at))
        value = number_text.loss(float(curve.series.values[index]), plot.digits + 1)
        found.append(Reading(curve.color(), curve.title, value, remark))
        if curve.look.smoothed and at == step:
            smooth = number_text.loss(float(curve.series.smoothed[index]), plot.digits + 1)
            if smooth != value:
                found.append(Reading(None, QCoreApplication.translate("Plot", "smoothed"), smooth))
    return found


def heading(plot: PlotCanvas, step: float) -> tuple[str, str]:
    """The step in words, and the time it was reached after."""
    title = QCoreApplication.translate("Plot", "step {step}").format(step=number_text.whole(step))
    for curve in plot.curves.values():
        index = curve.series.nearest(step)
        if index is not None and curve.series.steps[index] == step:
            seconds = float(curve.series.seconds[index])
            return title, number_text.duration(seconds) if math.isfinite(seconds) and seconds > 0 else ""
    return title, ""


def words_at(plot: PlotCanvas, step: float) -> str:
    """A point in words, for people who do not see it."""
    title, aside = heading(plot, step)
    parts = [title, aside, *(f"{r.title} {r.value} {r.remark}".strip() for r in readings(plot, step))]
    return ", ".join(part for part in parts if part)


def summary_of(curve: Curve, digits: int) -> str:
    """A line in one sentence: how many points, from where, to the lowest, and now."""
    best, last = curve.series.best(), curve.series.last()
    if best is None or last is None:
        return ""
    values = curve.series.values
    first = next(float(value) for value in values if math.isfinite(value))
    words = QCoreApplication.translate(
        "Plot", "{title}: {count} points, from {first} to {lowest} at step {step}, now {now}."
    )
    return words.format(
        title=curve.title,
        count=number_text.whole(len(curve.series)),
        first=number_text.loss(first, digits),
        lowest=number_text.loss(float(values[best]), digits),
        step=number_text.whole(float(curve.series.steps[best])),
        now=number_text.loss(float(values[last]), digits),
    )


def _paint_box(plot: PlotCanvas, painter: QPainter, area: QRectF, step: float) -> None:
    x = plot.getViewBox().mapViewToScene(QPointF(plot.x_of(step), 0)).x()
    found = readings(plot, step)
    if not found or not area.left() - 1 <= x <= area.right() + 1:
        return
    title, aside = heading(plot, step)
    size = readout_size(title, aside, found)
    left = x + 12 if x + 12 + size.width() < plot.viewport().width() - 4 else x - 12 - size.width()
    top = area.top() + min(40.0, max(4.0, (area.height() - size.height()) / 3))
    paint_readout(painter, QRectF(QPointF(left, top), size), title, aside, found)
