"""Checkpoints: everything a training needs to go on as if nothing had happened, in a folder that is whole or not there.

`checkpoints/step-000000100/` holds `model.safetensors` (weights), `optimizer.safetensors` (moments, carried state),
`state.json` (counters and where the training stood) and `manifest.json` with the size and SHA-256 of each. It is built
beside its place and renamed into it. Only what the manifest vouches for is ever loaded. Torch-free; equal states give
equal bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.model import State
from lmstudio_app.engine.storage import atomic

FORMAT = 1
WEIGHTS, MEMORY, STATE, MANIFEST = "model.safetensors", "optimizer.safetensors", "state.json", "manifest.json"
KEPT = 2


@dataclass(frozen=True)
class Progress:
    """Where a training stands: the last step done, the steps of the last validation and sample (−1: none yet), the
    seconds it took without pauses, and how many rows of `metrics.jsonl` and `samples.jsonl` belong to it.

    The validation figures are those of this very step, None when it was not validated. `lowest_loss` is that of the
    best validation so far, `waited` how many have come since.
    """

    step: int = 0
    validated: int = -1
    sampled: int = -1
    seconds: float = 0.0
    metrics_rows: int = 0
    samples_rows: int = 0
    validation_loss: float | None = None
    validation_bits_per_byte: float | None = None
    lowest_loss: float | None = None
    waited: int = 0

    def validated_with(self, loss: float | None, bits_per_byte: float | None) -> Progress:
        """The progress after a validation of its step; a `loss` that is no finite number is None."""
        better = loss is not None and (self.lowest_loss is None or loss < self.lowest_loss)
        return replace(
            self,
            validated=self.step,
            validation_loss=loss,
            validation_bits_per_byte=bits_per_byte,
            lowest_loss=loss if better else self.lowest_loss,
            waited=0 if better else self.waited + 1,
        )


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint folder, not yet verified. Losses are those of its step, in nats per token and bits per byte."""

    folder: Path
    step: int
    validation_loss: float | None = None
    validation_bits_per_byte: float | None = None

    @property
    def written(self) -> int:
        """When it was completed, in nanoseconds since 1970; 0 when it is gone."""
        try:
            return (self.folder / MANIFEST).stat().st_mtime_ns
        except OSError:
            return 0


class Damaged(UserError):  # noqa: N818  (the name says what it is)
    """A checkpoint is not what its manifest says."""


def save(checkpoints: Path, state: State, progress: Progress) -> Checkpoint:
    """Write a checkpoint into the folder `checkpoints`.

    Raises `DiskFull` (for the size of the whole checkpoint) or another `UserError`; older checkpoints stay untouched.
    """
    files = {
        WEIGHTS: _packed(state.weights),
        MEMORY: _packed(state.memory),
        STATE: json.dumps({"progress": asdict(progress), "counters": state.counters}, allow_nan=False).encode("utf-8"),
    }
    manifest = {
        "format": FORMAT,
        "step": progress.step,
        "files": {
            name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()
        },
    }
    final = checkpoints / folder_name(progress.step)
    try:
        with atomic.building(final) as folder:
            for name, data in files.items():
                atomic.write_bytes(folder / name, data)
            atomic.write_json(folder / MANIFEST, manifest)
    except atomic.DiskFull:
        raise atomic.DiskFull(final, sum(map(len, files.values()))) from None
    return Checkpoint(final, progress.step, progress.validation_loss, progress.validation_bits_per_byte)


def load(checkpoint: Path) -> tuple[State, Progress]:
    """Everything in the folder `checkpoint`, verified. Raises `Damaged`, or `UserError` for a newer format."""
    manifest = _manifest(checkpoint)
    stored = _json(checkpoint / STATE, _verified(checkpoint / STATE, manifest))
    try:
        known = {field.name for field in fields(Progress)}
        progress = Progress(**{name: value for name, value in stored["progress"].items() if name in known})
        counters = dict(stored["counters"])
    except (KeyError, TypeError, AttributeError, ValueError):
        raise Damaged(
            "The checkpoint file “{path}” is damaged: it lacks what a training needs to go on. Choose another "
            "checkpoint.",
            path=checkpoint / STATE,
        ) from None
    weights, memory = (
        _unpacked(checkpoint / name, _verified(checkpoint / name, manifest)) for name in (WEIGHTS, MEMORY)
    )
    return State(weights, memory, counters), progress


def load_weights(checkpoint: Path) -> dict[str, NDArray[Any]]:
    """The weights alone, verified. Raises `Damaged`, or `UserError` for a newer format."""
    return _unpacked(checkpoint / WEIGHTS, _verified(checkpoint / WEIGHTS, _manifest(checkpoint)))


def damage_of_state(checkpoint: Path) -> Damaged | None:
    """What is wrong with the manifest or the state of a checkpoint; None when they are sound."""
    try:
        _verified(checkpoint / STATE, _manifest(checkpoint))
    except Damaged as error:
        return error
    except UserError:
        return None  # whoever loads it says what it is
    return None


