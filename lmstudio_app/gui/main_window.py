"""The window: rail, top bar, the panes and the status strip around one session."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QPaintEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from lmstudio_app.engine.errors import UserError
from lmstudio_app.gui import theme
from lmstudio_app.gui.pane import Pane
from lmstudio_app.gui.panes.start import StartPane
from lmstudio_app.gui.session import Session
from lmstudio_app.gui.translation import declared, sentence
from lmstudio_app.gui.widgets.rail import Rail
from lmstudio_app.gui.widgets.top_bar import TopBar
from lmstudio_app.gui.window_layout import remember, restore

if TYPE_CHECKING:
    from lmstudio_app.engine.events import Noted
    from lmstudio_app.gui.closing import Closing
    from lmstudio_app.gui.job_status import JobStatus
    from lmstudio_app.gui.widgets.banner import Banner
    from lmstudio_app.gui.widgets.settings_dialog import SettingsDialog
    from lmstudio_app.gui.widgets.status import StatusStrip


class Entry(NamedTuple):
    """A pane of the rail: its module in `panes/`, its class, and what it needs the opened model to offer (one
    of these)."""

    name: str
    module: str
    pane: str
    needs: frozenset[str] = frozenset()


PANES = (
    Entry("corpus", "corpus", "CorpusPane"),
    Entry("train", "training", "TrainPane"),
    Entry("inspect", "inspection", "InspectPane", frozenset({"attention", "transitions"})),
    Entry("console", "console", "ConsolePane", frozenset({"decoding"})),
    Entry("runs", "runs", "RunsPane"),
)

STATUS_HEIGHT = 33


class MainWindow(QMainWindow):
    """The window of one session.

    Signals: `painted()` once, after the first paint: whatever is heavy begins then.
    """

    painted = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._panes: dict[str, Pane] = {}
        self._was_painted = False
        self._told = ""  # what went wrong last, as the banner says it
        self._settings: SettingsDialog | None = None
        self.rail = Rail()
        self.top_bar = TopBar()
        self.stack = QStackedWidget()
        self._build()
        self.painted.connect(self._complete)
        self.show_pane("start")

    # What the first paint does without is made when it is asked for, at the latest right after that paint.

    @cached_property
    def banner(self) -> Banner:
        """One sentence above the pane."""
        from lmstudio_app.gui.widgets.banner import Banner

        banner = Banner()
        self._column.insertWidget(1, banner)
        return banner

    @cached_property
    def strip(self) -> StatusStrip:
        """The job and the machine, at the bottom."""
        from lmstudio_app.gui.widgets.status import StatusStrip

        strip = StatusStrip()
        bar = self.statusBar()
        bar.setSizeGripEnabled(False)
        bar.setContentsMargins(0, 0, 0, 0)
        bar.addPermanentWidget(strip, 1)
        self._line.setContentsMargins(0, 0, 0, 0)
        return strip

    @cached_property
    def job_status(self) -> JobStatus:
        """What keeps `strip` true to the session."""
        from lmstudio_app.gui.job_status import JobStatus

        return JobStatus(self.session, self.strip)

    @cached_property
    def closing(self) -> Closing:
        """What is asked before the window closes over a training."""
        from lmstudio_app.gui.closing import Closing

        return Closing(self, self.session, self.banner.say)

    def _complete(self) -> None:
        self._connect()
        self._bind_keys()

    # Panes ------------------------------------------------------------------------------------------------------

    def show_pane(self, name: str) -> None:
        """Show the pane `name`, built now if this is the first time. "start" is the first page of Corpus."""
        if name == "start" or self.session.opened:
            self._show(name)
        # Whatever is shown, the pressed button has checked itself.
        self.rail.check("corpus" if self.pane.name == "start" else self.pane.name)
        self._show_place()

    def _show(self, name: str) -> None:
        if name == "corpus" and not self.session.workspace.corpora() and not self.session.preparations.undecided:
            name = "start"
        if name not in self.rail.buttons:
            name = "start"
        self.stack.setCurrentWidget(self._panes.get(name) or self._make(name))

    @property
    def pane(self) -> Pane:
        """The pane that is shown."""
        shown = self.stack.currentWidget()
        assert isinstance(shown, Pane)
        return shown

    def _make(self, name: str) -> Pane:
        if name == "start":
            made: Pane = StartPane(self.session, self.stack)
        else:
            entry = next(entry for entry in PANES if entry.name == name)
            module = importlib.import_module(f"lmstudio_app.gui.panes.{entry.module}")
            made = getattr(module, entry.pane)(self.session, self.stack)
        made.go.connect(self.show_pane)
        made.said.connect(self.say)
        made.offered.connect(self.say)
        made.crumbs_changed.connect(self._show_place)
        self._panes[name] = made
        self.stack.addWidget(made)
        return made

    def say(self, words: str, kind: str = "info", action: str = "", act: Callable[[], None] | None = None) -> None:
        """Show one sentence above the pane; `act()` is called when `action` is pressed."""
        self.banner.say(words, kind, action, act)

    def _show_place(self) -> None:
        self.top_bar.show_place(self.pane.title(), self.pane.crumbs())

    def _forget_panes(self) -> None:
        for pane in self._panes.values():
            self.stack.removeWidget(pane)
            pane.deleteLater()
        self._panes = {}

    # Building ---------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.setWindowTitle(QApplication.applicationDisplayName() or "LMStudio App")
        self.setMinimumSize(880, 560)
        self.resize(QSize(1440, 900).boundedTo(self.screen().availableSize()))
        words = {"corpus": self.tr("Corpus"), "train": self.tr("Train"), "inspect": self.tr("Inspect"),
                 "console": self.tr("Console"), "runs": self.tr("Runs")}  # fmt: skip
        for entry in PANES:
            self.rail.add(entry.name, words[entry.name])
        # From the outside in: whatever is put into another parent later is matched with the style sheet once more.
        central = QWidget()
        self.setCentralWidget(central)
        line = self._line = QHBoxLayout(central)
        line.setSpacing(0)
        line.addWidget(self.rail)
        column = self._column = QVBoxLayout()
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        line.addLayout(column, 1)
        column.addWidget(self.top_bar)
        column.addWidget(self.stack, 1)
        line.setContentsMargins(0, 0, 0, theme.current().pixels(STATUS_HEIGHT))  # its place, until it is made

    def _connect(self) -> None:
        session = self.session
        self.rail.chosen.connect(self.show_pane)
        self.rail.settings_wanted.connect(self.show_settings)
        session.workspace_changed.connect(self._workspace_changed)
        session.failed.connect(self._tell)
        session.prepared.connect(self._leave_failure)
        session.doubted.connect(lambda preparation: self.show_pane("corpus"))
        session.noted.connect(self._note)
        session.job_changed.connect(self._job_changed)
        session.run_changed.connect(self._show_needs)

    def _bind_keys(self) -> None:
        from PySide6.QtGui import QKeySequence, QShortcut

        look = theme.current()
        for number, button in enumerate(self.rail.buttons.values(), 1):
            button.set_shortcut(QKeySequence(f"Ctrl+{number}").toString(QKeySequence.SequenceFormat.NativeText))
        keys: dict[str, Callable[[], object]] = {
            f"Ctrl+{number}": partial(self.show_pane, entry.name) for number, entry in enumerate(PANES, 1)
        }
        keys |= {
            "Ctrl+O": self.add_text,
            "Ctrl+S": self.session.checkpoint,
            "Ctrl+Return": self.act,
            "Ctrl+Enter": self.act,
            "Ctrl+P": self.job_status.pause_or_resume,
            "Ctrl+.": self.job_status.stop,
            "Ctrl+,": self.show_settings,
            "F6": lambda: self._next_region(1),
            "Shift+F6": lambda: self._next_region(-1),
            "Ctrl++": lambda: look.enlarge(1),
            "Ctrl+=": lambda: look.enlarge(1),
            "Ctrl+-": lambda: look.enlarge(-1),
            "Ctrl+0": lambda: look.enlarge(0),
        }
        for key, action in keys.items():
            QShortcut(QKeySequence(key), self).activated.connect(action)

    # What the session says --------------------------------------------------------------------------------------

    def open_workspace(self, folder: Path | None) -> None:
        """Open the workspace in `folder` (None: the usual place) in this window; says so if that cannot be."""
        self._remember_layout()
        try:
            self.session.open_workspace(folder)
        except UserError as error:
            self.banner.say(sentence(error), "err", self.tr("Choose another folder…"), self.show_settings)
        else:
            if self.session.claim_refused is None:
                self.banner.hide()

    def _workspace_changed(self) -> None:
        theme.preferences().setValue("workspace", str(self.session.workspace.folder))
        page = self._restore_layout()
        if list(self._panes) != ["start"]:
            self._forget_panes()
        self.banner.hide()
        self.show_pane(page if self.session.workspace.corpora() else "start")
        refused = self.session.claim_refused
        if refused is not None:
            words = self.tr("Everything works here too, but only the other window remembers its layout.")
            self.banner.say(f"{sentence(refused)} {words}", "warn")
        if self._settings is not None:
            self._settings.show_folder(self.session.workspace.folder)
            self._show_size()

    def _note(self, notes: list[Noted]) -> None:
        self.banner.say(" ".join(declared(note.sentence, **note.values) for note in notes), "warn")

    def _tell(self, failure: Exception) -> None:
        from lmstudio_app.gui.job_thread import failure_event

        if isinstance(failure, UserError):
            self._told = sentence(failure)
            self.banner.say(self._told, "err")
            return
        told = failure_event(failure)
        self.banner.say(
            declared(told.sentence, **told.values),
            "err",
            self.tr("Copy the details"),
            lambda: QApplication.clipboard().setText(told.traceback),
        )

    def _leave_failure(self) -> None:
        """What went wrong before is not about the text that is ready now."""
        if self._told and self.banner.words() == self._told:
            self.banner.say("")

    def _job_changed(self) -> None:
        busy = self.session.busy
        self.rail.buttons["train"].set_dot("training" if busy else None, self.tr("A run is training") if busy else "")

    def _show_needs(self) -> None:
        run = self.session.run
        for entry in PANES:
            lacks = run is not None and bool(entry.needs) and not entry.needs & self.session.offers()
            words = self.tr("The opened model has nothing to show here.") if lacks else ""
            self.rail.buttons[entry.name].set_lacking(words)

    # What the person asks ---------------------------------------------------------------------------------------

    def add_text(self) -> None:
        """Choose text files and make a corpus of them."""
        if self.session.opened:
            self.show_pane("corpus")
            self.pane.choose_files()

    def act(self) -> None:
        """Do what the shown pane is mainly for."""
        self.pane.primary_action()

    def show_settings(self) -> None:
        """Open the settings."""
        from lmstudio_app.gui.widgets.settings_dialog import SettingsDialog

        session = self.session
        folder = session.workspace.folder if session.opened else Path()
        # A run names the kind of its device, so that several GPUs of one kind are one choice: the first of them.
        kinds = {device.kind: device.title for device in reversed(session.devices)}
        choices = [("auto", self.tr("Choose by itself")), *reversed(kinds.items())]
        dialog = SettingsDialog(folder, choices, session.preferred_device, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.folder_chosen.connect(self.open_workspace)
        dialog.device_chosen.connect(self._prefer_device)
        dialog.speed_wanted.connect(self.show_machine_speed)
        dialog.finished.connect(self._settings_closed)
        self._settings = dialog
        self._show_size()
        dialog.open()

    def show_machine_speed(self) -> None:
        """Open the window that measures this machine."""
        from lmstudio_app.gui.machine_speed import MachineSpeed

        MachineSpeed(self.session, self).open()

    def _prefer_device(self, kind: str) -> None:
        theme.preferences().setValue("device", kind)
        self.session.prefer_device(kind)

    def _settings_closed(self) -> None:
        self._settings = None

    def _show_size(self) -> None:
        if self._settings is None or not self.session.opened:
            return
        from lmstudio_app.gui.widgets import number_text

        dialog, workspace = self._settings, self.session.workspace

        def arrived(sizes: list[int]) -> None:
            if workspace is not self.session.workspace:  # another folder was chosen meanwhile
                return
            dialog.show_size(self.tr("It takes {size} of the disk.").format(size=number_text.size(sizes[-1])))

        self.session.jobs.start(lambda stopping: [workspace.size_bytes()], arrived, owner=dialog)

    def _next_region(self, direction: int) -> None:
        rail = next((button for button in self.rail.buttons.values() if button.isChecked()), self.rail.settings)
        regions: list[QWidget] = [rail, self.top_bar.theme_button, *self.pane.regions()]
        regions = [part for part in (*regions, self.strip.stop) if part.isVisible() and part.isEnabled()]
        holder = next(
            (i for i, part in enumerate(regions) if part.hasFocus() or part.isAncestorOf(self._focused())), -1
        )
        regions[(holder + direction) % len(regions)].setFocus(Qt.FocusReason.TabFocusReason)

    def _focused(self) -> QWidget:
        return self.focusWidget() or self

    # Opening and closing ----------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._was_painted:
            self._was_painted = True
            QTimer.singleShot(0, self.painted.emit)

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.session.busy:
            event.ignore()
            self.closing.ask()
            return
        self._remember_layout()
        self.session.close()
        event.accept()

    def _remember_layout(self) -> None:
        if self.session.opened and self.session.claim_refused is None:
            remember(self, self.session.workspace.folder, self.pane.name)

    def _restore_layout(self) -> str:
        """Put the window where it was when this workspace was last open; returns the pane that was shown."""
        page = restore(self, self.session.workspace.folder) if self.session.claim_refused is None else ""
        return page if page in self.rail.buttons else "corpus"
