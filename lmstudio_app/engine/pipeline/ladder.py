"""The ladder on one text: every kind of model with the same time to learn, from counting to attention, on one axis.

The models of the textbook in one size, on the same characters of the same splits, each for as many steps as fit into a
budget of processor time on one core, scored once on the text for tests.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmstudio_app.engine import devices
from lmstudio_app.engine.data.corpus import CorpusSettings
from lmstudio_app.engine.data.tokenizer import TokenizerSettings
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import Evaluated, Event, LadderDone, Progress, RungMeasured
from lmstudio_app.engine.pipeline import readiness
from lmstudio_app.engine.pipeline.blend import blend
from lmstudio_app.engine.pipeline.draft import draft
from lmstudio_app.engine.pipeline.evaluate import evaluate
from lmstudio_app.engine.pipeline.prepare import prepare
from lmstudio_app.engine.pipeline.train import train
from lmstudio_app.engine.registry import family
from lmstudio_app.engine.training import budget, execution, learners
from lmstudio_app.engine.training.settings import MOST_STEPS, TrainingSettings
from lmstudio_app.engine.workspace import Workspace

if TYPE_CHECKING:
    from lmstudio_app.engine.run import RunConfig

SAMPLE, CORPUS = "stories", "ladder"
BUDGETS = (10.0, 60.0, 180.0)
LONGEST = 86_400.0
CLOSEST = 0.97
"""Of a budget: a pace measured at the start is never quite that of the whole."""
STEPS_ALONE = {"validate_every": MOST_STEPS, "validation_tokens": 1, "checkpoint_every": 0, "sample_every": 0}
CONTEXT = {"context": 64}


@dataclass(frozen=True)
class Rung:
    """One kind of model. `style` is one of its family's; `model` and `training` are settings. A blend has `parts`, the
    titles of rungs before it."""

    title: str
    family: str
    model: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    style: str = ""
    parts: tuple[str, ...] = ()


RUNGS = (
    Rung("Unigram", "ngram", {"order": 1}),
    Rung("Markov chain, order 4", "ngram", {"order": 4, "smoothing": "none"}),
    *(Rung(f"Kneser–Ney, order {order}", "ngram", {"order": order}) for order in range(2, 8)),
    Rung("RNN", "recurrent", CONTEXT | {"cell": "rnn"}, {"learning_rate": 3e-3}),
    Rung("LSTM", "recurrent", CONTEXT | {"cell": "lstm"}, {"learning_rate": 3e-3}),
    Rung("GRU", "recurrent", CONTEXT | {"cell": "gru"}, {"learning_rate": 3e-3}),
    Rung("Causal CNN", "causal_cnn", CONTEXT, {"learning_rate": 3e-3}),
    Rung("GPT", "gpt", CONTEXT, {"learning_rate": 3e-3}),
    Rung("GPT, Fast", "gpt", CONTEXT, style="fast"),
    Rung("Blend of order 6 and Fast", "blend", parts=("Kneser–Ney, order 6", "GPT, Fast")),
)


def ladder(
    *, path: Path | None = None, budgets: Sequence[float] = BUDGETS, rungs: Sequence[Rung] = RUNGS
) -> Generator[Event, None, None]:
    """Train every rung within each of `budgets`, in seconds of one core, on the text at `path` (none: the bundled
    stories).

    Yields `Progress` and `RungMeasured`; a rung that counts learns once, whatever the budget. A blend takes the models
    of its parts with this budget, so what it used is theirs and its own together. Ends with `LadderDone`.
    Closing the generator leaves nothing behind. Raises `UserError`.
    """
    if not budgets or not all(0 < seconds <= LONGEST for seconds in budgets):
        raise UserError("A budget is more than 0 and at most {most} seconds.", field="seconds", most=round(LONGEST))
    with tempfile.TemporaryDirectory(prefix="lmstudio-app-ladder-", ignore_cleanup_errors=True) as folder:
        workspace = Workspace.open(Path(folder) / "workspace")
        settings = CorpusSettings(tokenizer=TokenizerSettings(kind="character"))
        source: dict[str, Any] = {"sample": SAMPLE} if path is None else {"paths": [path]}
        yield from _progress(prepare(workspace, name=CORPUS, settings=settings, **source))
        needed = {title for rung in rungs for title in rung.parts}
        kept: dict[tuple[str, float], _Climbed] = {}
        climbs = [(rung, seconds) for rung in rungs for seconds in _budgets(rung, budgets)]
        for done, (rung, seconds) in enumerate(climbs):
            yield Progress("Climbing", done, len(climbs), "models")
            climbed = yield from _climb(workspace, rung, seconds, [_part(kept, part, seconds) for part in rung.parts])
            if rung.title in needed:
                kept[rung.title, seconds] = climbed
            else:
                workspace.delete_run(climbed.run)
        floor = workspace.corpus(CORPUS).entropy_bits_per_byte
        yield LadderDone(devices.processor(), floor["test"] if floor else None)


@dataclass(frozen=True)
class _Climbed:
    """The name of a trained run, and the processor time that it took."""

    run: str
    seconds: float


def _budgets(rung: Rung, budgets: Sequence[float]) -> Sequence[float]:
    return budgets if rung.parts or family(rung.family).learning == "gradient" else budgets[:1]


def _part(kept: Mapping[tuple[str, float], _Climbed], title: str, seconds: float) -> _Climbed:
    """The rung `title` with this budget; one that counts was climbed but once."""
    return kept.get((title, seconds)) or next(climbed for (name, _), climbed in kept.items() if name == title)


def _climb(
    workspace: Workspace, rung: Rung, seconds: float, parts: Sequence[_Climbed]
) -> Generator[Event, None, _Climbed]:
    """Train one rung within `seconds` of processor time, and score it; a blend is made of the runs of its `parts`."""
    if parts:
        run = blend(workspace, [part.run for part in parts], checkpoint="last")
    else:
        config = _settings(workspace, rung)
        if isinstance(config.training, TrainingSettings):
            config = _settings(workspace, rung, steps=_steps(workspace, config, seconds))
        run = workspace.new_run(config)
    began = time.process_time()
    yield from _progress(train(run))
    used = time.process_time() - began + sum(part.seconds for part in parts)
    scored = next(event for event in evaluate(run, checkpoint="last", device="cpu") if isinstance(event, Evaluated))
    steps = run.config.plan.steps
    yield RungMeasured(rung.title, rung.family, seconds, scored.bits_per_byte, steps, round(used, 1))
    return _Climbed(run.name, used)


def _settings(workspace: Workspace, rung: Rung, **training: Any) -> RunConfig:
    values: dict[str, dict[str, Any]] = {"model": dict(rung.model), "training": dict(rung.training)}
    if family(rung.family).learning == "gradient":
        values["training"] |= STEPS_ALONE | training
        values["execution"] = {"device": "cpu", "threads": 1}
    return draft(
        workspace, corpus=CORPUS, family=rung.family, preset="small", style=rung.style or None, name=None, values=values
    )


def _steps(workspace: Workspace, config: RunConfig, seconds: float) -> int:
    """How many steps fit into `seconds` of processor time, by the pace of a trial that is thrown away."""
    tokens = workspace.corpus(CORPUS).tokenization(config.tokenizer)
    vocabulary = tokens.tokenizer.vocabulary
    settled, device = execution.settle(config.execution, learners.work(config, vocabulary))
    with execution.torch_threads(settled.threads), execution.kept_chance(device):
        trial = learners.make_learner(config, vocabulary, device, settled)
        pace = budget.seconds_per_step(trial, readiness.batches(config, tokens), time.process_time)
    return max(1, min(MOST_STEPS, int(CLOSEST * seconds / pace)))


def _progress(events: Generator[Event, None, None] | Iterator[Event]) -> Iterator[Progress]:
    """Let a job run to its end; of what it says, only how far it is."""
    for event in events:
        if isinstance(event, Progress):
            yield event
