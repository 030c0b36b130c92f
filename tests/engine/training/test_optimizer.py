"""Every method against PyTorch's own optimizer on the parameters one by one, or against its formula."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lmstudio_app.engine.blocks.layers import Embedding, Linear
from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.training.optimizer import FlatOptimizer
from lmstudio_app.engine.training.settings import TrainingSettings
from lmstudio_app.engine.training.weight_average import WeightAverage

METHODS = ("adamw", "adam", "sgd", "muon", "lion", "adafactor")
RATE, DECAY, STEPS = 3e-3, 0.2, 6


class Network(nn.Module):
    """A token table, a stack of three maps, a kernel of three axes, a scale, and a head of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = Embedding(7, 6)
        self.maps = Linear(6, 12, bias=True, maps=(6, 3, 3))
        self.kernel = nn.Parameter(torch.zeros(5, 4, 3))
        self.scale = nn.Parameter(torch.ones(6))
        self.head = Linear(6, 7, bias=False)
        generator = torch.Generator().manual_seed(4)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.normal_(generator=generator)


def gradients(network: nn.Module, step: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(100 + step)
    return {name: torch.randn(p.shape, generator=generator) for name, p in network.named_parameters()}


def run(network: nn.Module, optimizer: FlatOptimizer, first: int, last: int, rate: float = RATE) -> list[float]:
    lengths = []
    for step in range(first, last):
        optimizer.clear()
        for name, gradient in gradients(network, step).items():
            slot = network.get_parameter(name).grad
            assert slot is not None
            slot.add_(gradient)
        length = optimizer.gradient_length()
        optimizer.step(rate, length)
        lengths.append(float(length))
    return lengths


def settings(method: str, **changes: Any) -> TrainingSettings:
    values = {"optimizer": method, "weight_decay": DECAY, "gradient_clip": 0.0, "momentum": 0.8, "beta2": 0.95}
    return TrainingSettings(**(values | changes))


def reference(method: str, network: nn.Module) -> list[torch.optim.Optimizer]:
    """PyTorch's optimizers for the parameters of a network, each in its own place."""
    named = dict(network.named_parameters())
    wide, narrow = ([p for p in named.values() if (p.dim() >= 2) is side] for side in (True, False))
    groups: list[Any] = [{"params": wide, "weight_decay": DECAY}, {"params": narrow, "weight_decay": 0.0}]
    match method:
        case "adamw":
            return [torch.optim.AdamW(groups, lr=RATE, betas=(0.8, 0.95))]
        case "adam":
            return [torch.optim.Adam(groups, lr=RATE, betas=(0.8, 0.95))]
        case "sgd":
            return [torch.optim.SGD(groups, lr=RATE, momentum=0.8)]
        case _:
            return [torch.optim.Adafactor(groups, lr=RATE)]


@pytest.mark.parametrize("method", ["adamw", "adam", "sgd", "adafactor"])
@pytest.mark.parametrize("clip", [0.0, 2.0])
def test_it_moves_weights_as_pytorchs_own_optimizer_does(method: str, clip: float) -> None:
    ours, theirs = Network(), Network()
    lengths = run(ours, FlatOptimizer(ours, settings(method, gradient_clip=clip)), 0, STEPS)
    optimizers = reference(method, theirs)
    for step in range(STEPS):
        for name, gradient in gradients(theirs, step).items():
            theirs.get_parameter(name).grad = gradient
        if clip:
            length = nn.utils.clip_grad_norm_(theirs.parameters(), clip)
            assert float(length) == pytest.approx(lengths[step], rel=1e-6)
        for optimizer in optimizers:
            optimizer.step()
    for name, parameter in theirs.named_parameters():
        torch.testing.assert_close(ours.get_parameter(name), parameter, atol=1e-6, rtol=1e-5)


def test_muon_moves_each_map_of_a_hidden_layer_and_adamw_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lmstudio_app.engine.training.muon.short_numbers", lambda: True)  # as PyTorch's on any machine
    ours, theirs = Network(), Network()
    run(ours, FlatOptimizer(ours, settings("muon")), 0, STEPS)
    maps = [nn.Parameter(part.clone()) for part in theirs.maps.weight.detach().split([6, 3, 3])]
    kernel = nn.Parameter(theirs.kernel.detach().flatten(1).clone())
    muon = torch.optim.Muon([*maps, kernel], lr=RATE, weight_decay=DECAY, momentum=0.8, adjust_lr_fn="match_rms_adamw")
    tables, narrow = [theirs.tokens.weight, theirs.head.weight], [theirs.maps.bias, theirs.scale]
    groups: list[Any] = [{"params": tables, "weight_decay": DECAY}, {"params": narrow, "weight_decay": 0.0}]
    adam = torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.95))
    for step in range(STEPS):
        given = gradients(theirs, step)
        for part, gradient in zip(maps, given["maps.weight"].split([6, 3, 3]), strict=True):
            part.grad = gradient
        kernel.grad = given["kernel"].flatten(1)
        for name in ("tokens.weight", "head.weight", "maps.bias", "scale"):
            theirs.get_parameter(name).grad = given[name]
        muon.step()
        adam.step()
    torch.testing.assert_close(ours.maps.weight, torch.cat([part.detach() for part in maps]), atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(ours.kernel.flatten(1), kernel, atol=1e-6, rtol=1e-5)
    for name in ("tokens.weight", "head.weight", "maps.bias", "scale"):
        torch.testing.assert_close(ours.get_parameter(name), theirs.get_parameter(name), atol=1e-6, rtol=1e-5)


def test_lion_is_its_formula() -> None:
    network = Network()
    expected = {name: p.detach().double().numpy().copy() for name, p in network.named_parameters()}
    moments = {name: np.zeros_like(array) for name, array in expected.items()}
    run(network, FlatOptimizer(network, settings("lion")), 0, STEPS)
    for step in range(STEPS):
        for name, gradient in gradients(network, step).items():
            slope, weights = gradient.double().numpy(), expected[name]
            direction = np.sign(0.8 * moments[name] + 0.2 * slope)
            decay = DECAY if weights.ndim >= 2 else 0.0
            expected[name] = weights - RATE * (direction + decay * weights)
            moments[name] = 0.95 * moments[name] + 0.05 * slope
    for name, array in expected.items():
        np.testing.assert_allclose(network.get_parameter(name).detach().numpy(), array, atol=1e-6)


def test_l1_adds_the_sign_of_every_matrix_to_its_gradient() -> None:
    network = Network()
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    method = settings("sgd", l1=0.5, momentum=0.0, weight_decay=0.0)
    run(network, FlatOptimizer(network, method), 0, 1, rate=0.1)
    for name, gradient in gradients(network, 0).items():
        pull = 0.5 * before[name].sign() if before[name].dim() >= 2 else 0.0
        torch.testing.assert_close(network.get_parameter(name).detach(), before[name] - 0.1 * (gradient + pull))


@pytest.mark.parametrize("method", METHODS)
def test_it_goes_on_from_what_it_remembered_bit_for_bit(method: str) -> None:
    whole, first, second = Network(), Network(), Network()
    run(whole, FlatOptimizer(whole, settings(method)), 0, STEPS)
    half = FlatOptimizer(first, settings(method))
    run(first, half, 0, 3)
    rest = FlatOptimizer(second, settings(method))
    with torch.no_grad():
        for name, parameter in second.named_parameters():
            parameter.copy_(first.get_parameter(name))
    rest.load(half.memory(), half.steps)
    assert rest.memory().keys() == half.memory().keys()
    run(second, rest, 3, STEPS)
    for name, parameter in whole.named_parameters():
        assert torch.equal(second.get_parameter(name), parameter), name


def test_sgd_without_momentum_remembers_nothing_and_goes_on() -> None:
    network = Network()
    optimizer = FlatOptimizer(network, settings("sgd", momentum=0.0))
    run(network, optimizer, 0, 2)
    assert optimizer.memory() == {}
    optimizer.load({}, 2)
    run(network, optimizer, 2, 3)
    assert optimizer.steps == 3


@pytest.mark.parametrize("method", METHODS)
def test_a_memory_of_another_network_or_method_is_refused(method: str) -> None:
    network = Network()
    optimizer = FlatOptimizer(network, settings(method))
    run(network, optimizer, 0, 1)
    memory = optimizer.memory()
    name = sorted(memory)[0]
    for wrong in ({}, {**memory, name: np.zeros((2, 9), dtype=np.float32)}):
        with pytest.raises(UserError, match="lacks"):
            optimizer.load(wrong, 1)
    optimizer.load({}, 0)
    assert optimizer.memory() == {}


def test_an_average_follows_the_weights_and_changes_places_with_them() -> None:
    network = Network()
    optimizer = FlatOptimizer(network, settings("sgd"))
    average = WeightAverage(optimizer.groups, 0.9)
    expected = {name: p.detach().clone() for name, p in network.named_parameters()}
    for step in range(40):
        run(network, optimizer, step, step + 1)
        average.add(optimizer.steps)
        decay = min(0.9, (2 + step) / (11 + step))
        for name, parameter in network.named_parameters():
            expected[name] = decay * expected[name] + (1 - decay) * parameter.detach()
    raw = {name: p.detach().clone() for name, p in network.named_parameters()}
    average.show(True)
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(parameter.detach(), expected[name])
        assert torch.equal(average.parts()[name], raw[name])
    average.show(False)
    for name, parameter in network.named_parameters():
        assert torch.equal(parameter, raw[name])
