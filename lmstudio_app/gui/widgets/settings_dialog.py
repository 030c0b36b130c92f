"""The settings of the program: where the workspace lies, how the window looks, what computes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QComboBox, QDialog, QFileDialog, QGridLayout, QLineEdit, QVBoxLayout, QWidget

from lmstudio_app.gui import theme
from lmstudio_app.gui.widgets.button import Button
from lmstudio_app.gui.widgets.card import row, strip
from lmstudio_app.gui.widgets.key_words import native
from lmstudio_app.gui.widgets.segmented import Segmented
from lmstudio_app.gui.widgets.text import Text


class SettingsDialog(QDialog):
    """Workspace, theme, text size, device. Everything takes effect at once.

    Signals: `folder_chosen(object)` a `Path`; `device_chosen(str)` "auto" or a device's kind; `speed_wanted()` the
    machine shall be measured.
    """

    folder_chosen = Signal(object)
    device_chosen = Signal(str)
    speed_wanted = Signal()

    def __init__(
        self, folder: Path, devices: Sequence[tuple[str, str]], device: str, parent: QWidget | None = None
    ) -> None:
        """`devices` are (value, words) of what can compute here; `device` is the value chosen now."""
        super().__init__(parent)
        self.setWindowTitle(self.tr("Settings"))
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(20)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(1, 1)
        self._add_workspace(folder)
        self._add_look()
        self._add_devices(devices, device)
        close = Button(self.tr("Close"))
        close.clicked.connect(self.accept)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(16)
        column.addLayout(self._grid)
        column.addStretch(1)
        column.addWidget(strip("rule"))
        column.addLayout(row(None, close))
        self.setMinimumWidth(theme.current().pixels(560))

    def show_size(self, words: str) -> None:
        """Say how much room the workspace takes."""
        self._size.setText(words)

    def show_folder(self, folder: Path) -> None:
        """Another workspace is open."""
        self.folder.setText(str(folder))
        self._size.setText("")

    def _add_workspace(self, folder: Path) -> None:
        self.folder = QLineEdit(str(folder))
        self.folder.setReadOnly(True)
        self.folder.setProperty("verbatim", True)
        self.folder.setAccessibleName(self.tr("Workspace folder"))
        self._size = Text("", "hint")
        choose = Button(self.tr("Choose another folder…"), "folder")
        choose.clicked.connect(self._choose)
        reveal = Button(self.tr("Show in file manager"), kind="quiet")
        reveal.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(self.folder.text())))
        line = self._add_row(self.tr("Workspace"), self.folder, self.tr("Corpora and runs are kept in this folder."))
        self._grid.addWidget(self._size, line + 2, 1)
        self._grid.addLayout(row(choose, reveal, None), line + 3, 1)
        self._space()

    def _add_look(self) -> None:
        look = theme.current()
        mode = Segmented(
            [("system", self.tr("As the system")), ("light", self.tr("Light")), ("dark", self.tr("Dark"))],
            self.tr("Theme"),
        )
        mode.set_value(look.mode)
        mode.changed.connect(look.set_mode)
        self._add_row(self.tr("Theme"), mode)
        self._space()
        self.text_size = QComboBox()
        self.text_size.setAccessibleName(self.tr("Text size"))
        for factor in theme.TEXT_SIZES:
            self.text_size.addItem(self.tr("{percent} %").format(percent=round(100 * factor)), factor)
        self.text_size.setCurrentIndex(self.text_size.findData(look.scale))
        self.text_size.activated.connect(lambda: look.set_scale(self.text_size.currentData()))
        self._add_row(self.tr("Text size"), self.text_size, self._keys())
        self._space()

    def _keys(self) -> str:
        words = self.tr("Also with {larger}, {smaller} and {normal}.")
        return words.format(larger=native("Ctrl++"), smaller=native("Ctrl+-"), normal=native("Ctrl+0"))

    def _add_devices(self, devices: Sequence[tuple[str, str]], chosen: str) -> None:
        self.device = QComboBox()
        self.device.setAccessibleName(self.tr("Device"))
        for value, words in devices:
            self.device.addItem(words, value)
        self.device.setCurrentIndex(max(0, self.device.findData(chosen)))
        self.device.activated.connect(lambda: self.device_chosen.emit(self.device.currentData()))
        line = self._add_row(self.tr("Device"), self.device, self.tr("What computes the next runs."))
        self.measure = Button(self.tr("Measure this machine…"))
        self.measure.clicked.connect(self.accept)
        self.measure.clicked.connect(self.speed_wanted)
        self._grid.addLayout(row(self.measure, None), line + 2, 1)

    def _add_row(self, words: str, field: QWidget, hint: str = "") -> int:
        line = self._grid.rowCount()
        label = Text(words, "body", copyable=False)
        label.setBuddy(field)
        self._grid.addWidget(label, line, 0)
        compact = not isinstance(field, QLineEdit)
        self._grid.addWidget(field, line, 1, Qt.AlignmentFlag.AlignLeft if compact else Qt.AlignmentFlag(0))
        if hint:
            self._grid.addWidget(Text(hint, "hint", wrap=True), line + 1, 1)
        return line

    def _space(self) -> None:
        self._grid.setRowMinimumHeight(self._grid.rowCount(), 10)

    def _choose(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, self.tr("Choose the workspace folder"), self.folder.text())
        if chosen:
            self.folder_chosen.emit(Path(chosen))
