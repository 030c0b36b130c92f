"""The largest model of a family that suits a machine: a ladder between the presets, and what a step on it takes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lmstudio_app.engine.study.bench import OPERATIONS

if TYPE_CHECKING:
    from lmstudio_app.engine.registry import Family

RUNGS = 8
"""Sizes from one preset to the next."""
SHARE = 0.5
"""What a training reaches of a plain product of matrices, on the whole (`lmstudio-app bench`)."""
STEPS_OF_WIDTH = 16


@dataclass(frozen=True)
class Machine:
    """What a size has to suit: operations a second of a plain product, and bytes of memory that are free."""

    operations_per_second: float
    free_bytes: int


def ladder(family: Family) -> list[dict[str, Any]]:
    """Sizes from the smallest preset to the largest, each a little larger than the one before."""
    presets = list(family.presets.values())
    found: list[dict[str, Any]] = []
    for below, above in itertools.pairwise(presets):
        for rung in range(RUNGS):
            found.append(_between(below, above, rung / RUNGS))
    found.append(dict(presets[-1]))
    return [size for place, size in enumerate(found) if place == 0 or size != found[place - 1]]


def seconds_of_step(family: Family, model: Any, vocabulary: int, batch: int, machine: Machine) -> float:
    """How long a step takes by what it has to compute: six operations for each parameter and token, and, where tokens
    look at each other, twelve for each number and earlier token."""
    context = int(model.context)
    operations = OPERATIONS * float(family.parameters(model, vocabulary))
    if not getattr(model, "tied", True):
        operations -= OPERATIONS * float(vocabulary * model.width)  # a table that is only looked up
    if "attention" in family.offers:
        operations += 12.0 * model.layers * model.width * context / 2
    return operations * batch * context / (SHARE * machine.operations_per_second)


def _between(below: Mapping[str, Any], above: Mapping[str, Any], share: float) -> dict[str, Any]:
    """A size between two, each number growing by the same factor from rung to rung; widths are whole for their
    heads."""
    size = {name: round(value * (above[name] / value) ** share) for name, value in below.items()}
    heads = size.get("heads", 1)
    step = math.lcm(STEPS_OF_WIDTH, 2 * heads)
    if share and "width" in size:
        size["width"] = max(step, round(size["width"] / step) * step)
    if share and "context" in size:
        size["context"] = round(size["context"] / STEPS_OF_WIDTH) * STEPS_OF_WIDTH
    return size
