"""What a model expects next, and what the sampler leaves of it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets import bar_painting, number_text
from lmstudio_app.gui.widgets.bar_list import Bar, BarList
from lmstudio_app.gui.widgets.card import Card
from lmstudio_app.gui.widgets.text import Text
from lmstudio_app.gui.widgets.token_text import label


class ChancesCard(Card):
    """Likely next tokens: a bar for what the sampler leaves, a tick for what the model gave; cut ones are hatched."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent, title=self.tr("Next-token chances"))
        self._after = _TokenBox()
        self.head.addWidget(self._after)
        self._legend = _Legend()
        self.list = BarList(self.title.text(), axis=True, names_right=True)
        self._words = Text("", "label", wrap=True)
        self.foot, self._foot = self.add_foot()
        self.foot.addWidget(self._words)
        framed = QVBoxLayout()
        framed.setContentsMargins(0, 8, 0, 0)
        framed.setSpacing(4)
        framed.addWidget(self._legend)
        framed.addWidget(self.list, 1)
        self.body.addLayout(framed, 1)
        self.clear()

    def clear(self) -> None:
        """Show nothing."""
        self.show_chances([], "", -1)
        self.show_words("")

    def show_chances(
        self,
        rows: Sequence[tuple[str, float, float]],
        after: str,
        written: int,
        *,
        counts: tuple[int, int] | None = None,
        cut_words: str = "",
    ) -> None:
        """Show the likeliest tokens as (text, probability before, probability after the sampler), after the text
        `after`; row `written` (or −1) is the one that was written. `counts` are all tokens kept and cut."""
        bars = [
            Bar(
                label(text),
                left,
                (number_text.percent(left) if left > 0 else self.tr("cut"),),
                mark=given,
                strong=place == written,
                cut=left <= 0,
            )
            for place, (text, given, left) in enumerate(rows)
        ]
        self._after.show_text(after)
        self._legend.show_counts(counts)
        self._legend.setVisible(bool(bars))
        self.list.set_bars(bars, cut_words=cut_words)

    def show_words(self, words: str) -> None:
        """Say something below the rows."""
        self._words.setText(words)
        self._foot.setVisible(bool(words))

    def words(self) -> str:
        """What is said below the rows."""
        return self._words.text()

    def legend(self) -> str:
        """What the legend says."""
        return self._legend.accessibleName()


class _TokenBox(QWidget):
    """ "after" and the last tokens in a frame."""

    def __init__(self) -> None:
        super().__init__()
        self._text = ""
        self.setProperty("verbatim", True)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.current().changed.connect(self.updateGeometry)

    def show_text(self, text: str) -> None:
        """Show this text, or nothing."""
        self._text = text
        self.setAccessibleName(self.tr("after “{text}”").format(text=text) if text else "")
        self.setVisible(bool(text))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        look = theme.current()
        words = QFontMetrics(look.font(theme.LABEL)).horizontalAdvance(self.tr("after"))
        mono = QFontMetrics(look.font(theme.LABEL, mono=True))
        return QSize(words + mono.horizontalAdvance(self._text) + look.pixels(22), look.pixels(22))

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(look.font(theme.LABEL))
        painter.setPen(look.color("text2"))
        words = self.tr("after")
        painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignVCenter), words)
        left = painter.fontMetrics().horizontalAdvance(words) + look.pixels(8)
        box = QRectF(left + 0.5, 0.5, self.width() - left - 1, self.height() - 1)
        painter.setPen(QPen(look.color("line2"), 1))
        painter.setBrush(look.color("sunken"))
        painter.drawRoundedRect(box, 4, 4)
        painter.setFont(look.font(theme.LABEL, mono=True))
        painter.setPen(look.color("text"))
        painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), self._text)


class _Legend(QWidget):
    """What the bars, the hatching and the ticks mean."""

    def __init__(self) -> None:
        super().__init__()
        self._words: tuple[str, ...] = ()
        self.setProperty("verbatim", True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.current().changed.connect(self.updateGeometry)
        self.show_counts(None)

    def show_counts(self, counts: tuple[int, int] | None) -> None:
        """Say how many are kept and cut, where that is known."""
        if counts is None:
            self._words = (self.tr("kept"), self.tr("cut"), self.tr("before sampler"))
        else:
            kept, cut = map(number_text.whole, counts)
            self._words = (
                self.tr("kept, {count}").format(count=kept),
                self.tr("cut, {count}").format(count=cut),
                self.tr("before sampler"),
            )
        self.setAccessibleName(", ".join(self._words))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        look = theme.current()
        metrics = QFontMetrics(look.font(theme.LABEL))
        words = sum(metrics.horizontalAdvance(part) for part in self._words)
        return QSize(
            words + 2 * look.pixels(12) + 2 * look.pixels(12) + 3 * look.pixels(6) + 2 * look.pixels(14),
            look.pixels(20),
        )

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme.current()
        painter = QPainter(self)
        painter.setFont(look.font(theme.LABEL))
        left, middle, side = float(look.pixels(12)), self.height() / 2, look.pixels(12)
        for place, words in enumerate(self._words):
            sign = QRectF(left + 0.5, middle - side / 2 + 1, side, side - 3)
            if place == 0:
                painter.fillRect(sign, look.run_color(0))
            elif place == 1:
                bar_painting.hatch(painter, sign)
            else:
                sign.setWidth(2)
                painter.fillRect(sign.adjusted(0, -2, 0, 2), look.color("text"))
            painter.setPen(look.color("text2"))
            start = sign.right() + look.pixels(6)
            painter.drawText(QRectF(start, 0, self.width(), self.height()), int(Qt.AlignmentFlag.AlignVCenter), words)
            left = start + painter.fontMetrics().horizontalAdvance(words) + look.pixels(14)
