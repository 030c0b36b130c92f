"""Every exported picture (PNG, SVG), for window and terminal alike, drawn by matplotlib, which is imported late.

Colours are those of the window's light theme. Shapes: L layers, H heads, T tokens.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.storage.atomic import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = (".png", ".svg")
TRAINING, VALIDATION, REFERENCE, INK, HINT, GRID = "#0072B2", "#C84600", "#707A86", "#15191E", "#5D6773", "#ECEFF2"
PIXELS_PER_INCH = 192  # twice a screen's
MOST_LABELS = 64
WEIGHT_COLOURS = (
    "#FFFFFF", "#F3EABA", "#F3D092", "#F5B177", "#F5916A", "#EF6F69", "#E24D71", "#CC2E7E",
    "#AA1B8F", "#761F9E", "#002AA8",
)  # fmt: skip
"""White over orange and violet to blue, its lightness falling evenly: CET-L17 (Kovesi 2015), every tenth."""
FAMILIES = (
    "Inter",
    "Noto Sans",
    "DejaVu Sans",
    "Microsoft YaHei",
    "PingFang SC",
    "Noto Sans CJK SC",
    "WenQuanYi Micro Hei",
)


@dataclass(frozen=True)
class ReferenceLine:
    """A yardstick on the loss plot, in bits per byte."""

    label: str
    value: float
    style: Literal["dotted", "dashed", "solid"] = "dotted"


@dataclass(frozen=True)
class LossCurves:
    """What a loss picture shows: (step, bits per byte) pairs, smoothing between 0 (none) and 1 (excluded)."""

    title: str
    training: Sequence[tuple[int, float]]
    validation: Sequence[tuple[int, float]]
    references: Sequence[ReferenceLine] = ()
    smoothing: float = 0.9
    logarithmic: bool = True


def draw_loss(curves: LossCurves, path: Path) -> None:
    """Write the loss picture to `path` (.png or .svg). Raises `UserError` for another ending or a full disk."""
    with _figure(path, (9.6, 5.4)) as figure:
        axes = figure.add_axes((0.07, 0.1, 0.72, 0.8))
        axes.set_title(curves.title, loc="left", fontsize=11, color=INK)
        labels = []
        for line in curves.references:
            axes.axhline(line.value, color=REFERENCE, linestyle=line.style, linewidth=1)
            labels.append((line.value, line.label, HINT))
        for points, colour, name in (
            (curves.training, TRAINING, "training"),
            (curves.validation, VALIDATION, "validation"),
        ):
            if points:
                last = _draw_curve(axes, points, colour, curves.smoothing if name == "training" else 0.0)
                labels.append((last, name, colour))
        _finish_axes(axes, curves.logarithmic)
        _label_right(axes, labels)


def draw_frequencies(
    ranks: Sequence[tuple[int, int]], words: Sequence[tuple[str, int]], path: Path, *, title: str = ""
) -> None:
    """Write how often words occur by their rank, both axes logarithmic, beside the line of Zipf's law (occurrences fall
    as 1/rank), to `path`; the most frequent of `words` are named. Raises `UserError` as `draw_loss` does."""
    with _figure(path, (7.2, 5.4)) as figure:
        axes = figure.add_axes((0.11, 0.11, 0.85, 0.79))
        axes.set_title(title, loc="left", fontsize=11, color=INK)
        axes.set_xscale("log")
        axes.set_yscale("log")
        if ranks:
            places, counts = np.array(ranks, dtype=float).T
            axes.plot(places, counts[0] / places, color=REFERENCE, linestyle="dashed", linewidth=1)
            axes.plot(places, counts, color=TRAINING, linewidth=0, marker="o", markersize=3)
            axes.set_ylim(bottom=0.8)
            for rank, (word, count) in enumerate(words, 1):
                if rank in (1, 3, 10, 30, 100, 300):
                    axes.annotate(word, (rank, count), (5, 4), textcoords="offset points", fontsize=9, color=INK)
        _finish_plain(axes, "rank of the word", "occurrences")


def draw_lengths(
    edges: Sequence[float], counts: Sequence[int], median: float, context: float, path: Path, *, title: str, unit: str
) -> None:
    """Write a histogram of lengths in bytes to `path`: `counts` between each of `edges` and the next; lines mark the
    `median` and, where it is not 0, the bytes that a `context` holds. Raises `UserError` as `draw_loss` does."""
    with _figure(path, (7.2, 5.4)) as figure:
        axes = figure.add_axes((0.11, 0.11, 0.85, 0.79))
        axes.set_title(title, loc="left", fontsize=11, color=INK)
        axes.set_xscale("log")
        if counts:
            sides = np.array(edges, dtype=float)
            axes.bar(sides[:-1], counts, np.diff(sides) * 0.94, align="edge", color=TRAINING)
            marks = [(median, f"median {median:,.0f}", "solid", INK)]
            marks += [(context, f"context ≈ {context:,.0f}", "dashed", HINT)] if context else []
            for place, (value, words, style, colour) in enumerate(marks):
                axes.axvline(value, color=colour, linestyle=style, linewidth=1)
                height = 1.0 - 0.05 * place
                axes.text(value, height, f" {words}", transform=axes.get_xaxis_transform(), fontsize=9, va="top")
        _finish_plain(axes, f"bytes in a {unit}", f"{unit}s")


def _finish_plain(axes: Axes, below: str, left: str) -> None:
    from matplotlib.ticker import FuncFormatter

    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_xlabel(below, fontsize=9)
    axes.set_ylabel(left, fontsize=9)
    axes.minorticks_off()
    axes.tick_params(labelsize=8, length=0)
    axes.grid(axis="y", color=GRID)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def draw_attention(
    tokens: Sequence[str],
    attention: NDArray[np.float32],
    path: Path,
    *,
    layer: int | None = None,
    head: int | None = None,
    title: str = "",
    cut: int = 0,
) -> None:
    """Write attention (L, H, T, T) to `path`: all heads in a grid, or one large when `layer` and `head` (from 1) are
    given. Raises `UserError` for an ending other than .png or .svg, or a layer or head that is not there."""
    layers, heads = attention.shape[:2]
    note = f" · {cut} earlier tokens cut" if cut else ""
    if layer is not None or head is not None:
        check_head(attention.shape[:2], layer, head)
        side = min(14.0, max(5.0, 2.5 + 0.22 * len(tokens)))
        with _figure(path, (side + 1, side)) as figure:
            axes = figure.add_subplot()
            image = _draw_weights(axes, attention[(layer or 1) - 1, (head or 1) - 1])
            _name_tokens(axes, tokens, tokens)
            axes.set_title(
                f"{title}Layer {layer or 1}, head {head or 1}{note}", loc="left", fontsize=11, color=INK, pad=12
            )
            figure.set_layout_engine("compressed")
            _draw_scale(figure, image, [axes], "attention weight")
        return
    cell = 1.5 if max(layers, heads) <= 8 else 0.9
    with _figure(path, (cell * heads + 1.8, cell * layers + 0.9)) as figure:
        figure.set_layout_engine("compressed")
        grid = figure.subplots(layers, heads, squeeze=False)
        image = None
        for i in range(layers):
            for j in range(heads):
                axes = grid[i][j]
                image = _draw_weights(axes, attention[i, j])
                axes.set_xticks([])
                axes.set_yticks([])
                if i == 0:
                    axes.set_title(f"head {j + 1}", fontsize=8, color=HINT)
                if j == 0:
                    axes.set_ylabel(f"layer {i + 1}", fontsize=8, color=HINT)
        figure.suptitle(f"{title}{_shortened(''.join(tokens))}{note}", fontsize=9, color=INK)
        _draw_scale(figure, image, grid.ravel().tolist(), "attention weight")


def draw_transitions(
    contexts: Sequence[str], tokens: Sequence[str], probabilities: NDArray[np.float64], path: Path, *, title: str = ""
) -> None:
    """Write the probabilities (R, C) of the next `tokens` (C) after `contexts` (R) to `path`; the full colour stands
    for the largest. Raises `UserError` as `draw_loss` does."""
    from matplotlib.colors import LinearSegmentedColormap

    high, wide = (min(14.0, max(least, 2.5 + 0.22 * len(n))) for least, n in ((3.0, contexts), (5.0, tokens)))
    with _figure(path, (wide + 1, high)) as figure:
        figure.set_layout_engine("compressed")
        axes = figure.add_subplot()
        colours = LinearSegmentedColormap.from_list("weights", WEIGHT_COLOURS)
        largest = float(probabilities.max(initial=0.0)) or 1.0
        image = axes.imshow(probabilities, cmap=colours, vmin=0, vmax=largest, interpolation="nearest")
        _name_tokens(axes, contexts, tokens)
        axes.set_ylabel("context", fontsize=9)
        axes.set_xlabel("next token", fontsize=9)
        axes.set_title(title, loc="left", fontsize=11, color=INK, pad=12)
        _draw_scale(figure, image, [axes], "probability")


def check_format(path: Path, others: Sequence[str] = ()) -> None:
    """Raises `UserError` when the ending of `path` is none of .png, .svg and `others`."""
    allowed = (*FORMATS, *others)
    if path.suffix.lower() not in allowed:
        raise UserError(
            "Cannot write “{path}”: choose a name that ends in {allowed}.",
            path=path,
            field="out",
            allowed=" or ".join(allowed),
        )


def check_head(counts: Sequence[int], layer: int | None, head: int | None) -> None:
    """Raises `UserError` when `layer` or `head` (from 1) is beyond `counts`, the numbers of layers and of heads."""
    sentences = {
        "layer": "There is no layer {number}: this model has layers 1 to {count}.",
        "head": "There is no head {number}: this model has heads 1 to {count}.",
    }
    for (name, sentence), number, count in zip(sentences.items(), (layer, head), counts, strict=True):
        if number is not None and not 1 <= number <= count:
            raise UserError(sentence, field=name, choices=tuple(range(1, count + 1)), number=number, count=count)


@contextmanager
def _figure(path: Path, inches: tuple[float, float]) -> Iterator[Figure]:
    check_format(path)
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    style: Any = {
        "font.family": _installed_families(),
        "svg.hashsalt": "lmstudio-app",
        "svg.fonttype": "path",
        "axes.edgecolor": "#C3CAD2",
        "axes.labelcolor": HINT,
        "xtick.color": HINT,
        "ytick.color": HINT,
        "hatch.linewidth": 0.4,
        "hatch.color": "#DDE2E7",
        "axes.unicode_minus": False,
        "text.parse_math": False,  # a dollar in a token is a dollar
    }
    with matplotlib.rc_context(style), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # a rare script shows as a box
        figure = Figure(figsize=inches, dpi=PIXELS_PER_INCH)
        FigureCanvasAgg(figure)
        yield figure
        drawn = io.BytesIO()
        kind = path.suffix.lower()[1:]
        figure.savefig(drawn, format=kind, metadata={"Date": None} if kind == "svg" else None)
    write_bytes(path, drawn.getvalue())


def _installed_families() -> list[str]:
    from matplotlib import font_manager

    installed = {font.name for font in font_manager.fontManager.ttflist}
    return [name for name in FAMILIES if name in installed] or ["DejaVu Sans"]


def chinese_font() -> str:
    """The name of an installed font with Chinese characters; empty when there is none."""
    from matplotlib import font_manager

    known = (
        "Noto Sans CJK",
        "Source Han Sans",
        "WenQuanYi",
        "Microsoft YaHei",
        "PingFang",
        "SimHei",
        "SimSun",
        "Heiti",
        "Noto Serif CJK",
        "AR PL",
    )
    return next((font.name for font in font_manager.fontManager.ttflist if font.name.startswith(known)), "")


def _draw_curve(axes: Axes, points: Sequence[tuple[int, float]], colour: str, smoothing: float) -> float:
    steps, values = np.array(points, dtype=float).T
    if smoothing:
        axes.plot(steps, values, color=colour, linewidth=0.6, alpha=0.34)
        values = smoothed(values, smoothing)
        axes.plot(steps, values, color=colour, linewidth=1.8)
    else:
        axes.plot(steps, values, color=colour, linewidth=1.8, marker="o", markersize=3.5, markerfacecolor="white")
    return float(values[-1])


def smoothed(values: NDArray[np.float64], smoothing: float) -> NDArray[np.float64]:
    """Exponential moving average (N,) without the bias towards zero at its start; NaN leaves it as it was.

    Source: Kingma & Ba 2015, section 3 (bias correction)."""
    out = np.empty(len(values))
    average = weight = 0.0
    for i, value in enumerate(values):
        if np.isfinite(value):
            average = smoothing * average + (1 - smoothing) * value
            weight = smoothing * weight + (1 - smoothing)
        out[i] = average / weight if weight else np.nan
    return out


def _finish_axes(axes: Axes, logarithmic: bool) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

    if logarithmic:
        axes.set_yscale("log")
        low, high = axes.get_ylim()
        axes.set_yticks(
            [tick for tick in (0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if low <= tick <= high]
        )
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.minorticks_off()
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_xlabel("steps", fontsize=9)
    axes.set_ylabel("loss, bits per byte (lower is better)", fontsize=9)
    axes.tick_params(labelsize=8, length=0)
    axes.grid(axis="y", color=GRID)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.margins(x=0)


def _label_right(axes: Axes, labels: Sequence[tuple[float, str, str]]) -> None:
    """Names and values to the right of the plot, moved apart where they would overlap."""
    least = 0.045
    places = sorted(
        (float(axes.transAxes.inverted().transform(axes.transData.transform((0, value)))[1]), value, name, colour)
        for value, name, colour in labels
    )
    heights: list[float] = []
    for place, *_ in places:
        heights.append(max(place, heights[-1] + least) if heights else place)
    excess = max(0.0, heights[-1] - 1.0) if heights else 0.0
    for height, (_, value, name, colour) in zip(heights, places, strict=True):
        axes.text(
            1.015,
            height - excess,
            f"{name}  {value:.2f}",
            transform=axes.transAxes,
            fontsize=8.5,
            color=colour,
            va="center",
        )


def _draw_weights(axes: Axes, weights: NDArray[np.float32]) -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    size = len(weights)
    hidden = np.triu(np.ones((size, size), dtype=bool), 1)
    axes.add_patch(_hatched(size))
    colours = LinearSegmentedColormap.from_list("weights", WEIGHT_COLOURS)
    return axes.imshow(
        np.ma.masked_array(weights, hidden), cmap=colours, vmin=0, vmax=1, interpolation="nearest", zorder=2
    )


def _hatched(size: int) -> Any:
    """What later tokens would show, were they not masked; the weights are drawn over it."""
    from matplotlib.patches import Rectangle

    return Rectangle(
        (-0.5, -0.5), size, size, facecolor="white", hatch="////", edgecolor="#DDE2E7", linewidth=0, zorder=1
    )


def _draw_scale(figure: Figure, image: Any, axes: list[Axes], words: str) -> None:
    scale = figure.colorbar(image, ax=axes, fraction=0.04, pad=0.03, aspect=30)
    scale.set_label(words, fontsize=8)
    scale.ax.tick_params(labelsize=8, length=0)
    scale.outline.set_visible(False)


def _name_tokens(axes: Axes, rows: Sequence[str], columns: Sequence[str]) -> None:
    across, down = (range(0, len(tokens), max(1, -(-len(tokens) // MOST_LABELS))) for tokens in (columns, rows))
    axes.set_xticks(list(across), [visible(columns[i]) for i in across], rotation=60, ha="left", fontsize=7)
    axes.xaxis.tick_top()
    axes.set_yticks(list(down), [visible(rows[i]) for i in down], fontsize=7)
    axes.tick_params(length=0)


def visible(token: str) -> str:
    """A token with its white space shown: a middle dot for a space, signs for a line end and a tab."""
    return token.replace(" ", "·").replace("\n", "⏎").replace("\t", "⇥") or "∅"


def _shortened(text: str, most: int = 70) -> str:
    shown = visible(text)
    return shown if len(shown) <= most else shown[: most - 1] + "…"
