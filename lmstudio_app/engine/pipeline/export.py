"""Save what was seen inside a model: attention as a picture, a table, or arrays; transitions as a picture or a table.

Shapes: L layers, H heads, T tokens.
"""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lmstudio_app.engine import figures
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.storage.atomic import write_bytes, write_text

if TYPE_CHECKING:
    from lmstudio_app.engine.inspection.trace import Trace
    from lmstudio_app.engine.inspection.transitions import Transitions

TABLES = (".csv", ".npz")
"""Endings of the files that hold numbers; those of pictures are `figures.FORMATS`."""


def check_attention_format(path: Path) -> None:
    """Raises `UserError` when the ending of `path` is none that `save_attention` writes, or its folder is not there."""
    _check_place(path, TABLES)


def check_transitions_format(path: Path) -> None:
    """Raises `UserError` when the ending of `path` is none that `save_transitions` writes, or its folder is not
    there."""
    _check_place(path, (".csv",))


def _check_place(path: Path, tables: tuple[str, ...]) -> None:
    figures.check_format(path, tables)
    folder = path.absolute().parent
    if not os.path.isdir(folder):  # noqa: PTH112  (a path too long is no folder either)
        raise UserError("There is no folder “{folder}”. Make it first, or choose another.", field="out", folder=folder)


def save_attention(
    trace: Trace, path: Path, *, layer: int | None = None, head: int | None = None, title: str = ""
) -> None:
    """Write the attention of all heads to `path`, or of one when `layer` or `head` (from 1) is given (the other: 1).

    The ending chooses: .png and .svg are pictures under `title`; .csv has one row for each weight a token may give,
    layers, heads and tokens counted from 1; .npz has `attention` (L, H, T, T), `tokens` (T,) and the numbers of its
    `layers` (L,) and `heads` (H,). Raises `UserError` for another ending, a head that is not there, or a full disk.
    """
    check_attention_format(path)
    layers, heads = _numbers(trace.attention, layer, head)
    kind = path.suffix.lower()
    if kind in figures.FORMATS:
        figures.draw_attention(
            trace.tokens,
            trace.attention,
            path,
            layer=layer,
            head=head,
            title=f"{title}: " if title else "",
            cut=trace.cut,
        )
        return
    chosen = trace.attention[np.ix_(layers - 1, heads - 1)]  # (L, H, T, T)
    if kind == ".csv":
        write_text(path, _table(trace.tokens, chosen, layers, heads))
    else:
        packed = io.BytesIO()
        np.savez_compressed(packed, attention=chosen, tokens=np.array(trace.tokens), layers=layers, heads=heads)
        write_bytes(path, packed.getvalue())


def save_transitions(shown: Transitions, path: Path, *, title: str = "") -> None:
    """Write a transition matrix to `path`.

    The ending chooses: .png and .svg are pictures under `title`; .csv has a row for each context and a column for each
    next token, and last the probability of all others. Raises `UserError` for another ending, or a full disk.
    """
    check_transitions_format(path)
    if path.suffix.lower() in figures.FORMATS:
        figures.draw_transitions(shown.contexts, shown.tokens, shown.probabilities, path, title=title)
        return
    written = io.StringIO()
    table = csv.writer(written, lineterminator="\n")
    table.writerow(("context", *shown.tokens, "(others)"))
    for context, row, others in zip(shown.contexts, shown.probabilities, shown.others, strict=True):
        table.writerow((context, *(f"{value:.6g}" for value in (*row.tolist(), float(others)))))
    write_text(path, written.getvalue())


def _numbers(
    attention: NDArray[np.float32], layer: int | None, head: int | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The layers and heads to write, counted from 1."""
    if layer is None and head is None:
        return np.arange(1, attention.shape[0] + 1), np.arange(1, attention.shape[1] + 1)
    figures.check_head(attention.shape[:2], layer, head)
    return np.array([layer or 1]), np.array([head or 1])


def _table(tokens: list[str], chosen: NDArray[np.float32], layers: NDArray[np.int64], heads: NDArray[np.int64]) -> str:
    """One row for each weight on or below the diagonal; above it nothing can be."""
    written = io.StringIO()
    table = csv.writer(written, lineterminator="\n")
    table.writerow(("layer", "head", "from", "from_token", "to", "to_token", "weight"))
    for i, layer in enumerate(layers.tolist()):
        for j, head in enumerate(heads.tolist()):
            for row, weights in enumerate(chosen[i, j].tolist()):
                table.writerows(
                    (layer, head, row + 1, tokens[row], column + 1, tokens[column], f"{weights[column]:.6g}")
                    for column in range(row + 1)
                )
    return written.getvalue()
