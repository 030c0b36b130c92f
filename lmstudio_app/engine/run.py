"""One experiment is one folder: `run.toml`, `status.json`, `tokenizer.json`, `metrics.jsonl`, `samples.jsonl`,
`checkpoints/`, `log.txt`.

Anybody may read a run at any time; only the holder of `lock()` writes to it, apart from its name.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.events import CheckpointRead, Event, Noted
from lmstudio_app.engine.storage import atomic, locks
from lmstudio_app.engine.storage.json_lines import read_jsonl
from lmstudio_app.engine.training import checkpoint, execution, run_config
from lmstudio_app.engine.training.checkpoint import Checkpoint, Damaged
from lmstudio_app.engine.training.execution import Execution
from lmstudio_app.engine.training.record import CHECKPOINTS, METRICS, SAMPLES
from lmstudio_app.engine.training.run_config import RunConfig
from lmstudio_app.engine.training.status import RunState, Status, read_status, write_status

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lmstudio_app.engine.data.tokenizer import Tokenizer
    from lmstudio_app.engine.model import Model

__all__ = ["Run", "RunConfig", "RunSummary"]

SETTINGS, TOKENIZER, LOG = "run.toml", "tokenizer.json", "log.txt"


@dataclass(frozen=True)
class RunSummary:
    """A run as a row of a table. Losses are validation losses in bits per byte; `curve` holds (step, loss) points.

    `device` is what it was settled to compute on, empty before step 1; `saved` says whether it has a checkpoint. A run
    whose folder is damaged has the state "damaged", a sentence as its `reason`, and no `config`.
    """

    name: str
    family: str = ""
    outline: str = ""
    parameters: int = 0
    corpus: str = ""
    step: int = 0
    steps: int = 0
    best_bits_per_byte: float | None = None
    last_bits_per_byte: float | None = None
    seconds: float = 0.0
    created: str = ""
    state: RunState = "queued"
    reason: str = ""
    curve: tuple[tuple[int, float], ...] = ()
    device: str = ""
    saved: bool = False
    config: RunConfig | None = None

    def to_json(self) -> dict[str, Any]:
        """The row as plain JSON values, without the settings."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name != "config"}


