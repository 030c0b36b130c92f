"""Families, tasks and readers register themselves; everybody else asks here.

A member of a collection is found by importing the collection's light modules (`models/*/settings.py`, `readers/*.py`,
`tasks/*.py`), none of which may import torch. Adding one is adding a folder or a file.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from lmstudio_app.engine.errors import UserError
from lmstudio_app.engine.settings import Settings

Learning = Literal["gradient", "counting"]


@dataclass(frozen=True)
class Style:
    """A known way to build and train a family: what it sets of the model, once its size is chosen, and of the training.

    `model` takes the settings that the size has chosen and gives those that the style adds.
    """

    name: str
    title: str
    summary: str
    model: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    training: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Family:
    """A family of models, described without its network.

    `network` is the dotted name of the module whose `build(settings, vocabulary, seed)` makes the model and whose
    `blank(settings, vocabulary)` makes one to load weights into; it is imported only then. `parameters(settings,
    vocabulary)` counts trainable numbers exactly (for counting families: 0, unknown before counting).
    `activation_bytes(settings, vocabulary, batch)` estimates what one step keeps for its backward pass; while it works
    it takes `working_share` of that besides, for what comes and goes, and for what an allocator cannot give back in
    between (as measured on CPUs). `outline(settings)` is the model's shape in short ("4 × 4 × 128"). `offers` names
    what an open model can show: "decoding", "attention", "transitions". `score_note(settings)` says what its scores
    have besides the model's own probabilities, empty for nothing. `rung` is its place on the ladder, from the simplest
    family up; a `composed` one is made of finished runs, and has no place there. A family that counts names the module
    of its `CountingLearner(model)` in `learner`, and says how many steps it takes. `presets` are its
    sizes by name, smallest first, `styles` its ways to be built.
    """

    name: str
    title: str
    summary: str
    settings: type[Settings]
    network: str
    learning: Learning
    rung: int
    presets: Mapping[str, Mapping[str, Any]]
    parameters: Callable[[Any, int], int]
    outline: Callable[[Any], str]
    activation_bytes: Callable[[Any, int, int], int] = lambda settings, vocabulary, batch: 0
    offers: frozenset[str] = field(default_factory=lambda: frozenset({"decoding"}))
    working_share: float = 0.45
    score_note: Callable[[Any], str] = lambda settings: ""
    learner: str = ""
    styles: Mapping[str, Style] = field(default_factory=dict)
    counting_steps: Callable[[Any], int] = lambda settings: 1
    composed: bool = False

    def chosen(self, preset: str | None, style: str | None) -> dict[str, dict[str, Any]]:
        """What a size and a style set, as {"model": …, "training": …}; neither sets nothing. Raises `UserError`."""
        model: dict[str, Any] = dict(self._member("preset", self.presets, preset)) if preset else {}
        if not style:
            return {"model": model, "training": {}}
        known: Style = self._member("style", self.styles, style)
        size = {name: field.default for name, field in self.settings.model_fields.items()} | model
        return {"model": model | dict(known.model(size)), "training": dict(known.training)}

    def _member(self, kind: str, members: Mapping[str, Any], name: str) -> Any:
        if name in members:
            return members[name]
        raise UserError(
            "The family “{family}” has no {kind} “{name}”. It has: {known}.",
            field=kind,
            choices=tuple(members),
            family=self.name,
            kind=kind,
            name=name,
            known=", ".join(members) or "none",
        )


_families: dict[str, Family] = {}


def register_family(family: Family) -> Family:
    """Add a family; called once at the bottom of `models/<name>/settings.py`."""
    _families[family.name] = family
    return family


def families() -> dict[str, Family]:
    """The families that a text can train, by name, simplest first."""
    return {name: known for name, known in every_family().items() if not known.composed}


def every_family() -> dict[str, Family]:
    """All families by name, simplest first, those that are composed of finished runs at the end."""
    _import_members("lmstudio_app.engine.models", "settings")
    return dict(sorted(_families.items(), key=lambda item: (item[1].composed, item[1].rung, item[0])))


def family(name: str) -> Family:
    """The family called `name`. Raises `UserError` naming those that exist."""
    known = every_family()
    if name not in known:
        known = families()
        raise UserError(
            "There is no family “{name}”. Known families: {known}.",
            field="family",
            choices=tuple(known),
            name=name,
            known=", ".join(known),
        )
    return known[name]


@dataclass(frozen=True)
class Reader:
    """A format of sources: its suffixes (lower case, with the dot), and how a source becomes documents.

    `read` takes a `data.reader.TextSource` and yields `data.reader.Document`s one after another; the pieces of one must
    be taken before the next is asked for. `looks` tells by the first characters whether a file whose ending says
    nothing is of this format.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    read: Callable[[Any], Iterator[Any]]
    looks: Callable[[str], bool] = lambda head: False


_readers: dict[str, Reader] = {}


def register_reader(reader: Reader) -> Reader:
    """Add a reader; called once at the bottom of `data/readers/<name>.py`."""
    _readers[reader.name] = reader
    return reader


def readers() -> dict[str, Reader]:
    """All readers by name."""
    _import_members("lmstudio_app.engine.data.readers")
    return dict(sorted(_readers.items()))


_tasks: dict[str, object] = {}


def register_task(name: str, task: object) -> None:
    """Add a task; `engine.task` gives this its types."""
    _tasks[name] = task


def tasks() -> dict[str, object]:
    """All tasks by name; ask `engine.task.tasks` for them with their type."""
    _import_members("lmstudio_app.engine.tasks")
    return dict(sorted(_tasks.items()))


@cache
def _import_members(collection: str, module: str = "") -> None:
    package = importlib.import_module(collection)
    for member in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{collection}.{member.name}" + (f".{module}" if module and member.ispkg else ""))
