"""The next run as it stands in the form."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Draft(NamedTuple):
    """Plain values, checked only when the run is started.

    `tokenizer`, `model`, `training` and `execution` hold what differs from preset, style and the declared defaults. An
    empty `name` lets the program find one.
    """

    corpus: str = ""
    family: str = "gpt"
    preset: str = "small"
    style: str = ""
    name: str = ""
    tokenizer: Mapping[str, Any] = NOTHING
    model: Mapping[str, Any] = NOTHING
    training: Mapping[str, Any] = NOTHING
    execution: Mapping[str, Any] = NOTHING

    def values(self) -> dict[str, dict[str, Any]]:
        """The settings by group, as the pipeline takes them; empty groups left out, and those the family ignores."""
        from lmstudio_app.engine.registry import every_family

        known = every_family().get(self.family)
        places = () if known is not None and known.learning == "counting" else ("execution",)
        groups = ("tokenizer", "model", "training", *places)
        return {name: dict(getattr(self, name)) for name in groups if getattr(self, name)}
