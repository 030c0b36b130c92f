"""A disk that fails at a chosen call: every write, flush and rename of the storage layer goes through these."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

CALLS = ("write", "fsync", "replace", "mkdir")


class FaultyDisk:
    """Counts the calls; the one numbered `at` (from 0) raises `OSError(code)`, and all after it too if `lasting`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, code: int, at: int, *, lasting: bool = False) -> None:
        self.code, self.at, self.lasting, self.calls = code, at, lasting, 0
        self._patch = monkeypatch
        for name in CALLS:
            monkeypatch.setattr(os, name, self._faulty(getattr(os, name)))

    @property
    def failed(self) -> bool:
        return self.calls > self.at

    def mend(self) -> None:
        """No call fails from now on."""
        self.at = 1 << 60

    def _faulty(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def instead(*arguments: Any, **named: Any) -> Any:
            number, self.calls = self.calls, self.calls + 1
            if number == self.at or (self.lasting and number > self.at):
                raise OSError(self.code, os.strerror(self.code))
            return call(*arguments, **named)

        return instead
