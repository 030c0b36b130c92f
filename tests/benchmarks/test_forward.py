"""Speed of one forward and backward pass of our GPT against a plain PyTorch one of the same shape.

Both run alternating in one process, so that whatever else the machine does hits both; medians are compared.
Run by hand: `pytest tests/benchmarks/test_forward.py -m benchmark -s`.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from lmstudio_app.engine.models.gpt.network import build
from lmstudio_app.engine.models.gpt.settings import GPTSettings

LAYERS, HEADS, WIDTH, CONTEXT, BATCH, VOCABULARY = 4, 4, 128, 64, 12, 65
ROUNDS, PASSES = 15, 10

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]


class PlainAttention(nn.Module):
    """Attention as in nanoGPT: one map for queries, keys and values, split, heads moved forward, PyTorch's kernel."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.c_attn = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.c_proj = nn.Linear(WIDTH, WIDTH, bias=False)
        self.resid_dropout = nn.Dropout(dropout)
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.size()
        q, k, v = self.c_attn(x).split(WIDTH, dim=2)
        k = k.view(batch, length, HEADS, width // HEADS).transpose(1, 2)
        q = q.view(batch, length, HEADS, width // HEADS).transpose(1, 2)
        v = v.view(batch, length, HEADS, width // HEADS).transpose(1, 2)
        y = functional.scaled_dot_product_attention(
            q, k, v, dropout_p=self.dropout if self.training else 0, is_causal=True
        )
        y = y.transpose(1, 2).contiguous().view(batch, length, width)
        return self.resid_dropout(self.c_proj(y))


class PlainBlock(nn.Module):
    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(WIDTH, bias=False)
        self.attn = PlainAttention(dropout)
        self.ln_2 = nn.LayerNorm(WIDTH, bias=False)
        self.mlp = nn.Sequential(
            nn.Linear(WIDTH, 4 * WIDTH, bias=False),
            nn.GELU(),
            nn.Linear(4 * WIDTH, WIDTH, bias=False),
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class PlainGPT(nn.Module):
    """The straightforward eager network of the same shape."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.wte = nn.Embedding(VOCABULARY, WIDTH)
        self.wpe = nn.Embedding(CONTEXT, WIDTH)
        self.drop = nn.Dropout(dropout)
        self.h = nn.ModuleList(PlainBlock(dropout) for _ in range(LAYERS))
        self.ln_f = nn.LayerNorm(WIDTH, bias=False)
        self.lm_head = nn.Linear(WIDTH, VOCABULARY, bias=False)
        self.wte.weight = self.lm_head.weight
        for name, parameter in self.named_parameters():
            if parameter.dim() > 1:
                scale = math.sqrt(2 * LAYERS) if name.endswith("c_proj.weight") else 1.0
                nn.init.normal_(parameter, std=0.02 / scale)

    def forward(self, inputs: Tensor, targets: Tensor) -> Tensor:
        position = torch.arange(0, inputs.size(1), dtype=torch.long)
        x = self.drop(self.wte(inputs) + self.wpe(position))
        for block in self.h:
            x = block(x)
        logits = self.lm_head(self.ln_f(x))
        return functional.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1), ignore_index=-1)


def _seconds(model: nn.Module, loss: Callable[[], Tensor]) -> float:
    began = time.perf_counter()
    for _ in range(PASSES):
        model.zero_grad(set_to_none=True)
        loss().backward()
    return (time.perf_counter() - began) / PASSES


@pytest.mark.parametrize("dropout", [0.0, 0.1])
@pytest.mark.parametrize("threads", [1, 2])
def test_forward_and_backward_are_at_least_as_fast_as_a_plain_network(threads: int, dropout: float) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        settings = GPTSettings(
            layers=LAYERS, heads=HEADS, width=WIDTH, context=CONTEXT, positions="learned", dropout=dropout
        )
        ours, plain = build(settings, VOCABULARY, seed=1), PlainGPT(dropout)
        assert sum(p.numel() for p in ours.parameters()) == sum(p.numel() for p in plain.parameters())
        tokens = torch.randint(0, VOCABULARY, (BATCH, CONTEXT + 1), generator=torch.Generator().manual_seed(1))
        inputs, targets = tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous()
        times: dict[str, list[float]] = {"ours": [], "plain": []}
        for _ in range(ROUNDS + 2):  # the first two rounds warm up
            times["ours"].append(_seconds(ours, lambda: ours.loss(inputs, targets)))
            times["plain"].append(_seconds(plain, lambda: plain(inputs, targets)))
    finally:
        torch.set_num_threads(before)
    ratios = [plain / ours for ours, plain in zip(times["ours"][2:], times["plain"][2:], strict=True)]
    ratio = statistics.median(ratios)
    print(
        f"\nthreads {threads}, dropout {dropout}: ours {1e3 * statistics.median(times['ours'][2:]):.2f} ms, "
        f"plain {1e3 * statistics.median(times['plain'][2:]):.2f} ms, ratio {ratio:.3f} "
        f"({min(ratios):.2f}–{max(ratios):.2f})"
    )
    assert ratio > 0.97  # not slower than what the clock can tell apart
