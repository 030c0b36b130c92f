"""The second card of the start page: what will be trained, in plain words, with one large button."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from lmstudio_app.gui.widgets.button import Button
from lmstudio_app.gui.widgets.card import row, strip
from lmstudio_app.gui.widgets.choice_row import ChoiceRow
from lmstudio_app.gui.widgets.step_card import StepCard
from lmstudio_app.gui.widgets.text import ElidedText, Text


class NextRunCard(StepCard):
    """The drafted run.

    Signals: `train_pressed()`, `settings_wanted()`, `rung_chosen(str)` another family of models, by its key.
    """

    train_pressed = Signal()
    settings_wanted = Signal()
    rung_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(2, self.tr("Train"), parent=parent)
        self._facts: list[tuple[Text, Text]] = []
        self._figures: list[tuple[Text, Text, Text]] = []
        self._rungs: dict[str, ChoiceRow] = {}
        self._build_facts((self.tr("Text"), self.tr("Tokenizer"), self.tr("Model"), self.tr("Split"), self.tr("Stops")))
        self._build_figures((self.tr("Parameters"), self.tr("Memory"), self.tr("Reads the text")))
        self._build_ladder()
        self.body.addStretch(1)
        self._build_foot()

    def show_facts(self, facts: Sequence[tuple[str, str]]) -> None:
        """Fill the rows, from text to stops: (value, what it means)."""
        for (value, hint), (words, meaning) in zip(self._facts, facts, strict=True):
            value.setText(words)
            hint.setText(meaning)
            hint.setVisible(bool(meaning))

    def show_figures(self, figures: Sequence[tuple[str, str]]) -> None:
        """Fill the key figures: (number, its unit or basis)."""
        for (_, figure, unit), (number, words) in zip(self._figures, figures, strict=True):
            figure.setText(number)
            unit.setText(words)

    def show_rungs(self, rungs: Iterable[tuple[str, str, str, Sequence[str]]], chosen: str) -> None:
        """Offer the families from simple to able: (key, title, one sentence, (best score here, parameters))."""
        for key, title, summary, figures in rungs:
            if key not in self._rungs:
                choice = self._rungs[key] = ChoiceRow(title)
                choice.clicked.connect(lambda checked=True, key=key: self.rung_chosen.emit(key))
                self._ladder.addWidget(choice)
            self._rungs[key].setToolTip(summary)
            self._rungs[key].set_figures(figures)
        if chosen in self._rungs:
            self._rungs[chosen].setChecked(True)
        for key, choice in self._rungs.items():  # Tab comes to the chosen one, arrows go on from there
            reached = key == chosen or chosen not in self._rungs
            choice.setFocusPolicy(Qt.FocusPolicy.StrongFocus if reached else Qt.FocusPolicy.ClickFocus)
        self._ladder_head.setVisible(bool(self._rungs))

    def stops(self) -> list[QWidget]:
        """Its controls in the order of Tab."""
        return [*self._rungs.values(), self.train, self.change]

    def set_ready(self, ready: bool, words: str) -> None:
        """Whether it can be trained; `words` stand on the button, also why not."""
        self.train.setEnabled(ready)
        self.train.set_words(words, "play" if ready else "")
        self.set_active(ready)

    def show_problem(self, words: str) -> None:
        """Say above the button what is wrong with the settings; nothing when empty."""
        self._problem.setText(words)
        self._problem.setVisible(bool(words))

    def problem(self) -> str:
        """What is said to be wrong."""
        return self._problem.text() if not self._problem.isHidden() else ""

    def _build_facts(self, names: Sequence[str]) -> None:
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(0)
        grid.setVerticalSpacing(0)
        grid.setColumnStretch(1, 1)
        for place, name in enumerate(names):
            value, hint = Text("–", "body", wrap=True), Text("", "hint", wrap=True)
            column = QVBoxLayout()
            column.setContentsMargins(8, 6, 16, 6)
            column.setSpacing(1)
            column.addWidget(value)
            column.addWidget(hint)
            hint.hide()
            label = Text(name, "body2", copyable=False)
            label.setContentsMargins(16, 6, 8, 6)
            grid.addWidget(strip("rule"), 2 * place, 0, 1, 2)
            grid.addWidget(label, 2 * place + 1, 0, Qt.AlignmentFlag.AlignTop)
            grid.addLayout(column, 2 * place + 1, 1)
            self._facts.append((value, hint))
        self.body.addLayout(grid)

    def _build_figures(self, names: Sequence[str]) -> None:
        self.body.addWidget(strip("rule"))
        line = QHBoxLayout()
        line.setContentsMargins(16, 10, 16, 10)
        for name in names:
            parts = (Text(name, "label", copyable=False), Text("–", "figure"), Text("", "hint"))
            column = QVBoxLayout()
            column.setSpacing(1)
            for part in parts:
                column.addWidget(part)
            line.addLayout(column, 1)
            self._figures.append(parts)
        self.body.addLayout(line)
        self.body.addWidget(strip("rule"))

    def _build_ladder(self) -> None:
        self._ladder_head = QWidget()
        head = QHBoxLayout(self._ladder_head)
        head.setContentsMargins(16, 8, 18, 2)
        head.addWidget(ElidedText(self.tr("Or start lower on the ladder"), "label"), 1)
        note = Text(self.tr("bits/byte here, parameters"), "hint", copyable=False)
        head.addWidget(note)
        self._ladder_head.hide()
        self.body.addWidget(self._ladder_head)
        self._ladder = QVBoxLayout()
        self._ladder.setContentsMargins(8, 0, 8, 8)
        self._ladder.setSpacing(0)
        self.body.addLayout(self._ladder)

    def _build_foot(self) -> None:
        foot, _ = self.add_foot()
        foot.setContentsMargins(16, 14, 16, 10)
        self._problem = Text("", "err", wrap=True)
        self._problem.setProperty("verbatim", True)  # whoever says it has translated it
        self._problem.hide()
        foot.addWidget(self._problem)
        self.train = Button(self.tr("Train"), "play", "primary")
        self.train.setProperty("large", True)
        self.train.clicked.connect(self.train_pressed)
        foot.addWidget(self.train)
        self.change = change = Button(self.tr("Change settings first"), kind="link")
        change.clicked.connect(self.settings_wanted)
        foot.addLayout(row(None, Text(self.tr("Pause or stop at any time."), "label", copyable=False), change, None))
