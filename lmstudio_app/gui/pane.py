"""One pane of the window, and the way to run it alone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget

from lmstudio_app.engine.errors import UserError
from lmstudio_app.gui import theme
from lmstudio_app.gui.session import Session
from lmstudio_app.gui.translation import sentence


class Pane(QWidget):
    """What the window shows behind one button of the rail.

    A pane is built on first show, from the session alone: it must look the same whether it was there from the start or
    is opened afterwards. Subclasses set `name` (also of its icon in `resources/icons`) and `needs`, of which the
    opened model must offer one ("attention", "transitions", "decoding"); where that is empty, nothing is needed.

    Signals:
        crumbs_changed(): the window's top bar shall ask `title()` and `crumbs()` again.
        go(str): show the pane of that name.
        said(str, str): a sentence for the person, above the pane; its kind is "info", "ok", "warn" or "err".
        offered(str, str, str, object): the same with an action: its words, and the function that does it.
    """

    name: ClassVar[str] = ""
    needs: ClassVar[frozenset[str]] = frozenset()

    crumbs_changed = Signal()
    go = Signal(str)
    said = Signal(str, str)
    offered = Signal(str, str, str, object)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.setProperty("page", True)

    def title(self) -> str:
        """The pane's name as the person reads it."""
        raise NotImplementedError

    def crumbs(self) -> list[str]:
        """What is open in the pane, from the outside in (corpus, run)."""
        return []

    def primary_action(self) -> None:
        """What Ctrl+Enter does here."""

    def regions(self) -> list[QWidget]:
        """The widgets that F6 goes through, each the first control of its part of the pane."""
        return []

    def tell(self, error: BaseException) -> None:
        """Say above the pane what went wrong."""
        self.said.emit(sentence(error), "err")

    def choose_files(self) -> None:
        """Let the person choose text files, and make a corpus of them."""
        from PySide6.QtWidgets import QFileDialog

        words = self.tr(
            "Texts, tables, documents (*.txt *.md *.markdown *.text *.csv *.tsv *.json *.jsonl *.parquet *.arrow "
            "*.feather *.html *.htm *.srt *.vtt *.conll *.conllu *.docx *.pdf *.epub *.gz *.zip);;All files (*)"
        )
        chosen, _ = QFileDialog.getOpenFileNames(self, self.tr("Choose text files"), "", words)
        self.add_paths([Path(path) for path in chosen])

    def choose_folder(self) -> None:
        """Let the person choose a folder, and make a corpus of the texts in it."""
        from PySide6.QtWidgets import QFileDialog

        chosen = QFileDialog.getExistingDirectory(self, self.tr("Choose a folder of texts"))
        self.add_paths([Path(chosen)] if chosen else [])

    def paste_text(self) -> None:
        """Let the person paste a text, and make a corpus of it."""
        from lmstudio_app.gui.widgets.paste_dialog import PasteDialog

        dialog = PasteDialog(self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.given.connect(self.add_text)
        dialog.open()

    def add_paths(self, paths: Sequence[Path]) -> None:
        """Make a corpus of files and folders."""
        if paths:
            self._prepare(paths=list(paths))

    def add_text(self, text: str, name: str = "") -> None:
        """Make a corpus of `text`."""
        self._prepare(text=text, name=name or self.tr("Pasted text"))

    def add_sample(self, name: str) -> None:
        """Make a corpus of the bundled sample `name`."""
        self._prepare(sample=name)

    def _prepare(self, **request: Any) -> None:
        try:
            self.session.prepare(**request)
        except UserError as error:
            self.tell(error)

    def train(self) -> None:
        """Start the drafted run; while another trains, ask whether to wait for it or to stop it."""
        self._start_or_ask(lambda first: self.session.start_training(first=first))

    def resume_run(self, name: str, device: str | None = None) -> None:
        """Train the run `name` on; while another trains, ask whether to wait for it or to stop it."""
        if self.session.is_training(name):
            self.session.resume()
            return
        self._start_or_ask(lambda first: self.session.resume_run(name, device, first=first))

    def _start_or_ask(self, start: Callable[[bool], object]) -> None:
        if not self.session.busy:
            self._start(start, False)
            return
        from lmstudio_app.gui.widgets.question import Answer, ask

        name = self.session.job.run if self.session.job is not None else ""
        ask(
            self,
            self.tr("A run is training"),
            self.tr("The run “{name}” is training. What shall happen to the new one?").format(name=name),
            self.tr("Stopping keeps a checkpoint; the run can be resumed later."),
            [
                Answer(self.tr("Queue behind it"), lambda: self._start(start, False)),
                Answer(self.tr("Stop it first"), lambda: self._start(start, True), loses=True),
                Answer(self.tr("Cancel")),
            ],
        )

    def _start(self, start: Callable[[bool], object], first: bool) -> None:
        waits = self.session.busy and not first
        try:
            start(first)
        except UserError as error:
            self.tell(error)
            return
        if waits:
            self.said.emit(self.tr("Queued. It starts when the run before it ends."), "ok")
        else:
            self.go.emit("train")


def run_alone(pane: type[Pane]) -> int:
    """Show one pane in a window of its own, on the workspace named on the command line or the usual one."""
    application = theme.make_application(sys.argv)
    session = Session()
    session.open_workspace(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    shown = pane(session)
    shown.setWindowTitle(shown.title())
    shown.resize(1280, 800)
    shown.show()
    session.warm_up(lambda: None)
    code = application.exec()
    session.close()
    return code
