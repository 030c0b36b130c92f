"""What a training leaves in the run's folder: metrics, samples, checkpoints, status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.model import State
from lmstudio_app.engine.storage import atomic
from lmstudio_app.engine.storage.json_lines import JsonLines, read_jsonl
from lmstudio_app.engine.training import checkpoint, status
from lmstudio_app.engine.training.checkpoint import Checkpoint, Progress
from lmstudio_app.engine.training.status import RunState

METRICS, SAMPLES, CHECKPOINTS = "metrics.jsonl", "samples.jsonl", "checkpoints"


class Record:
    """The one writer of a run's results. Whoever opens it holds the run's lock. `progress` is that of the last
    checkpoint, `lost_rows` how many rows before it somebody took out of `metrics.jsonl`."""

    def __init__(self, folder: Path, progress: Progress, parameters: int, keep_every: int = 0) -> None:
        """Open the files for going on after `progress`: later rows are cut off, later checkpoints set aside, what
        killed writers left is swept. Checkpoints of every `keep_every`-th step stay. Raises `UserError`."""
        self._folder, self._keep_every = folder, keep_every
        self.progress = progress
        self._checkpoints = folder / CHECKPOINTS
        atomic.sweep(folder)
        if self._checkpoints.is_dir():
            atomic.sweep(self._checkpoints)
        for later in checkpoint.found(self._checkpoints):
            if later.step > progress.step:
                _set_aside(later.folder)
        self._metrics = JsonLines(folder / METRICS, keep=progress.metrics_rows)
        self._samples = JsonLines(folder / SAMPLES, keep=progress.samples_rows)
        self.lost_rows = progress.metrics_rows - self._metrics.rows
        before = replace(status.read_status(folder), parameters=parameters)
        known = status.from_rows(read_jsonl(folder / METRICS), before)
        self._status = replace(known, step=max(known.step, progress.step), seconds=max(known.seconds, progress.seconds))

    @property
    def step(self) -> int:
        """The last step that has a row."""
        return self._status.step

    @property
    def parameters(self) -> int:
        """How many trainable numbers the model has."""
        return self._status.parameters

    def rows(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append rows to `metrics.jsonl`: all of them, or none and `UserError`."""
        self._metrics.append(rows)
        for row in rows:
            self._status = self._status.after(row)
        if any("validation_bits_per_byte" in row for row in rows):
            self._refuse_vanished()  # an open file takes rows also where no one can find them any more
            status.write_status(self._folder, self._status)

    def sample(self, row: Mapping[str, Any]) -> None:
        """Append a row to `samples.jsonl`, or raise `UserError`."""
        self._samples.append([row])

    def checkpoint(self, state: State, progress: Progress) -> tuple[Checkpoint, bool]:
        """Save a checkpoint once the rows before it are on the disk, then thin out. Says whether it is the best one.

        Raises `UserError`; nothing is lost then.
        """
        self._metrics.flush()
        self._samples.flush()
        counted = replace(progress, metrics_rows=self._metrics.rows, samples_rows=self._samples.rows)
        self._refuse_vanished()
        saved = checkpoint.save(self._checkpoints, state, counted)
        self.progress = counted
        checkpoint.thin_out(self._checkpoints, self._keep_every)
        best = checkpoint.best(checkpoint.found(self._checkpoints))
        return saved, best is not None and best.step == saved.step

    def state(self, state: RunState, reason: str = "") -> None:
        """Note how the run stands."""
        self._status = replace(self._status, state=state, reason=reason)
        status.write_status(self._folder, self._status)

    def _refuse_vanished(self) -> None:
        if not self._folder.is_dir():
            raise UserError(
                "The folder of the run “{name}” is no longer there: it was moved or removed while the run trained. "
                "Put it back at “{path}”, then resume the run.",
                name=self._folder.name,
                path=self._folder,
            )

    def close(self) -> None:
        """Close the files."""
        self._metrics.close()
        self._samples.close()


def _set_aside(folder: Path) -> None:
    """Rename a checkpoint that could not be trusted: nobody loads it, but a part of it may still be of use."""
    aside = folder.with_name(f"damaged-{folder.name}")
    atomic.remove_folder(aside)
    try:
        folder.rename(aside)
    except OSError as error:
        raise atomic.in_words(error, folder) from error
