"""The left side of the Train pane: the next run's text, model and settings, what it will take, and the button."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QProgressBar, QScrollArea, QVBoxLayout, QWidget

from lmstudio_app.engine.settings import Problem
from lmstudio_app.gui.translation import declared
from lmstudio_app.gui.widgets.button import Button
from lmstudio_app.gui.widgets.card import Card, row, strip
from lmstudio_app.gui.widgets.config_form import ConfigForm, Section
from lmstudio_app.gui.widgets.key_figure import KeyFigure
from lmstudio_app.gui.widgets.setting_row import FormRow
from lmstudio_app.gui.widgets.still_wheel import still_wheel
from lmstudio_app.gui.widgets.text import Text

LEARNING_RATE = "training.learning_rate"


@dataclass(frozen=True)
class Choice:
    """One line of a list: `value` is handed back, `title` is read, `hint` stands below when it is chosen."""

    value: str
    title: str
    hint: str = ""


@dataclass(frozen=True)
class Estimate:
    """What the run will take, each as (figure, unit); `share` of the device's memory, `basis` in one sentence."""

    parameters: tuple[str, str] = ("–", "")
    memory: tuple[str, str] = ("–", "")
    time: tuple[str, str] = ("–", "")
    share: float = 0.0
    basis: str = ""


