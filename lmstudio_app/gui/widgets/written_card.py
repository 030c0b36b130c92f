"""What a model writes: its tokens tinted by chance, the surprise of each, and the figures of the whole."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from lmstudio_app.gui.widgets import number_text
from lmstudio_app.gui.widgets.banner import Banner
from lmstudio_app.gui.widgets.button import Button
from lmstudio_app.gui.widgets.card import Card, row
from lmstudio_app.gui.widgets.model_chooser import ModelChooser
from lmstudio_app.gui.widgets.surprise_bars import SurpriseBars, surprise
from lmstudio_app.gui.widgets.text import ElidedText, Text
from lmstudio_app.gui.widgets.token_strip import TokenStrip


class WrittenCard(Card):
    """A column of the console: the model at the top, its text, a bar for each token, figures at the bottom.

    Tokens count from 0 in the whole text, the prompt included. Signals: `token_marked(index or -1)` when a person went
    to another token; `token_opened(index)` on click and Enter.
    """

    token_marked = Signal(int)
    token_opened = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(self.tr("What the model writes"), parent=parent)
        self.title.hide()
        self.note.hide()
        self.chooser = ModelChooser(flat=True)
        self._pill = QFrame()
        self._pill.setProperty("class", "pill")
        self._state = Text("", "label", copyable=False)
        self._state.setProperty("verbatim", True)  # whoever says it has translated it
        self.banner = Banner()
        self.strip = TokenStrip(self.tr("The text"), tint="surprise")
        self.bars = SurpriseBars()
        self._mean = Text("", "label")
        self._figures: list[tuple[Text, Text]] = []
        self._ending = ElidedText("", "label")
        self.copy = Button(self.tr("Copy text"), "copy", "quiet", compact=True)
        self.copy.clicked.connect(self.strip.copy)
        self._text_bytes = 0
        self._bits = 0.0
        self._build()
        self.strip.current_changed.connect(self._marked)
        self.strip.token_activated.connect(self.token_opened)
        self.bars.chosen.connect(self._bar_chosen)
        self.clear()

    # What is shown ------------------------------------------------------------------------------------------------

    def clear(self) -> None:
        """Show nothing."""
        self.show_prompt([])

    def show_prompt(self, pieces: Sequence[str]) -> None:
        """Begin anew with the tokens of a prompt."""
        self.strip.set_tokens(pieces, prompt_tokens=len(pieces))
        self.bars.clear(first=len(pieces))
        self._text_bytes, self._bits = 0, 0.0
        self._show_figures(None)
        self._ending.set_words("")
        self.banner.hide()
        self.copy.setEnabled(bool(pieces))

    def append(
        self, texts: Sequence[str], chances: Sequence[float], parts: Sequence[Sequence[float]], seconds: float
    ) -> None:
        """Add written tokens with their probabilities and what each part of a blend gave; the writing has taken
        `seconds` so far."""
        self.strip.append(texts, chances, parts)
        bits = [surprise(chance) for chance in chances]
        self.bars.append(bits)
        self._bits += math.fsum(bits)
        self._text_bytes += len("".join(texts).encode("utf-8", "replace"))
        self._show_figures(seconds)
        self.copy.setEnabled(True)

    def set_writing(self, writing: bool) -> None:
        """Show a cursor at the end while text is being written."""
        self.strip.set_writing(writing)

    def show_state(self, words: str) -> None:
        """Say something of the model beside its name; nothing when empty."""
        self._state.setText(words)
        self._pill.setVisible(bool(words))

    def state(self) -> str:
        """What is said of the model."""
        return self._state.text()

    def show_ending(self, words: str) -> None:
        """Say why the writing ended."""
        self._ending.set_words(words)

    def ending(self) -> str:
        """Why the writing ended."""
        return self._ending.words()

    def figures(self) -> dict[str, str]:
        """The figures at the bottom by their unit."""
        return {unit.text(): figure.text() for figure, unit in self._figures}

    def _show_figures(self, seconds: float | None) -> None:
        count, mean = len(self.bars.bits), self.bars.mean
        self._mean.setText(self.tr("mean {bits}").format(bits=f"{mean:.1f}") if mean is not None else "")
        values = (
            number_text.loss(self._bits / self._text_bytes) if self._text_bytes else "–",
            number_text.rate(count / seconds) if seconds and count else "–",
            number_text.whole(count),
        )
        for (figure, _), value in zip(self._figures, values, strict=True):
            figure.setText(value)

    # Building -----------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.head.insertWidget(0, self.chooser, 100)
        pill = QHBoxLayout(self._pill)
        pill.setContentsMargins(10, 2, 10, 2)
        pill.addWidget(self._state)
        self.head.addWidget(self._pill)
        self._pill.hide()
        framed = QVBoxLayout()
        framed.setContentsMargins(12, 8, 12, 0)
        framed.addWidget(self.banner)
        self.body.addLayout(framed)
        self.body.addWidget(self.strip, 1)
        foot, frame = self.add_foot()
        frame.setProperty("class", "sheet")
        foot.setContentsMargins(12, 6, 12, 4)
        foot.setSpacing(2)
        title = Text(self.tr("Surprise of each token, bits"), "label", copyable=False)
        foot.addLayout(row(title, None, self._mean))
        foot.addWidget(self.bars)
        line, _ = self.add_foot()
        line.setContentsMargins(12, 4, 8, 4)
        figures = QHBoxLayout()
        figures.setSpacing(4)
        for unit in (self.tr("bits/byte"), self.tr("tokens/s"), self.tr("tokens")):
            pair = (Text("–", "small-strong", verbatim=True), Text(unit, "label"))
            self._figures.append(pair)
            for part in pair:
                figures.addWidget(part)
            figures.addSpacing(14)
        figures.addWidget(self._ending, 1)
        figures.addWidget(self.copy)
        line.addLayout(figures)

    # What the person does -----------------------------------------------------------------------------------------

    def _marked(self, token: int) -> None:
        self.bars.set_current(token - self.strip.prompt_tokens)
        self.token_marked.emit(token)

    def _bar_chosen(self, written: int) -> None:
        self.strip.go_to(self.strip.prompt_tokens + written)
