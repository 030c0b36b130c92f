"""The middle of the Corpus pane: how a text begins, its encoding and its cleaning, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from lmstudio_app.engine.settings import Declaration
from lmstudio_app.gui.widgets.card import row, strip
from lmstudio_app.gui.widgets.cleaning_switches import CleaningSwitches
from lmstudio_app.gui.widgets.empty_state import EmptyState
from lmstudio_app.gui.widgets.encoding_box import EncodingBox
from lmstudio_app.gui.widgets.encoding_chooser import EncodingChooser
from lmstudio_app.gui.widgets.notice import Notice
from lmstudio_app.gui.widgets.progress_strip import ProgressStrip
from lmstudio_app.gui.widgets.text import Text
from lmstudio_app.gui.widgets.text_preview import TextPreview
from lmstudio_app.gui.widgets.wrapping_card import WrappingCard


class PreviewCard(WrappingCard):
    """Its parts are public; whoever fills it connects to their signals."""

    def __init__(self, switches: Sequence[Declaration], parent: QWidget | None = None) -> None:
        super().__init__(self.tr("Preview"), "", parent)
        self._label = Text(self.tr("Encoding"), "label", copyable=False)
        self.encoding = EncodingBox(self.tr("Encoding"))
        self._label.setBuddy(self.encoding)
        self.cleaning = CleaningSwitches(switches)
        self.notice = Notice()
        self.progress = ProgressStrip(self.tr("Progress of the text"))
        self.text = TextPreview(self.tr("Beginning of the text"))
        self.chooser = EncodingChooser()
        self.empty = EmptyState("corpus")
        self._pages = QStackedWidget()
        self._switches = strip("head")
        switches_inside = QVBoxLayout(self._switches)
        switches_inside.setContentsMargins(0, 0, 0, 0)
        switches_inside.addWidget(self.cleaning)
        for page in (self.text, self.chooser, self.empty):
            self._pages.addWidget(page)
        self._pair = QWidget()
        self._pair.setLayout(row(self._label, self.encoding))
        self.arrange_head((self.title, self.note), (self._pair,))
        for part in (self._switches, self.notice, self.progress):
            self.body.addWidget(part)
        inside = QVBoxLayout()
        inside.setContentsMargins(0, 6, 0, 6)
        inside.addWidget(self._pages)
        self.body.addLayout(inside, 1)

    def show_text(self, text: str, note: str) -> None:
        """Show the beginning of a text; `note` says how much of it that is."""
        self.note.setText(note)
        self.text.show_text(text)
        self._pages.setCurrentWidget(self.text)

    def show_chooser(self) -> None:
        """Show the readings among which a person chooses."""
        self.note.setText("")
        self._pages.setCurrentWidget(self.chooser)

    def show_empty(self, title: str, words: str, action: str = "", icon: str = "") -> None:
        """Show why there is no text, and what to do."""
        self.note.setText("")
        self.empty.say(title, words, action, icon)
        self._pages.setCurrentWidget(self.empty)

    def offer(self, *, encoding: bool, cleaning: bool) -> None:
        """Which of its controls there are."""
        self._pair.setVisible(encoding)
        self._switches.setVisible(cleaning)

    def set_locked(self, locked: bool) -> None:
        """Whether nothing can be changed now."""
        self.encoding.setEnabled(not locked)
        self.cleaning.setEnabled(not locked)

    @property
    def choosing(self) -> bool:
        """Whether the readings are shown."""
        return self._pages.currentWidget() is self.chooser