class NextRunForm(Card):
    """Choosers for corpus, family, preset and style, a name, the settings of the family, an estimate and one button.

    Signals: `corpus_chosen(str)`, `family_chosen(str)`, `preset_chosen(str)`, `style_chosen(str)`, `named(str)`,
    `changed(dict)` the values of all settings by path, `find_pressed()` for a learning rate, `try_pressed()`
    for two steps, `train_pressed()`.
    """

    corpus_chosen = Signal(str)
    family_chosen = Signal(str)
    preset_chosen = Signal(str)
    style_chosen = Signal(str)
    named = Signal(str)
    changed = Signal(object)
    find_pressed = Signal()
    try_pressed = Signal()
    train_pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(self.tr("Next run"), "", parent)
        self._hints: dict[QComboBox, dict[str, str]] = {}
        self.corpus, self._corpus_row = self._chooser(self.tr("Text"), self.corpus_chosen)
        self.family, self._family_row = self._chooser(self.tr("Family"), self.family_chosen)
        self.preset, self._preset_row = self._chooser(self.tr("Preset"), self.preset_chosen)
        self.style_box, self._style_row = self._chooser(self.tr("Style"), self.style_chosen)
        self.run_name = QLineEdit()
        self.run_name.setPlaceholderText(self.tr("found by itself"))
        self.run_name.setAccessibleName(self.tr("Name of the run"))
        self.run_name.textEdited.connect(self.named)
        self._name_row = FormRow(self.tr("Name"), self.run_name)
        self._rows = {
            "corpus": self._corpus_row, "family": self._family_row, "preset": self._preset_row,
            "style": self._style_row, "name": self._name_row
        }  # fmt: skip
        self.form = ConfigForm()
        self.form.changed.connect(self.changed)
        self.find_rate: Button | None = None
        self.try_steps = Button(self.tr("Try two steps"), kind="link")
        self.try_steps.clicked.connect(self.try_pressed)
        self.train = Button(self.tr("Train"), "play", "primary")
        self.train.clicked.connect(self.train_pressed)
        self._lay()

    # What is shown ------------------------------------------------------------------------------------------------

    def show_corpora(self, corpora: Sequence[Choice], chosen: str) -> None:
        """Offer these texts."""
        self._fill(self.corpus, self._corpus_row, corpora, chosen)

    def show_families(self, families: Sequence[Choice], chosen: str) -> None:
        """Offer these families."""
        self._fill(self.family, self._family_row, families, chosen)

    def show_presets(self, presets: Sequence[Choice], chosen: str) -> None:
        """Offer these presets."""
        self._fill(self.preset, self._preset_row, presets, chosen)

    def show_styles(self, styles: Sequence[Choice], chosen: str) -> None:
        """Offer these styles; a family without any has no such row."""
        self._fill(self.style_box, self._style_row, styles, chosen)
        self._style_row.setVisible(bool(styles))

    def show_name(self, name: str) -> None:
        """Show the name the person chose; empty for none."""
        if self.run_name.text() != name:
            self.run_name.setText(name)

    def show_settings(self, sections: Sequence[Section], values: Mapping[str, Any]) -> None:
        """Show rows for these settings with these values; a learning rate can be looked for where there is one."""
        self.form.show_sections(sections, values)
        self.find_rate = None
        if LEARNING_RATE in self.form.rows():
            self.find_rate = Button(self.tr("Find…"), compact=True)
            self.find_rate.setAccessibleName(self.tr("Find a learning rate"))
            self.find_rate.clicked.connect(self.find_pressed)
            self.form.row(LEARNING_RATE).add_action(self.find_rate)

    def show_problems(self, problems: Sequence[Problem]) -> int:
        """Show what is wrong at the fields, the rest above the button; returns how many fields are wrong."""
        left = self.form.set_problems(problems)
        first = {problem.field: problem for problem in reversed(left)}
        for field, place in self._rows.items():
            problem = first.get(field)
            place.say_error(declared(problem.sentence, **problem.values) if problem else "")
        rest = [problem for problem in left if problem.field not in self._rows]
        self._rest.setText("\n".join(declared(problem.sentence, **problem.values) for problem in rest))
        self._rest.setVisible(bool(rest))
        return len({problem.field for problem in problems})

    def show_estimate(self, estimate: Estimate) -> None:
        """Show what the run will take."""
        self._parameters.show_figure(*estimate.parameters)
        self._memory.show_figure(*estimate.memory)
        self._time.show_figure(*estimate.time)
        self._bar.setVisible(estimate.share > 0)
        self._bar.setValue(round(1000 * min(1.0, estimate.share)))
        percent = self.tr("{percent} % of the memory").format(percent=round(100 * estimate.share))
        self._bar.setAccessibleDescription(percent)
        self._basis.setText(estimate.basis)
        self._basis.setVisible(bool(estimate.basis))

    def set_findable(self, reason: str) -> None:
        """Whether a learning rate can be looked for now: `reason` says why not, empty when it can."""
        if self.find_rate is not None:
            self.find_rate.setEnabled(not reason)
            self.find_rate.setToolTip(reason or self.tr("Try learning rates and see where the loss falls fastest"))
            self.find_rate.setAccessibleDescription(self.find_rate.toolTip())

    def set_triable(self, reason: str, words: str) -> None:
        """Whether two steps can be tried now: `reason` says why not, empty when they can; `words` stand on the
        button."""
        self.try_steps.setEnabled(not reason)
        self.try_steps.set_words(words)
        hint = self.tr("Measure pace, memory and time by two real steps, which are thrown away")
        self.try_steps.setToolTip(reason or hint)
        self.try_steps.setAccessibleDescription(self.try_steps.toolTip())

    def set_ready(self, ready: bool, words: str) -> None:
        """Whether the run can be trained; `words` stand on the button, also why not."""
        self.train.setEnabled(ready)
        self.train.set_words(words, "play" if ready else "")

    # Building -----------------------------------------------------------------------------------------------------

    def _chooser(self, title: str, signal: Any) -> tuple[QComboBox, FormRow]:
        box = still_wheel(QComboBox())
        box.setAccessibleName(title)
        box.setProperty("verbatim", True)
        box.setMinimumContentsLength(6)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        row = FormRow(title, box)

        def chosen() -> None:
            row.set_hint(self._hints[box].get(box.currentData(), ""))
            signal.emit(box.currentData())

        box.activated.connect(chosen)
        return box, row

    def _fill(self, box: QComboBox, row: FormRow, choices: Sequence[Choice], chosen: str) -> None:
        wanted = [(choice.value, choice.title) for choice in choices]
        if wanted != [(box.itemData(place), box.itemText(place)) for place in range(box.count())]:
            box.clear()
            for value, title in wanted:
                box.addItem(title, value)
        self._hints[box] = {choice.value: choice.hint for choice in choices}
        box.setCurrentIndex(box.findData(chosen))
        row.set_hint(self._hints[box].get(chosen, ""))

    def _lay(self) -> None:
        content = QWidget()
        content.setProperty("scrolled", True)
        column = QVBoxLayout(content)
        column.setContentsMargins(12, 10, 12, 12)
        column.setSpacing(8)
        heading = Text(self.tr("Model").upper(), "section", copyable=False)
        above = (
            self._corpus_row,
            self._name_row,
            strip("rule"),
            heading,
            self._family_row,
            self._preset_row,
            self._style_row,
        )
        for widget in above:
            column.addWidget(widget)
        column.addWidget(self.form)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(content)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.body.addWidget(scroll, 1)
        foot, _ = self.add_foot()
        self._parameters = KeyFigure(self.tr("Parameters"))
        self._memory = KeyFigure(self.tr("Memory"))
        self._time = KeyFigure(self.tr("Time"))
        figures = QHBoxLayout()
        for figure in (self._parameters, self._memory, self._time):
            figures.addWidget(figure, 1)
        foot.addLayout(figures)
        self._bar = QProgressBar()
        self._bar.setRange(0, 1000)
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName(self.tr("Share of the memory"))
        self._bar.hide()
        foot.addWidget(self._bar)
        self._basis = Text("", "hint", wrap=True)
        self._basis.setMinimumWidth(40)
        self._basis.hide()
        foot.addWidget(self._basis)
        foot.addLayout(row(self.try_steps, None))
        self._rest = Text("", "err", wrap=True)
        self._rest.setProperty("verbatim", True)  # whoever says it has translated it
        self._rest.hide()
        foot.addWidget(self._rest)
        foot.addWidget(self.train)
