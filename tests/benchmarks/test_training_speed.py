"""Speed of a whole training of ours against a straightforward eager PyTorch loop of the same shape.

Ours is `pipeline.train`, with everything it does beside the steps: seeding, metrics on disk, requests. The other one is
the loop that everybody writes: a plain GPT as in nanoGPT, AdamW with its defaults, `clip_grad_norm_`, `loss.item()` at
each step. Each runs in a process of its own, with the threads that it gets by default; they take turns, so that
whatever else the machine does hits both. Once with the machine to ourselves, once with one core kept busy.
Run by hand: `pytest tests/benchmarks/test_training_speed.py -m benchmark -s`.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

LAYERS, HEADS, WIDTH, CONTEXT, BATCH = 4, 4, 128, 64, 12
STEPS = int(os.environ.get("SPEED_STEPS", "60"))
ROUNDS = int(os.environ.get("SPEED_ROUNDS", "7"))
ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1800)]


def text() -> str:
    """Tiny Shakespeare where the test data are, else made-up prose of that size."""
    path = Path(os.environ.get("LMSTUDIO_APP_TEST_DATA", "")) / "tinyshakespeare.txt"
    if path.is_file():
        return path.read_text(encoding="utf-8")
    from tests.engine.training.worlds import story

    return story(200_000)


def ours(dropout: float) -> Callable[[], float]:
    """A turn of our training: seconds per step, from the end of the first step to the end of the last."""
    from lmstudio_app.engine import pipeline
    from lmstudio_app.engine.events import StepDone
    from lmstudio_app.engine.workspace import Workspace

    workspace = Workspace.open(Path(tempfile.mkdtemp(prefix="speed-")))
    for _ in pipeline.prepare(workspace, text=text(), name="text"):
        pass
    shape = {
        "layers": LAYERS,
        "heads": HEADS,
        "width": WIDTH,
        "context": CONTEXT,
        "dropout": dropout,
        "positions": "learned",
    }
    training = {"steps": STEPS, "batch": BATCH, "sample_every": 0, "validate_every": STEPS, "validation_tokens": 64}
    execution = {"device": "cpu", "threads": int(os.environ.get("SPEED_THREADS", "0"))}
    values = {"model": shape, "training": training, "tokenizer": {"kind": "character"}, "execution": execution}

    def turn() -> float:
        run = workspace.new_run(pipeline.draft(workspace, corpus="text", family="gpt", name="speed", values=values))
        rows = [event.row for event in pipeline.train(run) if isinstance(event, StepDone)]
        return float(rows[-1]["seconds"] - rows[0]["seconds"]) / (len(rows) - 1)

    return turn


def plain(dropout: float) -> Callable[[], float]:
    """A turn of the straightforward loop."""
    import time

    import torch

    if threads := int(os.environ.get("SPEED_PLAIN_THREADS", "0")):
        torch.set_num_threads(threads)
    characters = sorted(set(text()))
    ids = {character: number for number, character in enumerate(characters)}
    data = torch.tensor([ids[character] for character in text()], dtype=torch.long)
    from tests.benchmarks import test_forward

    model = test_forward.PlainGPT(dropout)
    assert len(characters) <= test_forward.VOCABULARY
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0.1)

    def step() -> None:
        starts = torch.randint(len(data) - CONTEXT, (BATCH,))
        inputs = torch.stack([data[start : start + CONTEXT] for start in starts])
        targets = torch.stack([data[start + 1 : start + 1 + CONTEXT] for start in starts])
        loss = model(inputs, targets)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        loss.item()

    def turn() -> float:
        step()
        began = time.perf_counter()
        for _ in range(STEPS - 1):
            step()
        return (time.perf_counter() - began) / (STEPS - 1)

    return turn


def serve(kind: str, dropout: float) -> None:
    """Take a turn for every line that comes in, and say how long a step took."""
    turn = {"ours": ours, "plain": plain}[kind](dropout)
    for _ in sys.stdin:
        print("seconds", turn(), flush=True)


@contextmanager
def server(kind: str, dropout: float) -> Iterator[Callable[[], float]]:
    code = f"from tests.benchmarks.test_training_speed import serve; serve({kind!r}, {dropout})"
    hidden = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    clean = {name: value for name, value in os.environ.items() if name not in hidden}
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, env=clean, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def turn() -> float:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("\n")
            process.stdin.flush()
            return float(process.stdout.readline().split()[1])

        yield turn
        process.stdin.close()


@contextmanager
def busy_core(busy: bool) -> Iterator[None]:
    """One core kept busy by a process that only spins."""
    if not busy:
        yield
        return
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as spinner:
        try:
            yield
        finally:
            spinner.kill()


@pytest.mark.parametrize("busy", [False, True], ids=["quiet", "one core busy"])
@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_training_is_at_least_as_fast_as_a_plain_loop(dropout: float, busy: bool) -> None:
    times: dict[str, list[float]] = {"ours": [], "plain": []}
    with server("ours", dropout) as our_turn, server("plain", dropout) as plain_turn, busy_core(busy):
        our_turn(), plain_turn()  # the first turn warms up
        for _ in range(ROUNDS):
            times["ours"].append(our_turn())
            times["plain"].append(plain_turn())
    ratios = [other / own for own, other in zip(times["ours"], times["plain"], strict=True)]
    ratio, tokens = statistics.median(ratios), BATCH * CONTEXT
    print(
        f"\ndropout {dropout}, {'one core busy' if busy else 'quiet'}: "
        f"ours {1e3 * statistics.median(times['ours']):.1f} ms a step "
        f"({tokens / statistics.median(times['ours']):,.0f} tokens/s), "
        f"plain {1e3 * statistics.median(times['plain']):.1f} ms, ratio {ratio:.2f} "
        f"({min(ratios):.2f}–{max(ratios):.2f}), load {os.getloadavg()[0]:.1f}"
    )
    assert ratio >= 1.0
