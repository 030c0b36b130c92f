"""The linear map by oneDNN: the same numbers and gradients as PyTorch's own, and when it steps aside."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from lmstudio_app.engine.blocks import matrix_product

CALLABLE = matrix_product.callable_here()
needs_onednn = pytest.mark.skipif(not CALLABLE, reason="this PyTorch or this kind of processor has no oneDNN for it")


@pytest.fixture(autouse=True)
def by_onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a processor of AMD's, whatever this one is."""
    monkeypatch.setattr(matrix_product, "available", lambda: CALLABLE)


def drawn(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest) -> Iterator[None]:
    """With one thread and with two, which multiply the gradient of the weights differently."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("shape", [(40, 24), (4, 16, 24), (2, 3, 8, 24)])
def test_values_and_gradients_equal_pytorch(shape: tuple[int, ...], bias: bool) -> None:
    sources = [drawn(*shape), drawn(10, 24, seed=2), drawn(10, seed=3)][: 3 if bias else 2]
    upstream, results = drawn(*shape[:-1], 10, seed=4), []
    for product in (matrix_product.linear, functional.linear):
        leaves = [source.clone().requires_grad_() for source in sources]
        value = product(*leaves) if bias else product(*leaves, None)
        value.backward(upstream)
        results.append([value.detach(), *(leaf.grad for leaf in leaves)])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


@pytest.mark.usefixtures("threads")
def test_values_may_lie_in_any_order_in_memory() -> None:
    values, weight = drawn(24, 64).T.requires_grad_(), drawn(10, 24).requires_grad_()
    product = matrix_product.linear(values, weight, None)
    product.T.square().sum().backward()
    torch.testing.assert_close(product, functional.linear(values, weight))
    torch.testing.assert_close(weight.grad, 2 * product.detach().T @ values.detach(), atol=1e-3, rtol=1e-4)


def test_only_asked_gradients_are_made() -> None:
    values, weight = drawn(64, 24), drawn(10, 24).requires_grad_()
    matrix_product.linear(values, weight, None).sum().backward()
    assert values.grad is None
    assert weight.grad is not None


def test_the_same_product_twice_gives_the_same_bits() -> None:
    values, weight = drawn(300, 48), drawn(80, 48)
    assert torch.equal(matrix_product.linear(values, weight, None), matrix_product.linear(values.clone(), weight, None))


@pytest.mark.parametrize("trouble", [AttributeError, TypeError, RuntimeError, None])
def test_a_pytorch_that_changed_the_call_does_without(
    monkeypatch: pytest.MonkeyPatch, trouble: type[Exception] | None
) -> None:
    def changed(values: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if trouble:
            raise trouble("changed")
        return torch.zeros(2, 4)

    monkeypatch.setattr(matrix_product, "_product", changed)
    assert not matrix_product.callable_here()


@needs_onednn
def test_it_steps_aside_for_single_tokens_and_texts_other_types_and_autocast(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[tuple[int, ...]] = []

    def note(values: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        used.append(tuple(values.shape))
        return functional.linear(values, weight, bias)

    monkeypatch.setattr(matrix_product, "_product", note)
    matrix_product.linear(drawn(1, 1, 24), drawn(10, 24), None)
    matrix_product.linear(drawn(64, 24).double(), drawn(10, 24).double(), None)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        matrix_product.linear(drawn(64, 24), drawn(10, 24), None)
    with torch.no_grad():
        matrix_product.linear(drawn(1, 64, 24), drawn(10, 24), None)  # one text, of any length
    assert used == []
    matrix_product.linear(drawn(2, 32, 24), drawn(10, 24), None)
    assert used == [(2, 32, 24)]


@needs_onednn
@pytest.mark.parametrize(
    ("name", "used"), [("AMD EPYC 9B45", True), ("Intel(R) Xeon(R) Processor", False), ("AMD64", False)]
)
def test_only_processors_of_amd_take_it(monkeypatch: pytest.MonkeyPatch, name: str, used: bool) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(matrix_product, "processor", lambda: name)
    matrix_product.available.cache_clear()
    try:
        assert matrix_product.available() is used
    finally:
        matrix_product.available.cache_clear()
