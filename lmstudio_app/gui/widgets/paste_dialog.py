"""A window to paste text into, to be made into a corpus."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QApplication, QDialog, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.button import Button
from lmstudio_app.gui.widgets.card import row
from lmstudio_app.gui.widgets.document_text import raw
from lmstudio_app.gui.widgets.text import Text


class PasteDialog(QDialog):
    """Text from the clipboard, still editable, with the name that the corpus shall have.

    Signals: `given(str, str)` the text and the name.
    """

    given = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Paste text"))
        self.name = QLineEdit(self.tr("Pasted text"))
        self.name.setAccessibleName(self.tr("Name of the corpus"))
        self.text = QPlainTextEdit(QApplication.clipboard().text())
        self.text.setAccessibleName(self.tr("Text to learn from"))
        self.text.setTabChangesFocus(True)
        self.text.setFont(theme.current().font(theme.BODY, mono=True))
        self.text.setPlaceholderText(self.tr("Paste or type text here."))
        label = Text(self.tr("Name"), "label", copyable=False)
        label.setBuddy(self.name)
        self._add = Button(self.tr("Add"), "plus", "primary")
        self._add.setDefault(True)
        self._add.clicked.connect(self._give)
        cancel = Button(self.tr("Cancel"))
        cancel.clicked.connect(self.reject)
        self.text.textChanged.connect(self._check)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(10)
        column.addWidget(self.text, 1)
        column.addLayout(row(label, self.name, spacing=10))
        column.addLayout(row(None, cancel, self._add))
        self.resize(theme.current().pixels(620), theme.current().pixels(440))
        self._check()

    def _check(self) -> None:
        self._add.setEnabled(not self.text.document().isEmpty())

    def _give(self) -> None:
        self.given.emit(raw(self.text.document()), self.name.text().strip())
        self.accept()
