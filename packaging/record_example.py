"""Record a real run for the start page's third card: `python packaging/record_example.py`, some minutes on a CPU.

It trains the demonstration's model on the bundled stories in a throw-away workspace and keeps the curve, the yardsticks
and the samples in `resources/examples/stories.json`.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from lmstudio_app.engine import pipeline  # noqa: E402  (after the path)
from lmstudio_app.engine.data.corpus import Corpus  # noqa: E402
from lmstudio_app.engine.events import Validated  # noqa: E402
from lmstudio_app.engine.pipeline.demonstrate import SAMPLE, VALUES  # noqa: E402
from lmstudio_app.engine.run import Run  # noqa: E402
from lmstudio_app.engine.workspace import Workspace  # noqa: E402

STEPS = 1500
SAMPLES = (100, 400, 1500)
CURVE_POINTS = 150
TARGET = ROOT / "resources" / "examples" / "stories.json"


def main() -> None:
    """Train, then write the recording."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.open(Path(folder))
        list(pipeline.prepare(workspace, sample=SAMPLE, name=SAMPLE))
        training = {
            **VALUES["training"],
            "steps": STEPS,
            "sample_every": 100,
            "validate_every": 100,
            "sample_length": 40,
        }
        values = {"model": VALUES["model"], "training": training}
        run = workspace.new_run(pipeline.draft(workspace, corpus=SAMPLE, family="gpt", values=values))
        for event in pipeline.train(run):
            if isinstance(event, Validated):
                print(event.row, flush=True)
        recording = recorded(run, workspace.corpus(SAMPLE))
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(json.dumps(recording, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def recorded(run: Run, corpus: Corpus) -> dict[str, object]:
    """The rows (step, training, validation) thinned to what a small plot can show, the yardsticks, three samples."""
    every = max(1, STEPS // CURVE_POINTS)
    points: dict[int, list[float | None]] = {}
    for row in run.rows():
        step = row["step"]
        if (value := row.get("validation_bits_per_byte")) is not None:
            points.setdefault(step, [None, None])[1] = round(value, 4)
        elif step % every == 0:
            points.setdefault(step, [None, None])[0] = round(row["training_bits_per_byte"], 4)
    yardsticks = pipeline.yardsticks(corpus, run.config.tokenizer)
    samples = [[row["step"], row["text"].strip()] for row in run.samples() if row["step"] in SAMPLES]
    return {
        "title": "Little stories",
        "rows": [[step, *values] for step, values in sorted(points.items())],
        **{name: round(value, 4) for name, value in yardsticks.items()},
        "samples": samples,
    }


if __name__ == "__main__":
    main()
