"""Writes the attention that is shown to a file, on a thread."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QFileDialog

from lmstudio_app.gui.job_thread import Stopping
from lmstudio_app.gui.pane import Pane

if TYPE_CHECKING:
    from lmstudio_app.engine.inspection.trace import Trace


@dataclass(frozen=True)
class Shown:
    """What is exported: a trace of the model `run`, and the layer and head (from 0) that are shown large."""

    run: str
    trace: Trace
    layer: int
    head: int


def ask_for_file(pane: Pane, shown: Shown, ending: str, *, every: bool) -> QFileDialog:
    """Ask where to write a file with this `ending` (".png"): of the one head, or of `every` head."""
    translate = QCoreApplication.translate
    one = translate("AttentionExport", "{run} attention {layer}.{head}")
    name = translate("AttentionExport", "{run} attention") if every else one
    name = name.format(run=shown.run, layer=shown.layer + 1, head=shown.head + 1)
    dialog = QFileDialog(pane, translate("AttentionExport", "Export attention"), name + ending)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix(ending[1:])
    dialog.setNameFilter(f"*{ending}")
    dialog.fileSelected.connect(lambda path: save(pane, shown, Path(path), every=every))
    dialog.open()
    return dialog


def save(pane: Pane, shown: Shown, path: Path, *, every: bool) -> None:
    """Write `path`, and say above the pane when it is there, or why it is not."""
    layer, head = (None, None) if every else (shown.layer + 1, shown.head + 1)

    def work(stopping: Stopping) -> Iterable[Any]:
        from lmstudio_app.engine import pipeline

        pipeline.save_attention(shown.trace, path, layer=layer, head=head, title=shown.run)
        return ()

    def ended(failure: BaseException | None) -> None:
        if failure is not None:
            pane.tell(failure)
        else:
            words = QCoreApplication.translate("AttentionExport", "Saved as “{path}”.")
            pane.said.emit(words.format(path=path), "ok")

    pane.session.jobs.start(work, lambda items: None, ended, pane)
