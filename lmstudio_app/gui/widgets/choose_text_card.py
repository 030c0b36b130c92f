"""The first card of the start page: drop text, choose it, paste it, or pick a bundled sample."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QProgressBar, QSizePolicy, QVBoxLayout, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.button import Button
from lmstudio_app.gui.widgets.card import row, strip
from lmstudio_app.gui.widgets.drop_area import DropArea
from lmstudio_app.gui.widgets.progress_strip import show_share
from lmstudio_app.gui.widgets.step_card import StepCard
from lmstudio_app.gui.widgets.text import ElidedText, Text

if TYPE_CHECKING:
    from lmstudio_app.gui.widgets.choice_row import ChoiceRow

PREVIEW_LINES = 5
FIRST_SAMPLES = 2
"""So many samples are offered at once; the others unfold."""


class ChooseTextCard(StepCard):
    """What to learn from.

    Signals: `dropped(list)` paths, `text_dropped(str)`, `files_wanted()`, `folder_wanted()`, `paste_wanted()`,
    `sample_chosen(str)` the name of a bundled sample.
    """

    dropped = Signal(list)
    text_dropped = Signal(str)
    files_wanted = Signal()
    folder_wanted = Signal()
    paste_wanted = Signal()
    sample_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(1, self.tr("Choose text"), parent=parent)
        self.drop = DropArea(
            self.tr("Drop a text file or folder here"),
            self.tr("txt, md, csv, jsonl, parquet, html, docx, pdf. Any encoding."),
        )
        self.drop.dropped.connect(self.dropped)
        self.drop.text_dropped.connect(self.text_dropped)
        self.choose_files = Button(self.tr("Choose files…"), "file")
        self.choose_folder = Button(self.tr("Choose folder…"), "folder")
        self.paste = Button(self.tr("Paste text"), "paste")
        for button, wanted in (
            (self.choose_files, self.files_wanted),
            (self.choose_folder, self.folder_wanted),
            (self.paste, self.paste_wanted),
        ):
            button.clicked.connect(wanted)
            self.drop.buttons.addWidget(button)
        self._rows: dict[str, ChoiceRow] = {}
        self._box = strip("box")
        self._list = QVBoxLayout(self._box)
        self._list.setContentsMargins(1, 1, 1, 1)
        self._list.setSpacing(0)
        self._box.hide()
        self._folded: list[QWidget] = []
        self.more = Button("", "chevron-down", "quiet", compact=True)
        self.more.clicked.connect(self._unfold)
        self.more.hide()
        self._or = Text(self.tr("or pick a sample, written by this program"), "label", copyable=False)
        self._or.hide()
        self._build()

    def show_samples(self, samples: Iterable[tuple[str, str, str, str]]) -> None:
        """Offer bundled samples: (name, title, one sentence, size in words)."""
        from lmstudio_app.gui.widgets.choice_row import ChoiceRow

        for name, title, summary, size in samples:
            choice = ChoiceRow(title, summary, [size])
            choice.clicked.connect(lambda checked=True, name=name: self.sample_chosen.emit(name))
            parts: list[QWidget] = [strip("rule"), choice] if self._rows else [choice]
            for part in parts:
                self._list.addWidget(part)
                if len(self._rows) >= FIRST_SAMPLES:
                    part.hide()
                    self._folded.append(part)
            self._rows[name] = choice
        count = len(self._rows) - FIRST_SAMPLES
        self.more.set_words(self.tr("{count} more samples").format(count=count))
        self.more.setVisible(count > 0)
        self._box.setVisible(bool(self._rows))
        self._or.setVisible(bool(self._rows))

    def stops(self) -> list[QWidget]:
        """Its controls in the order of Tab."""
        return [self.choose_files, self.choose_folder, self.paste, *self._rows.values(), self.more]

    def _unfold(self) -> None:
        """Offer all samples."""
        for part in self._folded:
            part.show()
        if self.more.hasFocus():
            list(self._rows.values())[FIRST_SAMPLES].setFocus()
        self.more.hide()

    def show_chosen(self, sample: str | None, *, done: bool) -> None:
        """Mark the sample that was picked (None: none of them), and whether a text is ready."""
        if sample in self._rows and self._rows[sample] in self._folded:
            self._unfold()
        for name, choice in self._rows.items():
            choice.setAutoExclusive(False)
            choice.setChecked(name == sample)
            choice.setAutoExclusive(True)
        self.badge.set_done(done)

    def show_preview(self, title: str, text: str, note: str) -> None:
        """Show how the chosen text begins, and what is known of it; an empty `title` hides the preview."""
        self._name.set_words(title)
        self._note.setText(note)
        self._preview.setText("\n".join(text.splitlines()[:PREVIEW_LINES]))
        self._foot.setVisible(bool(title))
        self._lay()

    def show_progress(self, words: str, done: int, total: int) -> None:
        """Show how far the preparation of the text is; empty `words` hide it."""
        self._progress_words.setText(words)
        show_share(self._bar, done, total)
        self._progress.setVisible(bool(words))

    def _build(self) -> None:
        column = QVBoxLayout()
        column.setContentsMargins(16, 0, 16, 14)
        column.setSpacing(8)
        column.addWidget(self.drop, 3)
        column.addSpacing(2)
        column.addWidget(self._or)
        column.addWidget(self._box)
        column.addWidget(self.more, 0, Qt.AlignmentFlag.AlignLeft)
        self._progress_words = Text("", "label")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName(self.tr("Progress of the preparation"))
        self._progress = QWidget()
        inner = QVBoxLayout(self._progress)
        inner.setContentsMargins(0, 4, 0, 0)
        inner.addWidget(self._progress_words)
        inner.addWidget(self._bar)
        self._progress.hide()
        column.addWidget(self._progress)
        column.addStretch(1)
        self.body.addLayout(column, 1)
        foot, self._foot = self.add_foot()
        foot.setContentsMargins(16, 10, 16, 12)
        self._name = ElidedText("", "small-strong", verbatim=True)
        self._note = Text("", "hint")
        self._preview = Text("", "body", wrap=True, verbatim=True)
        self._preview.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._preview.setProperty("role", "mono")
        self._preview.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        line = row(spacing=10)
        line.addWidget(self._name, 1)
        line.addWidget(self._note)
        foot.addLayout(line)
        foot.addWidget(self._preview)
        self._foot.hide()
        theme.current().changed.connect(self._lay)
        self._lay()

    def _lay(self) -> None:
        """Room for whole lines of the preview, and none for half a line."""
        if self._preview.text():  # measuring loads a font file, which the first paint can do without
            metrics = QFontMetrics(theme.current().font(theme.LABEL, mono=True))
            self._preview.setFixedHeight(metrics.lineSpacing() * PREVIEW_LINES)
        self.drop.setMaximumHeight(theme.current().pixels(230))
