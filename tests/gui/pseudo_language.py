"""A language in which every word of the window is 40 % longer and stands in ⟦brackets⟧, so that a word that nobody
translated, or that does not fit, shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from PySide6.QtCore import QCoreApplication, QTranslator

LONGER = 0.4
FILLING = "·"


class PseudoLanguage(QTranslator):
    """Translates everything."""

    def translate(self, context: str, source: str, disambiguation: str | None = None, n: int = -1) -> str:
        if context.startswith("Q"):  # Qt's own words come with Qt's own translations
            return ""
        return f"⟦{source}{FILLING * max(1, round(LONGER * len(source)) - 2)}⟧"

    def isEmpty(self) -> bool:
        return False


@contextmanager
def installed() -> Iterator[None]:
    """The window speaks it for the time of the block."""
    translator = PseudoLanguage()
    assert QCoreApplication.installTranslator(translator)
    try:
        yield
    finally:
        QCoreApplication.removeTranslator(translator)
