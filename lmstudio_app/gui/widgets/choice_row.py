"""One of several to choose from, as a full row: a radio button with a second line and figures at the right."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QRadioButton, QSizePolicy, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.radio_mark import paint_radio


class ChoiceRow(QRadioButton):
    """A radio button that fills its row; its hint wraps. `figures` stand in columns of equal width at the right.

    Rows of one parent exclude each other, and the arrow keys go from one to the next.
    """

    def __init__(self, title: str, hint: str = "", figures: Sequence[str] = (), parent: QWidget | None = None) -> None:
        super().__init__(title, parent)
        self._hint = hint
        self._figures = tuple(figures)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(bool(hint))
        self.setSizePolicy(policy)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip(hint)
        self._describe()
        theme.current().changed.connect(self.updateGeometry)

    def set_figures(self, figures: Sequence[str]) -> None:
        """Show other figures at the right."""
        self._figures = tuple(figures)
        self._describe()
        self.update()

    def sizeHint(self) -> QSize:
        look = theme.current()
        return QSize(look.pixels(240), look.pixels(48 if self._hint else 23))

    def hasHeightForWidth(self) -> bool:
        return bool(self._hint)

    def heightForWidth(self, width: int) -> int:
        look = theme.current()
        return look.pixels(36) + self._hint_height(width - look.pixels(46)) if self._hint else self.sizeHint().height()

    def minimumSizeHint(self) -> QSize:
        look = theme.current()
        words = QFontMetrics(self._title_font()).horizontalAdvance(self.text())
        return QSize(look.pixels(38) + words + self._figures_width(), self.sizeHint().height())

    def hitButton(self, place: object) -> bool:
        return True  # the whole row is the button, not only what the style draws

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.isChecked() or self.underMouse():
            painter.fillRect(self.rect(), look.color("sel" if self.isChecked() else "hover"))
        middle = look.pixels(18) if self._hint else self.height() / 2
        paint_radio(painter, look.pixels(18), middle, checked=self.isChecked())
        left, right = look.pixels(36), self.width() - look.pixels(10)
        line = QRect(left, int(middle) - look.pixels(10), max(0, right - left - self._figures_width()), look.pixels(20))
        painter.setFont(self._title_font())
        painter.setPen(look.color("text"))
        title = painter.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, line.width())
        painter.drawText(line, int(Qt.AlignmentFlag.AlignVCenter), title)
        self._paint_figures(painter, right, line)
        if self._hint:
            painter.setFont(look.font(theme.HINT))
            painter.setPen(look.color("text3"))
            below = QRect(left, line.bottom() + 1, right - left, self.height() - line.bottom())
            painter.drawText(below, int(Qt.TextFlag.TextWordWrap), self._hint)
        painter.end()

    def _hint_height(self, width: int) -> int:
        metrics = QFontMetrics(theme.current().font(theme.HINT))
        return metrics.boundingRect(QRect(0, 0, width, 10_000), int(Qt.TextFlag.TextWordWrap), self._hint).height()

    def _paint_figures(self, painter: QPainter, right: int, line: QRect) -> None:
        look = theme.current()
        column = look.pixels(66)
        for place, figure in enumerate(reversed(self._figures)):
            first = place == len(self._figures) - 1 and len(self._figures) > 1
            painter.setFont(look.font(theme.LABEL if first else theme.HINT, 600 if first else 400))
            painter.setPen(look.color("text" if first else "text3"))
            box = QRectF(right - column * (place + 1), line.top(), column, line.height())
            painter.drawText(box, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight), figure)

    def _title_font(self) -> QFont:
        return theme.current().font(theme.LABEL if not self._hint else theme.BODY, 600 if self._hint else 500)

    def _figures_width(self) -> int:
        return theme.current().pixels(66) * len(self._figures)

    def _describe(self) -> None:
        words = [self._hint, *(figure for figure in self._figures if figure)]
        self.setAccessibleName(self.text())
        self.setAccessibleDescription(", ".join(word for word in words if word))
