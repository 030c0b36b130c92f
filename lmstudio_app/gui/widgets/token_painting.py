"""Shapes and paints lines of tokens."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QTextCharFormat, QTextLayout, QTextLine, QTextOption

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.token_text import SPACE, STAND_INS

if TYPE_CHECKING:
    from lmstudio_app.gui.widgets.token_strip import TokenStrip

MARGIN = 12
_PASTELS = (0, 1, 3, 2, 4)
_PASTEL_SHARE = {False: 0.15, True: 0.24}
_LEAST_CHANCE = 0.01
_PART_SHARE = {False: (0.1, 0.5), True: (0.14, 0.6)}
"""How much of a part's colour a token has that it gave least and most of."""


def shape(strip: TokenStrip, number: int) -> QTextLayout:
    """One line as a text layout; glyphs for what would not show are paler."""
    pieces = strip.lines.line(number)
    text = "".join(piece.shown for piece in pieces)
    layout = QTextLayout(text, strip.text_font())
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.NoWrap)
    layout.setTextOption(option)
    layout.setFormats(_formats(strip, number))
    layout.beginLayout()
    line = layout.createLine()
    if line.isValid():
        line.setLineWidth(1e6)
    layout.endLayout()
    return layout


def _formats(strip: TokenStrip, number: int) -> list[QTextLayout.FormatRange]:
    look = theme.current()
    ranges = []
    place = 0
    glyphs = STAND_INS if strip.tint == "tokens" else STAND_INS - {SPACE}
    for piece in strip.lines.line(number):
        if piece.token < strip.prompt_tokens:
            ranges.append(_range(place, units(piece.shown), look.color("text3")))
        else:
            for offset, character in enumerate(piece.shown):
                if character in glyphs:
                    ranges.append(_range(place + units(piece.shown[:offset]), 1, look.color("text3")))
        place += units(piece.shown)
    return ranges


def _range(start: int, length: int, color: QColor) -> QTextLayout.FormatRange:
    found = QTextLayout.FormatRange()
    style = QTextCharFormat()
    style.setForeground(color)
    found.start, found.length, found.format = start, length, style
    return found


def boxes(strip: TokenStrip, number: int) -> list[tuple[int, QRectF]]:
    """Each token of a line and its room, measured from the line's top."""
    layout = strip.layout_of(number)
    if not layout.lineCount():
        return []
    line, height = layout.lineAt(0), strip.line_height()
    found, place = [], 0
    for piece in strip.lines.line(number):
        start = _x(line, place)
        place += units(piece.shown)
        left, right = sorted((start, _x(line, place)))  # from right to left where it is written so
        found.append((piece.token, QRectF(MARGIN + left, 1, right - left, height - 3)))
    return found


def units(text: str) -> int:
    """The length of a text as Qt counts it: characters beyond the basic plane are two."""
    return len(text) + sum(character > "\uffff" for character in text)


def _x(line: QTextLine, place: int) -> float:
    x: Any = line.cursorToX(place)  # a pair in PySide6, though its stubs say otherwise
    return float(x[0] if isinstance(x, tuple) else x)


def paint(strip: TokenStrip, painter: QPainter, area: QRect) -> None:
    """The lines that touch `area`."""
    look, height = theme.current(), strip.line_height()
    painter.fillRect(area, look.color("surface"))
    scroll = strip.verticalScrollBar().value()
    if strip.texts:
        first = max(0, int((scroll + area.top() - MARGIN) // height))
        last = min(len(strip.lines) - 1, int((scroll + area.bottom() - MARGIN) // height))
        for number in range(first, last + 1):
            _paint_line(strip, painter, number, MARGIN + number * height - scroll)
    if strip.writing:
        _paint_cursor(strip, painter, scroll)


def _paint_line(strip: TokenStrip, painter: QPainter, number: int, top: float) -> None:
    look = theme.current()
    low, high = strip.selection()
    outlined = []
    painter.setPen(Qt.PenStyle.NoPen)
    for token, box in boxes(strip, number):
        box.translate(0, top)
        color = _selected() if low <= token < high else background(strip, token)
        if color is not None:
            painter.setBrush(color)
            painter.drawRoundedRect(box.adjusted(0.5, 0, -0.5, 0), 3, 3)
        if token == strip.current:
            outlined.append(box)
    layout = strip.layout_of(number)
    painter.setPen(look.color("text"))
    layout.draw(painter, QPointF(MARGIN, top + (strip.line_height() - layout.boundingRect().height()) / 2 - 0.5))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(look.color("ink"), 2))
    for box in outlined:
        painter.drawRoundedRect(box.adjusted(-1, -0.5, 1, 0.5), 4, 4)


def _selected() -> QColor:
    color = theme.current().color("focus")
    color.setAlphaF(0.3)
    return color


def background(strip: TokenStrip, token: int) -> QColor | None:
    """The colour behind a token, or None."""
    look = theme.current()
    if strip.tint == "tokens":
        return mixed(look.color("surface"), look.run_color(_PASTELS[token % 5]), _PASTEL_SHARE[look.dark])
    if strip.tint == "parts":
        return _parts_color(strip.parts[token])
    chance = strip.chances[token] if strip.tint == "surprise" and token >= strip.prompt_tokens else None
    return None if chance is None else surprise_color(chance)


def _parts_color(parts: Sequence[float]) -> QColor | None:
    """The colour of the part that gave most of a token, the stronger the more it gave."""
    if not parts:
        return None
    most = max(parts)
    return part_color(parts.index(most), (most - 1 / len(parts)) / (1 - 1 / len(parts)))


def part_color(place: int, strength: float) -> QColor:
    """The colour of part `place`, from 0 (it gave hardly more than the others) to 1 (it gave all)."""
    look = theme.current()
    least, most = _PART_SHARE[look.dark]
    return mixed(look.color("surface"), look.run_color(place), least + (most - least) * max(0.0, min(1.0, strength)))


def surprise_color(chance: float) -> QColor:
    """The tint of a token that had this probability: none at 100 %, full at 1 % and below."""
    look = theme.current()
    share = min(1.0, math.log(max(chance, 1e-12)) / math.log(_LEAST_CHANCE)) if chance < 1 else 0.0
    return mixed(look.color("surface"), look.color("surprise"), share)


def mixed(first: QColor, second: QColor, share: float) -> QColor:
    """`share` of the second colour in the first."""
    pairs = ((first.red(), second.red()), (first.green(), second.green()), (first.blue(), second.blue()))
    red, green, blue = (round(a + (b - a) * share) for a, b in pairs)
    return QColor(red, green, blue)


def _paint_cursor(strip: TokenStrip, painter: QPainter, scroll: int) -> None:
    number = len(strip.lines) - 1
    right = float(MARGIN)
    if strip.texts and (found := boxes(strip, number)):
        if strip.texts[-1].endswith("\n"):
            number += 1
        else:
            right = found[-1][1].right()
    top = MARGIN + number * strip.line_height() - scroll
    painter.setPen(QPen(theme.current().color("ink"), 2))
    painter.drawLine(QPointF(right + 1.5, top + 3), QPointF(right + 1.5, top + strip.line_height() - 4))
