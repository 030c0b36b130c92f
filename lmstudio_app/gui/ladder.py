"""The families of models as a ladder from simple to able."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from lmstudio_app.gui.translation import declared

if TYPE_CHECKING:
    from lmstudio_app.engine.registry import Family


class Rung(NamedTuple):
    """One step of the ladder: a family, or one choice of its first setting (RNN, LSTM, GRU)."""

    key: str
    family: Family
    title: str
    model: dict[str, Any]

    def fits(self, model: Mapping[str, Any]) -> bool:
        """Whether a model with these settings stands on it; what they leave out has its default."""
        fields = self.family.settings.model_fields
        return all(model.get(name, fields[name].default) == value for name, value in self.model.items())


def rungs() -> Iterator[Rung]:
    """The ladder, simplest first: a family each, or one for each choice of its first setting (RNN, LSTM, GRU)."""
    from lmstudio_app.engine.registry import families
    from lmstudio_app.engine.settings import declarations

    for family in families().values():
        first = declarations(family.settings)[0]
        if first.kind != "choice":
            yield Rung(family.name, family, declared(family.title), {})
        else:
            for value, words in first.choices:
                yield Rung(f"{family.name}.{value}", family, declared(words), {first.name: value})
