"""Writes the rows of a Parquet or Arrow table as JSON Lines: run as a process of its own, with little memory and time.

The process reads the file that is its standard input, a batch of rows after the other, and writes to its standard
output, as `child_process.take_out` says; first a line with the number of rows, 0 where the file does not say. Values
are written as the texts they show; what is missing, not a number, or no text is null, and a row with a text that is not
UTF-8 is null as a whole.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from lmstudio_app.engine.data import child_process
from lmstudio_app.engine.data.child_process import Refused

_MEMORY = 3 << 30  # bytes of address space, of which the library takes one before it has read anything
_ROWS = 64  # that are in memory together, at most
_WRITTEN = 4 << 20  # bytes that are written together, about
_BUFFER = 1 << 20  # bytes
_BROKEN = object()  # a text that is not UTF-8


def main() -> None:
    """`python -c … KIND SECONDS`."""
    kind, seconds = sys.argv[1], int(sys.argv[2])
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # the others reserve more than they use
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    child_process.take_out(lambda: _lines(kind), _MEMORY, seconds)


def _lines(kind: str) -> Iterator[bytes]:
    try:
        rows, batches = _parquet() if kind == "parquet" else _arrow(kind)
        yield b"%d\n" % rows
        together = 1
        for batch in batches:
            start = 0
            while start < batch.num_rows:
                written = _written(batch.slice(start, together))
                yield written
                start += together
                together = max(1, min(_ROWS, 2 * together, _WRITTEN * together // (len(written) + 1)))
    except ImportError:
        raise Refused(
            "is a Parquet or Arrow table, and the package that reads these is not installed. Install it by "
            f"“{sys.executable} -m pip install pyarrow”, then add the file again."
        ) from None


def _parquet() -> tuple[int, Iterator[Any]]:
    from pyarrow import parquet

    file = _file()
    if file.read(4) == b"PARE":
        raise Refused("is locked: its table is encrypted. Save it without encryption, then add it again.")
    file.seek(0)
    table = parquet.ParquetFile(file, pre_buffer=False, buffer_size=_BUFFER, memory_map=False)
    return table.metadata.num_rows, table.iter_batches(batch_size=_ROWS, use_threads=False)


def _arrow(kind: str) -> tuple[int, Iterator[Any]]:
    import pyarrow

    pyarrow.set_cpu_count(1)
    if kind == "arrow_stream":
        return 0, map(_checked, pyarrow.ipc.open_stream(_file()))
    opened = pyarrow.ipc.open_file(_file())
    return 0, (_checked(opened.get_batch(number)) for number in range(opened.num_record_batches))


def _file() -> BinaryIO:
    file = os.fdopen(os.dup(0), "rb")
    file.seek(0)
    return file


def _checked(batch: Any) -> Any:
    batch.validate(full=False)
    return batch


def _written(batch: Any) -> bytes:
    names = batch.schema.names
    columns = [_texts(column) for column in batch.columns]
    if not columns:
        return b"{}\n" * int(batch.num_rows)
    return b"".join(_line(names, values) for values in zip(*columns, strict=True))


def _line(names: Sequence[str], values: Sequence[Any]) -> bytes:
    if any(value is _BROKEN for value in values):
        return b"null\n"
    row = dict(zip(names, values, strict=True))
    try:
        written = _encode(row)
    except ValueError:
        written = _encode(_finite(row))
    return written.encode("utf-8") + b"\n"


def _texts(column: Any) -> list[Any]:
    """The values of a column as JSON has them."""
    import pyarrow
    from pyarrow import compute, types

    kind = column.type
    if types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if types.is_floating(kind):
        column = compute.if_else(compute.is_nan(column), pyarrow.scalar(None, kind), column)
    if types.is_integer(kind) or types.is_floating(kind) or types.is_temporal(kind) or types.is_decimal(kind):
        column = column.cast(pyarrow.string())  # as short as says the same
    elif types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return [_as_text(value) for value in column.to_pylist()]
    try:
        values: list[Any] = column.to_pylist()
    except UnicodeDecodeError:
        values = [_value(scalar) for scalar in column]
    return values


def _value(scalar: Any) -> Any:
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        return _BROKEN


def _as_text(value: bytes | None) -> str | None:
    """Some programs write texts as bytes; pictures and sounds are no text."""
    try:
        return value.decode("utf-8") if value is not None else None
    except UnicodeDecodeError:
        return None


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain(value: Any) -> Any:
    """Values inside others that JSON has no kind for."""
    if isinstance(value, bytes):
        return _as_text(value)
    return str(value)


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_plain).encode
