"""Counts what a forward pass keeps for the backward pass."""

from __future__ import annotations

import torch
from torch import Tensor

from lmstudio_app.engine.blocks.language_model import LanguageModel


def kept_bytes(model: LanguageModel, batch: int, length: int) -> int:
    """Bytes that autograd saves during one forward pass, weights left out, each piece of memory once."""
    own = {t.untyped_storage().data_ptr() for t in (*model.parameters(), *model.buffers())}
    saved: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        place = tensor.untyped_storage().data_ptr()
        if place not in own:
            saved.setdefault(place, tensor)
        return tensor

    text = torch.zeros(batch, length, dtype=torch.int64)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = model.loss(text, text)
    assert loss.requires_grad
    return sum(tensor.untyped_storage().nbytes() for tensor in saved.values())
