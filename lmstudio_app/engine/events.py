"""Everything a job can report, as frozen records. A long job is a generator of these.

Loss figures are in bits per byte of text, times in seconds, sizes in bytes. `to_json` gives the one-line form that
the terminal prints with `--json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True)
class Event:
    """The base of all reports."""

    def to_json(self) -> dict[str, Any]:
        """The event as plain JSON values, its kind under "event"."""
        kind = "".join("_" + c.lower() if c.isupper() else c for c in type(self).__name__).lstrip("_")
        return {"event": kind} | {each.name: getattr(self, each.name) for each in fields(self)}


# Preparing a corpus ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Progress(Event):
    """A named stage moved on: `done` of `total` (0 when unknown) `unit`s ("bytes", "tokens", "files")."""

    stage: str
    done: int
    total: int
    unit: str


@dataclass(frozen=True)
class SourceSkipped(Event):
    """One file of several could not be read; the others are kept.

    `reason` is a whole sentence; `template` and `values` are the same sentence for translation. Where only the
    encoding is in doubt, `options` are the ones to choose from, as (encoding, decoded excerpt).
    """

    path: str
    reason: str
    template: str = ""
    values: Mapping[str, object] = field(default_factory=dict)
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class RowsSkipped(Event):
    """Rows of a table that could not be used were left out: how many, the lines of the first of them, and why the very
    first could not: `reason` in words, `template` and `values` the same for translation."""

    path: str
    rows: int
    lines: tuple[int, ...]
    reason: str
    template: str = ""
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Counted(Event):
    """What is in the cleaned text, known before it is cut into tokens. `different_words` is None beyond a million,
    `character_entropy` is in bits."""

    documents: int
    characters: int
    bytes: int
    different_words: int | None
    different_characters: int
    character_entropy: float


@dataclass(frozen=True)
class CorpusReady(Event):
    """The corpus folder is complete."""

    corpus: str
    folder: str


@dataclass(frozen=True)
class TokenizerReady(Event):
    """A tokenizer is saved in the workspace under this name."""

    name: str
    folder: str
    kind: str
    vocabulary: int


@dataclass(frozen=True)
class TokenizerMeasured(Event):
    """What one tokenizer makes of a text: its tokens, the bytes of text for each, how many a word takes, which share of
    them is unknown, and how many of its vocabulary occur."""

    name: str
    kind: str
    vocabulary: int
    tokens: int
    bytes_per_token: float
    tokens_per_word: float
    unknown_share: float
    used: int


@dataclass(frozen=True)
class DuplicatesFound(Event):
    """Documents that come more than once: how many equal and nearly equal ones could go, and groups of them by their
    numbers from 0, the first of `equal_groups` and `similar_groups`, with how the first of each begins. `by_design`: a
    generated text repeats itself."""

    repeated: int
    nearly_repeated: int
    equal: tuple[tuple[int, ...], ...]
    similar: tuple[tuple[int, ...], ...]
    equal_groups: int
    similar_groups: int
    by_design: bool
    equal_begun: tuple[str, ...] = ()
    similar_begun: tuple[str, ...] = ()


@dataclass(frozen=True)
class LeakageFound(Event):
    """Passages of at least `characters` that validation or test share with the training text: how many, how many
    characters together, and the first of them as (split, where in characters, how it begins)."""

    characters: int
    passages: int
    shared: int
    listed: tuple[tuple[str, int, str], ...]
    by_design: bool


# Training -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RunStarted(Event):
    """A run is about to take its first step, or the first one after a resume (`step` is the last step done)."""

    run: str
    folder: str
    step: int
    steps: int
    parameters: int
    device: str


@dataclass(frozen=True)
class StepDone(Event):
    """One step's row of `metrics.jsonl`.

    Keys: "step", "training_bits_per_byte", "training_loss" (nats per token), and, for families that train by
    gradient, "learning_rate", "gradient_norm", then "seconds" (training time since the run's start, pauses left out),
    "tokens_per_second", "memory_bytes". A counting family's step is one order of n-gram counted.
    """

    row: Mapping[str, Any]


@dataclass(frozen=True)
class Validated(Event):
    """A validation row of `metrics.jsonl`: "step", "validation_bits_per_byte", "validation_loss" (nats per token), and
    the times."""

    row: Mapping[str, Any]


@dataclass(frozen=True)
class SampleWritten(Event):
    """A row of `samples.jsonl`: text the model wrote at `step` from `prompt`, always with the same seed."""

    step: int
    prompt: str
    text: str


@dataclass(frozen=True)
class CheckpointSaved(Event):
    """A checkpoint folder is in place. `best` says whether it has the lowest validation loss so far."""

    step: int
    folder: str
    best: bool


@dataclass(frozen=True)
class JobPaused(Event):
    """The job waits between steps. `reason` is empty when a person asked, else one sentence (a full disk); `template`
    and `values` are the same sentence for translation."""

    step: int
    reason: str = ""
    template: str = ""
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class JobResumed(Event):
    """The job goes on after a pause."""

    step: int


@dataclass(frozen=True)
class RunEnded(Event):
    """The run will take no further step now. `outcome` is "finished" or "stopped"; a stopped run can be resumed, from
    `saved_step`, its last checkpoint (0: from the start)."""

    run: str
    folder: str
    step: int
    outcome: str
    saved_step: int


@dataclass(frozen=True)
class RateTried(Event):
    """The learning-rate finder took one step of `steps`: what it cost in bits per byte, alone and smoothed with those
    before it."""

    step: int
    steps: int
    learning_rate: float
    loss: float
    smoothed_loss: float


@dataclass(frozen=True)
class RateSuggested(Event):
    """What the learning-rate finder found: the rate at which the smoothed loss falls fastest, and a tenth of the one
    where it is lowest; both None where it never falls. `sentence` and `values` say it as a template and its values."""

    learning_rate: float | None
    tenth_of_lowest: float | None
    sentence: str
    values: Mapping[str, object]


@dataclass(frozen=True)
class TrialDone(Event):
    """Two steps of a training were taken before it is begun: at their pace it takes `steps` and, with its validations
    and checkpoints, `seconds`; the memory rose by `memory_bytes`, beside `estimated_bytes` (0 for a family that counts,
    whose figures were taken on a `share` of the text). `sentence` says what is wrong, empty for nothing."""

    device: str
    threads: int
    steps: int
    step_seconds: float
    tokens_per_second: float
    validation_seconds: float
    checkpoint_seconds: float
    seconds: float
    memory_bytes: int
    estimated_bytes: int
    share: float = 1.0
    sentence: str = ""


@dataclass(frozen=True)
class Noted(Event):
    """Something worth telling that stops nothing (a damaged checkpoint was passed over): a template and its values."""

    sentence: str
    values: Mapping[str, object]


# Using a model --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CheckpointRead(Event):
    """The model of the checkpoint at `step` is the one that is used."""

    step: int


@dataclass(frozen=True)
class PromptRead(Event):
    """The prompt as the model sees it: token texts, and the nats that each token cost. `parts` are the names of the
    runs that a blend is made of."""

    tokens: tuple[int, ...]
    pieces: tuple[str, ...]
    nats: tuple[float, ...]
    parts: tuple[str, ...] = ()


@dataclass(frozen=True)
class TokenWritten(Event):
    """One generated token: its id, the text it adds (may be empty inside a character), its probability before the
    sampler shaped it, and the most probable alternatives as (text, probability before, probability after). `parts` are
    the shares of its probability that the runs of a blend gave."""

    token: int
    text: str
    probability: float
    alternatives: tuple[tuple[str, float, float], ...] = ()
    parts: tuple[float, ...] = ()


@dataclass(frozen=True)
class GenerationEnded(Event):
    """Generation is over. `reason`: "length", "stop text", "stopped"."""

    text: str
    tokens: int
    seconds: float
    reason: str


@dataclass(frozen=True)
class Evaluated(Event):
    """Scores of a model on a text, each token scored once; `method` says how windows were laid. Of the `bytes`,
    `unknown_bytes` belong to characters that the vocabulary lacks."""

    bits_per_byte: float
    perplexity: float
    nats_per_token: float
    tokens: int
    bytes: int
    unknown_bytes: int
    method: str


# Measuring the machine ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class BenchMeasured(Event):
    """One figure of this machine, the median of repeated blocks: `value` in `unit`.

    `what`: "import" (MB/s, by `tokenizer`), "training" and "counting" (tokens/s), "writing" (tokens/s), "first token"
    (ms), "matrix product" (GFLOP/s). `threads` is 0 where nobody chose them. A training also has its `gflops` (thousand
    million operations a second) and their `share` of those of a plain product of matrices with the same threads.
    """

    what: str
    family: str = ""
    preset: str = ""
    value: float = 0.0
    unit: str = ""
    tokenizer: str = ""
    threads: int = 0
    gflops: float | None = None
    share: float | None = None


@dataclass(frozen=True)
class BenchDone(Event):
    """Everything is measured: on which processor and device, with how many cores, and the seconds that were given to
    each figure. `device` is empty where nothing was trained by gradient."""

    processor: str
    device: str
    cores: int
    seconds: float


@dataclass(frozen=True)
class RungMeasured(Event):
    """What one kind of model has learned in `seconds` of processor time: `bits_per_byte` of the text for tests, after
    `steps`; `used` are the seconds that it took in fact. One that counts takes no notice of the budget."""

    title: str
    family: str
    seconds: float
    bits_per_byte: float
    steps: int
    used: float


@dataclass(frozen=True)
class LadderDone(Event):
    """Every kind of model is measured, on this `processor`. `floor` is the text's exact entropy in bits per byte, where
    it is known."""

    processor: str
    floor: float | None


# Failures -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class JobFailed(Event):
    """The job died. `sentence` and `values` are a template for the person; a user's mistake has no `traceback`."""

    sentence: str
    values: Mapping[str, object]
    traceback: str = ""
