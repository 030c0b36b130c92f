"""Speed of writing with a GPT on a CPU: ours, sampler and all, against plain PyTorch loops with and without a cache.

All three have the same weights, one thread, and run in turns in one process; medians and ratios. Of the
thread's own processor time, so that a busy machine does not decide. The plain loops draw
by `torch.multinomial` and report nothing. The application gives numpy one thread before numpy is imported, pytest does
not, so it is said by hand: `OPENBLAS_NUM_THREADS=1 pytest tests/benchmarks/test_generation.py -m benchmark -s`.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from lmstudio_app.engine.blocks.language_model import LanguageModel
from lmstudio_app.engine.data.tokenizers.character import CharacterTokenizer
from lmstudio_app.engine.events import TokenWritten
from lmstudio_app.engine.generation.sampling import SamplingSettings
from lmstudio_app.engine.generation.stream import write
from lmstudio_app.engine.models.gpt.network import GPTBody, build
from lmstudio_app.engine.models.gpt.settings import GPTSettings

VOCABULARY, PROMPT = 65, 5

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(900)]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class PlainGPT:
    """A GPT-2 (learned positions, no biases) written out with torch's functions on the weights of ours."""

    def __init__(self, model: LanguageModel) -> None:
        assert isinstance(model.body, GPTBody)
        self.settings = model.body.settings
        self.weights = {name: parameter.detach() for name, parameter in model.named_parameters()}

    def logits(self, tokens: Tensor, start: int, cache: list[tuple[Tensor, Tensor]] | None) -> Tensor:
        """(1, T) → (V,) after the last of them; keys and values are put on the end of `cache`."""
        weights, heads = self.weights, self.settings.heads
        width, length = self.settings.width, tokens.shape[1]
        x = weights["body.tokens.weight"][tokens] + weights["body.positions.weight"][start : start + length]
        for layer in range(self.settings.layers):
            name = f"body.blocks.{layer}."
            normal = functional.layer_norm(x, (width,), weights[name + "attention_normalization.weight"])
            mapped = functional.linear(normal, weights[name + "attention.query_key_value.weight"])
            q, k, v = (part.view(1, length, heads, -1).transpose(1, 2) for part in mapped.split(width, dim=2))
            if cache is not None:
                if start:
                    k, v = torch.cat((cache[layer][0], k), 2), torch.cat((cache[layer][1], v), 2)
                cache[layer] = (k, v)
            y = functional.scaled_dot_product_attention(q, k, v, is_causal=start == 0)
            y = y.transpose(1, 2).reshape(1, length, width)
            x = x + functional.linear(y, weights[name + "attention.output.weight"])
            normal = functional.layer_norm(x, (width,), weights[name + "feed_forward_normalization.weight"])
            wide = functional.gelu(functional.linear(normal, weights[name + "feed_forward.widen.weight"]))
            x = x + functional.linear(wide, weights[name + "feed_forward.narrow.weight"])
        last = functional.layer_norm(x[0, -1], (width,), weights["body.normalization.weight"])
        return functional.linear(last, weights["body.tokens.weight"])

    @torch.no_grad()
    def write(self, length: int, *, cached: bool) -> list[float]:
        """The time of every token; a full cache is filled afresh with the last half, as ours is."""
        context, times = self.settings.context, []
        cache: list[tuple[Tensor, Tensor]] = [(torch.empty(0), torch.empty(0))] * self.settings.layers
        text, held = list(range(PROMPT)), 0
        for _ in range(length):
            if not cached:
                logits = self.logits(torch.tensor([text[-context:]]), 0, None)
            else:
                if held and held == context:
                    held = 0
                new = text[-1:] if held else text[-(context // 2) :]
                logits = self.logits(torch.tensor([new]), held, cache)
                held += len(new)
            text.append(int(torch.multinomial(logits.softmax(0), 1)))
            times.append(time.thread_time())
        return times


def ours(model: LanguageModel, length: int) -> list[float]:
    """The same with our console's stream: alternatives, chances and text of every token."""
    tokenizer = CharacterTokenizer([chr(48 + number) for number in range(VOCABULARY - 1)])  # one is the unknown
    prompt = "0123456789"[:PROMPT]
    settings = SamplingSettings(length=length, temperature=1.0)
    return [time.thread_time() for e in write(model, tokenizer, prompt, settings) if isinstance(e, TokenWritten)]


SHAPES = {
    "small": ({"layers": 4, "heads": 4, "width": 128, "context": 64}, 500, 3),
    "medium": ({"layers": 6, "heads": 6, "width": 384, "context": 256}, 60, 3),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_tokens_a_second(shape: str) -> None:
    sizes, length, rounds = SHAPES[shape]
    settings = GPTSettings.model_validate({**sizes, "positions": "learned"})
    model = build(settings, VOCABULARY, seed=1).eval()
    plain, prompt = PlainGPT(model), np.arange(PROMPT)
    np.testing.assert_allclose(
        model.begin(prompt).logits, plain.logits(torch.from_numpy(prompt[None]), 0, None).numpy(), atol=1e-5
    )
    ways: dict[str, Callable[[int], list[float]]] = {
        "ours": lambda count: ours(model, count),
        "cached": lambda count: plain.write(count, cached=True),
        "uncached": lambda count: plain.write(count, cached=False),
    }
    rates: dict[str, list[float]] = {way: [] for way in ways}
    firsts: list[float] = []
    for _ in range(rounds):
        for way, run in ways.items():
            started = time.thread_time()
            times = run(length)
            rates[way].append(length / (times[-1] - started))
        started = time.thread_time()
        model.begin(prompt)
        firsts.append(time.thread_time() - started)
    print(f"\n{sizes}")
    for way, all_rates in rates.items():
        ratios = sorted(mine / its for mine, its in zip(rates["ours"], all_rates, strict=True))
        print(
            f"{way:9}{statistics.median(all_rates):6.0f} tokens/s; ours {statistics.median(ratios):.2f} × "
            f"({ratios[0]:.2f} to {ratios[-1]:.2f})"
        )
    print(f"logits after a prompt of {PROMPT}: {1000 * statistics.median(firsts):.2f} ms")
