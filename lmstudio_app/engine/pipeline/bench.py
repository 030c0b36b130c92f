"""Measure this machine: how quick it imports text, trains and writes with each family and preset.

The verbs of the pipeline themselves are timed, in a workspace that goes when it is over.
"""

from __future__ import annotations

import contextlib
import shutil
import statistics
import tempfile
from collections.abc import Generator, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmstudio_app.engine import devices, registry
from lmstudio_app.engine.data.corpus import CorpusSettings
from lmstudio_app.engine.data.tokenizer import TokenizerSettings
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import BenchDone, BenchMeasured, Event, Noted, Progress, RunStarted
from lmstudio_app.engine.generation.settings import SamplingSettings
from lmstudio_app.engine.pipeline.draft import draft
from lmstudio_app.engine.pipeline.generate import generate
from lmstudio_app.engine.pipeline.opening import open_model
from lmstudio_app.engine.pipeline.prepare import prepare
from lmstudio_app.engine.pipeline.train import train
from lmstudio_app.engine.study import bench as study
from lmstudio_app.engine.training.settings import MOST_STEPS
from lmstudio_app.engine.workspace import Workspace

if TYPE_CHECKING:
    from lmstudio_app.engine.registry import Family
    from lmstudio_app.engine.run import Run

SAMPLE = "stories"
PREFIX = "lmstudio-app-bench-"
KINDS = ("character", "bpe")
CORPUS = "bpe"
USUAL = ("tiny", "small", "medium")
"""A larger preset takes minutes for a few steps on a processor; it is measured where it is named."""
LENGTH = PROMPT = 32
"""Tokens to write, and tokens of the prompt before them: together as many as the smallest preset sees."""
LONGEST = 600.0
STEPS_ALONE: dict[str, Any] = {
    "steps": MOST_STEPS,
    "validate_every": MOST_STEPS,
    "validation_tokens": 1,
    "checkpoint_every": 0,
    "sample_every": 0,
}


def bench(
    *, families: Sequence[str] = (), presets: Sequence[str] = (), seconds: float = 1.0, text: str | None = None
) -> Generator[Event, None, None]:
    """Measure each of `families` (none named: all) with each of `presets` (none named: tiny, small, medium), about
    `seconds` a figure; importing text only where no family is named.

    Yields `Progress` and `BenchMeasured`, and `Noted` for what cannot be measured here; ends with `BenchDone`. `text`
    takes the place of the bundled stories. Closing the generator leaves nothing behind. Raises `UserError`.
    """
    chosen = _chosen(families, presets)
    if not 0 <= seconds <= LONGEST:
        raise UserError("A figure is measured for 0 to {most} seconds.", field="seconds", most=round(LONGEST))
    with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as folder:
        walk = _Walk(Path(folder), seconds, len(chosen) + (0 if families else len(KINDS)))
        yield walk.told
        yield from walk.set_up(text)
        if not families:
            for kind in KINDS:
                yield from walk.importing(kind)
        for family, preset in chosen:
            yield from walk.model(family, preset)
        yield from walk.products()
    yield BenchDone(devices.processor(), walk.device, devices.cores(), seconds)


def _chosen(families: Sequence[str], presets: Sequence[str]) -> list[tuple[Family, str]]:
    """The families and presets that are named, the usual ones where none is. Raises `UserError`."""
    known = [registry.family(name) for name in families] or list(registry.families().values())
    pairs = [(one, preset) for one in known for preset in presets or filter(one.presets.__contains__, USUAL)]
    for family, preset in pairs:
        if preset not in family.presets:
            raise UserError(
                "The family “{family}” has no preset “{preset}”. It has: {known}.",
                field="preset",
                choices=tuple(family.presets),
                family=family.name,
                preset=preset,
                known=", ".join(family.presets),
            )
    return pairs


