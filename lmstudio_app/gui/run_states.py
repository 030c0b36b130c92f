"""Where a run stands, in few words that are the same in every pane."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

RESUMABLE = frozenset({"queued", "stopped", "interrupted", "failed"})
"""States of a run folder that a training can go on from."""


def live_words(state: str) -> str:
    """The state of a training of this window."""
    translate = QCoreApplication.translate
    words = {
        "starting": translate("RunStates", "Starting"),
        "training": translate("RunStates", "Training"),
        "pausing": translate("RunStates", "Pausing"),
        "paused": translate("RunStates", "Paused"),
        "stopping": translate("RunStates", "Stopping"),
    }
    return words.get(state, state)


def saved_words(state: str) -> str:
    """The state of a run that does not train in this window."""
    translate = QCoreApplication.translate
    words = {
        "queued": translate("RunStates", "Not started"),
        "running": translate("RunStates", "Training in another window"),
        "paused": translate("RunStates", "Paused in another window"),
        "stopped": translate("RunStates", "Stopped"),
        "finished": translate("RunStates", "Finished"),
        "failed": translate("RunStates", "Failed"),
        "interrupted": translate("RunStates", "Interrupted"),
        "damaged": translate("RunStates", "Damaged"),
    }
    return words.get(state, state)
