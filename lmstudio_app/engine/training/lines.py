"""A line from rank 0 to each other rank, over which it says what is next, and by whose end it notices a lost one.

A message is one line of JSON over TCP. When a process dies, its system closes the line; when a machine falls silent,
the system notices within half a minute. A rank that leaves says so first, so that the first line to end without a
word is that of the rank that was lost, whoever else fails because of it.
"""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import threading
from collections.abc import Callable, Mapping
from typing import Any

from lmstudio_app.engine.errors import UserError

LEAVE_SECONDS = 10.0
"""How long rank 0 waits for the others to say goodbye, and for word of who was lost; then it is stuck."""

_SILENCE = (("TCP_KEEPIDLE", 5), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 4))
"""Seconds until a silent line is asked, between questions, and how many go unanswered before it counts as cut."""


class RankLost(UserError):  # noqa: N818  (the name says what happened)
    """A rank has ended without a word."""

    def __init__(self, rank: int, ranks: int) -> None:
        super().__init__(
            "Rank {rank} of {ranks} (they count from 0) was lost: its process was ended, or its machine does not "
            "answer.",
            rank=rank,
            ranks=ranks,
        )


class Lines:
    """Rank 0's end of all lines."""

    def __init__(self, ranks: int, seconds: float, stuck: Callable[[UserError], None]) -> None:
        """Listens for `ranks` - 1 others; each gets `seconds` to come. `stuck(why)` is called from a thread of its own
        when a rank was lost and nobody has closed the lines long after: common work on GPUs may wait for ever."""
        self._ranks, self._stuck, self._closed = ranks, stuck, threading.Event()
        self._server = socket.create_server(("", 0))
        self._server.settimeout(seconds)
        self._lines: dict[int, socket.socket] = {}
        self._left: set[int] = set()
        self._failure: UserError | None = None
        self._changed = threading.Condition()

    @property
    def port(self) -> int:
        """Where the others may reach it."""
        return int(self._server.getsockname()[1])

    def accept(self, word: int) -> None:
        """Wait for all others, who know the secret `word`. Raises `UserError` when one does not come."""
        while len(self._lines) < self._ranks - 1:
            try:
                line, _ = self._server.accept()
            except TimeoutError:
                self._server.close()
                raise UserError(
                    "Not all {ranks} ranks have come. Start the training again.", ranks=self._ranks
                ) from None
            line.settimeout(LEAVE_SECONDS)
            file = line.makefile("rb")
            hello = _read(file)
            if not hello or hello.get("word") != word or not 0 < hello.get("rank", 0) < self._ranks:
                line.close()
                continue
            line.settimeout(None)
            _notice_silence(line)
            self._lines[hello["rank"]] = line
            threading.Thread(target=self._listen, args=(hello["rank"], file), daemon=True).start()
        self._server.close()

    def _listen(self, rank: int, file: Any) -> None:
        while message := _read(file):
            if "failed" in message:
                self._end(rank, UserError("Rank {rank}: {reason}", rank=rank, reason=message["failed"]))
                return
            if "bye" in message:
                self._end(rank, None)
                return
        self._end(rank, RankLost(rank, self._ranks))

    def _end(self, rank: int, failure: UserError | None) -> None:
        with self._changed:
            self._left.add(rank)
            self._failure = self._failure or failure
            self._changed.notify_all()
        if failure is not None and not self._closed.wait(LEAVE_SECONDS):
            self._stuck(failure)

    def say(self, message: Mapping[str, Any]) -> None:
        """Tell all others. Raises what is known of a rank that was lost."""
        self.check()
        for line in self._lines.values():
            with contextlib.suppress(OSError):  # its listener finds out why
                _write(line, message)

    def check(self, seconds: float = 0.0) -> None:
        """Raises `RankLost`, or what another rank failed of, if that is known within `seconds`."""
        with self._changed:
            self._changed.wait_for(lambda: self._failure is not None, seconds)
            if self._failure is not None:
                raise self._failure

    def close(self, *, whole: bool) -> None:
        """Let the others go. After a `whole` training, raises `RankLost` when one is not there any more."""
        with contextlib.suppress(UserError):
            self.say({"end": True})
        with self._changed:
            self._changed.wait_for(lambda: len(self._left) == len(self._lines), LEAVE_SECONDS if whole else 1.0)
        self._closed.set()
        for line in self._lines.values():
            line.close()
        self._server.close()
        if whole:
            self.check()


class Line:
    """The end of another rank."""

    def __init__(
        self, host: str, port: int, word: int, *, rank: int, ranks: int, stuck: Callable[[UserError], None]
    ) -> None:
        """Calls rank 0, with the secret `word`. `stuck(why)` is called as for `Lines`, when rank 0 was lost."""
        self._line = socket.create_connection((host, port), timeout=LEAVE_SECONDS)
        self._line.settimeout(None)
        _notice_silence(self._line)
        self._ranks, self._closed = ranks, threading.Event()
        self._heard: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        threading.Thread(target=self._listen, args=(stuck,), daemon=True).start()
        _write(self._line, {"word": word, "rank": rank})

    def _listen(self, stuck: Callable[[UserError], None]) -> None:
        with self._line.makefile("rb") as file:
            while message := _read(file):
                self._heard.put(message)
        self._heard.put(None)
        if not self._closed.wait(LEAVE_SECONDS):
            stuck(RankLost(0, self._ranks))

    def hear(self) -> dict[str, Any]:
        """What rank 0 says next. Raises `RankLost` when it is gone."""
        message = self._heard.get()
        if message is None:
            raise RankLost(0, self._ranks)
        return message

    def leave(self, failure: str = "") -> None:
        """Say goodbye, and why."""
        with contextlib.suppress(OSError):
            _write(self._line, {"failed": failure} if failure else {"bye": True})

    def cut(self) -> None:
        """End the line."""
        self._closed.set()
        with contextlib.suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)  # which also wakes the listener
        self._line.close()


def _read(file: Any) -> dict[str, Any] | None:
    """The next message, None at the end of the line."""
    try:
        words = file.readline(65536)
        found = json.loads(words) if words.endswith(b"\n") else None
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _write(line: socket.socket, message: Mapping[str, Any]) -> None:
    line.sendall(json.dumps(message).encode("ascii") + b"\n")


def _notice_silence(line: socket.socket) -> None:
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _SILENCE:
        if (option := getattr(socket, name, None)) is not None:
            line.setsockopt(socket.IPPROTO_TCP, option, value)
