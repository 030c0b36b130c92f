"""The third card of the start page: a finished example, its curve and what it wrote on the way."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.translation import declared
from lmstudio_app.gui.widgets import number_text
from lmstudio_app.gui.widgets.card import row, strip
from lmstudio_app.gui.widgets.example_plot import Example, ExamplePlot
from lmstudio_app.gui.widgets.step_card import StepCard
from lmstudio_app.gui.widgets.text import Text

SAMPLES = 4
SAMPLE_LINES = 3


class ExampleCard(StepCard):
    """What training looks like. Without an `example` it says so in words alone."""

    def __init__(self, example: Example | None, parent: QWidget | None = None) -> None:
        super().__init__(3, self.tr("Watch it learn"), self.tr("a finished example") if example else "", parent)
        if example is None:
            words = Text(self.tr("You see the loss fall and the text get better, step by step."), "body2", wrap=True)
            words.setContentsMargins(16, 0, 16, 16)
            self.body.addWidget(words)
            self.body.addStretch(1)
        else:
            self.remark.setToolTip(declared(example.title))
            self._build_plot(example)
            self._build_samples(example)
        self._build_foot()

    def _build_plot(self, example: Example) -> None:
        column = QVBoxLayout()
        column.setContentsMargins(16, 0, 12, 4)
        column.setSpacing(4)
        column.addWidget(Text(self.tr("Loss, bits per byte: lower is better"), "label", copyable=False))
        column.addWidget(ExamplePlot(example), 1)
        self.body.addLayout(column, 3)

    def _build_samples(self, example: Example) -> None:
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(0)
        grid.setColumnStretch(1, 1)
        for place, (step, text) in enumerate(chosen_samples(example)):
            label = Text(self.tr("step {step}").format(step=number_text.whole(step)), "label")
            label.setContentsMargins(16, 7, 10, 7)
            written = Text("\n".join(text.strip().splitlines()[:SAMPLE_LINES]), verbatim=True, wrap=True)
            written.setProperty("role", "mono")
            written.setContentsMargins(0, 7, 12, 7)
            written.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
            written.setMinimumHeight(theme.current().pixels(46))
            written.setAlignment(Qt.AlignmentFlag.AlignTop)
            grid.addWidget(strip("rule"), 2 * place, 0, 1, 2)
            grid.addWidget(label, 2 * place + 1, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(written, 2 * place + 1, 1)
        self.body.addLayout(grid, 2)

    def _build_foot(self) -> None:
        foot, _ = self.add_foot()
        foot.setContentsMargins(16, 10, 16, 12)
        self._sign = QLabel()
        theme.current().changed.connect(self._tint)
        self._tint()
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addWidget(Text(self.tr("Then open it up"), "strong", copyable=False))
        words.addWidget(Text(self.tr("its attention, its text, every token's odds"), "hint", wrap=True, copyable=False))
        line = row(self._sign, spacing=12)
        line.addLayout(words, 1)
        foot.addLayout(line)

    def _tint(self) -> None:
        self._sign.setPixmap(theme.current().pixmap("inspect", "text", 30, self.devicePixelRatioF()))


def chosen_samples(example: Example) -> list[tuple[int, str]]:
    """Few of the texts it wrote: the first, the last, and some between that are about a factor apart in steps."""
    texts = list(example.samples)
    if len(texts) <= SAMPLES:
        return texts
    last = len(texts) - 1
    places = {0, last, *(round(last * share) for share in (0.12, 0.4))}
    return [texts[place] for place in sorted(places)]
