"""How the next token is drawn: the card with the sampler's settings."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from lmstudio_app.engine.settings import Declaration
from lmstudio_app.gui.widgets.card import Card
from lmstudio_app.gui.widgets.sampler_form import SamplerForm
from lmstudio_app.gui.widgets.slider_row import SliderRow, counts_then_all, even, fine_below

MOST_KEPT = 4096
"""The largest top-k on the slider; more can be typed."""


class SamplerCard(Card):
    """A form with sliders. Signals: `changed(dict)` with all values by name after each edit."""

    changed = Signal(object)

    def __init__(self, declarations: Sequence[Declaration], parent: QWidget | None = None) -> None:
        super().__init__(parent=parent, title=self.tr("Sampler"))
        scales = {
            "temperature": fine_below(5.0, 2),
            "top_k": counts_then_all(MOST_KEPT),
            "top_p": even(0.01, 1.0, 2),
        }
        self.form = SamplerForm(declarations, scales)
        self.form.changed.connect(self.changed)
        framed = QVBoxLayout()
        framed.setContentsMargins(12, 8, 12, 12)
        framed.addWidget(self.form)
        self.body.addLayout(framed)

    @property
    def first(self) -> QWidget:
        """The first control."""
        row = self.form.row("temperature")
        assert isinstance(row, SliderRow)
        return row.slider
