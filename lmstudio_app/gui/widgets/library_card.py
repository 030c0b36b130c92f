"""The left side of the Corpus pane: all texts, the files of the picked one, and where more of them are dropped."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QMenu, QSplitter, QVBoxLayout, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.button import Button, IconButton
from lmstudio_app.gui.widgets.card import Card, strip
from lmstudio_app.gui.widgets.drop_area import DropArea
from lmstudio_app.gui.widgets.library_list import LibraryItem, LibraryList
from lmstudio_app.gui.widgets.menu_heading import add_heading
from lmstudio_app.gui.widgets.text import Text

LOW = 640
"""In a card below this height the lists need the room of a button that is there twice."""


class LibraryCard(Card):
    """A list of texts with buttons to add, rename and delete.

    Signals: `picked(key)`, `file_picked(key)`, `renamed(key, title)`, `delete_pressed()`, `files_wanted()`,
    `folder_wanted()`, `paste_wanted()`, `sample_wanted(str)`, `dropped(list)` paths, `text_dropped(str)`.
    """

    picked = Signal(str)
    file_picked = Signal(str)
    renamed = Signal(str, str)
    delete_pressed = Signal()
    files_wanted = Signal()
    folder_wanted = Signal()
    paste_wanted = Signal()
    sample_wanted = Signal(str)
    dropped = Signal(list)
    text_dropped = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(self.tr("Library"), "", parent)
        self.list = LibraryList(self.tr("Texts"))
        self.files = LibraryList(self.tr("Files of the text"))
        self.add = Button(self.tr("Add"), "plus")
        self.rename = IconButton(self.tr("Rename"), "rename", shortcut="F2", size=16)
        self.delete = IconButton(self.tr("Delete"), "trash", shortcut=self.tr("Del"), size=16)
        self.choose_files = Button(self.tr("Choose files…"))
        self.drop = DropArea(
            self.tr("Drop text files or a folder"),
            self.tr("txt, md, csv, jsonl, parquet, html, docx, pdf. Any encoding. Read in place."),
        )
        self._samples: list[QAction] = []
        self._menu = QMenu(self.add)
        self._build()
        self._connect()

    def show_samples(self, samples: Sequence[tuple[str, str, str]]) -> None:
        """Offer bundled samples: (name, title, one sentence)."""
        menu = self._menu
        for action in self._samples:
            menu.removeAction(action)
            action.deleteLater()
        self._samples = []
        for name, title, summary in samples:
            action = QAction(title, menu)
            action.setToolTip(summary)
            action.triggered.connect(lambda checked=False, name=name: self.sample_wanted.emit(name))
            menu.addAction(action)
            self._samples.append(action)

    def show_texts(self, items: Sequence[LibraryItem], chosen: str) -> None:
        """Show these texts, the one with the key `chosen` picked."""
        self.list.set_items(items, chosen)

    def show_files(self, items: Sequence[LibraryItem], chosen: str, words: str) -> None:
        """Show the files of the picked text under a heading; none hides them."""
        self.files.set_items(items, chosen)
        self._heading.setText(words)
        self._below.setVisible(bool(items))

    def set_actions(self, *, rename: bool, delete: bool) -> None:
        """What can be done with the picked text."""
        self.rename.setEnabled(rename)
        self.delete.setEnabled(delete)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.choose_files.setVisible(self.height() > theme.current().pixels(LOW))  # Add has the same

    # Building -----------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        menu = self._menu
        menu.setToolTipsVisible(True)
        files = menu.addAction(self.tr("Choose files…"), self.files_wanted.emit)
        files.setShortcut(QKeySequence.StandardKey.Open)
        files.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)  # the window has the key; here it is only shown
        menu.addAction(self.tr("Choose folder…"), self.folder_wanted.emit)
        menu.addAction(self.tr("Paste text…"), self.paste_wanted.emit)
        add_heading(menu, self.tr("Samples, written by this program"))
        self.add.setMenu(menu)
        for button in (self.rename, self.delete, self.add):
            self.head.addWidget(button)
        self.head.setSpacing(2)
        self.drop.buttons.addWidget(self.choose_files)
        self._heading = Text("", "small-strong")
        self._below = QWidget()
        below = QVBoxLayout(self._below)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(0)
        heading = strip("head")
        inner = QVBoxLayout(heading)
        inner.setContentsMargins(12, 8, 10, 8)
        inner.addWidget(self._heading)
        below.addWidget(strip("rule"))
        below.addWidget(heading)
        below.addWidget(self.files, 1)
        self._below.hide()
        split = QSplitter(Qt.Orientation.Vertical)
        split.setChildrenCollapsible(False)
        split.setHandleWidth(1)
        split.addWidget(self.list)
        split.addWidget(self._below)
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 4)
        self.list.setMinimumHeight(60)
        self.files.setMinimumHeight(60)
        foot = QVBoxLayout()
        foot.setContentsMargins(9, 9, 9, 9)
        foot.addWidget(self.drop)
        self.body.addWidget(split, 1)
        self.body.addLayout(foot)

    def _connect(self) -> None:
        self.list.picked.connect(self.picked)
        self.list.renamed.connect(self.renamed)
        self.list.delete_pressed.connect(self._delete)
        self.list.menu_wanted.connect(self._show_menu)
        self.files.picked.connect(self.file_picked)
        self.rename.clicked.connect(self.list.rename_chosen)
        self.delete.clicked.connect(self._delete)
        self.choose_files.clicked.connect(self.files_wanted)
        self.drop.dropped.connect(self.dropped)
        self.drop.text_dropped.connect(self.text_dropped)

    def _delete(self) -> None:
        if self.delete.isEnabled():
            self.delete_pressed.emit()

    def _show_menu(self, place: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for button, act in ((self.rename, self.list.rename_chosen), (self.delete, self._delete)):
            action = menu.addAction(button.icon(), button.accessibleName(), act)
            action.setEnabled(button.isEnabled())
        menu.popup(place)
