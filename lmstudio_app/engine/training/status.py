"""Where a run stands, in one small file, so that a table of many runs need not read their metrics."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.storage.atomic import write_json
from lmstudio_app.engine.storage.json_lines import read_jsonl

RunState = Literal["queued", "running", "paused", "stopped", "finished", "failed", "interrupted", "damaged"]
POINTS = 64
FILE = "status.json"


@dataclass(frozen=True)
class Status:
    """`state` as last written (a run that was killed still says "running"); `reason` is a sentence, or empty.

    `curve` holds (step, validation bits per byte) points, thinned to at most `POINTS`.
    """

    state: RunState = "queued"
    reason: str = ""
    step: int = 0
    parameters: int = 0
    seconds: float = 0.0
    best_bits_per_byte: float | None = None
    last_bits_per_byte: float | None = None
    curve: tuple[tuple[int, float], ...] = ()

    def after(self, row: Mapping[str, Any]) -> Status:
        """The status after one more row of `metrics.jsonl`."""
        step, seconds, bits = map(_number, map(row.get, ("step", "seconds", "validation_bits_per_byte")))
        step = int(step or 0)
        status = replace(self, step=max(self.step, step), seconds=max(self.seconds, seconds or 0.0))
        if bits is None:
            return status
        best = bits if self.best_bits_per_byte is None else min(bits, self.best_bits_per_byte)
        curve = thinned((*self.curve, (step, round(bits, 5))))
        return replace(status, best_bits_per_byte=best, last_bits_per_byte=bits, curve=curve)


def thinned(curve: tuple[tuple[int, float], ...]) -> tuple[tuple[int, float], ...]:
    """`curve` with every other point left out once it is too long, its first and last kept."""
    return curve if len(curve) <= POINTS else (*curve[:-1:2], curve[-1])


def from_rows(rows: Iterable[Mapping[str, Any]], start: Status | None = None) -> Status:
    """The status that the rows of `metrics.jsonl` amount to, other fields as in `start`."""
    first = start or Status()
    status = replace(first, step=0, seconds=0.0, best_bits_per_byte=None, last_bits_per_byte=None, curve=())
    for row in rows:
        status = status.after(row)
    return status


def read_status(folder: Path) -> Status:
    """The status of the run in `folder`; worked out from its metrics when the file is missing or damaged."""
    try:
        stored = json.loads((folder / FILE).read_text(encoding="utf-8"))
        known = {field.name for field in fields(Status)}
        values = {name: value for name, value in stored.items() if name in known}
        values["curve"] = tuple((int(step), float(bits)) for step, bits in values.get("curve", ()))
        if _is_sound(status := Status(**values)):
            return status
    except (OSError, ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        pass
    status = from_rows(read_jsonl(folder / "metrics.jsonl"))
    return replace(status, state="interrupted") if status.step else status


def _is_sound(status: Status) -> bool:
    """Whether what was read has the types that `Status` says."""
    losses = (status.best_bits_per_byte, status.last_bits_per_byte)
    return (
        status.state in get_args(RunState)
        and isinstance(status.reason, str)
        and isinstance(status.step, int)
        and isinstance(status.parameters, int)
        and _number(status.seconds) is not None
        and all(loss is None or _number(loss) is not None for loss in losses)
    )


def _number(value: Any) -> float | None:
    """`value` where it is a finite number, else None."""
    known = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
    return value if known else None


def write_status(folder: Path, status: Status) -> None:
    """Put the status on disk. It can be worked out again, so a full disk passes silently."""
    try:
        write_json(folder / FILE, asdict(status))
    except UserError:
        return
