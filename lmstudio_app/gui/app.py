"""Opens the window. It paints first; everything heavy is imported afterwards, on a thread."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lmstudio_app.gui.main_window import MainWindow
    from lmstudio_app.gui.session import Session


def main(
    argv: Sequence[str] = (), *, workspace: Path | None = None, refused: Callable[[str], int] | None = None
) -> int:
    """Open the window on `workspace` (None: the one that was open last, else the usual place), until it is closed.

    `argv` are options for Qt. Returns the exit code. Where Qt cannot show a window, which it cannot be asked before,
    `refused` tells why, and the process ends with its exit code.
    """
    gc.disable()  # a tenth of the time to the first paint would go into looking at objects that all stay
    from lmstudio_app.gui import theme  # imports Qt, so only now

    with refusal_told(refused):
        application = theme.make_application([sys.argv[0], *argv])
    theme.current().hold_icons()
    window = open_window(workspace)
    window.painted.connect(gc.enable)
    with bugs_told(window.session):
        window.show()
        return application.exec()


@contextlib.contextmanager
def refusal_told(refused: Callable[[str], int] | None) -> Iterator[None]:
    """While inside, Qt does not abort the process where it finds no way to show a window: `refused` tells why."""
    from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler

    said: list[str] = []

    def hear(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
        said.append(message)
        if kind is QtMsgType.QtFatalMsg and refused is not None:  # Qt aborts when this returns
            code = refused(said[0])
            sys.stdout.flush()
            os._exit(code)

    before = qInstallMessageHandler(hear)
    try:
        yield
    finally:
        qInstallMessageHandler(before)
    for message in said:
        print(message, file=sys.stderr)


@contextlib.contextmanager
def bugs_told(session: Session) -> Iterator[None]:
    """While inside, an exception that nobody caught is told by `session.failed`, and printed as always.

    Qt calls most of the window's code, and Python's hook is all that hears of a failure there.
    """
    before, telling = sys.excepthook, False

    def tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        nonlocal telling
        before(kind, error, trace)
        if telling or not isinstance(error, Exception):  # what fails while it is told is only printed
            return
        telling = True
        try:
            session.failed.emit(error.with_traceback(trace))
        finally:
            telling = False

    sys.excepthook = tell
    try:
        yield
    finally:
        sys.excepthook = before


def open_window(workspace: Path | None = None) -> MainWindow:
    """A window that opens its workspace and loads the engine once it has painted. Not shown yet."""
    from lmstudio_app.gui import theme
    from lmstudio_app.gui.main_window import MainWindow
    from lmstudio_app.gui.session import Session

    session = Session()
    window = MainWindow(session)
    session.setParent(window)
    session.preferred_device = str(theme.preferences().value("device", "auto"))
    folder = workspace or remembered_workspace()

    def complete() -> None:
        from lmstudio_app.gui.widgets.focus_ring import FocusRing

        theme.current().draw_icons()
        FocusRing(window)
        window.setWindowIcon(theme.current().icon("mark", "text", 64))
        session.warm_up(lambda: window.open_workspace(folder))

    window.painted.connect(complete)
    return window


def remembered_workspace() -> Path | None:
    """The workspace that was open last, if its folder is still there."""
    from lmstudio_app.gui import theme

    stored = str(theme.preferences().value("workspace", ""))
    return Path(stored) if stored and Path(stored).is_dir() else None
