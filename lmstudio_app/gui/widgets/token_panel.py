"""One token looked at closely, and how much text a token holds."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.card import row, strip
from lmstudio_app.gui.widgets.measure_row import Measure, MeasureRow
from lmstudio_app.gui.widgets.text import Text

WIDTH = 200


class TokenPanel(QScrollArea):
    """The side of the tokenizer card."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words = ""
        self._title = Text("", "figure", verbatim=True)
        self._title.setProperty("role", "token")
        self._facts = [Text("", "label", wrap=True) for _ in range(4)]
        self._measures: list[MeasureRow] = []
        self._column = QVBoxLayout()
        self._column.setSpacing(2)
        self._remark = Text("", "hint", wrap=True)
        self._build()
        theme.current().changed.connect(self._fit)
        self._fit()

    def show_token(self, title: str, facts: Sequence[str]) -> None:
        """Show a token: what it looks like and a few lines about it."""
        self._words = title
        self._title.setVisible(bool(title))
        self._elide()
        for place, line in enumerate(self._facts):
            line.setText(facts[place] if place < len(facts) else "")
            line.setVisible(place < len(facts))

    def show_measures(self, measures: Sequence[Measure]) -> None:
        """Show how many bytes of text a token holds, beside what it is compared with."""
        while len(self._measures) < len(measures):
            made = MeasureRow(compact=True)
            self._measures.append(made)
            self._column.addWidget(made)
        for place, line in enumerate(self._measures):
            line.setVisible(place < len(measures))
            if place < len(measures):
                line.show_measure(measures[place], [measure.figure for measure in measures])

    def show_remark(self, words: str) -> None:
        """Say something below."""
        self._remark.setText(words)

    def token(self) -> tuple[str, list[str]]:
        """The token that is shown, and the lines about it."""
        return self._words, [line.text() for line in self._facts if not line.isHidden()]

    def measures(self) -> list[Measure]:
        """The measures that are shown."""
        return [line.measure() for line in self._measures if not line.isHidden()]

    def _build(self) -> None:
        page = QWidget()
        page.setProperty("scrolled", True)
        column = QVBoxLayout(page)
        column.setContentsMargins(12, 10, 12, 12)
        column.setSpacing(4)
        column.addWidget(Text(self.tr("Selected token"), "hint", copyable=False))
        column.addLayout(row(self._title, None))
        for line in self._facts:
            line.setMinimumWidth(40)
            column.addWidget(line)
        column.addSpacing(4)
        column.addWidget(strip("rule"))
        column.addSpacing(4)
        column.addWidget(Text(self.tr("Bytes per token, this text"), "hint", copyable=False))
        column.addLayout(self._column)
        column.addStretch(1)
        self._remark.setMinimumWidth(40)
        column.addWidget(self._remark)
        self.setProperty("class", "side")
        self.setWidget(page)
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def _fit(self) -> None:
        self.setFixedWidth(theme.current().pixels(WIDTH))
        self._elide()

    def _elide(self) -> None:
        self._title.ensurePolished()
        room = self.width() - theme.current().pixels(48)
        shown = self._title.fontMetrics().elidedText(self._words, Qt.TextElideMode.ElideMiddle, room)
        self._title.setText(shown)
        self._title.setToolTip(self._words if shown != self._words else "")
