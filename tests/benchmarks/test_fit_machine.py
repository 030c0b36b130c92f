"""The size that suits this machine, and what two steps foretell, against the pace of a real training.

Run by hand: `pytest tests/benchmarks/test_fit_machine.py -m benchmark -s`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lmstudio_app.engine import pipeline
from lmstudio_app.engine.data.corpus import CorpusSettings
from lmstudio_app.engine.data.samples import generate, sample
from lmstudio_app.engine.data.tokenizer import TokenizerSettings
from lmstudio_app.engine.events import TrialDone
from lmstudio_app.engine.workspace import Workspace

STEPS = 24

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(900)]


@pytest.mark.parametrize("family", ["gpt", "recurrent", "causal_cnn"])
def test_a_training_takes_about_as_long_as_promised(tmp_path: Path, family: str) -> None:
    workspace = Workspace.open(tmp_path)
    text = "".join(generate(sample("stories")).documents)
    settings = CorpusSettings(tokenizer=TokenizerSettings(kind="bpe"))
    for _ in pipeline.prepare(workspace, text=text, name="stories", settings=settings):
        pass
    quiet = {"steps": 1000, "validate_every": 1000, "validation_tokens": 1, "sample_every": 0, "checkpoint_every": 0}
    drafted = pipeline.draft(workspace, corpus="stories", family=family, values={"training": quiet})
    fitted, promised = pipeline.fit_machine(workspace, drafted)
    *_, done = pipeline.preflight(workspace, fitted)
    assert isinstance(done, TrialDone)
    short = replace(fitted, training=fitted.training.model_copy(update={"steps": STEPS}))
    run = workspace.new_run(short)
    for _ in pipeline.train(run):
        pass
    times = {row["step"]: row["seconds"] for row in run.rows() if row.get("training_loss") is not None}
    real = 1000 * (times[STEPS] - times[4]) / (STEPS - 4)
    outline = fitted.described.outline(fitted.model)
    print(f"\n{family} {outline}: promised {promised:.0f} s, by two steps {done.seconds:.0f} s, real {real:.0f} s")
    assert 0.5 <= real / promised <= 2
    assert 0.5 <= real / done.seconds <= 2
