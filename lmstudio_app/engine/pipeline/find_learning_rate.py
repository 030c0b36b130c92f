"""Find a learning rate for the settings of a run that is not made yet, and save what was tried.

settings → a fresh model, its batches → ever higher learning rates → events
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import Event, RateSuggested, RateTried
from lmstudio_app.engine.pipeline import readiness
from lmstudio_app.engine.storage.atomic import write_text
from lmstudio_app.engine.study import learning_rate_finder
from lmstudio_app.engine.training import execution, learners
from lmstudio_app.engine.training.control import Control
from lmstudio_app.engine.training.text_bytes import TextBytes

if TYPE_CHECKING:
    from lmstudio_app.engine.model import Learner
    from lmstudio_app.engine.run import RunConfig
    from lmstudio_app.engine.workspace import Workspace

COLUMNS = ("step", "learning_rate", "loss", "smoothed_loss")
TABLES = (".csv",)
FEWEST_STEPS, MOST_STEPS = 20, 10_000


def find_learning_rate(
    workspace: Workspace,
    config: RunConfig,
    control: Control | None = None,
    *,
    steps: int = learning_rate_finder.STEPS,
) -> Generator[Event, None, None]:
    """Train a fresh model of `config` for `steps` steps at learning rates from 0.000001 to 1.

    A `RateTried` for each step, then `RateSuggested`, unless `control` stopped it. The same settings and seed give the
    same, on the same device. No run is made, and torch's global generators and threads are left as they were; tokens
    that the corpus lacks are made first and kept beside it (`Progress`), as a training does. Raises `UserError`.
    """
    _check(config, steps)
    control = control or Control()
    try:
        tokens = yield from readiness.tokens(config, workspace.corpus(config.corpus), control)
        if tokens is None:
            return
        readiness.check_tokens(config, tokens)
        vocabulary = tokens.tokenizer.vocabulary
        settled, device = execution.settle(config.execution, learners.work(config, vocabulary))
        readiness.check_memory(config, vocabulary, device)

        def make_learner(rate: Callable[[int], float]) -> Learner:
            return learners.make_learner(config, vocabulary, device, settled, rate=rate)

        batches, text_bytes = readiness.batches(config, tokens), TextBytes.of(tokens, "training")
        with execution.torch_threads(settled.threads), execution.kept_chance(device):
            yield from learning_rate_finder.try_rates(make_learner, batches, text_bytes, control, steps)
    finally:
        control.end()


def _check(config: RunConfig, steps: int) -> None:
    if config.described.learning == "counting":
        raise UserError(
            "The family “{family}” learns by counting: it has no learning rate to find. Choose another family.",
            field="family",
            family=config.described.title,
        )
    if not FEWEST_STEPS <= steps <= MOST_STEPS:
        raise UserError(
            "A search takes from {fewest} to {most} steps, not {steps}.",
            field="steps",
            fewest=FEWEST_STEPS,
            most=MOST_STEPS,
            steps=steps,
        )


def check_rates_format(path: Path) -> None:
    """Raises `UserError` when the ending of `path` is none that `save_learning_rates` writes, or its folder is not
    there."""
    from lmstudio_app.engine import figures

    figures.check_place(path, TABLES)


def save_learning_rates(
    tried: Sequence[RateTried], suggested: RateSuggested | None, path: Path, *, title: str = ""
) -> None:
    """Write what was tried to `path`: .png and .svg are pictures under `title`, .csv has a row for each step.

    Raises `UserError` for another ending or a full disk.
    """
    from lmstudio_app.engine import figures

    figures.check_format(path, TABLES)
    if path.suffix.lower() == ".csv":
        written = io.StringIO()
        table = csv.DictWriter(written, COLUMNS, extrasaction="ignore", lineterminator="\n")
        table.writeheader()
        table.writerows(asdict(one) for one in tried)
        write_text(path, written.getvalue())
        return
    points = [(one.learning_rate, one.loss, one.smoothed_loss) for one in tried]
    marked = suggested.learning_rate if suggested is not None else None
    figures.draw_learning_rates(points, marked, path, title=title)