def found(checkpoints: Path) -> list[Checkpoint]:
    """The checkpoints in a folder, the oldest first, none of them verified yet."""
    listed = []
    for folder in checkpoints.glob("step-*"):
        match = re.fullmatch(r"step-(\d{9,})", folder.name)
        if match and atomic.present(folder / MANIFEST):
            listed.append(Checkpoint(folder, int(match[1]), *_losses(folder)))
    return sorted(listed, key=lambda checkpoint: checkpoint.step)


def any_found(checkpoints: Path) -> bool:
    """Whether there is a checkpoint in a folder."""
    return any(atomic.present(folder / MANIFEST) for folder in checkpoints.glob("step-*"))


def best(checkpoints: list[Checkpoint]) -> Checkpoint | None:
    """The one with the lowest validation loss, the earliest of equals; the last one when none was validated."""
    validated = [checkpoint for checkpoint in checkpoints if checkpoint.validation_loss is not None]
    if not validated:
        return checkpoints[-1] if checkpoints else None
    return min(validated, key=lambda checkpoint: cast(float, checkpoint.validation_loss))


def thin_out(checkpoints: Path, keep_every: int = 0) -> None:
    """Remove all but the last two checkpoints, the best one, and those of every `keep_every`-th step where that is not
    0. One that cannot be removed now (somebody reads it, on Windows) goes the next time."""
    listed = found(checkpoints)
    kept = {checkpoint.step for checkpoint in listed[-KEPT:]} | {c.step for c in (best(listed),) if c}
    if keep_every:
        kept |= {checkpoint.step for checkpoint in listed if checkpoint.step % keep_every == 0}
    for checkpoint in listed:
        if checkpoint.step not in kept:
            with contextlib.suppress(UserError):
                atomic.remove_folder(checkpoint.folder)


def folder_name(step: int) -> str:
    """How the checkpoint of a step is called."""
    return f"step-{step:09d}"


def _packed(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """`arrays` as safetensors, which holds neither a time nor anything else that could differ."""
    from safetensors.numpy import save

    # safetensors reads the memory of an array as it lies, whatever its strides say.
    return bytes(save({name: np.ascontiguousarray(array).reshape(array.shape) for name, array in arrays.items()}))


def _unpacked(path: Path, data: bytes) -> dict[str, NDArray[Any]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return dict(load(data))
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise Damaged(
            "The checkpoint file “{path}” is damaged: it is no safetensors file ({reason}). Choose another checkpoint.",
            path=path,
            reason=error,
        ) from None


def _manifest(checkpoint: Path) -> dict[str, Any]:
    path = checkpoint / MANIFEST
    manifest = _json(path, _read(path))
    if not isinstance(manifest.get("format"), int) or not isinstance(manifest.get("files"), dict):
        raise Damaged(
            "The checkpoint file “{path}” is damaged: it is no manifest. Choose another checkpoint.", path=path
        )
    if manifest["format"] > FORMAT:
        raise UserError(
            "The checkpoint “{path}” was saved by a newer version of LMStudio App (format {found}, this one knows "
            "up to {known}). Update the app to open it.",
            path=checkpoint,
            found=manifest["format"],
            known=FORMAT,
        )
    if manifest.get("step") != int(checkpoint.name.partition("-")[2] or -1):
        raise Damaged("The checkpoint file “{path}” belongs to another step. Choose another checkpoint.", path=path)
    return manifest


def _verified(path: Path, manifest: Mapping[str, Any]) -> bytes:
    data, expected = _read(path), manifest["files"].get(path.name)
    if not isinstance(expected, dict):
        raise Damaged(
            "The checkpoint file “{path}” is not one that its manifest names. Choose another checkpoint.", path=path
        )
    if len(data) != expected.get("bytes"):
        raise Damaged(
            "The checkpoint file “{path}” is damaged: it has {found} bytes instead of {expected}. Choose another "
            "checkpoint.",
            path=path,
            found=len(data),
            expected=expected.get("bytes"),
        )
    if hashlib.sha256(data).hexdigest() != expected.get("sha256"):
        raise Damaged(
            "The checkpoint file “{path}” is damaged: its content has changed since it was saved. Choose another "
            "checkpoint.",
            path=path,
        )
    return data


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise Damaged("The checkpoint file “{path}” is missing. Choose another checkpoint.", path=path) from None
    except OSError as error:
        raise atomic.in_words(error, path) from error


def _json(path: Path, data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Damaged(
            "The checkpoint file “{path}” is damaged: it is no JSON object. Choose another checkpoint.", path=path
        )
    return value


def _losses(folder: Path) -> tuple[float | None, float | None]:
    try:
        progress = _json(folder / STATE, _read(folder / STATE))["progress"]
        values = progress["validation_loss"], progress["validation_bits_per_byte"]
    except (UserError, KeyError, TypeError):
        return None, None
    loss, bits = (float(value) if isinstance(value, int | float) else None for value in values)
    return loss, bits
