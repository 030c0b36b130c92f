"""The text of a document as it was put in: Qt's own `toPlainText` makes a space of U+00A0."""

from __future__ import annotations

from PySide6.QtCore import QMimeData
from PySide6.QtGui import QTextCursor, QTextDocument

_LINE_ENDS = str.maketrans({"\u2028": "\n", "\u2029": "\n"})
"""What a document keeps in the place of a line's end."""


def raw(document: QTextDocument) -> str:
    """All of its text."""
    return document.toRawText().translate(_LINE_ENDS)


def copied(cursor: QTextCursor) -> QMimeData:
    """What a cursor selects, for the clipboard."""
    data = QMimeData()
    data.setText(cursor.selectedText().translate(_LINE_ENDS))
    return data
