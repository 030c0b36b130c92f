"""Opens the model of a saved run, for whoever wants to use it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from lmstudio_app.engine.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmstudio_app.engine.events import Event
    from lmstudio_app.engine.model import Model
    from lmstudio_app.engine.run import Run


def open_model(
    run: Run,
    checkpoint: str | int = "best",
    device: str = "auto",
    heard: Callable[[Event], None] | None = None,
) -> Model:
    """The model that `checkpoint` of `run` holds ("best", "last" or a step), on `device` ("auto": a GPU where there is
    one). A model of counts needs no torch and has no device.

    `heard` is told which checkpoint was read, and of damaged ones in whose place it was taken. Raises `UserError`.
    """
    place = "cpu"
    if run.config.described.learning == "gradient":
        from lmstudio_app.engine.devices import choose_device

        place = choose_device(device).name
    return run.model(_which(checkpoint), place, heard)


def _which(checkpoint: str | int) -> Literal["best", "last"] | int:
    if checkpoint == "best":
        return "best"
    if checkpoint == "last":
        return "last"
    if isinstance(checkpoint, int) or checkpoint.isdecimal():
        return int(checkpoint)
    raise UserError(
        "There is no checkpoint “{checkpoint}”. Choose best, last, or a step.",
        field="checkpoint",
        choices=("best", "last"),
        checkpoint=checkpoint,
    )
