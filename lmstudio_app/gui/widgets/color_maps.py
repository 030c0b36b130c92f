"""Colour maps of pictures made of numbers: a table of 256 colours, from white or black to full."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

from lmstudio_app.gui import theme

MAPS = ("CET-L17", "magma", "viridis", "cividis")
"""Maps whose lightness rises or falls all the way, so that they can be read without colour."""


@cache
def table(name: str) -> NDArray[np.uint32]:
    """The 256 colours of a map (256,), each as 0xAARRGGBB."""
    from pyqtgraph import colormap

    colors = colormap.get(name).getLookupTable(0.0, 1.0, 256, alpha=False).astype(np.uint32)  # (256, 3)
    packed: NDArray[np.uint32] = 0xFF000000 | (colors[:, 0] << 16) | (colors[:, 1] << 8) | colors[:, 2]
    return packed


def chosen(name: str) -> str:
    """`name`, or the theme's own map when it is empty."""
    return name or theme.current().tokens.weights


def image(values: NDArray[np.floating], name: str, maximum: float = 1.0, *, masked: bool = False) -> QImage:
    """A picture of `values` (rows, columns), one pixel per cell; a missing one (NaN) is clear. With `masked`, so are
    the cells right of the diagonal.

    The diagonal is taken at the scale of the picture, so a shrunken square of weights keeps its edge.
    """
    rows, columns = values.shape
    level = np.nan_to_num(np.clip(values / maximum, 0, 1) * 255, nan=0.0)
    pixels = np.ascontiguousarray(table(chosen(name))[np.rint(level).astype(np.uint8)])
    pixels[np.isnan(values)] = 0
    if masked:
        pixels[np.arange(columns)[None, :] > np.arange(rows)[:, None]] = 0
    # The copy owns its pixels; the array above dies with this call.
    return QImage(pixels.data, columns, rows, 4 * columns, QImage.Format.Format_ARGB32).copy()


def shrink(values: NDArray[np.floating], most: int) -> NDArray[np.floating]:
    """`values` (rows, columns) in at most `most` rows and columns, each cell the largest of those it stands for."""
    rows, columns = values.shape
    step = -(-max(rows, columns) // most)
    if step <= 1:
        return values
    by_rows = np.maximum.reduceat(values, np.arange(0, rows, step), axis=0)
    return np.asarray(np.maximum.reduceat(by_rows, np.arange(0, columns, step), axis=1))
