"""Has files of risky formats parsed by processes of their own, whose death is a sentence: documents, whose text is
handed over whole, and tables, whose rows stream as JSON Lines."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from typing import IO

from lmstudio_app.engine.data import child_process
from lmstudio_app.engine.data.child_process import Refused

DOCUMENT_SECONDS = 60
"""How long the text of one document, or of 10 MB of a table, may take."""
_DOCUMENT = "from lmstudio_app.engine.data.document_text import main; main()"
_TABLE = "from lmstudio_app.engine.data.table_rows import main; main()"
_SECONDS_PER_BYTE = 6e-6
_GAVE_UP = "is damaged or too much: taking its text out did not come to an end. Save its text as a text file."


def document_text(raw: bytes, kind: str) -> bytes:
    """The text of a document ("pdf", "docx", "epub") as UTF-8. Raises `Refused`, and `OSError` where no process can be
    started."""
    command = child_process.command(_DOCUMENT, kind, str(DOCUMENT_SECONDS))
    environment, patience = child_process.environment(), 2 * DOCUMENT_SECONDS
    try:
        done = subprocess.run(command, input=raw, capture_output=True, env=environment, timeout=patience, check=False)
    except subprocess.TimeoutExpired:
        raise Refused(_GAVE_UP) from None
    if done.returncode == 0:
        return done.stdout
    raise Refused(child_process.reason_of(done.stderr) or _GAVE_UP)


class TableRows:
    """The rows of a table ("parquet", "arrow", "arrow_stream") as JSON Lines, to be read once."""

    def __init__(self, file: IO[bytes], kind: str, size: int) -> None:
        """`file` is one of the system's, of `size` bytes. Raises `OSError` where no process can be started."""
        seconds = int(DOCUMENT_SECONDS + _SECONDS_PER_BYTE * size)
        self._process = subprocess.Popen(
            child_process.command(_TABLE, kind, str(seconds)),
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=child_process.environment(),
        )
        self._size = size
        self._rows, self._rows_read, self._bytes_read = -1, 0, 0
        self._patience = threading.Timer(2 * seconds, self._process.kill)
        self._patience.daemon = True
        self._patience.start()

    def read(self, size: int) -> bytes:
        """At most so many bytes, none at the end. Raises `Refused`."""
        assert self._process.stdout is not None
        if self._rows < 0:
            self._rows = int(self._process.stdout.readline() or 0)
        found = self._process.stdout.read(size)
        self._rows_read += found.count(b"\n")
        self._bytes_read += len(found)
        if not found and self._process.wait() != 0:
            assert self._process.stderr is not None
            raise Refused(child_process.reason_of(self._process.stderr.read()) or _GAVE_UP)
        return found

    @property
    def position(self) -> int:
        """How many bytes of the file were read, about: by the rows, where it says how many there are."""
        if self._rows > 0:
            return self._size * self._rows_read // self._rows
        return min(self._bytes_read, self._size)

    def close(self) -> None:
        """End the process, also before it is done."""
        self._patience.cancel()
        self._process.kill()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._process.wait()