class _Walk:
    """One walk over everything, in a folder of its own."""

    def __init__(self, folder: Path, seconds: float, total: int) -> None:
        self._folder, self._seconds = folder, seconds
        self._file = folder / "sample.txt"
        self._workspace = Workspace.open(folder / "workspace")
        self._matrices: dict[str, study.MatrixProduct] = {}
        self._measured: dict[tuple[str, int], list[float]] = {}
        self.told = Progress("Measuring", 0, total, "measurements")
        self.device = ""

    def set_up(self, text: str | None) -> Iterator[Event]:
        """Write the text into a file, and make the corpus that all models learn from."""
        from lmstudio_app.engine.data.samples import generate as written
        from lmstudio_app.engine.data.samples import sample

        text = "".join(written(sample(SAMPLE)).documents) if text is None else text
        self._file.write_text(text, encoding="utf-8", newline="")
        yield self.told
        self._prepare(self._workspace, CORPUS)
        yield self.told

    def importing(self, kind: str) -> Iterator[Event]:
        """Megabytes of text a second, from a file to tokens of `kind`."""

        def once() -> None:
            with tempfile.TemporaryDirectory(dir=self._folder, ignore_cleanup_errors=True) as place:
                self._prepare(Workspace.open(Path(place)), kind)

        size = self._file.stat().st_size
        speed = yield from study.time_preparing(once, size, self._seconds, self.told)
        yield BenchMeasured("import", value=speed / 1e6, unit="MB/s", tokenizer=kind)
        yield self._next()

    def model(self, family: Family, preset: str) -> Iterator[Event]:
        """How quick one family learns and writes in one of its sizes."""
        try:
            run = yield from (self._counting if family.learning == "counting" else self._training)(family, preset)
            yield from self._writing(run, family, preset)
        except UserError as error:  # too large for this machine, for example
            values = {"family": family.name, "preset": preset, "reason": str(error)}
            yield Noted("{family} {preset} could not be measured. {reason}", values)
        for name in self._workspace.run_names():
            shutil.rmtree(self._workspace.run(name).folder, ignore_errors=True)
        yield self._next()

    def products(self) -> Iterator[Event]:
        """The plain products of matrices that trainings were compared with."""
        for (_, threads), speeds in sorted(self._measured.items()):
            value = statistics.median(speeds)
            yield BenchMeasured("matrix product", value=value / 1e9, unit="GFLOP/s", threads=threads)

    def _training(self, family: Family, preset: str) -> Generator[Event, None, Run]:
        run = self._new_run(family, preset, STEPS_ALONE)
        events = self._noting_device(train(run))
        product = partial(self._product, run)
        speed = yield from study.time_training(events, product, self._seconds, self.told)
        yield BenchMeasured(
            "training",
            family.name,
            preset,
            speed.tokens_per_second,
            "tokens/s",
            threads=self._threads(run)[1],
            gflops=speed.operations_per_second / 1e9,
            share=speed.share,
        )
        return run

    def _counting(self, family: Family, preset: str) -> Generator[Event, None, Run]:
        runs: list[Run] = []

        def once() -> Iterator[Event]:
            runs.append(self._new_run(family, preset, {"sample_length": 1}))
            yield from train(runs[-1])

        speed = yield from study.time_counting(once, self._seconds, self.told)
        yield BenchMeasured("counting", family.name, preset, speed, "tokens/s", threads=1)
        return runs[-1]

    def _writing(self, run: Run, family: Family, preset: str) -> Iterator[Event]:
        tokenizer, model = run.tokenizer(), open_model(run, "last")
        opening = self._workspace.corpus(CORPUS).preview(50 * PROMPT)
        prompt = tokenizer.decode(tokenizer.encode(opening)[:PROMPT])
        write = partial(generate, run, prompt, SamplingSettings(length=LENGTH), snapshot=model)
        speed = yield from study.time_writing(write, self._seconds, self.told)
        yield BenchMeasured("writing", family.name, preset, speed.tokens_per_second, "tokens/s")
        yield BenchMeasured("first token", family.name, preset, 1e3 * speed.first_token_seconds, "ms")

    def _prepare(self, workspace: Workspace, kind: str) -> None:
        settings = CorpusSettings(tokenizer=TokenizerSettings.model_validate({"kind": kind}))
        for _ in prepare(workspace, paths=[self._file], name=kind, settings=settings):
            pass

    def _new_run(self, family: Family, preset: str, training: dict[str, Any]) -> Run:
        values = {"training": training}
        return self._workspace.new_run(
            draft(self._workspace, corpus=CORPUS, family=family.name, preset=preset, values=values)
        )

    def _noting_device(self, events: Generator[Event, None, None]) -> Generator[Event, None, None]:
        with contextlib.closing(events):
            for event in events:
                if isinstance(event, RunStarted):
                    self.device = event.device
                yield event

    def _threads(self, run: Run) -> tuple[str, int]:
        """On which device, and with how many threads `run` computes; known once it has begun."""
        assert run.execution is not None
        return run.execution.device, run.execution.threads

    def _product(self, run: Run) -> float:
        """Operations a second of a plain product on the device of `run`, with the threads that torch has now: its."""
        device, threads = self._threads(run)
        if device not in self._matrices:
            self._matrices[device] = study.MatrixProduct(device)
        speed = self._matrices[device].measure()
        self._measured.setdefault((device, threads), []).append(speed)
        return speed

    def _next(self) -> Progress:
        self.told = Progress(self.told.stage, self.told.done + 1, self.told.total, self.told.unit)
        return self.told
