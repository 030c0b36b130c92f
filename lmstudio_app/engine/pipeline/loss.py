"""The loss of a run beside what it is compared with: for the plot on screen, and saved as a picture or a table."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.storage.atomic import write_text

if TYPE_CHECKING:
    from lmstudio_app.engine.data.corpus import Corpus, Tokenization
    from lmstudio_app.engine.data.tokenizer import TokenizerSettings
    from lmstudio_app.engine.run import Run

COLUMNS = ("step", "seconds", "training_bits_per_byte", "validation_bits_per_byte", "learning_rate", "gradient_norm",
           "tokens_per_second", "memory_bytes")  # fmt: skip
TITLES = {"uniform": "uniform guess", "unigram": "token counts (unigram)", "entropy": "entropy floor (exact)"}


def yardsticks(corpus: Corpus, tokenizer: TokenizerSettings) -> dict[str, float]:
    """What a loss on the validation split is compared with, in bits per byte.

    "uniform" is a guess among all tokens, "unigram" the counts of tokens, "entropy" (generated corpora only) the exact
    floor that no model can beat. Counts the tokens on first use.
    """
    return _yardsticks(corpus, corpus.tokenization(tokenizer))


def yardsticks_of(run: Run) -> dict[str, float]:
    """`yardsticks` for the text that `run` learned from; none where that is gone, has changed, or is not in tokens."""
    from lmstudio_app.engine.data.corpus import Corpus

    try:
        corpus = Corpus.open(run.corpus_folder)
        made = corpus.made_tokenization(run.config.tokenizer)
        same = run.config.corpus_hash in ("", corpus.data_hash)
        return _yardsticks(corpus, made) if made is not None and same else {}
    except UserError:
        return {}


def _yardsticks(corpus: Corpus, tokenization: Tokenization) -> dict[str, float]:
    from lmstudio_app.engine.study.baselines import baselines

    guess = baselines(tokenization)
    found = {"uniform": guess.uniform, "unigram": guess.unigram}
    if corpus.entropy_bits_per_byte:
        found["entropy"] = corpus.entropy_bits_per_byte["validation"]
    return found


def save_loss(run: Run, path: Path, *, smoothing: float = 0.9, logarithmic: bool = True) -> None:
    """Write the loss of `run` to `path`: .png and .svg are pictures, .csv has a row for each step and validation.

    Raises `UserError` for another ending or a full disk.
    """
    from lmstudio_app.engine import figures

    figures.check_format(path, (".csv",))
    rows = run.rows()
    if path.suffix.lower() == ".csv":
        write_text(path, _table(rows))
        return
    lines = [
        figures.ReferenceLine(TITLES[name], value, "solid" if name == "entropy" else "dotted")
        for name, value in yardsticks_of(run).items()
    ]
    family = run.config.described
    curves = figures.LossCurves(
        title=f"{run.name} · {family.title} {family.outline(run.config.model)} · {run.config.corpus}",
        training=_points(rows, "training_bits_per_byte"),
        validation=_points(rows, "validation_bits_per_byte"),
        references=lines,
        smoothing=smoothing,
        logarithmic=logarithmic,
    )
    figures.draw_loss(curves, path)


def _points(rows: list[dict[str, Any]], figure: str) -> list[tuple[int, float]]:
    return [(row["step"], row[figure]) for row in rows if row.get(figure) is not None]


def _table(rows: list[dict[str, Any]]) -> str:
    written = io.StringIO()
    table = csv.DictWriter(written, COLUMNS, restval="", extrasaction="ignore", lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return written.getvalue()
