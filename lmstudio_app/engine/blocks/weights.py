"""Weights of a network as named numpy arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from lmstudio_app.engine.errors import UserError


def read(network: nn.Module) -> dict[str, NDArray[Any]]:
    """Copies of all parameters by name, each shared one once."""
    return {name: parameter.detach().to("cpu", copy=True).numpy() for name, parameter in network.named_parameters()}


def write(network: nn.Module, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Copy `arrays` into the parameters of the same names.

    Raises `UserError` naming the tensor when one is missing, unknown or of another shape; nothing is changed then.
    """
    parameters = dict(network.named_parameters())
    for name in parameters:
        if name not in arrays:
            raise UserError(
                "The saved weights have no tensor “{name}”: they belong to a model of other settings.", name=name
            )
    for name, array in arrays.items():
        if name not in parameters:
            raise UserError(
                "The saved weights have a tensor “{name}” that this model lacks: they belong to a model of "
                "other settings.",
                name=name,
            )
        expected, found = tuple(parameters[name].shape), tuple(array.shape)
        if found != expected:
            raise UserError(
                "The saved tensor “{name}” has the shape {found}, but this model needs {expected}: the "
                "weights belong to a model of other settings.",
                name=name,
                found=found,
                expected=expected,
            )
    with torch.no_grad():
        for name, parameter in parameters.items():
            # np.array copies: torch warns about memory that it may not write to, as that of a mapped file.
            parameter.copy_(torch.from_numpy(np.array(arrays[name], dtype=np.float32)))
