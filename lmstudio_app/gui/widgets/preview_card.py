"""The middle of the Corpus pane: how a text begins, its encoding and its cleaning, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from lmstudio_app.engine.settings import Declaration
from lmstudio_app.gui.widgets import number_text
from lmstudio_app.gui.widgets.card import strip
from lmstudio_app.gui.widgets.cleaning_switches import CleaningSwitches
from lmstudio_app.gui.widgets.column_mapping import ColumnMapping
from lmstudio_app.gui.widgets.empty_state import EmptyState
from lmstudio_app.gui.widgets.encoding_box import EncodingBox
from lmstudio_app.gui.widgets.encoding_chooser import EncodingChooser
from lmstudio_app.gui.widgets.notice import Notice
from lmstudio_app.gui.widgets.progress_strip import ProgressStrip
from lmstudio_app.gui.widgets.reading_form import ReadingForm
from lmstudio_app.gui.widgets.segmented import Segmented
from lmstudio_app.gui.widgets.text import Text
from lmstudio_app.gui.widgets.text_preview import ShownLine, TextPreview
from lmstudio_app.gui.widgets.wrapping_card import WrappingCard


class PreviewCard(WrappingCard):
    """Its parts are public; whoever fills it connects to their signals.

    Signals: `view_chosen(str)` "reading", "columns", "original", "changes" or "cleaned".
    """

    view_chosen = Signal(str)

    def __init__(
        self, switches: Sequence[Declaration], reading: Sequence[Declaration], parent: QWidget | None = None
    ) -> None:
        super().__init__(self.tr("Preview"), "", parent)
        self.encoding = EncodingBox(self.tr("Encoding"))
        self.cleaning = CleaningSwitches(switches)
        self.notice = Notice()
        self.progress = ProgressStrip(self.tr("Progress of the text"))
        self.text = TextPreview(self.tr("Beginning of the text"))
        self.columns = ColumnMapping()
        self.reading = ReadingForm(reading)
        views = [
            ("reading", self.tr("Reading")),
            ("columns", self.tr("Columns")),
            ("original", self.tr("Original")),
            ("changes", self.tr("Changes")),
            ("cleaned", self.tr("Cleaned")),
        ]
        self.view = Segmented(views, self.tr("What the preview shows"), compact=True)
        self.view.set_value("cleaned")
        self.view.changed.connect(self.view_chosen)
        self.share = Text("", "hint")
        self.chooser = EncodingChooser()
        self.empty = EmptyState("corpus")
        self._pages = QStackedWidget()
        self._switches = strip("head")
        switches_inside = QVBoxLayout(self._switches)
        switches_inside.setContentsMargins(0, 0, 0, 0)
        switches_inside.addWidget(self.cleaning)
        for page in (self.text, self.chooser, self.empty, self.columns, self.reading):
            self._pages.addWidget(page)
        self.arrange_head((self.title, self.view, self.note, self.share), (self.encoding,))
        for part in (self._switches, self.notice, self.progress):
            self.body.addWidget(part)
        inside = QVBoxLayout()
        inside.setContentsMargins(0, 6, 0, 6)
        inside.addWidget(self._pages)
        self.body.addLayout(inside, 1)

    def show_text(self, text: str, *, whole: bool = True) -> None:
        """Show the beginning of a text, or the `whole` of it."""
        count = number_text.whole(len(text))
        self._remark("" if whole else self.tr("first {count}").format(count=count))
        self.note.setToolTip("" if whole else self.tr("The first {count} characters are shown.").format(count=count))
        self.text.show_text(text)
        self._pages.setCurrentWidget(self.text)

    def show_changes(self, lines: Sequence[ShownLine], share: str) -> None:
        """Show what cleaning changed; `share` says how much that is."""
        self._remark("", share)
        self.text.show_changes(lines)
        self._pages.setCurrentWidget(self.text)

    def show_columns(self) -> None:
        """Show what the columns of a table are taken for."""
        self._remark("")
        self._pages.setCurrentWidget(self.columns)

    def show_reading(self) -> None:
        """Show how the files are taken apart."""
        self._remark("")
        self._pages.setCurrentWidget(self.reading)

    def show_chooser(self) -> None:
        """Show the readings among which a person chooses."""
        self._remark("")
        self._pages.setCurrentWidget(self.chooser)

    def show_empty(self, title: str, words: str, action: str = "", icon: str = "") -> None:
        """Show why there is no text, and what to do."""
        self._remark("")
        self.empty.say(title, words, action, icon)
        self._pages.setCurrentWidget(self.empty)

    def offer(self, *, encoding: bool, cleaning: bool, columns: bool = False, reading: bool = False) -> None:
        """Which of its controls there are; with `cleaning` also the views of what it does."""
        self.encoding.setVisible(encoding)
        self._switches.setVisible(cleaning)
        self.view.setVisible(cleaning)
        for view, there in (("columns", columns), ("reading", reading)):
            self.view.offer(view, there)
            if not there and self.view.value == view:
                self.view.set_value("cleaned")

    def _remark(self, note: str, share: str = "") -> None:
        """Say something beside the views; what says nothing takes no room."""
        for place, words in ((self.note, note), (self.share, share)):
            place.setText(words)
            place.setVisible(bool(words))

    def set_locked(self, locked: bool) -> None:
        """Whether nothing can be changed now."""
        self.encoding.setEnabled(not locked)
        self.cleaning.setEnabled(not locked)
        self.columns.set_locked(locked)
        self.reading.set_locked(locked)

    @property
    def choosing(self) -> bool:
        """Whether the readings are shown."""
        return self._pages.currentWidget() is self.chooser
