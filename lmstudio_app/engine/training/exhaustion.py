"""When a training step does not fit into the memory."""

from __future__ import annotations

import torch

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.storage.sizes import describe_bytes

WORDS = ("can't allocate memory", "not enough memory", "out of memory")
"""How PyTorch's allocators for the CPU and for Apple's GPUs say so, who raise no error of its own kind."""


class MemoryExhausted(UserError):  # noqa: N818  (the name says what happened)
    """A step needs more memory than there is."""

    def __init__(self, device: torch.device, windows: int, most_bytes: int) -> None:
        """`windows` were computed at once; at most `most_bytes` were in use, 0 where nobody counts."""
        fits = windows // 2
        used = " (up to {most} were in use)" if most_bytes else ""
        what = (
            "Compute {fits} windows at once or less; the batch stays the same." if fits else "Make the model smaller."
        )
        super().__init__(
            f"The step does not fit into the memory of {{device}}{used}. {what}",
            field="execution.micro_batch" if fits else "model.width",
            choices=(fits,) if fits else (),
            device={"cpu": "the computer", "cuda": "the GPU", "mps": "the GPU"}.get(device.type, device.type),
            most=describe_bytes(most_bytes),
            fits=fits,
        )


def is_exhausted(error: BaseException) -> bool:
    """Whether an error of PyTorch says that memory ran out."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in WORDS)


def forget(device: torch.device) -> int:
    """Give back what the device's allocator holds for later; the most bytes that were in use, 0 where unknown."""
    if device.type != "cuda":
        return 0
    most = torch.cuda.max_memory_allocated(device)
    torch.cuda.empty_cache()
    return most
