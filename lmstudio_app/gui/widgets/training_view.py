"""A run as it learns: its loss, four small plots, what it writes. Fed with rows of its record, live or from disk."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets import number_text
from lmstudio_app.gui.widgets.card import Card
from lmstudio_app.gui.widgets.line_plot import LinePlot, Look, Reference
from lmstudio_app.gui.widgets.run_header import RunHeader
from lmstudio_app.gui.widgets.sample_strip import Sample, SampleStrip
from lmstudio_app.gui.widgets.small_plot import SmallPlot
from lmstudio_app.gui.widgets.text import ElidedText
from lmstudio_app.gui.widgets.token_text import visible

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Plan:
    """What is known of a run before its first step. Memory in bytes, 0 where it is unknown."""

    learning_rate: float = 0.0
    gradient_clip: float = 0.0
    sample_every: int = 0
    sample_prompt: str = ""
    memory_bytes: int = 0
    gpu: bool = False


class TrainingView(QWidget):
    """The right side of the Train pane.

    `begin` a run, then `take` the rows of its `metrics.jsonl` as they come; rows of steps that are there already are
    passed over, so that a record read from disk and the reports that arrive meanwhile may overlap.

    Signals: `export_requested(format)`, `sample_activated(step)`.
    """

    export_requested = Signal(str)
    sample_activated = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.header = RunHeader()
        self.plot = LinePlot(self.tr("Loss, bits per byte"), self.tr("lower is better"))
        self.plot.add_series("validation", self.tr("validation"), Look(1, points=True, best=True))
        self.plot.add_series("training", self.tr("training"), Look(0, smoothed=True))
        self.rate = SmallPlot(self.tr("Learning rate"))
        self.norm = SmallPlot(self.tr("Gradient norm"))
        self.speed = SmallPlot(self.tr("Speed"))
        self.memory = SmallPlot(self.tr("Memory"))
        self.samples = SampleStrip()
        self._plan = Plan()
        self._power = 0
        self._last_step = {"training": -1.0, "validation": -1.0}
        self._samples: list[Sample] = []
        self._shown = self._small()
        self._lay()
        self._link()

    # The run ------------------------------------------------------------------------------------------------------

    def begin(self, plan: Plan, *, gradient: bool = True) -> None:
        """Empty everything for another run; without `gradient` there is no rate and no norm to show."""
        self._plan = plan
        self._power = math.floor(math.log10(plan.learning_rate)) if plan.learning_rate > 0 else 0
        self._last_step = {"training": -1.0, "validation": -1.0}
        self.plot.clear()
        for small in self._small():
            small.clear()
        self._shown = self._small() if gradient else (self.speed, self.memory)
        if plan.gradient_clip > 0:
            words = self.tr("clip at {norm}").format(norm=number_text.plain(plan.gradient_clip))
            self.norm.set_level(words, plan.gradient_clip)
        self.memory.set_title(self.tr("GPU memory") if plan.gpu else self.tr("Memory"))
        self._show_samples([])
        self._write_note()
        self._arrange()

    def set_references(self, references: Sequence[Reference]) -> None:
        """The levels to compare the loss with."""
        self.plot.set_references(references)

    def set_kept_step(self, step: int | None) -> None:
        """Whose checkpoint is kept as the best."""
        self.plot.set_kept_step(step)

    def take(self, rows: Sequence[Row]) -> None:
        """Add rows of `metrics.jsonl`, of steps and of validations, in their order."""
        steps = self._new(rows, "training_bits_per_byte", "training")
        checks = self._new(rows, "validation_bits_per_byte", "validation")
        if steps:
            x = [row["step"] for row in steps]
            seconds = [row.get("seconds") for row in steps]
            self.plot.extend("training", x, seconds, [row["training_bits_per_byte"] for row in steps])
            rate = 10.0**-self._power
            self.rate.extend(x, seconds, [_times(row.get("learning_rate"), rate) for row in steps])
            self.norm.extend(x, seconds, [row.get("gradient_norm") for row in steps])
            self.speed.extend(x, seconds, [_times(row.get("tokens_per_second"), 1e-3) for row in steps])
            self.memory.extend(x, seconds, [_times(row.get("memory_bytes"), 1e-9) for row in steps])
            self._show_now(steps[-1])
        if checks:
            values = [row["validation_bits_per_byte"] for row in checks]
            self.plot.extend("validation", [r["step"] for r in checks], [r.get("seconds") for r in checks], values)
            self._show_samples(self._samples)

    def take_samples(self, rows: Sequence[Row]) -> None:
        """Add rows of `samples.jsonl`; one of a step that is there already is passed over."""
        known = {sample.step for sample in self._samples}
        new = [Sample(int(row["step"]), str(row["text"])) for row in rows if int(row["step"]) not in known]
        if new:
            self._show_samples([*self._samples, *new])

    def last_step(self) -> int:
        """The last step that is shown; −1 when there is none."""
        return int(max(self._last_step.values()))

    def _new(self, rows: Sequence[Row], key: str, series: str) -> list[Row]:
        found = []
        for row in rows:
            if key in row and row["step"] > self._last_step[series]:
                self._last_step[series] = row["step"]
                found.append(row)
        return found

    def _show_now(self, row: Row) -> None:
        if (rate := row.get("learning_rate")) is not None:
            unit = f"×10{number_text.raised(self._power)}" if self._power else ""
            self.rate.set_now(f"{rate * 10.0**-self._power:.2g}", unit)
        if (norm := row.get("gradient_norm")) is not None:
            self.norm.set_now(number_text.loss(norm))
        if (speed := row.get("tokens_per_second")) is not None:
            if speed >= 999_500:
                self.speed.set_now(f"{speed / 1e6:.3g}", self.tr("million tokens/s"))
            elif speed >= 999.5:
                self.speed.set_now(f"{speed / 1e3:.3g}", self.tr("thousand tokens/s"))
            else:
                self.speed.set_now(number_text.whole(speed), self.tr("tokens/s"))
        if (memory := row.get("memory_bytes")) is not None:
            figure, unit = number_text.size(memory).rsplit(" ", 1)
            if self._plan.memory_bytes:
                unit = self.tr("{unit} of {total}").format(unit=unit, total=number_text.size(self._plan.memory_bytes))
            self.memory.set_now(figure, unit)

    def _show_samples(self, samples: Sequence[Sample]) -> None:
        """Show samples with the validation loss of their step, the best one marked."""
        checks = self.plot.surface.curves["validation"].series
        best = checks.best()
        best_step = float(checks.steps[best]) if best is not None else None
        shown = []
        for sample in samples:
            place = checks.at_or_before(sample.step)
            exact = place is not None and checks.steps[place] == sample.step
            loss = float(checks.values[place]) if exact and place is not None else None
            shown.append(replace(sample, bits_per_byte=loss, best=sample.step == best_step))
        self._samples = shown
        self.samples.show_samples(shown)
        self._samples_card.setVisible(bool(shown) or self._plan.sample_every > 0)

    def _write_note(self) -> None:
        if self._plan.sample_prompt:
            words = self.tr("same prompt, same seed, every {steps} steps · prompt {prompt}")
        else:
            words = self.tr("same seed, every {steps} steps")
        every, prompt = number_text.whole(self._plan.sample_every), visible(self._plan.sample_prompt, spaces=False)
        words = words.format(steps=every, prompt=f"{prompt[:40]}…" if len(prompt) > 40 else prompt)
        self._note.set_words(words if self._plan.sample_every > 1 else "")

    # Layout -------------------------------------------------------------------------------------------------------

    def _small(self) -> tuple[SmallPlot, ...]:
        return self.rate, self.norm, self.speed, self.memory

    def _lay(self) -> None:
        card = Card()
        card.body.addWidget(self.header)
        holder = QVBoxLayout()
        holder.setContentsMargins(12, 8, 8, 8)
        holder.addWidget(self.plot)
        card.body.addLayout(holder, 1)
        self._grid = QGridLayout()
        self._grid.setSpacing(12)
        for small in self._small():
            small.setParent(self)
            small.setMinimumWidth(120)  # less than they want, so that the view can shrink to two rows of them
        self._samples_card = Card(self.tr("What it writes"))
        self._note = ElidedText("", "label")
        self._samples_card.head.insertWidget(1, self._note, 1)
        self._samples_card.head.setStretch(self._samples_card.head.count() - 1, 0)
        self._samples_card.body.addWidget(self.samples)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addWidget(card, 1)
        column.addLayout(self._grid)
        column.addWidget(self._samples_card)
        self._columns = 0
        theme.current().changed.connect(self._arrange)
        self._arrange()

    def _link(self) -> None:
        self.plot.export_requested.connect(self.export_requested)
        self.samples.sample_activated.connect(self.sample_activated)
        for small in self._small():
            self.plot.range_changed.connect(small.show_range)
            self.plot.cursor_moved.connect(small.set_cursor)
            self.plot.axis_changed.connect(small.set_axis)
            small.cursor_moved.connect(self.plot.surface.set_cursor)
            small.surface.fit_pressed.connect(self.plot.surface.fit)
            for other in self._small():
                if other is not small:
                    small.cursor_moved.connect(other.set_cursor)

    def _arrange(self) -> None:
        """Small plots in one row, or in two where that is too narrow."""
        look = theme.current()
        columns = len(self._shown) if self.width() >= look.pixels(200) * len(self._shown) else 2
        for small in self._small():
            self._grid.removeWidget(small)
            small.setFixedHeight(look.pixels(116))
        for place, small in enumerate(self._shown):
            self._grid.addWidget(small, place // columns, place % columns)
        for small in self._small():
            small.setVisible(small in self._shown)
        for column in range(4):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)
        self._samples_card.setFixedHeight(look.pixels(156))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
