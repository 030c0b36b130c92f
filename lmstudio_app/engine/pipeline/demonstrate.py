"""The whole way in about a minute: the bundled stories, a small GPT, the text it writes, and two pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmstudio_app.engine.data.corpus import CorpusSettings
from lmstudio_app.engine.events import Event, GenerationEnded, TokenWritten
from lmstudio_app.engine.generation.settings import SamplingSettings
from lmstudio_app.engine.pipeline.draft import draft
from lmstudio_app.engine.pipeline.export import save_attention
from lmstudio_app.engine.pipeline.generate import generate
from lmstudio_app.engine.pipeline.inspect import inspect
from lmstudio_app.engine.pipeline.loss import save_loss
from lmstudio_app.engine.pipeline.prepare import prepare
from lmstudio_app.engine.pipeline.train import train
from lmstudio_app.engine.storage.atomic import in_words

if TYPE_CHECKING:
    from lmstudio_app.engine.workspace import Workspace

SAMPLE = "stories"
FAMILY = "gpt"
VALUES: Mapping[str, Mapping[str, Any]] = {
    "model": {"layers": 3, "heads": 4, "width": 128, "context": 64, "dropout": 0.0},
    "training": {
        "steps": 700,
        "batch": 16,
        "learning_rate": 4e-3,
        "warmup_steps": 50,
        "validate_every": 50,
        "checkpoint_every": 350,
        "sample_every": 350,
    },
}
LENGTH = 160
ATTENTION_TOKENS = 40


@dataclass(frozen=True)
class Demonstrated(Event):
    """What the demonstration left behind: the run, the text it wrote, and the files of the two pictures."""

    run: str
    folder: str
    text: str
    loss_picture: str
    attention_picture: str


def demonstrate(workspace: Workspace, out: Path) -> Iterator[Event]:
    """Prepare the bundled corpus unless it is there, train on it, let the model write, and save `loss.png` and
    `attention.png` in `out`. Ends with `Demonstrated`. Raises `UserError` when `out` cannot be written to."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise in_words(error, out) from error
    if SAMPLE not in workspace.corpora():
        yield from prepare(workspace, sample=SAMPLE, name=SAMPLE, settings=CorpusSettings())
    run = workspace.new_run(draft(workspace, corpus=SAMPLE, family=FAMILY, name="demo", values=VALUES))
    yield from train(run)
    prompt = run.config.training.sample_prompt
    text = prompt
    for event in generate(run, prompt, SamplingSettings(length=LENGTH)):
        yield event
        if isinstance(event, TokenWritten):
            text += event.text
        elif isinstance(event, GenerationEnded):
            text = prompt + event.text
    loss, attention = out / "loss.png", out / "attention.png"
    save_loss(run, loss)
    read = run.tokenizer()
    seen = read.decode(read.encode(text)[:ATTENTION_TOKENS])
    save_attention(inspect(run, seen), attention, title=run.name)
    yield Demonstrated(run.name, str(run.folder), text, str(loss), str(attention))
