"""A window that looks for a learning rate: the loss at ever higher ones as they are tried, and what is suggested."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QVBoxLayout, QWidget

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import Event, RateSuggested, RateTried
from lmstudio_app.engine.settings import declarations
from lmstudio_app.engine.study.learning_rate_finder import HIGHEST_RATE, LOWEST_RATE
from lmstudio_app.engine.training.settings import TrainingSettings
from lmstudio_app.gui import theme
from lmstudio_app.gui.job_thread import JobThread, Stopping, until
from lmstudio_app.gui.session import Session
from lmstudio_app.gui.translation import declared, sentence
from lmstudio_app.gui.widgets import number_text, setting_text
from lmstudio_app.gui.widgets.button import Button
from lmstudio_app.gui.widgets.card import row
from lmstudio_app.gui.widgets.rate_plot import RatePlot
from lmstudio_app.gui.widgets.text import Text

if TYPE_CHECKING:
    from lmstudio_app.engine.run import RunConfig

_SETTING = "learning_rate"


class RateFinder(QDialog):
    """Tries learning rates with the settings of the next run, and puts the one that is chosen into the draft."""

    def __init__(self, session: Session, config: RunConfig, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Find a learning rate"))
        self._session = session
        self.suggested: float | None = None
        self.plot = RatePlot(self.tr("Loss by learning rate"), LOWEST_RATE, HIGHEST_RATE)
        self.status = Text(self.tr("Preparing…"), "body", wrap=True)
        self.use = Button(self.tr("Use it"), "check", "primary")
        self.use.setEnabled(False)
        self.use.setDefault(True)
        self.use.clicked.connect(self._use)
        self.close_button = Button(self.tr("Close"))
        self.close_button.clicked.connect(self.reject)
        self._lay()
        self._thread = self._start(config)

    def done(self, result: int) -> None:
        """Closing it ends the search."""
        self._thread.stop()
        super().done(result)

    def _lay(self) -> None:
        words = self.tr(
            "A fresh model trains for a moment, at a higher learning rate in each step. Where its loss falls fastest, "
            "it learns best. Nothing of it is kept."
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(8)
        column.addWidget(Text(words, "body2", wrap=True, copyable=False))
        column.addWidget(Text(self.tr("Loss, bits per byte"), "hint", copyable=False))
        column.addWidget(self.plot, 1)
        column.addWidget(Text(self.tr("Learning rate"), "hint", copyable=False), 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self.status)
        column.addLayout(row(None, self.close_button, self.use))
        self.resize(theme.current().pixels(560), theme.current().pixels(440))

    # The search ---------------------------------------------------------------------------------------------------

    def _start(self, config: RunConfig) -> JobThread:
        workspace = self._session.workspace

        def work(stopping: Stopping) -> Iterator[Event]:
            from lmstudio_app.engine import pipeline

            yield from until(stopping, pipeline.find_learning_rate(workspace, config))

        return self._session.jobs.start(work, self._arrived, self._ended, self)

    def _arrived(self, events: Sequence[Event]) -> None:
        tried = [event for event in events if isinstance(event, RateTried)]
        if tried:
            self.plot.add_losses(
                [one.learning_rate for one in tried], [one.loss for one in tried], [one.smoothed_loss for one in tried]
            )
            self.status.setText(self._standing(tried[-1]))
        for event in events:
            if isinstance(event, RateSuggested):
                self._show(event)

    def _standing(self, event: RateTried) -> str:
        words = self.tr("Step {step} of {steps}: {loss} bits per byte at a learning rate of {rate}.")
        return words.format(
            step=event.step,
            steps=event.steps,
            loss=number_text.loss(event.smoothed_loss),
            rate=f"{event.learning_rate:.2g}",
        )

    def _show(self, found: RateSuggested) -> None:
        words = declared(found.sentence, **found.values)
        self.status.setText(words)
        self.plot.setAccessibleDescription(words)
        self.suggested = found.learning_rate
        if self.suggested is None:
            return
        written = self._written(self.suggested)
        self.plot.mark(self.suggested, written)
        self.use.set_words(self.tr("Use {rate}").format(rate=written))
        self.use.setEnabled(True)
        self.use.setFocus(Qt.FocusReason.OtherFocusReason)

    def _ended(self, failure: BaseException | None) -> None:
        if isinstance(failure, UserError):
            self.status.set_role("err")
            self.status.setText(sentence(failure))
        elif failure is not None:
            self._session.failed.emit(failure)
            self.reject()

    # The choice ---------------------------------------------------------------------------------------------------

    def _written(self, rate: float) -> str:
        """The rate as the form writes it."""
        setting = next(one for one in declarations(TrainingSettings) if one.name == _SETTING)
        return setting_text.written(setting, rate)

    def _use(self) -> None:
        if self.suggested is not None:
            draft = self._session.draft
            self._session.change_draft(training={**draft.training, _SETTING: self.suggested})
        self.accept()