class Run:
    """An opened run folder. `config` are its settings, `execution` what they were settled to, None before step 1."""

    def __init__(self, folder: Path, config: RunConfig, settled: Execution | None = None) -> None:
        self.folder = folder
        self.config = config
        self.execution = settled

    @classmethod
    def create(cls, folder: Path, config: RunConfig) -> Run:
        """Make the folder of a new run, which waits to be trained. Raises `UserError`."""
        with atomic.building(folder) as new:
            atomic.write_toml(new / SETTINGS, config.to_mapping())
            write_status(new, Status())
        return cls(folder, config)

    @classmethod
    def open(cls, folder: Path) -> Run:
        """Open a run folder; its name is that of the folder. Raises `UserError` naming the file that is damaged."""
        path = folder / SETTINGS
        if not atomic.present(folder):
            raise UserError("There is no run “{name}”.", field="run", name=folder.name)
        try:
            values = run_config.read_toml(path)
            config = run_config.from_mapping({**values, "name": folder.name})
            run_config.check_whole(values)
            settled = execution.from_mapping(values.get("execution", {}))
        except UserError as error:
            raise UserError(
                "The run “{name}” cannot be opened. {path}: {reason}", name=folder.name, path=path, reason=str(error)
            ) from None
        return cls(folder, config, settled)

    @property
    def name(self) -> str:
        """The run's name, which is that of its folder."""
        return self.config.name

    @property
    def identity(self) -> tuple[str, str]:
        """What tells it from every other run, also from one that got its name after it was deleted."""
        return str(self.folder), self.config.created

    @property
    def corpus_folder(self) -> Path:
        """Where the run's corpus lies in its workspace."""
        return self.folder.parent.parent / "corpora" / self.config.corpus

    # What it left -----------------------------------------------------------------------------------------------

    def each_row(self) -> Iterator[dict[str, Any]]:
        """The rows of `metrics.jsonl`, in order, as they are read."""
        return read_jsonl(self.folder / METRICS)

    def rows(self) -> list[dict[str, Any]]:
        """All rows of `metrics.jsonl`, in order."""
        return list(self.each_row())

    def samples(self) -> list[dict[str, Any]]:
        """The rows of `samples.jsonl`, in order."""
        return list(read_jsonl(self.folder / SAMPLES))

    def checkpoints(self) -> list[Checkpoint]:
        """The saved checkpoints, the oldest first."""
        return checkpoint.found(self.folder / CHECKPOINTS)

    @property
    def best(self) -> Checkpoint | None:
        """The checkpoint with the lowest validation loss, None when there is none yet."""
        return checkpoint.best(self.checkpoints())

    @property
    def status(self) -> Status:
        """Where it stands. One whose trainer was killed is "interrupted"."""
        status = read_status(self.folder)
        if status.state in ("running", "paused") and not locks.is_held(self.folder):
            return replace(status, state="interrupted", reason="")
        return status

    @property
    def state(self) -> RunState:
        """The state alone."""
        return self.status.state

    def summary(self) -> RunSummary:
        """The run as a row of a table."""
        config, status = self.config, self.status
        return RunSummary(
            name=self.name,
            family=config.family,
            outline=config.described.outline(config.model),
            parameters=status.parameters,
            corpus=config.corpus,
            step=status.step,
            steps=config.plan.steps,
            best_bits_per_byte=status.best_bits_per_byte,
            last_bits_per_byte=status.last_bits_per_byte,
            seconds=status.seconds,
            created=config.created,
            state=status.state,
            reason=status.reason,
            curve=status.curve,
            device=self.execution.device if self.execution is not None else "",
            saved=checkpoint.any_found(self.folder / CHECKPOINTS),
            config=config,
        )

    def tokenizer(self) -> Tokenizer:
        """The run's own tokenizer. Raises `UserError` when it is missing or damaged."""
        from lmstudio_app.engine.data.tokenizer import Tokenizer

        path = self.folder / TOKENIZER
        if not atomic.present(path):
            if not self.checkpoints():
                raise _untrained(self.name)
            raise UserError(
                "The run “{name}” cannot be used: its file “{path}” is missing. Restore it from a copy, or train "
                "again.",
                name=self.name,
                path=path,
            )
        if self.config.tokenizer_hash not in ("", _hash(path)):
            raise UserError(
                "The run “{name}” cannot be used: its file “{path}” is damaged. Restore it from a copy, or train "
                "again.",
                name=self.name,
                path=path,
            )
        return Tokenizer.load(path, foreign=self.config.tokenizer.kind == "saved")

    def model(
        self,
        which: Literal["best", "last"] | int = "best",
        device: str = "cpu",
        heard: Callable[[Event], None] | None = None,
    ) -> Model:
        """The model of a checkpoint, ready to be used on `device`.

        A step is taken at its word; where the best or last one is damaged, the newest sound one is taken, and
        `log.txt` says so. `heard` is told that too, and which one was read. Raises `UserError`.
        """
        from lmstudio_app.engine.task import LANGUAGE_MODELLING, task

        weights = self._weights(which, heard)
        kind = task(LANGUAGE_MODELLING)
        model = kind.blank(self.config.described, self.config.model, self.tokenizer().vocabulary)
        model.load_weights(weights)
        if self.config.described.learning == "gradient":
            network: Any = model
            network.eval().to(device)
        return model

    def _weights(
        self, which: Literal["best", "last"] | int, heard: Callable[[Event], None] | None
    ) -> dict[str, NDArray[np.generic]]:
        saved = self.checkpoints()
        if not saved:
            raise _untrained(self.name)
        if isinstance(which, int):
            for one in saved:
                if one.step == which:
                    weights = checkpoint.load_weights(one.folder)
                    self._tell((), one, False, heard)
                    return weights
            raise UserError(
                "The run “{name}” has no checkpoint at step {step}. It has: {steps}.",
                name=self.name,
                step=which,
                steps=", ".join(str(one.step) for one in saved),
                choices=[one.step for one in saved],
            )
        first = self.best if which == "best" else None
        damages: dict[Path, Damaged] = {}
        if which == "best":  # which one is the best stands in a file that may be damaged too
            damages = {one.folder: error for one in saved if (error := checkpoint.damage_of_state(one.folder))}
        wanted = [first, *reversed(saved)] if first else [*reversed(saved)]
        for one in sorted(wanted, key=lambda each: each.folder in damages):  # sound ones before the others
            try:
                weights = checkpoint.load_weights(one.folder)
            except Damaged as error:
                damages.setdefault(one.folder, error)
            else:
                self._tell(damages.values(), one, one.folder in damages, heard)
                return weights
        raise UserError(
            "All checkpoints of the run “{name}” are damaged. The first reason: {reason}",
            name=self.name,
            reason=str(next(iter(damages.values()))),
        )

    def _tell(
        self, damages: Iterable[Damaged], used: Checkpoint, in_part: bool, heard: Callable[[Event], None] | None
    ) -> None:
        """Say what was passed over, and what is used; of that, the weights alone may be sound."""
        notes = [Noted(damage.template, damage.values) for damage in damages]
        if notes:
            sentence = "The checkpoint of step {step} is used."
            if in_part:
                sentence = "The weights of the checkpoint of step {step} are sound, and are used."
            notes.append(Noted(sentence, {"step": used.step}))
        for note in notes:
            self.log(note.sentence.format(**note.values))
        if heard is not None:
            for event in (*notes, CheckpointRead(used.step)):
                heard(event)

    # For the one who writes -------------------------------------------------------------------------------------

    def lock(self, purpose: str = "") -> AbstractContextManager[None]:
        """Be the run's only writer for the time of the block; raises `Held` when somebody else is."""
        return locks.hold(self.folder, purpose or f"the training of “{self.name}”")

    def settle(self, settled: Execution, corpus_hash: str, steps: int | None = None) -> None:
        """Note how the run computes, which text it learns from, and how many `steps` its budget came to. Raises
        `UserError`."""
        self.execution = settled
        training = self.config.training.model_copy(update={} if steps is None else {"steps": steps})
        self.config = replace(self.config, execution=settled.settings(), corpus_hash=corpus_hash, training=training)
        self._write(execution.to_mapping(settled))

    def keep_tokenizer(self, tokenizer: Tokenizer) -> None:
        """Give a fresh run its own copy of the tokenizer. Raises `UserError`."""
        path = self.folder / TOKENIZER
        tokenizer.save(path)
        self.config = replace(self.config, tokenizer_hash=_hash(path))
        self._write(self._settled())

    def rename_corpus(self, name: str) -> None:
        """Note that the run's corpus has another name now. Raises `UserError`."""
        self.config = replace(self.config, corpus=name)
        self._write(self._settled())

    def moved(self, folder: Path) -> Run:
        """The run after its folder was moved to `folder`, whose name it bears from now on. Raises `UserError`."""
        run = Run(folder, self.config.named(folder.name), self.execution)
        run._write(run._settled())
        return run

    def log(self, sentence: str) -> None:
        """Add a line with the time to `log.txt`. A log that cannot be written stops nobody."""
        line = f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {sentence}\n"
        with contextlib.suppress(OSError), (self.folder / LOG).open("a", encoding="utf-8") as log:
            log.write(line)

    def _settled(self) -> Mapping[str, Any]:
        return execution.to_mapping(self.execution) if self.execution else self.config.execution.model_dump()

    def _write(self, execution_values: Mapping[str, Any]) -> None:
        values = {**self.config.to_mapping(), "execution": dict(execution_values)}
        atomic.write_toml(self.folder / SETTINGS, values)


def _hash(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise atomic.in_words(error, path) from error


def _untrained(name: str) -> UserError:
    return UserError("The run “{name}” has no saved model yet. Train it until its first checkpoint.", name=name)
